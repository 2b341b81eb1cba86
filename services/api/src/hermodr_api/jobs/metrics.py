"""Metrics of a project's jobs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from hermodr_api.health.counts import Counts
from hermodr_api.health.service import HealthCheck
from hermodr_contracts.vocabulary import JobKind, JobState
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import metrics
from hermodr_ledger.jobs.metrics import Fared
from hermodr_ledger.tasks import measuring
from hermodr_ledger.tasks.measuring import TypeFared
from hermodr_servicekit.clock import Clock


class Summary(BaseModel):
    """Of the jobs accepted in the time span. The rate counts completed and failed jobs; null if there are none."""

    total_jobs: int
    success_rate_percent: float | None
    avg_processing_time_ms: float | None
    p95_processing_time_ms: float | None
    overdue_jobs: int


class RecentFailure(BaseModel):
    """One of the last ten jobs that failed."""

    job_id: UUID
    kind: str
    type: str | None
    error: str | None
    failed_at: datetime


class QueueHealth(BaseModel):
    """What waits now. `depth` counts undecided jobs and unfinished deliveries of this project that are due; `queues`
    are those of the whole installation, null while the broker is away."""

    depth: int
    oldest_seconds: float | None
    connected: bool
    queues: dict[str, dict[str, int]] | None


class TaskTypeMetrics(BaseModel):
    """The tasks of one type. Times are of the completed ones, from the beginning of the last attempt to its end; null
    if there are none."""

    type: str
    total_jobs: int
    completed: int
    failed: int
    success_rate_percent: float | None
    avg_processing_time_ms: float | None
    p50_processing_time_ms: float | None
    p95_processing_time_ms: float | None
    status_counts: dict[str, int]


class JobMetricsView(BaseModel):
    """Metrics of jobs, as they were at `as_of`."""

    as_of: datetime
    since: datetime
    summary: Summary
    status_counts: dict[str, int]
    delivery_methods: dict[str, dict[str, int]]
    task_types: list[TaskTypeMetrics] | None = Field(
        description="With `kind=task`: the tasks by type, those with most of them first, at most 100 types; else null."
    )
    recent_failures: list[RecentFailure]
    queue_health: QueueHealth


class JobMetrics:
    def __init__(self, ledger: Ledger, counts: Counts, clock: Clock, check: HealthCheck) -> None:
        self._ledger = ledger
        self._counts = counts
        self._clock = clock
        self._check = check

    async def look(self, project_id: UUID, hours: int, kind: JobKind | None) -> JobMetricsView:
        """Of the jobs accepted in the last `hours`, of that kind if given. Raises `LedgerUnavailable`."""

        async def count() -> tuple[Fared, list[TypeFared] | None]:
            now = self._clock.now()
            fared = await metrics.measure(self._ledger, project_id, now, hours, kind)
            if kind != JobKind.TASK:
                return fared, None
            return fared, await measuring.by_type(self._ledger, project_id, now, hours)

        fared, types = await self._counts.of(("jobs", project_id, hours, kind), count)
        return metrics_view(fared, types, await self._check.queue_sizes())


def metrics_view(
    fared: Fared, types: Sequence[TypeFared] | None, sizes: Mapping[str, tuple[int, int]] | None
) -> JobMetricsView:
    """`sizes`: ready messages and consumers by queue; `None` while the broker is away."""
    return JobMetricsView(
        as_of=fared.as_of,
        since=fared.since,
        summary=Summary(
            total_jobs=sum(fared.states.values()),
            success_rate_percent=_success_rate(fared.states),
            avg_processing_time_ms=_rounded(fared.average_ms),
            p95_processing_time_ms=_rounded(fared.p95_ms),
            overdue_jobs=fared.overdue,
        ),
        status_counts=dict.fromkeys(JobState, 0) | dict(sorted(fared.states.items())),
        delivery_methods={
            channel: {"total": sum(states.values()), **dict(sorted(states.items()))}
            for channel, states in sorted(fared.channels.items())
        },
        task_types=[_type_view(each) for each in types] if types is not None else None,
        recent_failures=[
            RecentFailure(
                job_id=each.job_id,
                kind=each.kind,
                type=each.type,
                error=each.error,
                failed_at=each.failed_at,
            )
            for each in fared.failures
        ],
        queue_health=QueueHealth(
            depth=fared.waiting,
            oldest_seconds=_rounded(fared.oldest_seconds),
            connected=sizes is not None,
            queues={
                label: {"ready": ready, "consumers": consumers} for label, (ready, consumers) in sizes.items()
            }
            if sizes is not None
            else None,
        ),
    )


def _type_view(fared: TypeFared) -> TaskTypeMetrics:
    return TaskTypeMetrics(
        type=fared.type,
        total_jobs=sum(fared.states.values()),
        completed=fared.states.get(JobState.COMPLETED, 0),
        failed=fared.states.get(JobState.FAILED, 0),
        success_rate_percent=_success_rate(fared.states),
        avg_processing_time_ms=_rounded(fared.average_ms),
        p50_processing_time_ms=_rounded(fared.p50_ms),
        p95_processing_time_ms=_rounded(fared.p95_ms),
        status_counts=dict(fared.states),
    )


def _success_rate(states: Mapping[str, int]) -> float | None:
    completed, failed = (states.get(state, 0) for state in (JobState.COMPLETED, JobState.FAILED))
    return round(100 * completed / (completed + failed), 2) if completed + failed else None


def _rounded(value: float | None) -> float | None:
    return round(value, 3) if value is not None else None
