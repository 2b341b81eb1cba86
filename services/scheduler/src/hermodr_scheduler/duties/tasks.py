"""Tasks whose worker died are given to another; those that depend on others begin; rows left behind are tidied up;
finished tasks are kept a while."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import structlog

from hermodr_contracts.vocabulary import JobKind, JobState
from hermodr_ledger.engine import Collided, Contested, Ledger, LedgerUnavailable
from hermodr_ledger.tasks import dependencies, rescuing
from hermodr_ledger.tasks.dependencies import Place
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

LOOK_SECONDS = 1.0
SETTLING_IN_SECONDS = 5.0
"""How long the ledger must have answered before workers count as dead: after an outage they renew their leases."""
TIDYING_SECONDS = 600.0
_BETWEEN_BATCHES_SECONDS = 0.2


class Calls(Protocol):
    """`hermodr_servicekit.task_calls.TaskCalls`."""

    def run(self, job_ids: Iterable[UUID]) -> None: ...


class LostTasks(Duty):
    """Tasks whose lease is over. It goes on while the broker is away."""

    name = "lost tasks"
    after_error = 0.5

    def __init__(
        self, ledger: Ledger, calls: Calls, clock: Clock, metrics: SchedulerMetrics, *, batch: int
    ) -> None:
        super().__init__()
        self._ledger = ledger
        self._calls = calls
        self._clock = clock
        self._metrics = metrics
        self._batch = batch
        self._answering_since: float | None = None

    async def tick(self) -> float:
        """One batch."""
        try:
            return await self._round()
        except (Contested, Collided):
            raise  # the database answers
        except LedgerUnavailable:
            self._answering_since = None
            raise

    async def _round(self) -> float:
        if self._answering_since is None:
            await self._ledger.fetch("SELECT 1")
            self._answering_since = self._clock.monotonic()
        settling_in = self._answering_since + SETTLING_IN_SECONDS - self._clock.monotonic()
        if settling_in > 0:
            return min(settling_in, LOOK_SECONDS)
        rescued = await rescuing.rescue(self._ledger, self._batch)
        again = [each.job_id for each in rescued if each.state == JobState.QUEUED]
        self._calls.run(again)
        for each in rescued:
            if each.state == JobState.QUEUED:
                self._metrics.reannounced.labels("task_lost").inc()
            else:
                self._metrics.finished.labels(JobKind.TASK, each.state).inc()
        if rescued:
            log.warning("workers were lost with tasks", tasks=len(rescued), again=len(again))
        return 0.0 if len(rescued) == self._batch else LOOK_SECONDS


class DependentTasks(Duty):
    """Tasks that wait for other jobs, of whose end nobody told them: it goes round all of them, batch by batch."""

    name = "dependent tasks"
    after_error = 0.5

    def __init__(self, ledger: Ledger, calls: Calls, metrics: SchedulerMetrics, *, batch: int) -> None:
        super().__init__()
        self._ledger = ledger
        self._calls = calls
        self._metrics = metrics
        self._batch = batch
        self._after = Place()

    async def tick(self) -> float:
        """One batch."""
        found, after = await dependencies.look(self._ledger, self._after, self._batch)
        if found:
            settled = await dependencies.settle(self._ledger, found)
            self._calls.run(settled.ready)
            if settled.failed:
                self._metrics.finished.labels(JobKind.TASK, JobState.FAILED).inc(len(settled.failed))
        self._after = after or Place()
        return LOOK_SECONDS if after is None else _BETWEEN_BATCHES_SECONDS


class OldTasks(Duty):
    """Rows left behind, and finished tasks."""

    name = "old tasks"
    after_error = 10.0

    def __init__(self, ledger: Ledger, clock: Clock, *, kept: timedelta | None, batch: int) -> None:
        """`kept` `None`: for ever."""
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._kept = kept
        self._batch = batch

    async def tick(self) -> float:
        """One batch of each."""
        await rescuing.tidy(self._ledger, self._batch)
        if self._kept is None:
            return TIDYING_SECONDS
        looked = await rescuing.forget(self._ledger, self._clock.now() - self._kept)
        return _BETWEEN_BATCHES_SECONDS if looked == rescuing.FORGOTTEN_TOGETHER else TIDYING_SECONDS
