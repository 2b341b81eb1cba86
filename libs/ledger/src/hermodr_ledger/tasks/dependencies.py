"""Tasks that begin when other jobs have completed, and fail when one of these has ended otherwise. Whoever ends a task
looks who waits for it; the scheduler looks at all, so that none is forgotten."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.engine import Ledger, Statements, news
from hermodr_ledger.engine.announcing import PARKED
from hermodr_ledger.tasks.waiting import BEGUN, CONFLICT, WAIT

DEPENDENCY_FAILED = "dependency_failed"
"""The error of a task one of whose dependencies has ended without completing, or is gone."""


class Settled(NamedTuple):
    """Tasks that wait for a worker now, and those that have failed."""

    ready: Sequence[UUID]
    failed: Sequence[UUID]


class Place(NamedTuple):
    """How far the scheduler has looked: a dependency."""

    on_job_id: UUID = UUID(int=0)
    job_id: UUID = UUID(int=0)


# Deleting the dependencies decides who of several settles a task: the others find none to delete.
_SETTLE = f"""
WITH held AS MATERIALIZED (
    SELECT j.id, j.project_id, j.type, j.priority, j.requeues, j.content ->> 'fairness_key' AS fairness_key
    FROM unnest($1::uuid[]) AS u(id) JOIN hermodr.jobs j ON j.id = u.id
    WHERE j.kind = 'task' AND j.state = 'queued' AND j.wake_at >= {PARKED}
    ORDER BY j.id FOR UPDATE OF j SKIP LOCKED
), looked AS (
    SELECT h.id, bool_and(coalesce(o.state = 'completed', false)) AS met,
        min(d.on_job_id::text) FILTER (
            WHERE o.id IS NULL OR (o.finished_at IS NOT NULL AND o.state <> 'completed')) AS broken
    FROM held h JOIN hermodr.task_dependencies d ON d.job_id = h.id
    LEFT JOIN hermodr.jobs o ON o.id = d.on_job_id AND o.project_id = h.project_id
    GROUP BY h.id
), answered AS (
    DELETE FROM hermodr.task_dependencies d USING looked l
    WHERE d.job_id = l.id AND (l.met OR l.broken IS NOT NULL) RETURNING d.job_id
), parked AS (
    SELECT h.* FROM held h JOIN looked l ON l.id = h.id
    WHERE l.met AND EXISTS (SELECT FROM answered a WHERE a.job_id = h.id)
), begun AS (
    {BEGUN.format(jobs="(SELECT id, requeues FROM parked)")}
), waiting AS (
    {WAIT.format(jobs="parked")}
    {CONFLICT}
    RETURNING job_id
), failed AS (
    UPDATE hermodr.jobs j SET state = 'failed', error = $2, wake_at = NULL, finished_at = clock_timestamp()
    FROM looked l WHERE j.id = l.id AND l.broken IS NOT NULL AND EXISTS (SELECT FROM answered a WHERE a.job_id = l.id)
    RETURNING j.id, j.project_id, j.owner_id, j.type, j.state, j.singleton_key, j.requeues, l.broken
), noted AS (
    INSERT INTO hermodr.events (job_id, kind, detail)
    SELECT id, $2, jsonb_build_object('depends_on', broken) FROM failed
), freed AS (
    DELETE FROM hermodr.singletons s USING failed c
    WHERE c.singleton_key IS NOT NULL AND s.project_id = c.project_id AND s.key = c.singleton_key AND s.job_id = c.id
)
SELECT id, project_id, owner_id, state, now() AS at FROM failed
UNION ALL SELECT job_id, NULL, NULL, 'ready', NULL FROM waiting
"""

_OVERDUE = """
WITH span AS (
    SELECT on_job_id, job_id FROM hermodr.task_dependencies
    WHERE (on_job_id, job_id) > ($1::uuid, $2::uuid) ORDER BY on_job_id, job_id LIMIT $3
), over AS (
    DELETE FROM hermodr.task_dependencies d USING span s
    WHERE d.job_id = s.job_id AND d.on_job_id = s.on_job_id
      AND NOT EXISTS (SELECT FROM hermodr.jobs j WHERE j.id = s.job_id AND j.finished_at IS NULL)
)
SELECT s.on_job_id, s.job_id,
    NOT EXISTS (SELECT FROM hermodr.jobs o WHERE o.id = s.on_job_id AND o.finished_at IS NULL) AS ended
FROM span s ORDER BY s.on_job_id, s.job_id
"""


async def settle(ledger: Ledger, job_ids: Sequence[UUID]) -> Settled:
    """Looks at these tasks, and at those that wait for one that fails thereby. Any number may do this; tasks that
    somebody has locked are left. Raises `LedgerUnavailable`."""
    ready: list[UUID] = []
    failed: list[UUID] = []
    left = list(job_ids)
    while left:
        rows = await ledger.fetch(_SETTLE, left, DEPENDENCY_FAILED)
        ended = [row for row in rows if row["state"] == JobState.FAILED]
        ledger.tell(news.of_jobs(ended))
        ready += [row["id"] for row in rows if row["state"] != JobState.FAILED]
        failed += [row["id"] for row in ended]
        left = await depending_on(ledger, [row["id"] for row in ended]) if ended else []
    return Settled(ready, failed)


async def depending_on(ledger: Ledger, job_ids: Sequence[UUID]) -> list[UUID]:
    """The tasks that wait for one of these. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(
        "SELECT DISTINCT job_id FROM hermodr.task_dependencies WHERE on_job_id = ANY ($1::uuid[])",
        list(job_ids),
    )
    return [row["job_id"] for row in rows]


async def look(ledger: Ledger, after: Place, limit: int) -> tuple[list[UUID], Place | None]:
    """Of so many dependencies the tasks that may be settled, and where to go on; `None`: that was the last one. Forgets
    what a task that has ended waited for. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(_OVERDUE, after.on_job_id, after.job_id, limit)
    found = list(dict.fromkeys(row["job_id"] for row in rows if row["ended"]))
    last = rows[-1] if len(rows) == limit else None
    return found, Place(last["on_job_id"], last["job_id"]) if last is not None else None


async def unknown(
    statements: Statements, project_id: UUID, job_ids: Sequence[UUID], owner_id: str | None
) -> set[UUID]:
    """Those that are no jobs of the project, or of this end user. Raises `LedgerUnavailable`."""
    rows = await statements.fetch(
        """
        SELECT w.id FROM unnest($1::uuid[]) AS w(id) WHERE NOT EXISTS (
            SELECT FROM hermodr.jobs j
            WHERE j.id = w.id AND j.project_id = $2 AND ($3::text IS NULL OR j.owner_id = $3))
        """,
        list(job_ids),
        project_id,
        owner_id,
    )
    return {row["id"] for row in rows}
