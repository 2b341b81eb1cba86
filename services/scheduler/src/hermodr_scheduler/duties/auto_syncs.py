"""Auto-syncs whose job was cancelled or failed go on; finished ones are kept for some days."""

from datetime import timedelta

import structlog

from hermodr_ledger.auto_syncs import tending
from hermodr_ledger.engine import Ledger
from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

LOOK_SECONDS = 20.0
_BETWEEN_BATCHES_SECONDS = 0.2
_TOGETHER = 500


class AutoSyncs(Duty):
    """Their times are the due times of their jobs; this is what is left to do."""

    name = "auto-syncs"
    after_error = 5.0

    def __init__(self, ledger: Ledger, clock: Clock, *, kept: timedelta) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._kept = kept

    async def tick(self) -> float:
        """One batch of each."""
        gone_on = await tending.go_on(self._ledger, _TOGETHER)
        forgotten = await tending.forget(self._ledger, self._clock.now() - self._kept)
        if gone_on or forgotten:
            log.info("auto-syncs tended", gone_on=gone_on, forgotten=forgotten)
        full = gone_on == _TOGETHER or forgotten == tending.FORGOTTEN_TOGETHER
        return _BETWEEN_BATCHES_SECONDS if full else LOOK_SECONDS
