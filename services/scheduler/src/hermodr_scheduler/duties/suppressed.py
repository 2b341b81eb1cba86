"""What waits for an address that was suppressed ends unsent; suppressions that have expired are deleted."""

import structlog

from hermodr_ledger.deliveries.suppressing import end_waiting
from hermodr_ledger.engine import Ledger
from hermodr_ledger.people import suppressions
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

LOOK_SECONDS = 0.5
EXPIRED_EVERY_SECONDS = 600.0


class Suppressed(Duty):
    """Deliveries to addresses that were suppressed."""

    name = "suppressions"
    after_error = 0.5

    def __init__(self, ledger: Ledger, clock: Clock, metrics: SchedulerMetrics, *, batch: int) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._metrics = metrics
        self._batch = batch
        self._deleted_at = -EXPIRED_EVERY_SECONDS

    async def tick(self) -> float:
        """One batch."""
        if self._clock.monotonic() - self._deleted_at >= EXPIRED_EVERY_SECONDS:
            await suppressions.delete_expired(self._ledger.cold)
            self._deleted_at = self._clock.monotonic()
        ended = await end_waiting(self._ledger, self._batch)
        if ended.deliveries:
            log.info("suppressed", deliveries=ended.deliveries)
        for kind, state in ended.jobs:
            self._metrics.finished.labels(kind, state).inc()
        return 0.0 if ended.looked_at == self._batch else LOOK_SECONDS
