"""The log of changes is kept for some days."""

from datetime import timedelta

import structlog

from hermodr_ledger.changes import trimming
from hermodr_ledger.engine import Ledger
from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

_EVERY_SECONDS = 600.0
_BETWEEN_BATCHES_SECONDS = 0.2


class Changes(Duty):
    """Drops changes older than `kept`, a batch at a time."""

    name = "old changes"
    after_error = 10.0

    def __init__(self, ledger: Ledger, clock: Clock, *, kept: timedelta) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._kept = kept

    async def tick(self) -> float:
        """One batch."""
        dropped = await trimming.trim(self._ledger, self._clock.now() - self._kept)
        if dropped:
            log.info("old changes dropped", changes=dropped)
        return _BETWEEN_BATCHES_SECONDS if dropped == trimming.TOGETHER else _EVERY_SECONDS
