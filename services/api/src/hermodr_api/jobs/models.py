from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hermodr_api.jobs import examples
from hermodr_api.jobs.reported import first_of
from hermodr_api.jobs.task_views import TaskView
from hermodr_api.recipients.models import RecipientView
from hermodr_contracts.urls import origin
from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.jobs.batches import BatchProgress
from hermodr_ledger.jobs.listing import ListedJob
from hermodr_ledger.jobs.reading import Delivery, Job, JobHistory
from hermodr_ledger.tasks.looking import TaskHistory
from hermodr_servicekit.ids import message_id_of

log = structlog.get_logger()


class AcceptedView(BaseModel):
    """The job is accepted and committed."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.ACCEPTED]})

    job_id: UUID
    message_id: str
    status: str
    status_url: str


class JobView(BaseModel):
    """A job. Durations are in milliseconds; `retry_count` counts over all deliveries; `deferred_until` is until
    when it was put off: to a time of day of its recipient, or to the end of quiet hours."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.JOB]})

    id: UUID
    kind: str
    type: str | None
    status: str
    priority: str
    delivery_method: str | None
    channels: list[str] | None
    scheduled_for: datetime | None
    deferred_until: datetime | None
    created_at: datetime
    processed_at: datetime | None
    finished_at: datetime | None
    processing_time_ms: int | None
    time_until_scheduled_ms: int | None
    retry_count: int
    message_id: str
    batch_id: UUID | None
    group_id: UUID | None
    update_id: UUID | None
    progress: dict[str, Any] | None
    result: Any
    error: str | None
    singleton_key: str | None
    on_unknown: str | None
    expires_at: datetime | None
    max_retries: int | None
    cancel_key: str | None
    metadata: dict[str, Any]


class ListedJobView(JobView):
    """A job in a list."""

    result: Any = Field(None, description="Only with `include=result`.")
    metadata: dict[str, Any] = Field({}, description="Only with `include=metadata`.")


class JobList(BaseModel):
    """A page of jobs, found in bounded time: it may be short or empty and still have a next page."""

    data: list[ListedJobView]
    next_cursor: str | None


class CancelledView(BaseModel):
    """The job is cancelled with its waiting deliveries. `sent_deliveries` had been sent before. `processing`: a worker
    runs the task; it is told to stop, and the job is cancelled when it has, within seconds."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.CANCELLED]})

    job_id: UUID
    status: str
    cancelled_deliveries: int
    sent_deliveries: int
    status_url: str


class NotRetried(BaseModel):
    """A matching job that was not retried, and why."""

    job_id: UUID
    reason: str


class BulkRetryView(BaseModel):
    """The result of a bulk retry. `matched` jobs were examined, up to the limit; with a `next_cursor` there may be
    more. `not_retried` lists the first hundred that were left as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RETRIED]})

    dry_run: bool
    matched: int
    retried: int
    not_retried: list[NotRetried]
    next_cursor: str | None


def _shown(address: str) -> str:
    return origin(address) or address


class DeliveryView(BaseModel):
    """One job on one channel to one address."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [examples.DELIVERY]})

    id: UUID
    channel: str
    state: str
    address: Annotated[str, AfterValidator(_shown)] = Field(
        description="Of a webhook's URL only scheme, host and port. Empty once erased."
    )
    address_name: str | None
    template_version: int | None
    locale: str | None
    attempt: int
    max_attempts: int
    due_at: datetime | None
    provider: str | None
    provider_message_id: str | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    opened_at: datetime | None = Field(None, description="When a person opened it first, as reported.")
    clicked_at: datetime | None = Field(None, description="When a person followed a link of it first.")
    segments: int | None = Field(None, description="Of a text: the short messages that it was sent as.")
    country: str | None = Field(None, description="Of a text: where its number is, which decides the price.")


class AttemptView(BaseModel):
    """One call of a provider. `resolved_as`: what an unknown outcome turned out to be (sent, not_sent), by `proof`."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [examples.ATTEMPT]})

    delivery_id: UUID
    number: int
    provider: str | None
    outcome: str
    code: str | None
    detail: str | None
    provider_message_id: str | None
    started_at: datetime
    finished_at: datetime
    resolved_as: str | None = None
    proof: str | None = None
    measured: dict[str, Any] = Field(
        {},
        description="Of an accepted text what it is paid by: `segments`, `encoding` and `country`. Of a WhatsApp "
        "message whether it was `sent_as` a `text` or a `template`, `because` of what, and the `approved` one "
        "with its `language`.",
    )


class BareAddress(BaseModel):
    """The address of a job without a recipient."""

    email: str | None
    phone: str | None
    name: str | None = None
    locale: str | None = None


class EnvelopeView(BaseModel):
    """What the job says about its mail; null if nothing. End users do not see it, nor the attachments."""

    model_config = ConfigDict(populate_by_name=True)

    sender: str | None = Field(default=None, alias="from")
    reply_to: list[str] = []
    cc: list[str] = []
    bcc: list[str] = []
    headers: dict[str, str] = {}


class AttachmentView(BaseModel):
    """A file of the job's mail; `size` in octets."""

    model_config = ConfigDict(from_attributes=True)

    filename: str
    content_type: str
    size: int
    content_id: str | None


class JobHistoryView(BaseModel):
    """A job with its recipient, deliveries, attempts and attachments. `recipient` is null once erased, `task` for other
    kinds."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.HISTORY]})

    job: JobView
    recipient: RecipientView | BareAddress | None
    deliveries: list[DeliveryView]
    delivery_logs: list[AttemptView]
    envelope: EnvelopeView | None = None
    attachments: list[AttachmentView] = []
    task: TaskView | None = None


class TimelineEntry(BaseModel):
    """An event in the life of a job."""

    at: datetime
    event: str
    detail: dict[str, Any]
    delivery_id: UUID | None = None


class Timeline(BaseModel):
    """All events of a job, in order."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TIMELINE]})

    job_id: UUID
    status: str
    data: list[TimelineEntry]


