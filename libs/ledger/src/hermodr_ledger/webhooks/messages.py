"""What was sent to an endpoint, sending it again, and tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.webhook_events import TEST
from hermodr_ledger.engine import Row, Statements, Transaction
from hermodr_ledger.engine.announcing import WEBHOOKS_CHANNEL
from hermodr_ledger.engine.core import equal, fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.tables import webhook_attempts, webhook_messages
from hermodr_ledger.webhooks.fan_out import body_of

RECOVERED_TOGETHER = 10_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request. `status`: of HTTP, `None` without an answer. `error`: a code."""

    number: int
    at: datetime
    duration_ms: int
    status: int | None
    outcome: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """`id` is the header `webhook-id`. `attempt`: attempts begun. `due_at`: of the next one, while it waits."""

    id: UUID
    endpoint_id: UUID
    event: str
    occurred_at: datetime
    state: str
    attempt: int
    body: str
    due_at: datetime | None
    created_at: datetime
    finished_at: datetime | None


class Told(NamedTuple):
    """A message with its attempts, in order."""

    message: Message
    attempts: Sequence[Attempt]

    @property
    def id(self) -> UUID:
        return self.message.id


class MessageSearch(NamedTuple):
    """`None` does not narrow. Times are of creation, exclusive."""

    event: str | None = None
    state: str | None = None
    after: datetime | None = None
    before: datetime | None = None


_OF = webhook_messages.c
_COLUMNS = readable_columns(Message, webhook_messages)
_ATTEMPTS = (
    sa.select(webhook_attempts.c.message_id, *readable_columns(Attempt, webhook_attempts))
    .where(webhook_attempts.c.message_id == sa.any_(sa.bindparam("messages", type_=sa.ARRAY(sa.UUID))))
    .order_by(webhook_attempts.c.message_id, webhook_attempts.c.number)
)


async def page(
    statements: Statements, endpoint_id: UUID, search: MessageSearch, wanted: Page
) -> Sequence[Told]:
    """Of an endpoint that the caller was found to own."""
    asked = sa.select(*_COLUMNS).where(
        _OF.endpoint_id == endpoint_id, *equal((_OF.event, search.event), (_OF.state, search.state))
    )
    if search.after is not None:
        asked = asked.where(_OF.created_at > search.after)
    if search.before is not None:
        asked = asked.where(_OF.created_at < search.before)
    rows = await fetch(statements, paged(asked, webhook_messages, wanted))
    return await _told(statements, rows)


async def read(statements: Statements, project_id: UUID, endpoint_id: UUID, message_id: UUID) -> Told | None:
    asked = sa.select(*_COLUMNS).where(
        _OF.id == message_id, _OF.endpoint_id == endpoint_id, _OF.project_id == project_id
    )
    found = await _told(statements, await fetch(statements, asked))
    return found[0] if found else None


async def redeliver(transaction: Transaction, message_id: UUID) -> bool:
    """Due at once, with a ladder of its own. `False`: it is being sent."""
    rows = await transaction.fetch(
        f"""
        WITH again AS (
            UPDATE hermodr.webhook_messages
            SET state = 'waiting', due_at = now(), finished_at = NULL, ladder_from = attempt
            WHERE id = $1 AND state <> 'sending' RETURNING 1
        )
        SELECT pg_notify('{WEBHOOKS_CHANNEL}', '') FROM again
        """,
        message_id,
    )
    return bool(rows)


async def recover(transaction: Transaction, endpoint_id: UUID, since: datetime) -> int:
    """What failed or was discarded of messages made since then is due again: at most `RECOVERED_TOGETHER`, the oldest.
    Returns how many; if so many, there may be more."""
    rows = await transaction.fetch(
        """
        WITH lost AS (
            SELECT id FROM hermodr.webhook_messages
            WHERE endpoint_id = $1 AND created_at >= $2 AND state IN ('failed', 'discarded')
            ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
        ), again AS (
            UPDATE hermodr.webhook_messages m
            SET state = 'waiting', due_at = now(), finished_at = NULL, ladder_from = attempt
            FROM lost WHERE m.id = lost.id RETURNING 1
        )
        SELECT count(*) AS n FROM again
        """,
        endpoint_id,
        since,
        RECOVERED_TOGETHER,
    )
    await transaction.fetch("SELECT pg_notify($1, '')", WEBHOOKS_CHANNEL)
    return int(rows[0]["n"])


async def send_test(
    transaction: Transaction, project_id: UUID, endpoint_id: UUID, message_id: UUID, now: datetime
) -> None:
    """A message that says nothing but which endpoint it is for."""
    body = body_of(TEST, now, {"endpoint_id": str(endpoint_id)})
    await transaction.fetch(
        f"""
        WITH made AS (
            INSERT INTO hermodr.webhook_messages (id, endpoint_id, project_id, event, occurred_at, body, due_at)
            VALUES ($1, $2, $3, $4, $5, $6, now()) RETURNING 1
        )
        SELECT pg_notify('{WEBHOOKS_CHANNEL}', '') FROM made
        """,
        message_id,
        endpoint_id,
        project_id,
        TEST,
        now,
        body,
    )


async def _told(statements: Statements, rows: Sequence[Row]) -> Sequence[Told]:
    attempts: dict[UUID, list[Attempt]] = {}
    for row in await fetch(statements, _ATTEMPTS, messages=[row["id"] for row in rows]) if rows else ():
        values: dict[str, Any] = dict(row)
        attempts.setdefault(values.pop("message_id"), []).append(Attempt(**values))
    return [Told(Message(**dict(row)), attempts.get(row["id"], ())) for row in rows]
