"""Listeners to a project's changes. Without one nothing is logged."""

from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import change_listeners


class Listener(NamedTuple):
    """A reader of a project's changes with its own cursor; `name` is its purpose."""

    project_id: UUID
    name: str


async def listen(statements: Statements, listener: Listener) -> None:
    """Registers the listener for changes committed after this transaction. Idempotent."""
    await statements.fetch(
        """
        INSERT INTO hermodr.change_listeners (project_id, name, seen, mark)
        SELECT $1, $2, '1:1:', last_value FROM hermodr.changes_seq ON CONFLICT DO NOTHING
        """,
        *listener,
    )


async def stop(statements: Statements, listener: Listener) -> None:
    of = change_listeners.c
    gone = sa.delete(change_listeners).where(of.project_id == listener.project_id, of.name == listener.name)
    await fetch(statements, gone)


async def with_news(statements: Statements, name: str) -> list[Listener]:
    rows = await statements.fetch(
        """
        SELECT l.project_id FROM hermodr.change_listeners l
        WHERE l.name = $1 AND (
            l.shown IS NOT NULL
            OR pg_snapshot_xmax(l.seen) > pg_snapshot_xmax(pg_current_snapshot())  -- of another server, see `following`
            OR EXISTS (SELECT FROM hermodr.changes c WHERE c.project_id = l.project_id AND c.seq > l.mark
                       AND NOT pg_visible_in_snapshot(c.xact, l.seen))
            OR EXISTS (SELECT FROM pg_snapshot_xip(l.seen) x(xact) JOIN hermodr.changes c ON c.xact = x.xact
                       WHERE c.project_id = l.project_id)
        )
        """,
        name,
    )
    return [Listener(row["project_id"], name) for row in rows]
