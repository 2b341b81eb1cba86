"""Jobs. States are text: a newer Hermodr may know more."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer

TERMINAL = frozenset({"completed", "failed", "cancelled", "skipped"})


class Job(Answer):
    """A job, as lists have it. Times in milliseconds; `retry_count` counts over all deliveries."""

    id: UUID
    kind: str
    status: str
    priority: str
    created_at: datetime
    type: str | None = None
    delivery_method: str | None = None
    channels: list[str] | None = None
    scheduled_for: datetime | None = None
    deferred_until: datetime | None = None
    processed_at: datetime | None = None
    finished_at: datetime | None = None
    processing_time_ms: int | None = None
    time_until_scheduled_ms: int | None = None
    retry_count: int = 0
    message_id: str | None = None
    recipient_id: UUID | None = None
    batch_id: UUID | None = None
    group_id: UUID | None = None
    update_id: UUID | None = None
    progress: dict[str, Any] | None = None
    result: Any = None
    error: str | None = None
    singleton_key: str | None = None
    on_unknown: str | None = None
    expires_at: datetime | None = None
    max_retries: int | None = None
    cancel_key: str | None = None
    metadata: dict[str, Any] | None = None

    @property
    def finished(self) -> bool:
        return self.status in TERMINAL


class Cancelled(Answer):
    """The job is cancelled, with its waiting deliveries; `sent_deliveries` were sent before. The counts are None when
    an earlier attempt of the same call, whose answer got lost, cancelled it."""

    job_id: UUID
    status: str
    cancelled_deliveries: int | None = None
    sent_deliveries: int | None = None


class CancelledByKey(Answer):
    """`cancelled` had not been sent; `too_late` had, or were being sent."""

    cancelled: int
    too_late: int


class BulkRetry(Answer):
    """What became of the jobs. `not_retried` names (some of) those left alone, with the reason."""

    matched: int
    retried: int
    dry_run: bool = False
    not_retried: list[dict[str, Any]] = Field(default_factory=list)
    next_cursor: str | None = None


class Delivery(Answer):
    """One job on one channel to one address."""

    id: UUID
    channel: str
    state: str
    created_at: datetime
    address: str | None = None
    address_name: str | None = None
    template_version: int | None = None
    locale: str | None = None
    attempt: int = 0
    max_attempts: int | None = None
    due_at: datetime | None = None
    provider: str | None = None
    provider_message_id: str | None = None
    error: str | None = None
    finished_at: datetime | None = None


class Attempt(Answer):
    delivery_id: UUID
    number: int
    outcome: str
    started_at: datetime
    finished_at: datetime | None = None
    provider: str | None = None
    code: str | None = None
    detail: str | None = None
    provider_message_id: str | None = None
    resolved_as: str | None = None
    proof: str | None = None


class TaskAttempt(Answer):
    """A run of a task's code that has ended: completed, failed, timeout, cancelled, or lost with its worker."""

    number: int
    outcome: str
    started_at: datetime
    finished_at: datetime
    error: str | None = None
    detail: str | None = None


class TaskDetail(Answer):
    """`served`: a worker has its type; `began_at`: of the attempt that runs; `stopping`: it was told to stop;
    `waits_for`: jobs that must have completed before it begins."""

    served: bool
    stopping: bool = False
    waits_for: list[UUID] = Field(default_factory=list)
    began_at: datetime | None = None
    attempts: list[TaskAttempt] = Field(default_factory=list)


class LogLine(Answer):
    """What a task logged. `number` is 1 for the first line of the attempt; `left_out`: how many were not kept between
    the one before and this."""

    attempt: int
    number: int
    at: datetime
    text: str
    left_out: int = 0


class JobDetail(Answer):
    """A job with all that belongs to it. `recipient` is None once erased; `task` is of tasks."""

    job: Job
    recipient: dict[str, Any] | None = None
    task: TaskDetail | None = None
    deliveries: list[Delivery] = Field(default_factory=list)
    delivery_logs: list[Attempt] = Field(default_factory=list)
    envelope: dict[str, Any] | None = None
    attachments: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def finished(self) -> bool:
        return self.job.finished


class TimelineEntry(Answer):
    at: datetime
    event: str
    detail: dict[str, Any] = Field(default_factory=dict)
    delivery_id: UUID | None = None


class Timeline(Answer):
    job_id: UUID
    status: str
    data: list[TimelineEntry]


class TaskTypeMetrics(Answer):
    """The tasks of one type; times are of the completed ones, `None` if there are none."""

    type: str
    total_jobs: int
    completed: int
    failed: int
    success_rate_percent: float | None = None
    avg_processing_time_ms: float | None = None
    p50_processing_time_ms: float | None = None
    p95_processing_time_ms: float | None = None
    status_counts: dict[str, int] = Field(default_factory=dict)


class JobMetrics(Answer):
    """`task_types`: of the kind task only."""

    summary: dict[str, Any]
    status_counts: dict[str, int] = Field(default_factory=dict)
    delivery_methods: dict[str, Any] = Field(default_factory=dict)
    task_types: list[TaskTypeMetrics] | None = None
    recent_failures: list[dict[str, Any]] = Field(default_factory=list)
    queue_health: Any = None


class Batch(Answer):
    """A bulk request. `counts` has the job states that occur, and as `replayed` the items whose `idempotency_key` was
    used before for the same; their jobs belong to earlier batches. `finished`: all jobs are, these included."""

    batch_id: UUID
    accepted: int
    rejected: int
    counts: dict[str, int]
    created_at: datetime | None = None
    finished: bool = False
