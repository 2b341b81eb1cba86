"""A project's endpoints. While one is enabled, the project's changes are logged.

Whoever makes, enables or deletes an endpoint, or changes its filter, first locks the row of the project's listener: no
change is read meanwhile, so that each is either before or after. Recording that one fails or is gone needs no lock.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.webhook_events import ENDPOINT_DISABLED
from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.changes.listening import Listener, listen, stop
from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.announcing import ENDPOINTS_CHANNEL, WEBHOOKS_CHANNEL
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.tables import webhook_endpoints

LISTENER = "webhooks"
MOST_ENDPOINTS = 12_000
"""Of a project."""
BOTH_SECRETS = timedelta(hours=24)
"""How long messages are signed with the former secret as well."""
_DELETED_TOGETHER = 5_000

Reason = Literal["gone", "failing", "manual"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` must not be logged. `events` `None`: all. `previous_until`: until then the secret of the version before
    signs as well. `failing_since`: `None` after a success."""

    id: UUID
    project_id: UUID
    url: str
    description: str | None
    events: Sequence[str] | None
    secret_version: int
    previous_until: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime


class NewEndpoint(NamedTuple):
    id: UUID
    project_id: UUID
    url: str
    description: str | None = None
    events: Sequence[str] | None = None


class TooManyEndpoints(Exception):
    """The project has `MOST_ENDPOINTS`."""


_OF = webhook_endpoints.c
_COLUMNS = readable_columns(Endpoint, webhook_endpoints)
_ONE = (_OF.id == sa.bindparam("endpoint")) & (_OF.project_id == sa.bindparam("project"))
_READ = sa.select(*_COLUMNS).where(_ONE)
_KEEP = _READ.with_for_update(read=True, key_share=True)
_ROTATE = (
    sa.update(webhook_endpoints)
    .where(_ONE)
    .values(
        secret_version=_OF.secret_version + 1,
        previous_until=sa.func.now() + BOTH_SECRETS,
        updated_at=sa.func.now(),
    )
    .returning(*_COLUMNS)
)


async def create(transaction: Transaction, given: NewEndpoint) -> Endpoint:
    """It gets what happens from now on. Raises `TooManyEndpoints`."""
    mark = await _subscribe(transaction, given.project_id)
    (found,) = await transaction.fetch(
        "SELECT count(*) AS n FROM hermodr.webhook_endpoints WHERE project_id = $1", given.project_id
    )
    if found["n"] >= MOST_ENDPOINTS:
        raise TooManyEndpoints
    values = {**given._asdict(), "subscribed_after": mark, "reckoned_after": mark}
    rows = await fetch(transaction, sa.insert(webhook_endpoints).values(**values).returning(*_COLUMNS))
    return _endpoint(rows[0])


async def read(statements: Statements, project_id: UUID, endpoint_id: UUID) -> Endpoint | None:
    rows = await fetch(statements, _READ, endpoint=endpoint_id, project=project_id)
    return _endpoint(rows[0]) if rows else None


async def keep(transaction: Transaction, project_id: UUID, endpoint_id: UUID) -> Endpoint | None:
    """`read`; it is not deleted before the transaction ends."""
    rows = await fetch(transaction, _KEEP, endpoint=endpoint_id, project=project_id)
    return _endpoint(rows[0]) if rows else None


async def page(statements: Statements, project_id: UUID, wanted: Page) -> list[Endpoint]:
    asked = sa.select(*_COLUMNS).where(_OF.project_id == project_id)
    return [_endpoint(row) for row in await fetch(statements, paged(asked, webhook_endpoints, wanted))]


async def change(
    transaction: Transaction, project_id: UUID, endpoint_id: UUID, columns: Mapping[str, Any]
) -> Endpoint | None:
    """Sets `url`, `description` or `events`."""
    values = dict(columns)
    if "events" in values:
        if await read(transaction, project_id, endpoint_id) is None:
            return None
        values["reckoned_after"] = await _subscribe(transaction, project_id)
        await _settle(transaction, project_id)
    return await _update(transaction, project_id, endpoint_id, values)


async def enable(transaction: Transaction, project_id: UUID, endpoint_id: UUID) -> Endpoint | None:
    """It gets what happens from now on; one that is enabled is left as it is."""
    found = await read(transaction, project_id, endpoint_id)
    if found is None or found.disabled_at is None:
        return found
    mark = await _subscribe(transaction, project_id)
    found = await read(transaction, project_id, endpoint_id)  # another request may have enabled it meanwhile
    if found is None or found.disabled_at is None:
        return found
    values = {"subscribed_after": mark, "reckoned_after": mark}
    fresh = dict.fromkeys(("disabled_at", "disabled_reason", "failing_since"))
    return await _update(transaction, project_id, endpoint_id, values | fresh)


async def rotate(transaction: Transaction, project_id: UUID, endpoint_id: UUID) -> Endpoint | None:
    """The next secret; the present one signs as well for `BOTH_SECRETS`."""
    rows = await fetch(transaction, _ROTATE, endpoint=endpoint_id, project=project_id)
    return _endpoint(rows[0]) if rows else None


