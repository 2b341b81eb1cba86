"""What time does to webhooks: endpoints that fail for days are disabled, what waits for disabled ones is discarded, old
messages go. Any number of schedulers may do this."""

from datetime import datetime, timedelta

from hermodr_ledger.engine import Ledger
from hermodr_ledger.webhooks.endpoints import disable

FAILING_FOR = timedelta(days=5)
DISCARDED_TOGETHER = 1_000
DELETED_TOGETHER = 5_000


async def disable_failing(ledger: Ledger) -> int:
    """Disables endpoints of which an attempt failed `FAILING_FOR` after an earlier one, without a success in between:
    one that was not called meanwhile has not failed for days."""
    rows = await ledger.fetch(
        """
        SELECT e.id FROM hermodr.webhook_endpoints e
        WHERE e.failing_since <= now() - $1::interval AND e.failing_since IS NOT NULL AND e.disabled_at IS NULL
          AND EXISTS (SELECT FROM hermodr.webhook_attempts a
                      WHERE a.endpoint_id = e.id AND a.at >= e.failing_since + $1::interval)
        """,
        FAILING_FOR,
    )
    disabled = 0
    for row in rows:
        async with ledger.transaction() as transaction:
            still = await transaction.fetch(
                "SELECT FROM hermodr.webhook_endpoints"
                " WHERE id = $1 AND failing_since <= now() - $2::interval FOR NO KEY UPDATE",
                row["id"],
                FAILING_FOR,
            )
            disabled += bool(still) and await disable(transaction, row["id"], "failing")
    return disabled


async def discard(ledger: Ledger) -> int:
    """What waits for a disabled endpoint, at most `DISCARDED_TOGETHER`. `recover` sends it once it is enabled."""
    rows = await ledger.fetch(
        """
        WITH over AS (
            SELECT m.id FROM hermodr.webhook_endpoints e
            JOIN hermodr.webhook_messages m ON m.endpoint_id = e.id AND m.state = 'waiting'
            WHERE e.disabled_at IS NOT NULL LIMIT $1
            FOR UPDATE OF m SKIP LOCKED FOR SHARE OF e SKIP LOCKED
        ), discarded AS (
            UPDATE hermodr.webhook_messages m SET state = 'discarded', due_at = NULL, finished_at = now()
            FROM over WHERE m.id = over.id RETURNING 1
        )
        SELECT count(*) AS n FROM discarded
        """,
        DISCARDED_TOGETHER,
    )
    return int(rows[0]["n"])


async def trim(ledger: Ledger, before: datetime) -> int:
    """Deletes messages that ended before, with their attempts: at most `DELETED_TOGETHER`, the oldest."""
    rows = await ledger.fetch(
        """
        WITH gone AS (
            DELETE FROM hermodr.webhook_messages WHERE id IN (
                SELECT id FROM hermodr.webhook_messages WHERE finished_at < $1
                ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED
            ) RETURNING 1
        )
        SELECT count(*) AS n FROM gone
        """,
        before,
        DELETED_TOGETHER,
    )
    return int(rows[0]["n"])
