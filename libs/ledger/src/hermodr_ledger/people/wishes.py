"""One preference of a recipient: a type on a channel."""

import json
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.documents import Object, objects_of
from hermodr_ledger.tables import recipients


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


def _is_about(wish: Object, type: str, channel: str) -> bool:
    return wish.get("type") == type and wish.get("channel") == channel
