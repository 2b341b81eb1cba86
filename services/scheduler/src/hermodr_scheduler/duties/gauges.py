"""Counting what waits in the ledger, for the metrics."""

from collections.abc import Sequence

from hermodr_contracts.vocabulary import JobKind
from hermodr_ledger.dead_letters import burying
from hermodr_ledger.engine import Ledger
from hermodr_ledger.tasks import types
from hermodr_ledger.upkeep import retention
from hermodr_ledger.upkeep.retention import Waiting
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.periodic import rest_after

_EVERY_SECONDS = 5.0
_LONGEST_REST_SECONDS = 300.0


class Gauges(Duty):
    """It reads every row that waits: the more there are, the more rarely."""

    name = "gauges"
    after_error = 5.0

    def __init__(self, ledger: Ledger, clock: Clock, metrics: SchedulerMetrics) -> None:
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._metrics = metrics

    async def tick(self) -> float:
        """Refreshes the gauges."""
        began = self._clock.monotonic()
        dead, waiting = await burying.count(self._ledger), await retention.waiting(self._ledger)
        unserved = await types.unserved(self._ledger)
        self._metrics.dead_letters.set(dead)
        self._metrics.unserved.set(sum(unserved.values()))
        self._show(waiting)
        return max(_EVERY_SECONDS, rest_after(self._clock.monotonic() - began, _LONGEST_REST_SECONDS))

    def _show(self, waiting: Sequence[Waiting]) -> None:
        jobs, deliveries = self._metrics.waiting, self._metrics.deliveries_waiting
        jobs.clear()
        deliveries.clear()
        for row in waiting:
            jobs.labels(row.kind, row.priority.lane).inc(row.jobs)
            if row.channel is not None:
                deliveries.labels(row.channel, row.priority.lane).inc(row.jobs)
        # a task waits for its worker as long as other tasks take, or for what it depends on
        served = [row.oldest_seconds for row in waiting if row.kind != JobKind.TASK]
        self._metrics.oldest.set(max(served, default=0.0))
