"""`make soak MINUTES=60 RATE=200 JSON=soak.json`.

Exit status 1 if a mail was lost, doubled without a reason or did not end, or if anything grew that should stay flat.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.benchmarks.accounting import load_average
from tests.soak import report
from tests.soak.experiment import Soak, perform
from tests.soak.gauges import DEAD, MEMORY, OPEN_ROWS, QUEUED
from tests.soak.wear import STEADY
from tests.support.interruption import interruptible

SHORTEST_PAUSE, LONGEST_PAUSE = 2.0, 30.0
LOOKS = 120


def main() -> int:
    options = arguments().parse_args()
    every = min(LONGEST_PAUSE, max(SHORTEST_PAUSE, options.minutes * 60 / LOOKS))
    logs = Path(tempfile.mkdtemp(prefix="hermodr-soak-", dir="/var/tmp"))
    page = options.json.with_suffix(".html") if options.json else logs / "soak.html"
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 150)
    console.print(f"{options.minutes:g} min, a look every {every:.0f} s; logs in {logs}, the page is {page}")

    def seen(soak: Soak) -> None:
        say(console, soak)
        report.write(soak, options.json, page)

    soak = perform(minutes=options.minutes, rate=options.rate, every=every, logs=logs, seen=seen)
    report.write(soak, options.json, page)
    console.print()
    report.show(console, soak)
    if not soak.sound:
        console.print(f"NOT SOUND; logs in {logs}", style="bold red")
        return 1
    if grown := report.growing(soak):
        console.print(f"NOT FLAT: {', '.join(slope.series.name for slope in grown)}", style="bold red")
        return 1
    if soak.seconds < report.SHORTEST:
        console.print("too short to say whether anything grows", style="yellow")
    else:
        console.print("nothing lost, nothing doubled, nothing stuck, everything flat", style="bold green")
    if page.parent != logs:
        shutil.rmtree(logs)
    return 0


def say(console: Console, soak: Soak) -> None:
    at = max((series.points[-1][0] for series in soak.series.values() if series.points), default=0.0)
    memory = sum(soak.latest(MEMORY, name) for name in STEADY)
    last = f"last fault: {soak.faults[-1][1]}" if soak.faults else "no fault yet"
    line = (
        f"{at / 60:5.1f} min  {soak.accepted:>9,} accepted  {soak.latest(OPEN_ROWS, 'ledger'):>6,.0f} waiting  "
        f"{soak.latest(QUEUED, 'broker'):>5,.0f} queued  {memory:6.1f} MB  "
        f"dead rows {soak.latest(DEAD, 'ledger'):4.1f} %  load {load_average():4.1f}  {last}"
    )
    console.print(line, end="\r" if console.is_terminal else "\n", highlight=False)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument(
        "--rate", type=float, help="mails a second; half of what goes through here if not given"
    )
    parser.add_argument("--json", type=Path, help="for machines; the page with the charts is beside it")
    return parser


if __name__ == "__main__":
    sys.exit(interruptible(main))
