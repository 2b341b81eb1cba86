"""Run the tests: what needs no clock of its own two at a time, then what touches dates under clocks that show other
ones, then the rest one by one.

    python tools/test.py [TIER] [pytest's arguments …]        `dates` is a tier here

The end-to-end tests kill, flood and wait: beside others they would measure these. A stage without a test that fits the
arguments is none to fail for, as long as the other has one.
"""

import subprocess
import sys

TOGETHER = ("unit", "contracts", "integration")
ALONE = ("e2e", "chaos")
PARALLEL = ("-n", "2", "--dist", "loadfile")
DATES = "dates"
NOTHING_FITS = 5
"""pytest's status when it found no test to run."""


def run(tiers: tuple[str, ...], arguments: list[str]) -> int:
    parallel = PARALLEL if set(tiers) <= set(TOGETHER) else ()
    folders = [f"tests/{tier}" for tier in tiers]
    return subprocess.run([sys.executable, "-m", "pytest", *folders, *parallel, *arguments]).returncode


def dates(arguments: list[str]) -> int:
    """See `tests.dates`; its arguments."""
    return subprocess.run([sys.executable, "-m", "tests.dates", *arguments]).returncode


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] == DATES:
        return dates(arguments[1:])
    if arguments and arguments[0] in (*TOGETHER, *ALONE):
        return run((arguments[0],), arguments[1:])
    statuses = []
    for tiers in (TOGETHER, ALONE):
        statuses.append(run(tiers, arguments))
        if statuses[-1] not in (0, NOTHING_FITS):
            return statuses[-1]
        if tiers == TOGETHER and not arguments and (failed := dates([])):
            return failed
    return min(statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
