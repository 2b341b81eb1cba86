"""Tasks whose worker died or hangs, and rows that were left behind. Any number of schedulers may do this."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hermodr_ledger.engine import Ledger, news
from hermodr_ledger.engine.announcing import PARKED
from hermodr_servicekit.ids import new_id

WORKER_LOST = "worker_lost"
"""The error of an attempt whose worker did not renew its lease."""
FORGOTTEN_TOGETHER = 500
_TYPES_KEPT_DAYS = 7


@dataclass(frozen=True, slots=True)
class Rescued:
    """`state`: queued again, failed after the last attempt, or cancelled."""

    job_id: UUID
    state: str


_RESCUE = f"""
WITH held AS MATERIALIZED (
    SELECT j.id, o.nth, o.attempt, o.worker, o.claimed_at FROM (
        SELECT job_id, attempt, worker, claimed_at, row_number() OVER () AS nth FROM hermodr.tasks
        WHERE worker IS NOT NULL AND lease_until <= now() LIMIT $1) o
    JOIN hermodr.jobs j ON j.id = o.job_id WHERE j.state = 'processing'
    ORDER BY j.id FOR UPDATE OF j SKIP LOCKED
), again AS (
    UPDATE hermodr.tasks t SET worker = NULL, claimed_at = NULL, lease_until = NULL
    FROM held h
    WHERE t.job_id = h.id AND t.attempt = h.attempt AND t.worker = h.worker AND t.lease_until <= now()
      AND t.cancel_requested_at IS NULL AND t.attempt - t.earlier_attempts <= coalesce(t.max_retries, 0)
    RETURNING t.job_id, t.attempt, t.progress, h.worker, h.claimed_at, 'queued' AS becomes
), ended AS (
    DELETE FROM hermodr.tasks t USING held h
    WHERE t.job_id = h.id AND t.attempt = h.attempt AND t.worker = h.worker AND t.lease_until <= now()
      AND (t.cancel_requested_at IS NOT NULL OR t.attempt - t.earlier_attempts > coalesce(t.max_retries, 0))
    RETURNING t.job_id, t.attempt, t.progress, t.worker, t.claimed_at,
        CASE WHEN t.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'failed' END AS becomes
), lost AS (
    SELECT * FROM again UNION ALL SELECT * FROM ended
), changed AS (
    UPDATE hermodr.jobs j SET state = l.becomes,
        error = CASE WHEN l.becomes = 'failed' THEN $2 END,
        wake_at = CASE WHEN l.becomes = 'queued' THEN {PARKED} END,
        finished_at = CASE WHEN l.becomes <> 'queued' THEN clock_timestamp() END
    FROM lost l WHERE j.id = l.job_id
    RETURNING j.id, j.project_id, j.owner_id, j.type, j.state, j.singleton_key, j.requeues
), logged AS (
    INSERT INTO hermodr.task_attempts (job_id, number, requeues, worker, outcome, error, progress, started_at)
    SELECT l.job_id, l.attempt, c.requeues, l.worker, 'lost', $2, l.progress, l.claimed_at
    FROM lost l JOIN changed c ON c.id = l.job_id
    ON CONFLICT DO NOTHING
), freed AS (
    DELETE FROM hermodr.singletons s USING changed c
    WHERE c.singleton_key IS NOT NULL AND c.state <> 'queued'
      AND s.project_id = c.project_id AND s.key = c.singleton_key AND s.job_id = c.id
), buried AS (
    INSERT INTO hermodr.dead_letters (id, project_id, source_id, queue, reason, job_id, job_type)
    SELECT ($3::uuid[])[h.nth], c.project_id, c.id || '/task/' || c.requeues, 'tasks.dead', $2, c.id, c.type
    FROM changed c JOIN held h ON h.id = c.id WHERE c.state = 'failed'
    ON CONFLICT (source_id) DO NOTHING
)
SELECT id, project_id, owner_id, state, now() AS at FROM changed
"""

# What nobody can explain, yet would wait for ever: a parked task without its row.
_REPAIR = f"""
WITH strays AS (
    SELECT j.id FROM hermodr.jobs j
    WHERE j.kind = 'task' AND j.wake_at IS NOT NULL AND j.wake_at >= {PARKED} AND j.state = 'queued'
      AND NOT EXISTS (SELECT 1 FROM hermodr.tasks t WHERE t.job_id = j.id)
      AND NOT EXISTS (SELECT 1 FROM hermodr.task_dependencies d WHERE d.job_id = j.id)
    LIMIT $1 FOR UPDATE OF j SKIP LOCKED
)
UPDATE hermodr.jobs j SET wake_at = now() FROM strays s WHERE j.id = s.id
RETURNING j.id, j.project_id, j.owner_id, j.state, now() AS at
"""

_SWEEP = """
DELETE FROM hermodr.tasks t WHERE t.job_id IN (
    SELECT w.job_id FROM hermodr.tasks w JOIN hermodr.jobs j ON j.id = w.job_id
    WHERE (w.worker IS NULL OR w.lease_until < now()) AND j.finished_at IS NOT NULL
    LIMIT $1 FOR UPDATE OF w SKIP LOCKED)
"""


async def rescue(ledger: Ledger, limit: int) -> list[Rescued]:
    """Tasks whose lease is over: another attempt at once if one is left, else they have failed; those told to stop are
    cancelled. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(_RESCUE, limit, WORKER_LOST, [new_id() for _ in range(limit)])
    ledger.tell(news.of_jobs(rows))
    return [Rescued(row["id"], row["state"]) for row in rows]


async def tidy(ledger: Ledger, limit: int) -> None:
    """Rows without an unfinished job are deleted, parked jobs without a row are due. Raises `LedgerUnavailable`."""
    await ledger.fetch(_SWEEP, limit)
    rows = await ledger.fetch(_REPAIR, limit)
    ledger.tell(news.of_jobs(rows))
    await ledger.fetch(
        "DELETE FROM hermodr.task_types WHERE seen_at < now() - make_interval(days => $1)", _TYPES_KEPT_DAYS
    )


async def forget(ledger: Ledger, before: datetime) -> int:
    """Deletes tasks whose last attempt ended before that, with all that belongs to them; how many attempts were looked
    at. Tasks that never began go with their week (`upkeep.retention`). Raises `LedgerUnavailable`."""
    (row,) = await ledger.fetch("SELECT hermodr.forget_tasks($1, $2) AS looked", before, FORGOTTEN_TOGETHER)
    looked: int = row["looked"]
    return looked
