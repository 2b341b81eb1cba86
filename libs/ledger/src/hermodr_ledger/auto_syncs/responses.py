"""The answers to auto-syncs."""

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_ledger.auto_syncs.syncs import AutoSync
from hermodr_ledger.engine import Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.tables import auto_sync_responses, group_members


@dataclass(frozen=True, slots=True)
class Response:
    """`id` is the member's. `response` `None`: there is none yet."""

    id: UUID
    recipient_id: UUID
    response: str | None
    responded_at: datetime | None


_MEMBER, _GIVEN = group_members.c, auto_sync_responses.c
_COLUMNS = (_MEMBER.id, _MEMBER.recipient_id, _GIVEN.response, _GIVEN.updated_at.label("responded_at"))
_ASKED = (
    sa.select(*_COLUMNS)
    .select_from(
        group_members.outerjoin(
            auto_sync_responses,
            (_GIVEN.member_id == _MEMBER.id) & (_GIVEN.sync_id == sa.bindparam("sync", type_=sa.UUID)),
        )
    )
    .where(
        _MEMBER.group_id == sa.bindparam("group", type_=sa.UUID),
        _MEMBER.recipient_id.is_distinct_from(sa.bindparam("organizer", type_=sa.UUID)),
    )
)


async def page(statements: Statements, sync: AutoSync, wanted: Page) -> list[Response]:
    """Everybody who is asked, with the answer if there is one."""
    asked = paged(_ASKED, group_members, wanted)
    rows = await fetch(statements, asked, **_of(sync))
    return [Response(*(row[each.name] for each in fields(Response))) for row in rows]


async def asked(statements: Statements, sync: AutoSync, member_id: UUID) -> bool:
    """Whether the member is one of those."""
    one = _ASKED.where(_MEMBER.id == sa.bindparam("member"))
    return bool(await fetch(statements, one, member=member_id, **_of(sync)))


async def record(transaction: Transaction, sync: AutoSync, member_id: UUID, response: str) -> None:
    """In place of an earlier answer. Of a member who is asked. The last that the goal needs completes the sync."""
    new = insert(auto_sync_responses).values(sync_id=sync.id, member_id=member_id, response=response)
    new = new.on_conflict_do_update(
        index_elements=[_GIVEN.sync_id, _GIVEN.member_id],
        set_={"response": new.excluded.response, "updated_at": sa.func.now()},
    )
    await fetch(transaction, new.returning(_GIVEN.member_id))


def _of(sync: AutoSync) -> dict[str, object]:
    return {"sync": sync.id, "group": sync.group_id, "organizer": sync.organizer_id}