async def disable(
    transaction: Transaction, endpoint_id: UUID, reason: Reason, actor: Actor | None = None
) -> bool:
    """It gets nothing any more, and the scheduler discards what waits. Unless a person did it, the project's other
    endpoints are told. `False`: it was disabled, or is not there. `actor`: by default the service."""
    rows = await transaction.fetch(
        """
        UPDATE hermodr.webhook_endpoints SET disabled_at = now(), disabled_reason = $2, updated_at = now()
        WHERE id = $1 AND disabled_at IS NULL
        RETURNING project_id, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
        """,
        endpoint_id,
        reason,
    )
    if not rows:
        return False
    project_id: UUID = rows[0]["project_id"]
    by = actor or Actor("service", "webhooks")
    await audit.record(transaction, project_id, by, "webhook.disable", endpoint_id, {"reason": reason})
    if reason != "manual":
        data = {"endpoint_id": str(endpoint_id), "reason": reason}
        body = json.dumps({"type": ENDPOINT_DISABLED, "timestamp": rows[0]["at"], "data": data})
        await transaction.fetch(_TELL_OTHERS, project_id, endpoint_id, ENDPOINT_DISABLED, body)
    await transaction.fetch("SELECT pg_notify($1, '')", ENDPOINTS_CHANNEL)
    return True


_TELL_OTHERS = f"""
WITH told AS (
    INSERT INTO hermodr.webhook_messages (id, endpoint_id, project_id, event, occurred_at, body, due_at)
    SELECT hermodr.new_id(now()), e.id, e.project_id, $3::text, now(), $4::text, now()
    FROM hermodr.webhook_endpoints e
    WHERE e.project_id = $1 AND e.id <> $2 AND e.disabled_at IS NULL AND (e.events IS NULL OR $3 = ANY (e.events))
    RETURNING 1
)
SELECT pg_notify('{WEBHOOKS_CHANNEL}', '') FROM told LIMIT 1
"""


async def disabled_of_itself(statements: Statements, project_id: UUID | None = None) -> int:
    """Endpoints that are gone or fail: of all projects, for operators, or of one."""
    whose, given = ("", ()) if project_id is None else (" AND project_id = $1", (project_id,))
    rows = await statements.fetch(
        "SELECT count(*) AS n FROM hermodr.webhook_endpoints"
        f" WHERE disabled_reason IN ('gone', 'failing'){whose}",
        *given,
    )
    return int(rows[0]["n"])


async def forget_some(ledger: Ledger, project_id: UUID, endpoint_id: UUID) -> bool:
    """Before an endpoint is deleted: deletes some of its messages. Returns whether there may be more."""
    rows = await ledger.fetch(
        """
        WITH gone AS (
            DELETE FROM hermodr.webhook_messages WHERE id IN (
                SELECT m.id FROM hermodr.webhook_messages m
                JOIN hermodr.webhook_endpoints e ON e.id = m.endpoint_id AND e.project_id = $1
                WHERE m.endpoint_id = $2 LIMIT $3
            ) RETURNING 1
        )
        SELECT count(*) AS n FROM gone
        """,
        project_id,
        endpoint_id,
        _DELETED_TOGETHER,
    )
    return bool(rows[0]["n"] == _DELETED_TOGETHER)


async def delete(transaction: Transaction, project_id: UUID, endpoint_id: UUID) -> bool:
    """With its messages."""
    await _lock(transaction, project_id)
    gone = await fetch(
        transaction,
        sa.delete(webhook_endpoints).where(_ONE).returning(_OF.id),
        endpoint=endpoint_id,
        project=project_id,
    )
    await _settle(transaction, project_id)
    return bool(gone)


async def stop_idle(ledger: Ledger) -> None:
    """Projects whose endpoints are all disabled leave no changes any more."""
    rows = await ledger.fetch(
        """
        SELECT l.project_id FROM hermodr.change_listeners l WHERE l.name = $1 AND NOT EXISTS (
            SELECT FROM hermodr.webhook_endpoints e WHERE e.project_id = l.project_id AND e.disabled_at IS NULL)
        """,
        LISTENER,
    )
    for row in rows:
        async with ledger.transaction() as transaction:
            await _lock(transaction, row["project_id"])
            await _settle(transaction, row["project_id"])


async def _lock(transaction: Transaction, project_id: UUID) -> bool:
    """Whether the project has a listener, whose row is ours until the transaction ends."""
    return bool(
        await transaction.fetch(
            "SELECT FROM hermodr.change_listeners WHERE project_id = $1 AND name = $2 FOR UPDATE",
            project_id,
            LISTENER,
        )
    )


async def _subscribe(transaction: Transaction, project_id: UUID) -> int:
    """Locks the listener, made if missing. Changes up to the number are before."""
    await listen(transaction, Listener(project_id, LISTENER))
    while not await _lock(transaction, project_id):  # it was stopped in between
        await listen(transaction, Listener(project_id, LISTENER))
    await transaction.fetch("SELECT pg_notify($1, '')", ENDPOINTS_CHANNEL)
    (found,) = await transaction.fetch("SELECT last_value FROM hermodr.changes_seq")
    return int(found["last_value"])


async def _settle(transaction: Transaction, project_id: UUID) -> None:
    """Without an enabled endpoint there is no listener. Its row must be locked: a statement begun before would not see
    an endpoint made meanwhile."""
    enabled = await transaction.fetch(
        "SELECT FROM hermodr.webhook_endpoints WHERE project_id = $1 AND disabled_at IS NULL LIMIT 1",
        project_id,
    )
    if not enabled:
        await stop(transaction, Listener(project_id, LISTENER))


async def _update(
    transaction: Transaction, project_id: UUID, endpoint_id: UUID, values: Mapping[str, Any]
) -> Endpoint | None:
    put = sa.update(webhook_endpoints).where(_ONE).values(**values, updated_at=sa.func.now())
    rows = await fetch(transaction, put.returning(*_COLUMNS), endpoint=endpoint_id, project=project_id)
    return _endpoint(rows[0]) if rows else None


def _endpoint(row: Row) -> Endpoint:
    return Endpoint(**dict(row))
