"""Reading jobs: one of them with all that belongs to it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from hermodr_contracts.vocabulary import JobState, Priority
from hermodr_ledger import recipients
from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.recipients import Recipient
from hermodr_servicekit.ids import last_child_of


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its producer sees it."""

    id: UUID
    kind: str
    type: str | None
    state: JobState
    priority: Priority
    channels: tuple[str, ...] | None
    recipient_id: UUID | None
    to_email: str | None
    to_phone: str | None
    group_id: UUID | None
    update_id: UUID | None
    batch_id: UUID | None
    singleton_key: str | None
    on_unknown: str | None
    metadata: Mapping[str, Any]
    scheduled_for: datetime | None
    deferred_until: datetime | None
    created_at: datetime
    processed_at: datetime | None
    finished_at: datetime | None
    error: str | None
    result: Any


JOB_COLUMNS = ", ".join(f"j.{each.name}" for each in fields(Job))
"""What a `Job` is made of, in a table called `j`."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One job on one channel to one address."""

    id: UUID
    channel: str
    state: str
    address: str
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


@dataclass(frozen=True, slots=True)
class LoggedAttempt:
    """One provider call of a delivery."""

    delivery_id: UUID
    number: int
    provider: str | None
    outcome: str
    code: str | None
    detail: str | None
    provider_message_id: str | None
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """Something that cannot be read off the other rows."""

    at: datetime
    kind: str
    delivery_id: UUID | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class JobHistory:
    """A job with all that belongs to it, in order. `recipient` is `None` for a bare address or once erased."""

    job: Job
    recipient: Recipient | None
    deliveries: tuple[Delivery, ...]
    attempts: tuple[LoggedAttempt, ...]


async def read(
    ledger: Ledger, project_id: UUID, job_id: UUID, *, owner_id: str | None = None
) -> JobHistory | None:
    """The project's job of that id; with `owner_id`, that end user's. What belongs to it lies right behind it in the
    primary keys."""
    rows = await ledger.fetch(
        f"SELECT {JOB_COLUMNS} FROM hermodr.jobs j"
        " WHERE j.id = $1 AND j.project_id = $2 AND ($3::text IS NULL OR j.owner_id = $3)",
        job_id,
        project_id,
        owner_id,
    )
    if not rows:
        return None
    job = job_of_row(rows[0])
    last = last_child_of(job_id)
    deliveries = await ledger.fetch(
        "SELECT * FROM hermodr.deliveries WHERE id > $1 AND id <= $2 ORDER BY id", job_id, last
    )
    attempts = await ledger.fetch(
        "SELECT * FROM hermodr.attempts WHERE delivery_id > $1 AND delivery_id <= $2 ORDER BY delivery_id, number",
        job_id,
        last,
    )
    recipient = None
    if job.recipient_id is not None:
        recipient = await recipients.read(ledger, project_id, job.recipient_id, owner_id)
    return JobHistory(job, recipient, tuple(map(_delivery, deliveries)), tuple(map(_attempt, attempts)))


async def events(ledger: Ledger, job_id: UUID) -> list[Event]:
    """What was noted about the job, in order."""
    rows = await ledger.fetch(
        "SELECT at, kind, delivery_id, detail FROM hermodr.events WHERE job_id = $1 ORDER BY at, seq", job_id
    )
    return [
        Event(row["at"], row["kind"], row["delivery_id"], json.loads(row["detail"]) if row["detail"] else {})
        for row in rows
    ]


async def under_way(ledger: Ledger) -> int:
    """How many deliveries a sender holds at this moment. Reads only the small index of waiting rows."""
    rows = await ledger.fetch(
        "SELECT count(*) AS n FROM hermodr.deliveries WHERE wake_at IS NOT NULL AND state = 'sending'"
    )
    return int(rows[0]["n"])


def job_of_row(row: Row) -> Job:
    """The job of a row with `JOB_COLUMNS`."""
    return Job(
        id=row["id"],
        kind=row["kind"],
        type=row["type"],
        state=JobState(row["state"]),
        priority=Priority(row["priority"]),
        channels=tuple(row["channels"]) if row["channels"] is not None else None,
        recipient_id=row["recipient_id"],
        to_email=row["to_email"],
        to_phone=row["to_phone"],
        group_id=row["group_id"],
        update_id=row["update_id"],
        batch_id=row["batch_id"],
        singleton_key=row["singleton_key"],
        on_unknown=row["on_unknown"],
        metadata=json.loads(row["metadata"]) if row["metadata"] else {},
        scheduled_for=row["scheduled_for"],
        deferred_until=row["deferred_until"],
        created_at=row["created_at"],
        processed_at=row["processed_at"],
        finished_at=row["finished_at"],
        error=row["error"],
        result=json.loads(row["result"]) if row["result"] else None,
    )


def _delivery(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        channel=row["channel"],
        state=row["state"],
        address=row["address"],
        address_name=row["address_name"],
        template_version=row["template_version"],
        locale=row["locale"],
        attempt=row["attempt"],
        max_attempts=row["max_attempts"],
        due_at=row["due_at"],
        provider=row["provider"],
        provider_message_id=row["provider_message_id"],
        error=row["error"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )


def _attempt(row: Row) -> LoggedAttempt:
    return LoggedAttempt(
        delivery_id=row["delivery_id"],
        number=row["number"],
        provider=row["provider"],
        outcome=row["outcome"],
        code=row["code"],
        detail=row["detail"],
        provider_message_id=row["provider_message_id"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
