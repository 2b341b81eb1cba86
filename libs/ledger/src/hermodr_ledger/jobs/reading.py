"""Reads a job with all that belongs to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.engine import COUNTING_SECONDS, Ledger, Row
from hermodr_ledger.engine.announcing import PARKED
from hermodr_ledger.engine.documents import object_of, value_of
from hermodr_ledger.engine.times import columns_of
from hermodr_ledger.people import recipients
from hermodr_ledger.people.recipients import Recipient
from hermodr_servicekit.ids import last_child_of


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its producer sees it. `kind` and `state` may be any words, written by SQL."""

    id: UUID
    kind: str
    type: str | None
    state: str
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
    expires_at: datetime | None
    max_retries: int | None
    cancel_key: str | None
    to_name: str | None
    to_locale: str | None


def _values(row: Any, table: str) -> str:
    return ", ".join(columns_of(row, table).values())


_COLUMNS = columns_of(Job, "j")
_DEFERRED_UNTIL = f"""
CASE WHEN j.state = 'scheduled' AND j.wake_at = {PARKED} THEN coalesce(
    (SELECT w.closes_at FROM hermodr.window_events e JOIN hermodr.event_windows w ON w.id = e.window_id
     WHERE e.job_id = j.id AND w.closed_at IS NULL), {_COLUMNS["deferred_until"]})
ELSE {_COLUMNS["deferred_until"]} END"""
"""An event waits until its window closes, as that stands now; its own row says when at the latest."""
JOB_COLUMNS = {
    name: f"{_DEFERRED_UNTIL if name == 'deferred_until' else column} AS {name}"
    for name, column in _COLUMNS.items()
}
"""The columns of a `Job` by name, in a table called `j`."""


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
    earlier_attempts: int
    due_at: datetime | None
    provider: str | None
    provider_message_id: str | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class LoggedAttempt:
    """One provider call. `resolved_as`: what an unknown outcome turned out to be (`sent`, `not_sent`), by `proof`."""

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
    measured: Mapping[str, Any] = field(default_factory=dict)
    """See `Attempt`."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of the job's mails, without its content; `size` in octets."""

    filename: str
    content_type: str
    size: int
    content_id: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """What cannot be read from other rows."""

    at: datetime
    kind: str
    delivery_id: UUID | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InInbox:
    """What its user did with an in-app notification; `first_read_at` stays if it is marked as unread."""

    delivery_id: UUID
    first_read_at: datetime | None
    archived_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobHistory:
    """As of one moment, in order. `recipient` is `None` for a bare address or once erased."""

    job: Job
    recipient: Recipient | None
    deliveries: tuple[Delivery, ...]
    attempts: tuple[LoggedAttempt, ...]
    events: tuple[Event, ...]
    attachments: tuple[Attached, ...]
    envelope: Mapping[str, Any]
    """See `NewJob.envelope`."""
    schedule_id: UUID | None = None
    """The schedule that made it."""
    inbox: tuple[InInbox, ...] = ()


# What belongs to a job follows it in the primary keys. One statement, so that all is of one moment and one round trip.
_HISTORY = f"""
SELECT {", ".join(JOB_COLUMNS.values())},
    ARRAY(SELECT ROW({_values(Delivery, "d")}) FROM hermodr.deliveries d
          WHERE d.id > $1 AND d.id <= $4 ORDER BY d.id) AS deliveries,
    ARRAY(SELECT ROW({_values(LoggedAttempt, "a")}) FROM hermodr.attempts a
          WHERE a.delivery_id > $1 AND a.delivery_id <= $4 ORDER BY a.delivery_id, a.number) AS attempts,
    ARRAY(SELECT ROW({_values(Event, "e")}) FROM hermodr.events e WHERE e.job_id = $1
          ORDER BY e.at, e.seq) AS events,
    ARRAY(SELECT ROW(f.filename, f.content_type, octet_length(f.content), f.content_id) FROM hermodr.attachments f
          WHERE f.job_id = $1 ORDER BY f.number) AS attachments, j.envelope,
    ARRAY(SELECT ROW({_values(InInbox, "n")}) FROM hermodr.inbox n
          WHERE n.delivery_id > $1 AND n.delivery_id <= $4 ORDER BY n.delivery_id) AS inbox,
    (SELECT o.schedule_id FROM hermodr.schedule_runs o WHERE o.id IN (j.id, j.batch_id)) AS schedule_id,
    ARRAY(SELECT ROW({_values(Recipient, "r")}) FROM hermodr.recipients r
          WHERE r.id = j.recipient_id AND r.project_id = $2 AND ($3::text IS NULL OR r.user_id = $3)) AS recipients
FROM hermodr.jobs j WHERE j.id = $1 AND j.project_id = $2 AND ($3::text IS NULL OR j.owner_id = $3)
"""


async def read(
    ledger: Ledger, project_id: UUID, job_id: UUID, *, owner_id: str | None = None
) -> JobHistory | None:
    """With `owner_id`: only if it is that end user's."""
    rows = await ledger.fetch(_HISTORY, job_id, project_id, owner_id, last_child_of(job_id))
    if not rows:
        return None
    (row,) = rows
    return JobHistory(
        job_of_row(row),
        next((recipients.of_values(values) for values in row["recipients"]), None),
        tuple(Delivery(*values) for values in row["deliveries"]),
        tuple(LoggedAttempt(*[*values[:-1], object_of(values[-1])]) for values in row["attempts"]),
        tuple(
            Event(at, kind, delivery_id, object_of(detail)) for at, kind, delivery_id, detail in row["events"]
        ),
        tuple(Attached(*values) for values in row["attachments"]),
        object_of(row["envelope"]),
        row["schedule_id"],
        tuple(InInbox(*values) for values in row["inbox"]),
    )


async def under_way(ledger: Ledger) -> int:
    """Deliveries held by senders now. Reads the small index of waiting rows."""
    rows = await ledger.fetch(
        "SELECT count(*) AS n FROM hermodr.deliveries WHERE wake_at IS NOT NULL AND state = 'sending'",
        seconds=COUNTING_SECONDS,
    )
    return int(rows[0]["n"])


def nearest(priority: int) -> Priority:
    """SQL by hand may have written any number."""
    return Priority(min(max(priority, min(Priority)), max(Priority)))


def job_of_row(row: Row) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        type=row["type"],
        state=row["state"],
        priority=nearest(row["priority"]),
        channels=tuple(row["channels"]) if row["channels"] is not None else None,
        recipient_id=row["recipient_id"],
        to_email=row["to_email"],
        to_phone=row["to_phone"],
        group_id=row["group_id"],
        update_id=row["update_id"],
        batch_id=row["batch_id"],
        singleton_key=row["singleton_key"],
        on_unknown=row["on_unknown"],
        metadata=object_of(row["metadata"]),
        scheduled_for=row["scheduled_for"],
        deferred_until=row["deferred_until"],
        created_at=row["created_at"],
        processed_at=row["processed_at"],
        finished_at=row["finished_at"],
        error=row["error"],
        result=value_of(row["result"]),
        expires_at=row["expires_at"],
        max_retries=row["max_retries"],
        cancel_key=row["cancel_key"],
        to_name=row["to_name"],
        to_locale=row["to_locale"],
    )
