"""The timeline of a job, assembled from what its rows say."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from hermodr_api.jobs.models import Timeline, TimelineEntry
from hermodr_api.jobs.reported import rose
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.jobs.asking import ASKED_BY_USER
from hermodr_ledger.jobs.reading import Event, Job, JobHistory, LoggedAttempt
from hermodr_ledger.tasks.looking import TaskHistory


def timeline(history: JobHistory, task: TaskHistory | None = None) -> Timeline:
    events = history.events
    entries = [
        *_beginning(history),
        *(
            TimelineEntry(at=each.at, event=each.kind, detail=dict(each.detail), delivery_id=each.delivery_id)
            for each in events
            if each.kind != ASKED_BY_USER
        ),
        *_attempted(history),
        *_looked_at(history),
        *(_ran(task) if task is not None else ()),
        *_ending(history.job, events),
    ]
    entries.sort(key=lambda entry: entry.at)  # stable: keeps the order of events at the same instant
    return Timeline(job_id=history.job.id, status=history.job.state, data=entries)


def _beginning(history: JobHistory) -> Iterator[TimelineEntry]:
    job = history.job
    detail: dict[str, Any] = {"kind": job.kind, "type": job.type, "priority": job.priority.lane}
    if job.batch_id is not None:
        detail["batch_id"] = str(job.batch_id)
    if history.schedule_id is not None:
        detail["schedule_id"] = str(history.schedule_id)
    if any(each.kind == ASKED_BY_USER for each in history.events):
        detail["by"] = "user"
    endings = {"expires_at": job.expires_at, "max_retries": job.max_retries, "cancel_key": job.cancel_key}
    detail |= {name: value for name, value in endings.items() if value is not None}
    yield TimelineEntry(at=job.created_at, event="requested", detail=detail)
    if job.scheduled_for is not None:
        yield TimelineEntry(at=job.created_at, event="scheduled", detail={"scheduled_for": job.scheduled_for})


_TOLD = tuple(
    each.name for each in fields(LoggedAttempt) if each.name not in ("delivery_id", "finished_at", "measured")
)


def _attempted(history: JobHistory) -> Iterator[TimelineEntry]:
    for each in history.attempts:
        detail = {name: value for name in _TOLD if (value := getattr(each, name)) is not None}
        detail |= each.measured
        at, of = each.finished_at, each.delivery_id
        yield TimelineEntry(at=at, event="attempted", detail=detail, delivery_id=of)
    for delivery in history.deliveries:
        if delivery.finished_at is not None:
            ended = "sent" if rose(history.events, delivery) else delivery.state
            detail = {"channel": delivery.channel, "state": ended}
            at = delivery.finished_at
            yield TimelineEntry(at=at, event=f"delivery_{ended}", detail=detail, delivery_id=delivery.id)


def _looked_at(history: JobHistory) -> Iterator[TimelineEntry]:
    for each in history.inbox:
        done = {"read": each.first_read_at, "archived": each.archived_at, "deleted": each.deleted_at}
        for what, at in done.items():
            if at is not None:
                detail = {"channel": Channel.IN_APP}
                yield TimelineEntry(at=at, event=f"inbox_{what}", detail=detail, delivery_id=each.delivery_id)


_TOLD_OF_TASKS = ("number", "outcome", "error", "detail")


def _ran(task: TaskHistory) -> Iterator[TimelineEntry]:
    for each in task.attempts:
        yield _began(each.started_at, each.number, each.worker)
        detail = {name: value for name in _TOLD_OF_TASKS if (value := getattr(each, name)) is not None}
        yield TimelineEntry(at=each.finished_at, event="attempted", detail=detail)
    if task.began_at is not None:
        yield _began(task.began_at, task.attempt, task.worker)


def _began(at: datetime, number: int, worker: str | None) -> TimelineEntry:
    detail = {"number": number} | ({"worker": worker} if worker is not None else {})
    return TimelineEntry(at=at, event="began", detail=detail)


_REASONS = frozenset(
    {"not_sent", "refused", "quiet_hours_ignored", "reminded", "paused", "deliver_at_ignored"}
)


def _ending(job: Job, events: Sequence[Event]) -> Iterator[TimelineEntry]:
    """The end is shown after its reasons: they are recorded a moment later than the `now()` of the transaction."""
    if job.finished_at is not None:
        detail = {"error": job.error} if job.error is not None else {}
        reasons = (each.at for each in events if each.kind in _REASONS)
        yield TimelineEntry(at=max([job.finished_at, *reasons]), event=str(job.state), detail=detail)
