"""Measuring what projects use of their quotas (ADR 0063)."""

from hermodr_contracts.quotas import Limits
from hermodr_ledger.access import accepted
from hermodr_ledger.engine import Ledger
from hermodr_ledger.upkeep import usage
from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.periodic import rest_after

EVERY_SECONDS = 5.0
_LONGEST_REST_SECONDS = 300.0
_TOGETHER = 50_000
"""Jobs whose sizes one statement adds up."""
_WALK_SECONDS = 60.0
"""Between two walks over the other tables."""
_ROWS = 20_000
"""Rows of a table that one statement measures."""


class Usage(Duty):
    """What was accepted by SQL and schedules, what is stored, and who uses more than they may."""

    name = "usage"
    after_error = 5.0

    def __init__(self, ledger: Ledger, defaults: Limits) -> None:
        super().__init__()
        self._ledger = ledger
        self._defaults = defaults

    async def tick(self) -> float:
        """One step. At once again while there is more to measure than fits into one."""
        await accepted.fold(self._ledger)
        measured = await usage.measure_stored(self._ledger, _TOGETHER)
        await usage.add_up(self._ledger, self._defaults)
        return EVERY_SECONDS if measured < _TOGETHER else EVERY_SECONDS / 5


class Waiting(Duty):
    """It reads every row that waits: the more there are, the more rarely."""

    name = "waiting jobs"
    after_error = 5.0

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock

    async def tick(self) -> float:
        """One count."""
        began = self._clock.monotonic()
        await usage.count_waiting(self._ledger)
        return max(EVERY_SECONDS, rest_after(self._clock.monotonic() - began, _LONGEST_REST_SECONDS))


class Walks(Duty):
    """What people, groups, updates, inboxes and templates take: their tables are read again and again, some thousand
    rows at a time."""

    name = "stored rows"
    after_error = 5.0

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._left = list(usage.PARTS)

    async def tick(self) -> float:
        """A step of each walk that is not over."""
        began = self._clock.monotonic()
        self._left = [each for each in self._left if not await usage.walk(self._ledger, each, _ROWS)]
        rest = rest_after(self._clock.monotonic() - began, _LONGEST_REST_SECONDS)
        if self._left:
            return rest
        self._left = list(usage.PARTS)
        return max(_WALK_SECONDS, rest)
