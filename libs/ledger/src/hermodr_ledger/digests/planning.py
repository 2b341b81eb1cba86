"""Makes the jobs of digest schedules. Any number of schedulers may: due rows are taken with SKIP LOCKED, and a schedule
has one run for each of its occurrences. Jobs, runs and next times are one transaction."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_ledger.access import accepted
from hermodr_ledger.digests.schedules import COLUMNS, DigestSchedule, of_row
from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.locked import let_go_if_stopped
from hermodr_ledger.engine.setting_aside import not_aside, spared, understood
from hermodr_ledger.jobs.accept import NewJob, accept
from hermodr_ledger.tables import digest_schedules, recipients
from hermodr_servicekit.ids import new_job_id

PLANNING_DUTY = "digest schedules"
DIGEST = "digest"
"""The type of a digest's job: which template it is made by, and which preferences hold for it."""
PRIORITY = Priority.LOW
"""Thousands of digests of one hour keep nobody else waiting."""


class Plan(NamedTuple):
    """What is due of a schedule: the occurrence to fire (`None`: none), those that were missed, and the next one."""

    fires: datetime | None
    missed: Sequence[datetime]
    next: datetime | None


class Planned(NamedTuple):
    """A schedule that was due, or had no next time. `job_id` `None`: nothing fired. `lateness` in seconds."""

    schedule_id: UUID
    job_id: UUID | None
    lateness: float


Planner = Callable[[DigestSchedule, datetime], Plan]
"""Of a schedule and the ledger's time; raises `ValueError` for a rule that makes no sense."""

_OF = digest_schedules.c
_DUE = (
    sa.select(*COLUMNS, recipients.c.user_id, sa.func.now().label("read_at"))
    .join(recipients, recipients.c.id == _OF.recipient_id)
    .where(
        _OF.is_active,
        sa.or_(_OF.next_digest_scheduled <= sa.func.now(), _OF.next_digest_scheduled.is_(None)),
        sa.text(not_aside("digest_schedules.id", PLANNING_DUTY)),
    )
)
_MADE = """
INSERT INTO hermodr.digest_runs (schedule_id, nominal, job_id, settled_at)
SELECT r.schedule_id, r.nominal, r.job_id, CASE WHEN r.job_id IS NULL THEN now() END
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS r(schedule_id, nominal, job_id)
ON CONFLICT (schedule_id, nominal) DO NOTHING
RETURNING job_id
"""
_NEXT = """
UPDATE hermodr.digest_schedules s SET next_digest_scheduled = n.next
FROM unnest($1::uuid[], $2::timestamptz[]) AS n(id, next) WHERE s.id = n.id
"""
_NEVER = """
UPDATE hermodr.digest_schedules SET is_active = false, updated_at = now() WHERE id = ANY ($1::uuid[])
"""


async def plan_due(ledger: Ledger, limit: int, planner: Planner) -> list[Planned]:
    """Plans up to `limit` due schedules; computes next times that are missing. A schedule that cannot be planned is set
    aside. Of a project that may accept nothing (a quota is used up) what is due is missed. Raises
    `LedgerUnavailable`."""

    async def work(only: Sequence[UUID] | None) -> list[Planned]:
        async with ledger.transaction() as transaction:
            await let_go_if_stopped(transaction)
            return await _plan(ledger, transaction, limit, planner, only)

    async def candidates() -> list[UUID]:
        rows = await fetch(ledger, _DUE.limit(limit))
        return [row["id"] for row in rows]

    return await spared(ledger, PLANNING_DUTY, work, candidates)


async def seconds_until_due(ledger: Ledger) -> float | None:
    """`None`: no schedule has a next time. Rows without one are due now."""
    unplanned = sa.select(_OF.id).where(_OF.is_active, _OF.next_digest_scheduled.is_(None))
    first = sa.select(
        sa.func.extract("epoch", sa.func.min(_OF.next_digest_scheduled) - sa.func.clock_timestamp())
    ).scalar_subquery()
    seconds = sa.case((unplanned.limit(1).exists(), sa.literal(0.0)), else_=sa.cast(first, sa.Float))
    row = (await fetch(ledger, sa.select(seconds.label("seconds"))))[0]
    return float(row["seconds"]) if row["seconds"] is not None else None


async def run_now(transaction: Transaction, schedule: DigestSchedule, owner_id: str | None) -> UUID:
    """A digest by hand, beside the occurrences. The caller announces the job."""
    job = job_of(schedule, owner_id)
    now = (await transaction.fetch("SELECT clock_timestamp() AS now"))[0]["now"]
    await transaction.fetch(_MADE, [schedule.id], [now], [job.id])
    await accept(transaction, [job])
    return job.id


async def _plan(
    ledger: Ledger, transaction: Transaction, limit: int, planner: Planner, only: Sequence[UUID] | None
) -> list[Planned]:
    due = _DUE.order_by(_OF.next_digest_scheduled).limit(limit)
    due = due.with_for_update(of=digest_schedules, skip_locked=True)
    if only is not None:
        due = due.where(_OF.id == sa.any_(sa.literal(list(only), sa.ARRAY(sa.UUID))))

    def read(row: Row) -> tuple[Row, DigestSchedule, Plan]:
        schedule = of_row(row)
        return row, schedule, planner(schedule, row["read_at"])

    rows = await understood(ledger, PLANNING_DUTY, await fetch(transaction, due), read)
    full = await accepted.exceeding(transaction, list({schedule.project_id for _, schedule, _ in rows}))
    jobs = {
        schedule.id: job_of(schedule, row["user_id"])
        for row, schedule, plan in rows
        if plan.fires and schedule.project_id not in full
    }
    runs: list[tuple[UUID, datetime, UUID | None]] = []
    for _, schedule, plan in rows:
        runs += [(schedule.id, each, None) for each in plan.missed]
        if plan.fires is not None:
            job = jobs.get(schedule.id)
            runs.append((schedule.id, plan.fires, job.id if job is not None else None))
    made = {row["job_id"] for row in await _run(transaction, runs)}
    if new := [job for job in jobs.values() if job.id in made]:
        await accept(transaction, new)
        await accepted.note(transaction, Counter(job.project_id for job in new))
    await transaction.fetch(
        _NEXT, [schedule.id for _, schedule, _ in rows], [plan.next for _, _, plan in rows]
    )
    if over := [schedule.id for _, schedule, plan in rows if plan.next is None]:
        await transaction.fetch(_NEVER, over)
    planned = []
    for row, schedule, plan in rows:
        job_id = jobs[schedule.id].id if schedule.id in jobs else None
        late = (row["read_at"] - plan.fires).total_seconds() if plan.fires is not None else 0.0
        planned.append(Planned(schedule.id, job_id if job_id in made else None, late))
    return planned


async def _run(statements: Statements, runs: Sequence[tuple[UUID, datetime, UUID | None]]) -> list[Row]:
    if not runs:
        return []
    columns: list[list[Any]] = [list(each) for each in zip(*runs, strict=True)]
    return await statements.fetch(_MADE, *columns)


def job_of(schedule: DigestSchedule, owner_id: str | None) -> NewJob:
    """A digest of the schedule. `owner_id`: the reader's user id."""
    return NewJob(
        id=new_job_id(),
        project_id=schedule.project_id,
        kind=JobKind.DIGEST,
        type=DIGEST,
        priority=PRIORITY,
        data="{}",
        recipient_id=schedule.recipient_id,
        owner_id=owner_id,
        group_id=schedule.group_id,
    )
