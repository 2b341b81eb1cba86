"""Metrics of a project's jobs."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from hermodr_api.health.counts import Counts
from hermodr_api.health.service import HealthCheck
from hermodr_contracts.vocabulary import JobKind, JobState
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import metrics
from hermodr_ledger.jobs.metrics import Fared
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


class JobMetricsView(BaseModel):
    """Metrics of jobs, as they were at `as_of`."""

    as_of: datetime
    since: datetime
    summary: Summary
    status_counts: dict[str, int]
    delivery_methods: dict[str, dict[str, int]]
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

        async def count() -> Fared:
            return await metrics.measure(self._ledger, project_id, self._clock.now(), hours, kind)

        fared = await self._counts.of(("jobs", project_id, hours, kind), count)
        return metrics_view(fared, await self._check.queue_sizes())


def metrics_view(fared: Fared, sizes: Mapping[str, tuple[int, int]] | None) -> JobMetricsView:
    """`sizes`: ready messages and consumers by queue; `None` while the broker is away."""
    completed, failed = (fared.states.get(state, 0) for state in (JobState.COMPLETED, JobState.FAILED))
    ended = completed + failed
    return JobMetricsView(
        as_of=fared.as_of,
        since=fared.since,
        summary=Summary(
            total_jobs=sum(fared.states.values()),
            success_rate_percent=round(100 * completed / ended, 2) if ended else None,
            avg_processing_time_ms=_rounded(fared.average_ms),
            p95_processing_time_ms=_rounded(fared.p95_ms),
            overdue_jobs=fared.overdue,
        ),
        status_counts=dict.fromkeys(JobState, 0) | dict(sorted(fared.states.items())),
        delivery_methods={
            channel: {"total": sum(states.values()), **dict(sorted(states.items()))}
            for channel, states in sorted(fared.channels.items())
        },
        recent_failures=[
            RecentFailure(job_id=each.job_id, type=each.type, error=each.error, failed_at=each.failed_at)
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


def _rounded(value: float | None) -> float | None:
    return round(value, 3) if value is not None else None
