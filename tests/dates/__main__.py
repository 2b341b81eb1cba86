"""Tests under clocks that show another time: `python -m tests.dates [--all | --at NAME …] [arguments of pytest
…]`.

By default the tests marked `dates`, without services, at the moments of every `make test`. Arguments of pytest
replace that: `python -m tests.dates --at new-year tests/e2e`. The tests, what they start, and a PostgreSQL of their
own show the shifted time; RabbitMQ does not look at the day.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hermodr_devkit import backing
from tests.dates.moments import MOMENTS, Moment
from tests.support import faketime
from tests.support.dated import dated_files

BEFORE = timedelta(seconds=6)
"""The run begins so long before its moment: loading takes about that."""
FOLDERS = (Path("tests/unit"), Path("tests/contracts"), Path("tests/integration"))
THE_SAME_AGAIN = Path("tests/integration/client")
"""The same requests as in the api's own tests, by a process of the api; too slow to repeat."""
TOGETHER = 3
LIGHT = ("-p", "no:cacheprovider", "-p", "no:schemathesis")
"""Schemathesis' plugin takes a second to load, and nothing here uses it."""


def main(arguments: Sequence[str]) -> int:
    options, rest = parser().parse_known_args(arguments)
    library = faketime.installed(say)
    if library is None:
        say(f"left out: the tests of dates, whose clocks {faketime.WITHOUT_IT}")
        return 0
    backing.ensure(say, brief=True)  # under the machine's own clock
    chosen = [
        each for each in MOMENTS if (each.name in options.at if options.at else each.always or options.all)
    ]
    wanted = rest or ["-m", "dates", *wanted_files()]
    with ThreadPoolExecutor(TOGETHER) as pool:
        statuses = list(pool.map(lambda moment: run(moment, library, wanted), chosen))
    return max(statuses)


def wanted_files() -> list[str]:
    """The files of the marked tests; loading all others would take longer."""
    return [str(file) for file in dated_files(FOLDERS) if not file.is_relative_to(THE_SAME_AGAIN)]


def run(moment: Moment, library: Path, arguments: Sequence[str]) -> int:
    """pytest's status; prints its output if that is not 0."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-header", *LIGHT, *arguments]
    done = subprocess.run(
        command,
        env=environment(moment, library),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    last = (done.stdout.strip().splitlines() or ["nothing said"])[-1]
    say(f"{moment.name:18} {moment.passes:%a %d %b %Y %H:%M} UTC, {moment.zone}: {last}")
    if done.returncode:
        print(done.stdout, flush=True)
    return done.returncode


def environment(moment: Moment, library: Path) -> Mapping[str, str]:
    ahead = moment.passes - BEFORE - datetime.now(UTC)
    return {**os.environ, **faketime.shifted(library, ahead.total_seconds()), "TZ": moment.zone}


def say(text: str) -> None:
    print(text, flush=True)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.dates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="at every moment of the table")
    which.add_argument(
        "--at",
        action="append",
        choices=[each.name for each in MOMENTS],
        metavar="NAME",
        help="at this alone; may be said more than once",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
