"""Jobs as those who follow them are told: what they are now, without contents."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import fetch, given_rows
from hermodr_ledger.engine.documents import value_of
from hermodr_ledger.tables import jobs, task_attempts, tasks

_WANTED = given_rows(jobs.c.id)
_LATEST = (
    sa.select(task_attempts.c.progress)
    .where(task_attempts.c.job_id == jobs.c.id)
    .order_by(task_attempts.c.number.desc())
    .limit(1)
    .scalar_subquery()
)
_NOW = sa.select(
    jobs.c.id,
    jobs.c.project_id,
    jobs.c.owner_id,
    jobs.c.state,
    sa.func.coalesce(tasks.c.progress, _LATEST).label("progress"),
    jobs.c.result,
    jobs.c.error,
).select_from(_WANTED.join(jobs, jobs.c.id == _WANTED.c.id).outerjoin(tasks, tasks.c.job_id == jobs.c.id))


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
    return {
        row["id"]: FollowedJob(
            row["id"],
            row["project_id"],
            row["owner_id"],
            row["state"],
            value_of(row["progress"]),
            value_of(row["result"]),
            row["error"],
        )
        for row in rows
    }
