"""Run the tests: cheap tiers two files at a time, then those that touch dates under shifted clocks, then the
end-to-end tests one by one.

    python tools/test.py [TIER] [pytest's arguments …]        `dates` is a tier here

A stage in which no test fits the arguments does not fail, unless all are.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

DATES = "dates"
NOTHING_FITS = 5
"""pytest's status when it found no test to run."""


@dataclass(frozen=True)
class Stage:
    """`tiers` in one run of pytest."""

    tiers: tuple[str, ...]
    options: tuple[str, ...]

    def run(self, tiers: Sequence[str], arguments: Sequence[str]) -> int:
        """pytest's status; `NOTHING_FITS` without a tier of this stage. Paths among the arguments are tested instead
        of the whole tier that they are in."""
        folders = [f"tests/{tier}" for tier in self.tiers if tier in tiers]
        if any(map(_tier_of, arguments)):
            named = {each: _tier_of(each) for each in arguments}
            arguments = [each for each in arguments if named[each] is None or named[each] in self.tiers]
            folders = []
            if not any(tier in self.tiers for tier in named.values()):
                return NOTHING_FITS
        elif not folders:
            return NOTHING_FITS
        return subprocess.run(
            [sys.executable, "-m", "pytest", *folders, *self.options, *arguments]
        ).returncode


def _tier_of(argument: str) -> str | None:
    """Of a path such as `tests/unit/api/test_door.py::test_it`; `None` for any other argument."""
    parts = Path(argument.partition("::")[0]).parts
    return parts[1] if len(parts) > 1 and parts[0] == "tests" else None


PARALLEL = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
STAGES = (
    Stage(("unit", "contracts", "integration"), PARALLEL),
    Stage(("e2e", "chaos"), ()),
)
TIERS = tuple(dict.fromkeys(tier for stage in STAGES for tier in stage.tiers))


def dates(arguments: Sequence[str]) -> int:
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
