"""Run the tests: what needs no clock of its own two at a time, then the rest one by one.

    python tools/test.py [TIER] [pytest's arguments …]

The end-to-end tests kill, flood and wait: beside others they would measure these. A stage without a test that fits the
arguments is none to fail for, as long as the other has one.
"""

import subprocess
import sys

TOGETHER = ("unit", "contracts", "integration")
ALONE = ("e2e", "chaos")
PARALLEL = ("-n", "2", "--dist", "loadfile")
NOTHING_FITS = 5
"""pytest's status when it found no test to run."""


def run(tiers: tuple[str, ...], arguments: list[str]) -> int:
    parallel = PARALLEL if set(tiers) <= set(TOGETHER) else ()
    folders = [f"tests/{tier}" for tier in tiers]
    return subprocess.run([sys.executable, "-m", "pytest", *folders, *parallel, *arguments]).returncode


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] in (*TOGETHER, *ALONE):
        return run((arguments[0],), arguments[1:])
    statuses = []
    for tiers in (TOGETHER, ALONE):
        statuses.append(run(tiers, arguments))
        if statuses[-1] not in (0, NOTHING_FITS):
            return statuses[-1]
    return min(statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
