"""Run the tests: what measures nothing two files at a time, and what others would disturb alone.

    python tools/test.py [TIER] [pytest's arguments …]        `dates` is a tier here

After the tiers with the cheap tests those that touch dates run once more, under clocks that show other days; then the
end-to-end tests one by one. A stage without a test that fits the arguments is none to fail for, as long as another has
one.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

DATES = "dates"
NOTHING_FITS = 5
"""pytest's status when it found no test to run."""


@dataclass(frozen=True)
class Stage:
    """`tiers` in one run of pytest."""

    tiers: tuple[str, ...]
    options: tuple[str, ...]

    def run(self, tiers: Sequence[str], arguments: Sequence[str]) -> int:
        """pytest's status over those of the tiers that the stage has; `NOTHING_FITS` if it has none of them."""
        folders = [f"tests/{tier}" for tier in self.tiers if tier in tiers]
        if not folders:
            return NOTHING_FITS
        return subprocess.run(
            [sys.executable, "-m", "pytest", *folders, *self.options, *arguments]
        ).returncode


PARALLEL = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
STAGES = (
    Stage(("unit", "contracts", "integration"), PARALLEL),
    Stage(("e2e", "chaos"), ()),
)
TIERS = tuple(dict.fromkeys(tier for stage in STAGES for tier in stage.tiers))


def dates(arguments: Sequence[str]) -> int:
    """See `tests.dates`; its arguments."""
    return subprocess.run([sys.executable, "-m", "tests.dates", *arguments]).returncode


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] == DATES:
        return dates(arguments[1:])
    named = arguments[:1] if arguments and arguments[0] in TIERS else []
    arguments = arguments[len(named) :]
    statuses = []
    for stage in STAGES:
        statuses.append(stage.run(named or TIERS, arguments))
        if statuses[-1] not in (0, NOTHING_FITS):
            return statuses[-1]
        if stage is STAGES[0] and not named and not arguments and (failed := dates([])):
            return failed
    return min(statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
