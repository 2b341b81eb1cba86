"""Webhook endpoints that fail, what waits for disabled ones, and old messages."""

from datetime import timedelta

import structlog

from hermodr_ledger.engine import Ledger
from hermodr_ledger.webhooks import aftermath, endpoints
from hermodr_scheduler.duties.duty import Duty
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

_EVERY_SECONDS = 10.0
_BETWEEN_BATCHES_SECONDS = 0.1


class Endpoints(Duty):
    """`kept`: how long messages stay that are over; never shorter than the changes they came from."""

    name = "webhook endpoints"
    after_error = 5.0

    def __init__(self, ledger: Ledger, clock: Clock, *, kept: timedelta) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._kept = kept

    async def tick(self) -> float:
        """One batch of each."""
        if disabled := await aftermath.disable_failing(self._ledger):
            log.warning("webhook endpoints are disabled, which failed for days", endpoints=disabled)
        await endpoints.stop_idle(self._ledger)
        if discarded := await aftermath.discard(self._ledger):
            log.info("messages of disabled webhook endpoints discarded", messages=discarded)
        if deleted := await aftermath.trim(self._ledger, self._clock.now() - self._kept):
            log.info("old webhook messages deleted", messages=deleted)
        full = discarded == aftermath.DISCARDED_TOGETHER or deleted == aftermath.DELETED_TOGETHER
        return _BETWEEN_BATCHES_SECONDS if full else _EVERY_SECONDS
