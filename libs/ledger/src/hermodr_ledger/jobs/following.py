"""Jobs as those who follow them are told: what they are now, without contents."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.vocabulary import JobKind
from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import fetch, given_rows
from hermodr_ledger.engine.documents import value_of
from hermodr_ledger.tables import jobs, task_attempts, tasks

LOOKED_AT = 200
"""Of a user's jobs the newest, for what they have that runs."""
LATELY = timedelta(minutes=2)
"""Who comes back sooner is told of what ended meanwhile."""

_WANTED = given_rows(jobs.c.id)
_LATEST = (
    sa.select(task_attempts.c.progress)
    .where(task_attempts.c.job_id == jobs.c.id)
    .order_by(task_attempts.c.number.desc())
    .limit(1)
    .scalar_subquery()
)
_SHOWN = (
    jobs.c.id,
    jobs.c.project_id,
    jobs.c.owner_id,
    jobs.c.state,
    sa.func.coalesce(tasks.c.progress, _LATEST).label("progress"),
    jobs.c.result,
    jobs.c.error,
)
_NOW = sa.select(*_SHOWN).select_from(
    _WANTED.join(jobs, jobs.c.id == _WANTED.c.id).outerjoin(tasks, tasks.c.job_id == jobs.c.id)
)
_NEWEST = (
    sa.select(jobs.c.id, jobs.c.kind, jobs.c.finished_at)
    .where(jobs.c.project_id == sa.bindparam("project_id"), jobs.c.owner_id == sa.bindparam("owner_id"))
    .order_by(jobs.c.id.desc())
    .limit(LOOKED_AT)
    .subquery()
)
_TASKS = (
    sa.select(*_SHOWN)
    .select_from(_NEWEST.join(jobs, jobs.c.id == _NEWEST.c.id).outerjoin(tasks, tasks.c.job_id == jobs.c.id))
    .where(
        _NEWEST.c.kind == JobKind.TASK,
        sa.or_(
            _NEWEST.c.finished_at.is_(None),
            _NEWEST.c.finished_at > sa.func.now() - sa.bindparam("lately", type_=sa.Interval),
        ),
    )
    .order_by(jobs.c.id)
)


@dataclass(frozen=True, slots=True)
class FollowedJob:
    """`progress`: `current`, `total`, `percentage`, `message` of a task; `result` and `error` of one that ended."""

    id: UUID
    project_id: UUID
    owner_id: str | None
    state: str
    progress: Mapping[str, Any] | None
    result: Any
    error: str | None


async def read(statements: Statements, ids: Collection[UUID]) -> dict[UUID, FollowedJob]:
    """Those that are there. Raises `LedgerUnavailable`."""
    rows = await fetch(statements, _NOW, each_id=list(ids))
    return {row["id"]: _job(row) for row in rows}


async def tasks_of(statements: Statements, project_id: UUID, owner_id: str) -> list[FollowedJob]:
    """Of the user's `LOOKED_AT` newest jobs the tasks that have not ended, or `LATELY`; oldest first. Raises
    `LedgerUnavailable`."""
    rows = await fetch(statements, _TASKS, project_id=project_id, owner_id=owner_id, lately=LATELY)
    return [_job(row) for row in rows]


def _job(row: Row) -> FollowedJob:
    return FollowedJob(
        row["id"],
        row["project_id"],
        row["owner_id"],
        row["state"],
        value_of(row["progress"]),
        value_of(row["result"]),
        row["error"],
    )
