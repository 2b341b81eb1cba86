"""Auto-syncs whose job ended without them, finished ones, and jobs that are to be done at once."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Ledger, Transaction, news
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import auto_syncs

FORGOTTEN_TOGETHER = 1000

# Locked first, so that the job that a trigger plans meanwhile is seen.
_LEFT_ALONE = """
WITH alone AS (
    SELECT s.id FROM hermodr.auto_syncs s
    WHERE s.status = 'running' AND s.checked_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM hermodr.singletons k JOIN hermodr.jobs j ON j.id = k.job_id
        WHERE k.project_id = s.project_id AND j.finished_at IS NULL AND k.key = hermodr.auto_sync_key(
            s.id, CASE WHEN s.reminded_at IS NULL THEN 'reminder_24h' ELSE 'pause_check_48h' END)
    ) ORDER BY s.id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE hermodr.auto_syncs s
SET reminded_at = coalesce(s.reminded_at, now()), checked_at = CASE WHEN s.reminded_at IS NOT NULL THEN now() END
FROM alone a WHERE s.id = a.id AND s.status = 'running' AND s.checked_at IS NULL
RETURNING s.id
"""


async def go_on(ledger: Ledger, limit: int) -> int:
    """Running ones whose job was cancelled or failed: after the reminder comes the pause check; without that they run
    until somebody ends them. How many there were."""
    return len(await ledger.fetch(_LEFT_ALONE, limit))


async def forget(ledger: Ledger, before: datetime) -> int:
    """Deletes some of those that were finished before then, with their answers."""
    old = (
        sa.select(auto_syncs.c.id)
        .where(auto_syncs.c.completed_at < before)
        .order_by(auto_syncs.c.completed_at)
        .limit(FORGOTTEN_TOGETHER)
        .with_for_update(skip_locked=True)
    )
    gone = sa.delete(auto_syncs).where(auto_syncs.c.id.in_(old)).returning(auto_syncs.c.id)
    return len(await fetch(ledger, gone))


_DUE = """
UPDATE hermodr.jobs j SET state = 'queued', wake_at = now() + interval '5 seconds', announcements = 0
FROM hermodr.singletons k
WHERE k.project_id = $1 AND j.id = k.job_id AND j.kind = 'reminder' AND j.finished_at IS NULL
  AND k.key IN (hermodr.auto_sync_key($2, 'reminder_24h'), hermodr.auto_sync_key($2, 'pause_check_48h'))
  AND (j.state = 'queued' OR (j.state = 'scheduled' AND j.scheduled_for <= now()))
RETURNING j.id, j.project_id, j.owner_id, j.state, now() AS at
"""


async def due(transaction: Transaction, project_id: UUID, sync_id: UUID) -> list[UUID]:
    """The job that is due, to be announced at once after the commit."""
    rows = await transaction.fetch(_DUE, project_id, sync_id)
    transaction.tell(news.of_jobs(rows))
    return [row["id"] for row in rows]
