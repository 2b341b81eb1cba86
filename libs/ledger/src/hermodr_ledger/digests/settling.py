"""What becomes of the updates of a digest once its job has ended: those of one that arrived are read, others are free
for the next digest. Nothing of this is on the way of mails: whoever settles looks at the runs that are open."""

from dataclasses import dataclass
from datetime import datetime

from hermodr_ledger.engine import Ledger

# The job's row is locked: it is not requeued meanwhile. A job that somebody has locked is looked at again. Of jobs that
# somebody has deleted nobody knows what became: their updates are sent rather than lost.
_SETTLE = """
WITH ended AS (
    SELECT r.schedule_id, r.nominal, r.job_id, j.finished_at, j.state = 'completed' AS arrived
    FROM hermodr.digest_runs r JOIN hermodr.jobs j ON j.id = r.job_id AND j.finished_at IS NOT NULL
    WHERE r.settled_at IS NULL ORDER BY r.job_id LIMIT $1 FOR UPDATE OF r, j SKIP LOCKED
), lost AS (
    SELECT r.schedule_id, r.nominal, r.job_id FROM hermodr.digest_runs r
    WHERE r.settled_at IS NULL AND r.job_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM hermodr.jobs j WHERE j.id = r.job_id)
    ORDER BY r.job_id LIMIT $1 FOR UPDATE OF r SKIP LOCKED
), freed AS (
    DELETE FROM hermodr.digest_updates d
    WHERE d.delivered_at IS NULL
      AND d.job_id IN (SELECT job_id FROM ended WHERE NOT arrived UNION ALL SELECT job_id FROM lost)
    RETURNING 1
), delivered AS (
    UPDATE hermodr.digest_updates d SET delivered_at = e.finished_at
    FROM ended e WHERE d.job_id = e.job_id AND e.arrived AND d.delivered_at IS NULL
    RETURNING d.recipient_id, d.update_id
), marked AS (
    INSERT INTO hermodr.update_reads (recipient_id, update_id)
    SELECT recipient_id, update_id FROM delivered ORDER BY recipient_id, update_id
    ON CONFLICT DO NOTHING
), dated AS (
    UPDATE hermodr.digest_schedules s SET last_digest_sent = greatest(s.last_digest_sent, e.at)
    FROM (SELECT schedule_id, max(finished_at) AS at FROM ended WHERE arrived GROUP BY schedule_id) e
    WHERE s.id = e.schedule_id
), settled AS (
    UPDATE hermodr.digest_runs r SET settled_at = now()
    FROM (SELECT schedule_id, nominal FROM ended UNION ALL SELECT schedule_id, nominal FROM lost) e
    WHERE r.schedule_id = e.schedule_id AND r.nominal = e.nominal
    RETURNING 1
)
SELECT (SELECT count(*) FROM settled) AS runs, (SELECT count(*) FROM delivered) AS delivered,
       (SELECT count(*) FROM freed) AS freed
"""


@dataclass(frozen=True, slots=True)
class Settled:
    """How many runs, and how many of their updates were `delivered` or `freed`."""

    runs: int
    delivered: int
    freed: int


async def settle(ledger: Ledger, limit: int) -> Settled:
    """Settles up to `limit` runs whose job has ended. Raises `LedgerUnavailable`."""
    row = (await ledger.fetch(_SETTLE, limit))[0]
    return Settled(row["runs"], row["delivered"], row["freed"])


async def forget_runs(ledger: Ledger, before: datetime) -> int:
    """Deletes runs made before then that are settled; what was delivered stays known."""
    rows = await ledger.fetch(
        """
        WITH gone AS (
            DELETE FROM hermodr.digest_runs WHERE made_at < $1 AND settled_at IS NOT NULL RETURNING 1
        ) SELECT count(*) AS n FROM gone
        """,
        before,
    )
    return int(rows[0]["n"])
