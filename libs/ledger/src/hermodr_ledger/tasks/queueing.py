"""Lets requested tasks wait for a worker: a queued job gets its row in `tasks`, and is parked. One that
depends on other jobs gets that row when these have completed (`dependencies`)."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.announcing import PARKED
from hermodr_ledger.tasks import dependencies
from hermodr_ledger.tasks.waiting import BEGUN, CONFLICT, WAIT

_ENQUEUE = f"""
WITH parked AS (
    UPDATE hermodr.jobs j SET wake_at = {PARKED}, announcements = 0, unannounced = false
    FROM (SELECT id, 'queued' AS state, 'task' AS kind FROM unnest($1::uuid[]) AS u(id) OFFSET 0) w
    WHERE j.id = w.id AND j.state = w.state AND j.kind = w.kind AND j.wake_at < {PARKED}
    RETURNING j.id, j.project_id, j.type, j.priority, j.requeues, j.content ->> 'fairness_key' AS fairness_key,
        j.owner_id IS NOT NULL OR j.content -> 'on_finished' IS NOT NULL AS followed,
        CASE WHEN jsonb_typeof(j.content -> 'depends_on') = 'array' THEN j.content -> 'depends_on' END AS depends_on
), begun AS (
    {BEGUN.format(jobs="parked")}
), awaited AS (
    SELECT p.id, d.value::uuid AS on_id FROM parked p JOIN begun b ON b.id = p.id
    CROSS JOIN LATERAL jsonb_array_elements_text(p.depends_on) d
    WHERE b.attempt = 0 AND pg_input_is_valid(d.value, 'uuid')
), noted AS (
    INSERT INTO hermodr.task_dependencies (job_id, on_job_id) SELECT id, on_id FROM awaited ON CONFLICT DO NOTHING
), watched AS (
    INSERT INTO hermodr.task_endings (job_id) SELECT id FROM parked WHERE followed ON CONFLICT DO NOTHING
), waiting AS (
    {WAIT.format(jobs="parked")} WHERE NOT EXISTS (SELECT FROM awaited a WHERE a.id = p.id)
    {CONFLICT}
    RETURNING job_id
)
SELECT job_id, false AS depends FROM waiting UNION ALL SELECT DISTINCT id, true FROM awaited
"""


async def enqueue(ledger: Ledger, job_ids: Sequence[UUID]) -> list[UUID]:
    """Those of the jobs that wait for a worker now and did not before. A task that has begun once does not ask again
    for what it depends on. Any number of dispatchers may do this. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(_ENQUEUE, list(job_ids))
    waiting = [row["job_id"] for row in rows if not row["depends"]]
    if depending := [row["job_id"] for row in rows if row["depends"]]:
        waiting += (await dependencies.settle(ledger, depending)).ready
    return waiting
