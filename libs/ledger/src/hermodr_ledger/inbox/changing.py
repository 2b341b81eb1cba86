"""Changes notifications in an inbox. What is so already stays as it is, and nobody is told of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.vocabulary import Channel, InboxEvent
from hermodr_ledger.engine import Row, Transaction, news
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.inbox.reading import SNOOZED, WAITING, Whose, of
from hermodr_ledger.jobs import escalating
from hermodr_ledger.tables import change_listeners, changes, inbox

READ_TOGETHER = 5_000
"""Marked as read by one statement."""

_LOOKS = frozenset({InboxEvent.READ, InboxEvent.ARCHIVED, InboxEvent.SNOOZED, InboxEvent.DELETED})
"""Who does that has seen it."""

_OF = inbox.c
_NOW = sa.func.now()


async def mark_read(transaction: Transaction, whose: Whose, notification_id: UUID) -> bool:
    """All of these return whether it changed."""
    values = {"read_at": _NOW, "first_read_at": sa.func.coalesce(_OF.first_read_at, _NOW)}
    return await _change(transaction, whose, notification_id, InboxEvent.READ, values, _OF.read_at.is_(None))


async def mark_unread(transaction: Transaction, whose: Whose, notification_id: UUID) -> bool:
    return await _change(
        transaction, whose, notification_id, InboxEvent.UNREAD, {"read_at": None}, _OF.read_at.is_not(None)
    )


async def archive(transaction: Transaction, whose: Whose, notification_id: UUID) -> bool:
    """It is snoozed no longer."""
    values = {"archived_at": _NOW, "snoozed_until": None}
    return await _change(
        transaction, whose, notification_id, InboxEvent.ARCHIVED, values, _OF.archived_at.is_(None)
    )


async def unarchive(transaction: Transaction, whose: Whose, notification_id: UUID) -> bool:
    values = {"archived_at": None}
    return await _change(
        transaction, whose, notification_id, InboxEvent.UNARCHIVED, values, _OF.archived_at.is_not(None)
    )


async def snooze(transaction: Transaction, whose: Whose, notification_id: UUID, until: datetime) -> bool:
    """Away until then; it comes back as unread by itself, from the archive too."""
    values = {"snoozed_until": until, "read_at": None, "archived_at": None}
    return await _change(
        transaction,
        whose,
        notification_id,
        InboxEvent.SNOOZED,
        values,
        _OF.snoozed_until.is_distinct_from(until),
    )


async def unsnooze(transaction: Transaction, whose: Whose, notification_id: UUID) -> bool:
    """Back now."""
    values = {"snoozed_until": None}
    return await _change(transaction, whose, notification_id, InboxEvent.UNSNOOZED, values, SNOOZED)


async def delete(transaction: Transaction, whose: Whose, notification_id: UUID) -> bool:
    """Its content at once; that there was one is kept for its job. `False`: there is no such notification."""
    values = {"deleted_at": _NOW, "title": "", "message": "", "data": sa.literal_column("'{}'::jsonb")}
    return await _change(transaction, whose, notification_id, InboxEvent.DELETED, values, sa.true())


async def read_all(transaction: Transaction, whose: Whose, up_to: UUID, type: str | None = None) -> int:
    """Those in the inbox, neither archived nor snoozed, at most `READ_TOGETHER`: returns how many."""
    some = (
        sa.select(_OF.id)
        .where(
            of(whose), WAITING, ~SNOOZED, _OF.id <= up_to, *([_OF.type == type] if type is not None else [])
        )
        .order_by(_OF.id)
        .limit(READ_TOGETHER)
        .with_for_update()
    )
    values = {"read_at": _NOW, "first_read_at": sa.func.coalesce(_OF.first_read_at, _NOW)}
    rows = await _changed(
        transaction, InboxEvent.READ, values, _OF.id == sa.any_(sa.func.array(some.scalar_subquery()))
    )
    return len(rows)


async def _change(
    transaction: Transaction,
    whose: Whose,
    notification_id: UUID,
    event: InboxEvent,
    values: Mapping[str, Any],
    unless_so: sa.ColumnElement[bool],
) -> bool:
    which = sa.and_(of(whose), _OF.id == notification_id, unless_so)
    return bool(await _changed(transaction, event, values, which))


async def _changed(
    transaction: Transaction, event: InboxEvent, values: Mapping[str, Any], which: sa.ColumnElement[bool]
) -> Sequence[Row]:
    """Tells whoever listens, in the log of changes and afterwards. A look ends the steps of their jobs."""
    changed = (
        sa.update(inbox)
        .where(which)
        .values(**values)
        .returning(_OF.id, _OF.project_id, _OF.user_id, _OF.job_id, _OF.delivery_id)
        .cte("changed")
    )
    told = sa.select(change_listeners.c.project_id)
    line = sa.select(
        changed.c.project_id,
        changed.c.job_id,
        changed.c.delivery_id,
        sa.literal(Channel.IN_APP.value, sa.Text),
        sa.literal(event.value, sa.Text),
    ).where(changed.c.project_id.in_(told))
    logged = (
        sa.insert(changes)
        .from_select(["project_id", "job_id", "delivery_id", "channel", "state"], line)
        .cte("logged")
    )
    asked = sa.select(changed, _NOW.label("at")).add_cte(logged)
    rows = await fetch(transaction, asked)
    transaction.tell(news.of_inbox(rows, event))
    if event in _LOOKS:
        await escalating.end_looked(transaction, [row["job_id"] for row in rows])
    return rows
