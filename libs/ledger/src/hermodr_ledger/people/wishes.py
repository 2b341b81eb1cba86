"""Preferences of a recipient one by one, by type and channel."""

import json
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.engine import Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.documents import Object, objects_of
from hermodr_ledger.tables import recipients

MOST_WISHES = 500


class TooManyWishes(Exception):
    """A recipient has at most `MOST_WISHES`."""


class Standing(NamedTuple):
    """`wanted`: there is no wish against exactly this."""

    wanted: bool
    locale: str | None


_THEIRS = sa.select(recipients.c.preferences, recipients.c.locale).where(
    recipients.c.id == sa.bindparam("recipient"), recipients.c.project_id == sa.bindparam("project")
)


async def standing(
    statements: Statements, project_id: UUID, recipient_id: UUID, type: str, channel: str
) -> Standing | None:
    """`None` for somebody who is not there."""
    rows = await fetch(statements, _THEIRS, recipient=recipient_id, project=project_id)
    if not rows:
        return None
    theirs = [each for each in objects_of(rows[0]["preferences"]) if _is_about(each, type, channel)]
    return Standing(not theirs or bool(theirs[-1].get("enabled")), rows[0]["locale"])


async def set_one(
    transaction: Transaction, project_id: UUID, recipient_id: UUID, type: str, channel: str, *, enabled: bool
) -> bool:
    """In place of other wishes about exactly this. `False`: nothing changed, or there is no such recipient."""
    asked = _THEIRS.with_for_update()
    rows = await fetch(transaction, asked, recipient=recipient_id, project=project_id)
    if not rows:
        return False
    before = objects_of(rows[0]["preferences"])
    wish = {"type": type, "channel": channel, "enabled": enabled}
    after = [*(each for each in before if not _is_about(each, type, channel)), wish]
    if after == before or (enabled and len(after) > len(before)):
        return False
    changed = (
        sa.update(recipients)
        .where(recipients.c.id == recipient_id)
        .values(preferences=json.dumps(after), updated_at=sa.func.clock_timestamp())
    )
    await fetch(transaction, changed.returning(recipients.c.id))
    return True


_OF_USER = (
    sa.select(recipients.c.id, recipients.c.preferences)
    .where(recipients.c.project_id == sa.bindparam("project"), recipients.c.user_id == sa.bindparam("user"))
    .order_by(recipients.c.id)
    .limit(1)
)
"""The recipient that `to.user_id` means."""


async def set_channels(
    transaction: Transaction, project_id: UUID, user_id: str, type: str | None, wanted: Mapping[Channel, bool]
) -> UUID | None:
    """In place of other wishes about exactly these; `type` `None`: about all types. The recipient's id; `None` if there
    is none. Raises `TooManyWishes`."""
    rows = await fetch(transaction, _OF_USER.with_for_update(), project=project_id, user=user_id)
    if not rows:
        return None
    before = objects_of(rows[0]["preferences"])
    others = [each for each in before if each.get("type") != type or each.get("channel") not in wanted]
    after = others + [{"type": type, "channel": name.value, "enabled": on} for name, on in wanted.items()]
    if len(after) > max(MOST_WISHES, len(before)):
        raise TooManyWishes
    if after != before:
        changed = (
            sa.update(recipients)
            .where(recipients.c.id == rows[0]["id"])
            .values(preferences=json.dumps(after), updated_at=sa.func.clock_timestamp())
        )
        await fetch(transaction, changed.returning(recipients.c.id))
    found: UUID = rows[0]["id"]
    return found


def _is_about(wish: Object, type: str, channel: str) -> bool:
    return wish.get("type") == type and wish.get("channel") == channel
