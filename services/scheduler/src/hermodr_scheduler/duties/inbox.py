"""Notifications in inboxes are kept for some time."""

from datetime import timedelta

import structlog

from hermodr_ledger.engine import Ledger
from hermodr_ledger.inbox import forgetting
from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

_EVERY_SECONDS = 600.0
_BETWEEN_BATCHES_SECONDS = 0.2


class OldNotifications(Duty):
    """Drops notifications older than `kept`, a batch at a time. `None`: none."""

    name = "old notifications"
    after_error = 10.0

    def __init__(self, ledger: Ledger, clock: Clock, *, kept: timedelta | None) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._kept = kept

    async def tick(self) -> float:
        """One batch."""
        if self._kept is None:
            return _EVERY_SECONDS
        dropped = await forgetting.trim(self._ledger, self._clock.now() - self._kept)
        if dropped:
            log.info("old notifications dropped", notifications=dropped)
        return _BETWEEN_BATCHES_SECONDS if dropped == forgetting.TOGETHER else _EVERY_SECONDS