class BatchView(BaseModel):
    """Progress of a bulk request. `counts`: jobs by state, and as `replayed` the items whose `idempotency_key` was used
    before for the same item; their jobs belong to earlier requests and are named in the answer to this one. Together
    they are `accepted`. `finished`: all these jobs are finished."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BATCH]})

    batch_id: UUID
    accepted: int
    rejected: int
    counts: dict[str, int]
    finished: bool
    created_at: datetime


class ReplayedItemView(BaseModel):
    """An item that was accepted before, and its job."""

    index: int
    job_id: UUID


class BatchAcceptedView(BaseModel):
    """The jobs, one for each member of the group, are accepted and committed (`GET /v1/batches/{id}`)."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BATCH_ACCEPTED]})

    batch_id: UUID
    accepted: int


class BulkAcceptedView(BaseModel):
    """The result of a bulk request; items are numbered from 0. `replayed`: accepted items whose `idempotency_key` was
    used before for the same item, with their jobs of then; all other jobs are listed by `GET /v1/jobs?batch_id=`."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BULK_ACCEPTED]})

    batch_id: UUID
    accepted: int
    rejected: list[dict[str, Any]]
    replayed: list[ReplayedItemView]
    job_ids: list[UUID | None] = Field(
        [], exclude_if=lambda ids: not ids, description="By `include=job_ids`; `null`: the item was rejected."
    )


def history_view(history: JobHistory, task: TaskHistory | None, now: datetime, domain: str) -> JobHistoryView:
    job = history.job
    recipient: RecipientView | BareAddress | None = None
    if history.recipient is not None:
        recipient = RecipientView.model_validate(history.recipient)
    elif job.recipient_id is None:
        recipient = BareAddress(
            email=job.to_email, phone=job.to_phone, name=job.to_name, locale=job.to_locale
        )
    retries = sum(max(0, each.attempt - each.earlier_attempts - 1) for each in history.deliveries)
    view = _job_view(JobView, job, [each.channel for each in history.deliveries], retries, now, domain)
    if task is not None:
        view.progress = dict(task.progress) if task.progress is not None else None
        view.retry_count = max(0, len(task.attempts) - (0 if task.began_at is not None else 1))
    return JobHistoryView(
        job=view,
        recipient=recipient,
        deliveries=[_delivery_view(each, history) for each in history.deliveries],
        delivery_logs=[AttemptView.model_validate(each) for each in history.attempts],
        task=TaskView.model_validate(task) if task is not None else None,
        envelope=EnvelopeView.model_validate(history.envelope) if history.envelope else None,
        attachments=[AttachmentView.model_validate(each) for each in history.attachments],
    )


def _delivery_view(delivery: Delivery, history: JobHistory) -> DeliveryView:
    view = DeliveryView.model_validate(delivery)
    seen = {kind: first_of(history.events, delivery.id, kind) for kind in ("opened", "clicked")}
    measured = next((e.measured for e in history.attempts if e.delivery_id == delivery.id and e.measured), {})
    paid_by = {name: measured.get(name) for name in ("segments", "country")}
    return view.model_copy(update={f"{kind}_at": at for kind, at in seen.items()} | paid_by)


def listed_view(listed: ListedJob, now: datetime, domain: str) -> ListedJobView:
    return _job_view(ListedJobView, listed.job, listed.channels, listed.retries, now, domain)


def listed_views(jobs: Sequence[ListedJob], now: datetime, domain: str) -> list[ListedJobView]:
    """A job that cannot be shown, because SQL by hand made it so, is left out."""
    views = []
    for each in jobs:
        try:
            views.append(listed_view(each, now, domain))
        except (ValueError, TypeError, OverflowError) as error:
            log.warning("a job is left out of a list", job_id=str(each.job.id), error=type(error).__name__)
    return views


V = TypeVar("V", bound=JobView)
_SHARED = tuple(each.name for each in fields(Job) if each.name in JobView.model_fields)


def _job_view(
    view: type[V], job: Job, channels: Sequence[str], retries: int, now: datetime, domain: str
) -> V:
    channels = list(dict.fromkeys(channels)) or list(job.channels or ())
    due = max(filter(None, (job.scheduled_for, job.deferred_until)), default=None)
    shared = {name: getattr(job, name) for name in _SHARED}
    return view(
        **shared
        | {
            "status": job.state,
            "priority": job.priority.lane,
            "delivery_method": ",".join(channels) or None,
            "processing_time_ms": _milliseconds(job.processed_at, job.finished_at),
            "time_until_scheduled_ms": max(0, _milliseconds(now, due) or 0)
            if job.state == JobState.SCHEDULED
            else None,
            "retry_count": retries,
            "message_id": message_id_of(job.id, domain),
            "progress": None,
        }
    )


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    return (end - start) // timedelta(milliseconds=1) if start is not None and end is not None else None


def batch_view(batch: BatchProgress) -> BatchView:
    counts = {str(state): number for state, number in sorted(batch.counts.items())}
    if batch.replayed:
        counts["replayed"] = batch.replayed
    return BatchView(
        batch_id=batch.id,
        accepted=batch.accepted,
        rejected=batch.rejected,
        counts=counts,
        finished=batch.finished,
        created_at=batch.created_at,
    )
