"""Members of groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import equal, fetch, given_rows
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.tables import group_members, groups, recipients, update_reads, updates
from hermodr_servicekit.ids import new_id


@dataclass(frozen=True, slots=True)
class Member:
    """`external_id` and `name` are the recipient's."""

    id: UUID
    group_id: UUID
    recipient_id: UUID
    external_id: str | None
    name: str | None
    role: str | None
    muted_until: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """`name`: of the group; the others are the member's there."""

    group_id: UUID
    name: str
    role: str | None
    muted_until: datetime | None


@dataclass(frozen=True, slots=True)
class NewMember:
    """For an existing member, what is not `None` is changed."""

    recipient_id: UUID
    role: str | None
    muted_until: datetime | None


_MEMBER = group_members.c
_COLUMNS = (
    _MEMBER.id,
    _MEMBER.group_id,
    _MEMBER.recipient_id,
    recipients.c.external_id,
    recipients.c.name,
    _MEMBER.role,
    _MEMBER.muted_until,
    _MEMBER.created_at,
    _MEMBER.updated_at,
)
_GROUP = sa.bindparam("group", type_=sa.UUID)
_OF_PROJECT = sa.select(groups.c.id).where(
    groups.c.id == sa.bindparam("group"), groups.c.project_id == sa.bindparam("project")
)
_ONE = (
    (_MEMBER.id == sa.bindparam("member"))
    & (_MEMBER.group_id == sa.bindparam("group"))
    & _OF_PROJECT.exists()
)
_READ = sa.select(*_COLUMNS).join(recipients, recipients.c.id == _MEMBER.recipient_id).where(_ONE)

_NEW = given_rows(_MEMBER.id, _MEMBER.recipient_id, _MEMBER.role, _MEMBER.muted_until).c
_INSERT = insert(group_members).from_select(
    ["id", "group_id", "recipient_id", "role", "muted_until", "read_through"],
    sa.select(_NEW.id, _GROUP, _NEW.recipient_id, _NEW.role, _NEW.muted_until, _NEW.id).order_by(
        _NEW.recipient_id  # the common order, so that there is no deadlock
    ),
)
_ADD = _INSERT.on_conflict_do_update(
    index_elements=[_MEMBER.group_id, _MEMBER.recipient_id],
    set_={
        "role": sa.func.coalesce(_INSERT.excluded.role, _MEMBER.role),
        "muted_until": sa.func.coalesce(_INSERT.excluded.muted_until, _MEMBER.muted_until),
        "updated_at": sa.func.clock_timestamp(),
    },
)
_ADDED = (
    sa.select(*_COLUMNS)
    .join(recipients, recipients.c.id == _MEMBER.recipient_id)
    .where(
        _MEMBER.group_id == sa.bindparam("group"),
        _MEMBER.recipient_id == sa.any_(sa.bindparam("each_recipient_id", type_=ARRAY(sa.UUID))),
    )
)

_GONE = sa.delete(group_members).where(_ONE).returning(_MEMBER.recipient_id).cte("gone")
_FORGOTTEN = (
    sa.delete(update_reads)
    .where(
        update_reads.c.recipient_id == _GONE.c.recipient_id,
        updates.c.id == update_reads.c.update_id,
        updates.c.group_id == sa.bindparam("group"),
    )
    .cte("forgotten")
)
_REMOVE = sa.select(_GONE.c.recipient_id).add_cte(_FORGOTTEN)


async def add(statements: Statements, group_id: UUID, members: Sequence[NewMember]) -> list[Member]:
    """Adds distinct recipients of the group's project, in order. Earlier updates count as read."""
    people = [each.recipient_id for each in members]
    await fetch(
        statements,
        _ADD,
        group=group_id,
        each_id=[new_id() for _ in members],
        each_recipient_id=people,
        each_role=[each.role for each in members],
        each_muted_until=[each.muted_until for each in members],
    )
    rows = await fetch(statements, _ADDED, group=group_id, each_recipient_id=people)
    added = {row["recipient_id"]: _member(row) for row in rows}
    return [added[each] for each in people]


async def read(statements: Statements, project_id: UUID, group_id: UUID, member_id: UUID) -> Member | None:
    rows = await fetch(statements, _READ, member=member_id, group=group_id, project=project_id)
    return _member(rows[0]) if rows else None


async def page(
    statements: Statements,
    group_id: UUID,
    wanted: Page,
    *,
    recipient_id: UUID | None = None,
    external_id: str | None = None,
) -> list[Member]:
    """With the recipient or the recipient's external id if given."""
    asked = sa.select(*_COLUMNS).join(recipients, recipients.c.id == _MEMBER.recipient_id)
    asked = asked.where(_MEMBER.group_id == group_id, *equal((_MEMBER.recipient_id, recipient_id)))
    if external_id is not None:
        of_project = sa.select(groups.c.project_id).where(groups.c.id == group_id).scalar_subquery()
        asked = asked.where(  # for the index, which begins with the project
            recipients.c.project_id == of_project, recipients.c.external_id == external_id
        )
    return [_member(row) for row in await fetch(statements, paged(asked, group_members, wanted))]


async def groups_of(statements: Statements, recipient_id: UUID, most: int) -> list[Membership]:
    """The newest `most` of them first."""
    asked = (
        sa.select(_MEMBER.group_id, groups.c.name, _MEMBER.role, _MEMBER.muted_until)
        .join(groups, groups.c.id == _MEMBER.group_id)
        .where(_MEMBER.recipient_id == recipient_id)
        .order_by(_MEMBER.id.desc())
        .limit(most)
    )
    rows = await fetch(statements, asked)
    return [Membership(row["group_id"], row["name"], row["role"], row["muted_until"]) for row in rows]


async def change(
    statements: Statements,
    project_id: UUID,
    group_id: UUID,
    member_id: UUID,
    changes: Mapping[str, str | datetime | None],
) -> Member | None:
    """Replaces the named columns (role, muted_until); `None`: no such member."""
    changed = sa.update(group_members).where(_ONE).values(**changes, updated_at=sa.func.clock_timestamp())
    changed = changed.returning(_MEMBER.id)
    found = await fetch(statements, changed, member=member_id, group=group_id, project=project_id)
    return await read(statements, project_id, group_id, member_id) if found else None


async def remove(statements: Statements, project_id: UUID, group_id: UUID, member_id: UUID) -> bool:
    """Ends the membership and deletes what was read; `False`: no such member."""
    return bool(await fetch(statements, _REMOVE, member=member_id, group=group_id, project=project_id))


def _member(row: Row) -> Member:
    return Member(
        row["id"],
        row["group_id"],
        row["recipient_id"],
        row["external_id"],
        row["name"],
        row["role"],
        row["muted_until"],
        row["created_at"],
        row["updated_at"],
    )
