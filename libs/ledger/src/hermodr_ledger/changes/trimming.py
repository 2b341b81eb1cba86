"""Deletes old changes, read or not."""

from datetime import datetime

from hermodr_ledger.engine import Ledger

TOGETHER = 10_000


async def trim(ledger: Ledger, before: datetime) -> int:
    """Deletes changes before that time among the oldest `TOGETHER`; returns how many. If all, there may be more."""
    rows = await ledger.fetch(
        """
        WITH gone AS (
            DELETE FROM hermodr.changes c
            USING (SELECT project_id, seq, at FROM hermodr.changes ORDER BY xact, seq LIMIT $2) oldest
            WHERE c.project_id = oldest.project_id AND c.seq = oldest.seq AND oldest.at < $1
            RETURNING 1
        )
        SELECT count(*) AS deleted FROM gone
        """,
        before,
        TOGETHER,
    )
    return int(rows[0]["deleted"])
