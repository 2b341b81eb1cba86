"""Lets requested tasks wait for a worker: a queued job gets its row in `tasks`, and is parked."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.announcing import PARKED

# A row may be there already, of before the job was cancelled and asked for again: `DO UPDATE` waits for whoever is
# deleting it, and then makes a new one.
_ENQUEUE = f"""
WITH parked AS (
    UPDATE hermodr.jobs j SET wake_at = {PARKED}, announcements = 0, unannounced = false
    FROM (SELECT id, 'queued' AS state, 'task' AS kind FROM unnest($1::uuid[]) AS u(id) OFFSET 0) w
    WHERE j.id = w.id AND j.state = w.state AND j.kind = w.kind AND j.wake_at < {PARKED}
    RETURNING j.id, j.project_id, j.type, j.priority, j.requeues, j.content ->> 'fairness_key' AS fairness_key
), begun AS (
    SELECT p.id, coalesce(max(a.number), 0) AS attempt,
           coalesce(max(a.number) FILTER (WHERE a.requeues < p.requeues), 0) AS earlier
    FROM parked p LEFT JOIN hermodr.task_attempts a ON a.job_id = p.id GROUP BY p.id
)
INSERT INTO hermodr.tasks AS t (job_id, project_id, type, priority, fairness_key, attempt, earlier_attempts)
SELECT p.id, p.project_id, coalesce(p.type, ''), p.priority, coalesce(p.fairness_key, ''), b.attempt, b.earlier
FROM parked p JOIN begun b ON b.id = p.id
ON CONFLICT (job_id) DO UPDATE SET priority = excluded.priority, fairness_key = excluded.fairness_key,
    attempt = excluded.attempt, earlier_attempts = excluded.earlier_attempts, worker = NULL, claimed_at = NULL,
    lease_until = NULL, cancel_requested_at = NULL, progress = NULL
RETURNING job_id
"""


async def enqueue(ledger: Ledger, job_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the jobs that wait for a worker now and did not before. Any number of dispatchers may do this.
    Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(_ENQUEUE, list(job_ids))
    return [row["job_id"] for row in rows]
