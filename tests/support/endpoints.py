from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hermodr_ledger.engine import Ledger, Row
from hermodr_ledger.webhooks import endpoints
from hermodr_ledger.webhooks.endpoints import Endpoint, NewEndpoint
from hermodr_ledger.webhooks.fan_out import fan_out
from hermodr_servicekit.ids import new_id

URL = "https://hooks.example.com/in?key=s3cr3t"


async def new_endpoint(ledger: Ledger, project_id: UUID, events: Sequence[str] | None = None) -> Endpoint:
    async with ledger.transaction() as transaction:
        return await endpoints.create(transaction, NewEndpoint(new_id(), project_id, URL, None, events))


async def fanned_out(ledger: Ledger, project_id: UUID) -> None:
    """Returns when all that is committed became messages."""
    while await fan_out(ledger, project_id):
        pass


async def accounts(ledger: Ledger, project_id: UUID) -> Counter[str]:
    rows = await ledger.fetch(
        "SELECT account FROM hermodr.webhook_accounts WHERE project_id = $1", project_id
    )
    return Counter(row["account"] for row in rows)


async def messages(ledger: Ledger, endpoint: Endpoint) -> list[Row]:
    return await ledger.fetch(
        "SELECT * FROM hermodr.webhook_messages WHERE endpoint_id = $1 ORDER BY change_seq, id", endpoint.id
    )


async def finish(ledger: Ledger, message_id: UUID, state: str, **attempt: Any) -> None:
    """As a sender would: one attempt, then over."""
    given: dict[str, Any] = {"status": 200, "outcome": "delivered", "error": None, "ago": 0} | attempt
    await ledger.fetch(
        """
        WITH tried AS (
            INSERT INTO hermodr.webhook_attempts
                (message_id, number, endpoint_id, at, duration_ms, status, outcome, error)
            SELECT id, attempt + 1, endpoint_id, now() - make_interval(secs => $6), 12, $3, $4, $5
            FROM hermodr.webhook_messages WHERE id = $1
        )
        UPDATE hermodr.webhook_messages SET state = $2, due_at = NULL, finished_at = now(), attempt = attempt + 1
        WHERE id = $1
        """,
        message_id,
        state,
        given["status"],
        given["outcome"],
        given["error"],
        float(given["ago"]),
    )
