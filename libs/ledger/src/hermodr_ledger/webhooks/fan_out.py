"""From changes to messages: each change becomes exactly one message for each endpoint subscribed to it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hermodr_contracts.vocabulary import InboxEvent
from hermodr_ledger.changes.following import Change, follow
from hermodr_ledger.changes.listening import Listener, with_news
from hermodr_ledger.engine import Ledger, Statements, Transaction
from hermodr_ledger.engine.announcing import WEBHOOKS_CHANNEL
from hermodr_ledger.engine.setting_aside import not_aside
from hermodr_ledger.webhooks.endpoints import LISTENER

FAN_OUT_DUTY = "webhooks"
"""Projects are set aside under this name."""
_IN_INBOXES = frozenset(InboxEvent)
_MOST_CHANGES = 500
_MOST_MESSAGES = 10_000
"""About what one transaction makes; one change for all endpoints is the least."""


async def listening(statements: Statements) -> bool:
    """Whether any project has an enabled endpoint."""
    return bool(
        await statements.fetch("SELECT FROM hermodr.change_listeners WHERE name = $1 LIMIT 1", LISTENER)
    )


async def projects_with_news(ledger: Ledger) -> list[UUID]:
    """Those with changes not looked at yet that are not set aside."""
    projects = [each.project_id for each in await with_news(ledger, LISTENER)]
    if not projects:
        return []
    rows = await ledger.fetch(
        f"SELECT p.id FROM unnest($1::uuid[]) p(id) WHERE {not_aside('p.id', FAN_OUT_DUTY)}", projects
    )
    return [row["id"] for row in rows]


async def fan_out(ledger: Ledger, project_id: UUID) -> bool:
    """One page of the project's changes, in one transaction. Returns whether there may be more. Any number of processes
    may do this at once. Raises `LedgerUnavailable`."""
    (found,) = await ledger.fetch(
        "SELECT count(*) AS n FROM hermodr.webhook_endpoints WHERE project_id = $1 AND disabled_at IS NULL",
        project_id,
    )
    limit = max(1, min(_MOST_CHANGES, _MOST_MESSAGES // max(1, found["n"])))
    return await follow(ledger, Listener(project_id, LISTENER), take, limit=limit)


async def take(transaction: Transaction, changes: Sequence[Change]) -> None:
    """Changes of one project."""
    events = [event_of(each) for each in changes]
    await transaction.fetch(
        _INSERT,
        changes[0].project_id,
        events,
        [each.at for each in changes],
        [body_of(event, each.at, _data(each)) for event, each in zip(events, changes, strict=True)],
        [each.seq for each in changes],
    )


def event_of(change: Change) -> str:
    if change.state in _IN_INBOXES:
        return f"inbox.{change.state}"
    return f"{'job' if change.delivery_id is None else 'delivery'}.{change.state}"


def body_of(event: str, at: datetime, data: dict[str, Any]) -> str:
    """The JSON that is signed and sent."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps({"type": event, "timestamp": moment, "data": data}, ensure_ascii=False)


def _data(change: Change) -> dict[str, Any]:
    """Ids, states and times only. Not whose job it is: erasing a person leaves nothing to be found here."""
    said: dict[str, Any] = {"job_id": str(change.job_id)}
    if change.delivery_id is not None:
        said |= {"delivery_id": str(change.delivery_id), "channel": change.channel}
    said |= {"state": change.state, "previous_state": change.previous_state}
    others = {"attempt": change.attempt, "kind": change.kind}
    return said | {name: value for name, value in others.items() if value is not None}


_INSERT = f"""
WITH made AS (
    INSERT INTO hermodr.webhook_messages (id, endpoint_id, project_id, event, occurred_at, body, change_seq, due_at)
    SELECT hermodr.new_id(now()), e.id, e.project_id, c.event, c.at, c.body, c.seq, now()
    FROM unnest($2::text[], $3::timestamptz[], $4::text[], $5::bigint[]) c(event, at, body, seq)
    JOIN hermodr.webhook_endpoints e ON e.project_id = $1 AND e.disabled_at IS NULL AND c.seq > e.subscribed_after
        AND (e.events IS NULL OR c.event = ANY (e.events))
    ON CONFLICT (endpoint_id, change_seq) DO NOTHING
    RETURNING 1
)
SELECT pg_notify('{WEBHOOKS_CHANNEL}', '') FROM made LIMIT 1
"""
