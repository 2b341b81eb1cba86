"""What was not sent by its `expires_at` ends, also where nobody is there to claim it."""

from collections.abc import Awaitable, Callable

import structlog

from hermodr_ledger.engine import Ledger
from hermodr_ledger.upkeep.expiring import Ended, expire_deliveries, expire_jobs
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics

log = structlog.get_logger()

LOOK_SECONDS = 1.0


class Expiry(Duty):
    """Jobs and deliveries whose `expires_at` is past."""

    name = "expired rows"
    after_error = 0.5

    def __init__(self, ledger: Ledger, metrics: SchedulerMetrics, *, batch: int) -> None:
        super().__init__()
        self._ledger = ledger
        self._metrics = metrics
        self._batch = batch

    async def tick(self) -> float:
        """One batch of each."""
        full = [await self._end("jobs", expire_jobs), await self._end("deliveries", expire_deliveries)]
        return 0.0 if any(full) else LOOK_SECONDS

    async def _end(self, what: str, expire: Callable[[Ledger, int], Awaitable[Ended]]) -> bool:
        ended = await expire(self._ledger, self._batch)
        if ended.rows:
            log.info("expired", rows=ended.rows, of=what)
        for kind, state in ended.jobs:
            self._metrics.finished.labels(kind, state).inc()
        return ended.rows == self._batch
