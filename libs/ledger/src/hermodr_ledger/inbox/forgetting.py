"""Deletes old notifications, read or not."""

from datetime import datetime

from hermodr_ledger.engine import Ledger

TOGETHER = 5_000


async def trim(ledger: Ledger, before: datetime) -> int:
    """Deletes the oldest of those made before that time, at most `TOGETHER`; returns how many. If all, there may be
    more. Their ids tell when they were made."""
    rows = await ledger.fetch(
        """
        WITH gone AS (
            DELETE FROM hermodr.inbox n
            USING (SELECT o.id FROM hermodr.inbox o WHERE o.id < hermodr.uuid_floor($1) ORDER BY o.id LIMIT $2) oldest
            WHERE n.id = oldest.id RETURNING 1
        )
        SELECT count(*) AS deleted FROM gone
        """,
        before,
        TOGETHER,
    )
    return int(rows[0]["deleted"])
