"""Ends of tasks that something follows: the task that was to come afterwards, and what their owner is told. A row per
such task, from its request until what follows is requested, in the transaction that takes the row: once per end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hermodr_ledger.engine import Ledger, Row, Transaction
from hermodr_ledger.engine.documents import object_of, value_of


@dataclass(frozen=True, slots=True)
class Ending:
    """A task that has ended. `on_finished`: the type and payload of the task that follows. `result`: a short one."""

    job_id: UUID
    project_id: UUID
    owner_id: str | None
    type: str
    state: str
    error: str | None
    priority: int
    began_at: datetime | None
    finished_at: datetime
    fairness_key: str | None
    on_finished: tuple[str, dict[str, Any]] | None
    result: Any = None


_LOOK = """
WITH span AS (SELECT job_id FROM hermodr.task_endings WHERE job_id > $1 ORDER BY job_id LIMIT $2)
SELECT s.job_id, NOT EXISTS (SELECT FROM hermodr.jobs j WHERE j.id = s.job_id AND j.finished_at IS NULL) AS ended
FROM span s ORDER BY s.job_id
"""

_TAKE = """
WITH over AS (
    DELETE FROM hermodr.task_endings e USING unnest($1::uuid[]) AS w(id)
    WHERE e.job_id = w.id AND NOT EXISTS (SELECT FROM hermodr.jobs j WHERE j.id = w.id AND j.finished_at IS NULL)
    RETURNING e.job_id
)
SELECT j.id, j.project_id, j.owner_id, j.type, j.state, j.error, j.priority, j.content, j.processed_at, j.finished_at,
    CASE WHEN octet_length(j.result::text) <= 2000 THEN j.result::text END AS result
FROM over o JOIN hermodr.jobs j ON j.id = o.job_id ORDER BY j.id
"""


async def look(ledger: Ledger, after: UUID, limit: int) -> tuple[list[UUID], UUID | None]:
    """Of so many tasks those that have ended, and where to go on; `None`: that was the last one. Raises
    `LedgerUnavailable`."""
    rows = await ledger.fetch(_LOOK, after, limit)
    return [row["job_id"] for row in rows if row["ended"]], rows[-1]["job_id"] if len(rows) == limit else None


async def take(transaction: Transaction, job_ids: Sequence[UUID]) -> list[Ending]:
    """Those of the tasks that nobody else has taken."""
    return [_ending(row) for row in await transaction.fetch(_TAKE, list(job_ids))]


def _ending(row: Row) -> Ending:
    content = object_of(row["content"]) or {}
    key, wanted = content.get("fairness_key"), content.get("on_finished")
    follows = None
    if isinstance(wanted, dict) and isinstance(wanted.get("type"), str):
        follows = (wanted["type"], dict(wanted.get("payload") or {}))
    return Ending(
        row["id"],
        row["project_id"],
        row["owner_id"],
        row["type"] or "",
        row["state"],
        row["error"],
        row["priority"],
        row["processed_at"],
        row["finished_at"],
        key if isinstance(key, str) else None,
        follows,
        value_of(row["result"]),
    )
