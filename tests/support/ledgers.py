import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, JobKind, JobState, OnUnknown, Priority
from hermodr_ledger.deliveries.attempts import Attempt, Outcome
from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.jobs.accept import Accepted, NewJob, accept
from hermodr_ledger.jobs.decisions import Decision, NewDelivery, Note, record_decisions, requested_jobs
from hermodr_ledger.jobs.intake import accept_many
from hermodr_servicekit.ids import child_id, new_id, new_job_id

TABLES = (
    "jobs",
    "deliveries",
    "attempts",
    "events",
    "attachments",
    "dead_letters",
    "idempotency_keys",
    "singletons",
    "job_standings",
    "batches",
    "bulk_actions",
    "pauses",
    "lane_rates",
    "inbox",
    "provider_limits",
    "set_aside",
    "changes",
    "suppressions",
    "auto_syncs",
    "auto_sync_responses",
    "auto_sync_reminders",
    "early_receipts",
    "mailboxes",
    "webhook_endpoints",
    "webhook_messages",
    "webhook_attempts",
    "webhook_turns",
    "whatsapp_windows",
    "schedules",
    "schedule_runs",
    "event_windows",
    "window_events",
    "cap_places",
    "escalations",
    "digest_schedules",
    "digest_runs",
    "digest_updates",
    "tasks",
    "task_attempts",
    "task_dependencies",
    "task_endings",
    "task_logs",
    "task_types",
)


@contextlib.asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Ledger]:
    ledger = Ledger(url, service="test", **options)
    try:
        yield ledger
    finally:
        await ledger.close()


async def emptied(ledger: Ledger) -> None:
    """Deletes every row of work."""
    await ledger.fetch("TRUNCATE " + ", ".join(f"hermodr.{table}" for table in TABLES))


async def new_project(ledger: Ledger) -> UUID:
    project_id = new_id()
    await ledger.fetch("INSERT INTO hermodr.projects (id, name) VALUES ($1, $2)", project_id, str(project_id))
    return project_id


def new_job(project_id: UUID, **changes: Any) -> NewJob:
    job = NewJob(
        id=new_job_id(),
        project_id=project_id,
        kind=JobKind.NOTIFICATION,
        type=None,
        priority=Priority.NORMAL,
        data="{}",
        content='{"subject": "Hello", "body_text": "you"}',
        to_email="jane@example.org",
    )
    return job._replace(**changes)


async def new_jobs(ledger: Ledger, count: int, **changes: Any) -> list[UUID]:
    """That many accepted jobs of one new project."""
    project_id = await new_project(ledger)
    jobs = [new_job(project_id, **changes) for _ in range(count)]
    assert set(await accept(ledger, jobs)) == {Accepted()}
    return [job.id for job in jobs]


async def decisions_of(
    ledger: Ledger,
    job_ids: Sequence[UUID],
    *,
    deliveries: int = 1,
    max_attempts: int = 4,
    on_unknown: OnUnknown = OnUnknown.RESEND,
) -> list[Decision]:
    """So many mails for each job, as a dispatcher might decide."""
    return [
        Decision(
            job,
            JobState.PROCESSING,
            tuple(
                NewDelivery(
                    child_id(job.id, ordinal),
                    Channel.EMAIL,
                    f"jane+{ordinal}@example.org",
                    "Jane",
                    on_unknown,
                    max_attempts,
                )
                for ordinal in range(1, deliveries + 1)
            ),
            (Note("decided", {"channel": "email"}, child_id(job.id, 1)),),
        )
        for job in await requested_jobs(ledger, job_ids)
    ]


async def new_deliveries(ledger: Ledger, jobs: int, deliveries: int = 1, **options: Any) -> list[UUID]:
    """Ready to be claimed."""
    return await new_deliveries_of(ledger, await new_jobs(ledger, jobs), deliveries, **options)


async def new_deliveries_of(
    ledger: Ledger, job_ids: Sequence[UUID], deliveries: int = 1, **options: Any
) -> list[UUID]:
    made: list[UUID] = []
    for start in range(0, len(job_ids), 100):
        decisions = await decisions_of(ledger, job_ids[start : start + 100], deliveries=deliveries, **options)
        for ids in (await record_decisions(ledger, decisions)).values():
            made += ids
    return sorted(made)


async def row_of(ledger: Ledger, table: str, identifier: UUID) -> Row:
    (row,) = await ledger.fetch(f"SELECT * FROM hermodr.{table} WHERE id = $1", identifier)
    return row


async def rows_of(ledger: Ledger, table: str) -> list[Row]:
    return await ledger.fetch(f"SELECT * FROM hermodr.{table}")


def attempt(delivery_id: UUID, number: int, outcome: Outcome, **changes: Any) -> Attempt:
    now = datetime.now(UTC)
    made = Attempt(delivery_id, number, outcome, now, now, claimed_by="me", provider="smtp")
    return made._replace(**changes)


async def accept_one(ledger: Ledger, job: NewJob) -> UUID:
    """With its singleton key, if any."""
    async with ledger.transaction() as transaction:
        assert await accept_many(transaction, [job], wait_seconds=1.0) == [Accepted()]
    return job.id
