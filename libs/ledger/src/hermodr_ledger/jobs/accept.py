"""Accepts jobs: the one statement between a request and its `202 Accepted`."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.vocabulary import JobKind, JobState, OnUnknown, Priority
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.access.idempotency import Idempotency, KeyReused, Replay, StillRunning
from hermodr_ledger.engine import Ledger, Statements, Steps, columns, news
from hermodr_ledger.engine.announcing import DUE_CHANNEL, FIRST_ANNOUNCEMENT_OVERDUE_SECONDS
from hermodr_ledger.engine.sql_files import statement
from hermodr_ledger.jobs.attachments import File
from hermodr_servicekit.ids import new_job_id


class SentAgain(NamedTuple):
    """Of a job that is like the job `of`, and was asked for by whoever looked at that."""

    of: UUID
    by: Actor


class NewJob(NamedTuple):
    """A job to be accepted. `data`, `content` and `metadata` are JSON texts. `id` comes from `ids.new_job_id`."""

    id: UUID
    project_id: UUID
    kind: JobKind
    type: str | None
    priority: Priority
    data: str
    content: str | None = None
    metadata: str | None = None
    channels: tuple[str, ...] | None = None
    recipient_id: UUID | None = None
    to_email: str | None = None
    to_phone: str | None = None
    owner_id: str | None = None
    group_id: UUID | None = None
    update_id: UUID | None = None
    batch_id: UUID | None = None
    singleton_key: str | None = None
    on_unknown: OnUnknown | None = None
    scheduled_for: datetime | None = None
    delay_seconds: float | None = None
    """Instead of `scheduled_for`: seconds from now by the ledger's clock."""
    idempotency: Idempotency | None = None
    expires_at: datetime | None = None
    """After this nothing of it is sent any more."""
    max_retries: int | None = None
    """The most steps of the ladder; `None`: all."""
    cancel_key: str | None = None
    """It can be cancelled together with all jobs that have this key."""
    to_name: str | None = None
    to_locale: str | None = None
    """Name and locale (BCP 47) of a bare address."""
    envelope: str | None = None
    """JSON text of what it says about its mail (`from`, `reply_to`, `cc`, `bcc`, `headers`, `provider`, and the
    number of its `attachments`)."""
    deliver_at: str | None = None
    """JSON text of `{"local_time", "days"}`: when to send it by the recipient's clock."""
    digest: str | None = None
    """JSON text of an event's `decisions.Joining`: `key`, `window` and `max_window` in seconds, `first`."""
    escalate: str | None = None
    """JSON text of `{"after", "unless"}`: how its channels follow each other (`escalating`); `after` in seconds."""
    attachments: tuple[File, ...] = ()
    """Such jobs go through `intake.accept_many`."""
    asked_by_owner: bool = False
    """By the end user `owner_id`. Such jobs go through `intake.accept_many`."""

    followed: bool = False
    """A task whose end is followed by something (`tasks.endings`). Such jobs go through `intake.accept_many`."""

    again: SentAgain | None = None
    """It is in the audit log. Such jobs go through `intake.accept_many`."""

    @property
    def waits(self) -> bool:
        return self.scheduled_for is not None or self.delay_seconds is not None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The job is committed."""


@dataclass(frozen=True, slots=True)
class SingletonTaken:
    """Another live job holds the singleton key."""

    job_id: UUID


@dataclass(frozen=True, slots=True)
class SingletonContested:
    """An uncommitted transaction holds the singleton key."""


AcceptOutcome = Accepted | Replay | KeyReused | StillRunning | SingletonTaken | SingletonContested

_ACCEPT = statement("hermodr_ledger.jobs", "accept")


async def accept(
    ledger: Steps, jobs: Sequence[NewJob], *, wait_seconds: float | None = None
) -> list[AcceptOutcome]:
    """Commits the jobs in one transaction; returns the outcome of each, in order. A job whose idempotency key is taken
    is not committed; jobs with a `singleton_key`, with `attachments`, `asked_by_owner`, `followed` or `again` go
    through `intake.accept_many`. `wait_seconds`: for keys of uncommitted transactions. Raises `Contested` and
    `LedgerUnavailable`."""
    rows = await ledger.fetch(
        _ACCEPT,
        *_columns(jobs),
        float(FIRST_ANNOUNCEMENT_OVERDUE_SECONDS),
        DUE_CHANNEL,
        f"{round(wait_seconds * 1000)}ms" if wait_seconds is not None else None,
        *columns(
            [job.expires_at for job in jobs],
            [job.max_retries for job in jobs],
            [job.cancel_key for job in jobs],
            [job.to_name for job in jobs],
            [job.to_locale for job in jobs],
            [job.envelope for job in jobs],
            [job.deliver_at for job in jobs],
            [job.digest for job in jobs],
            [job.escalate for job in jobs],
        ),
    )
    ledger.tell(news.of_jobs(rows))
    committed = {row["id"] for row in rows}
    left = [job for job in jobs if job.id not in committed]
    answers = await earlier_answers(ledger, left) if left else {}
    return [Accepted() if job.id in committed else answers[job.id] for job in jobs]


class _Undone(Exception):
    """Ends a rehearsal."""


async def rehearse(ledger: Ledger) -> None:
    """Accepts a job with a key and rolls back, to see whether jobs can be accepted. Raises `LedgerUnavailable`."""
    job_id = new_job_id()
    key = Idempotency(str(job_id), b"", b"")
    job = NewJob(job_id, UUID(int=0), JobKind.NOTIFICATION, "rehearsal", Priority.LOW, "{}", idempotency=key)
    with contextlib.suppress(_Undone):
        async with ledger.transaction() as transaction:
            await accept(transaction, [job])
            raise _Undone


def _columns(jobs: Sequence[NewJob]) -> list[list[object]]:
    keys = [job.idempotency for job in jobs]
    return columns(
        [job.id for job in jobs],
        [job.project_id for job in jobs],
        [job.kind for job in jobs],
        [job.type for job in jobs],
        [JobState.SCHEDULED if job.waits else JobState.QUEUED for job in jobs],
        [job.priority for job in jobs],
        [",".join(job.channels) if job.channels is not None else None for job in jobs],
        [job.recipient_id for job in jobs],
        [job.to_email for job in jobs],
        [job.to_phone for job in jobs],
        [job.owner_id for job in jobs],
        [job.data for job in jobs],
        [job.content for job in jobs],
        [job.metadata for job in jobs],
        [job.group_id for job in jobs],
        [job.update_id for job in jobs],
        [job.batch_id for job in jobs],
        [job.singleton_key for job in jobs],
        [job.on_unknown for job in jobs],
        [job.scheduled_for for job in jobs],
        [each.kept_key if each else None for each in keys],
        [each.fingerprint if each else None for each in keys],
        [each.response if each else None for each in keys],
        [job.delay_seconds for job in jobs],
    )


async def earlier_answers(ledger: Statements, jobs: Sequence[NewJob]) -> dict[UUID, AcceptOutcome]:
    """The earlier uses of the jobs' idempotency keys; `StillRunning`: not known yet."""
    keyed = [(job, job.idempotency) for job in jobs if job.idempotency is not None]
    rows = await ledger.fetch(
        """
        SELECT i.id, k.fingerprint, k.status, k.response
        FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS i(id, project_id, key)
        JOIN hermodr.idempotency_keys k USING (project_id, key)
        """,
        [job.id for job, _ in keyed],
        [job.project_id for job, _ in keyed],
        [idempotency.kept_key for _, idempotency in keyed],
    )
    found = {row["id"]: row for row in rows}
    answers: dict[UUID, AcceptOutcome] = {}
    for job, idempotency in keyed:
        row = found.get(job.id)
        if row is None:
            answers[job.id] = StillRunning()  # it existed when we inserted and has expired since
        elif row["fingerprint"] != idempotency.fingerprint:
            answers[job.id] = KeyReused()
        elif row["status"] is None:
            answers[job.id] = StillRunning()
        else:
            answers[job.id] = Replay(row["status"], row["response"])
    return answers
