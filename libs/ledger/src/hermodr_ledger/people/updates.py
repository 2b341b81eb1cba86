"""Updates posted to groups, and who has read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import AnySelect, equal, fetch
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_ledger.tables import group_members, update_reads, updates
from hermodr_servicekit.ids import new_id


class SaysNothing(Exception):
    """The update would have neither title nor body nor url."""


@dataclass(frozen=True, slots=True)
class Update:
    """`author_id` is a recipient."""

    id: UUID
    group_id: UUID
    external_id: str | None
    content_type: str
    author_id: UUID | None
    title: str | None
    body: str | None
    url: str | None
    metadata: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    project_id: UUID
    group_id: UUID | None
    update_id: UUID | None


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """`update_group_id` is the group the update was posted to."""

    group_id: UUID | None
    update_group_id: UUID | None


_COLUMNS: dict[str, sa.ColumnElement[Any]] = {each.name: updates.c[each.name] for each in fields(Update)}
_WITHOUT: dict[str, sa.ColumnElement[Any]] = _COLUMNS | {
    "metadata": sa.literal_column("'{}'").label("metadata")
}
_ONE = (
    (updates.c.id == sa.bindparam("update"))
    & (updates.c.group_id == sa.bindparam("group"))
    & (updates.c.project_id == sa.bindparam("project"))
)
_READ = sa.select(*_COLUMNS.values()).where(_ONE)
_DELETE = sa.delete(updates).where(_ONE).returning(updates.c.id)
_BELONGS = sa.select(updates.c.id).where(
    updates.c.id == sa.bindparam("update"), updates.c.group_id == sa.bindparam("group")
)


async def create(
    statements: Statements, project_id: UUID, group_id: UUID, fields: Mapping[str, str | UUID | None]
) -> Update:
    """`fields` are the columns external_id … metadata (a JSON text). Raises `ExternalIdTaken`."""
    new = insert(updates).values(id=new_id(), project_id=project_id, group_id=group_id, **fields)
    rows = await fetch(statements, new.on_conflict_do_nothing().returning(*_COLUMNS.values()))
    if not rows:
        raise ExternalIdTaken
    return _update(rows[0])


async def read(statements: Statements, project_id: UUID, group_id: UUID, update_id: UUID) -> Update | None:
    rows = await fetch(statements, _READ, update=update_id, group=group_id, project=project_id)
    return _update(rows[0]) if rows else None


async def belongs(statements: Statements, group_id: UUID, update_id: UUID) -> bool:
    return bool(await fetch(statements, _BELONGS, update=update_id, group=group_id))


async def page(
    statements: Statements,
    group_id: UUID,
    wanted: Page,
    *,
    content_type: str | None = None,
    author_id: UUID | None = None,
    external_id: str | None = None,
    metadata: bool = False,
) -> list[Update]:
    """Filtered by type, author or external id if given; metadata only if asked for."""
    asked = _shown(metadata).where(
        updates.c.group_id == group_id,
        *equal(
            (updates.c.content_type, content_type),
            (updates.c.author_id, author_id),
            (updates.c.external_id, external_id),
        ),
    )
    return [_update(row) for row in await fetch(statements, paged(asked, updates, wanted))]


async def change(
    statements: Statements,
    project_id: UUID,
    group_id: UUID,
    update_id: UUID,
    changes: Mapping[str, str | UUID | None],
) -> Update | None:
    """Replaces the named columns; `None`: no such update. Raises `ExternalIdTaken` and `SaysNothing`."""
    changed = sa.update(updates).where(_ONE).values(**changes, updated_at=sa.func.clock_timestamp())
    changed = changed.returning(*_COLUMNS.values())
    try:
        rows = await fetch(statements, changed, update=update_id, group=group_id, project=project_id)
    except asyncpg.UniqueViolationError as error:
        raise ExternalIdTaken from error
    except asyncpg.CheckViolationError as error:
        raise SaysNothing from error
    return _update(rows[0]) if rows else None


async def delete(statements: Statements, project_id: UUID, group_id: UUID, update_id: UUID) -> bool:
    """Jobs keep its id. `False`: no such update."""
    return bool(await fetch(statements, _DELETE, update=update_id, group=group_id, project=project_id))


def _shown(metadata: bool) -> AnySelect:
    return sa.select(*(_COLUMNS if metadata else _WITHOUT).values())


def _unread(shown: AnySelect, group_id: UUID, recipient_id: UUID) -> AnySelect:
    """Reads the group's updates from where everything is read; those read singly are left out, and the member's own."""
    member = group_members.c
    read = sa.exists().where(
        update_reads.c.recipient_id == member.recipient_id, update_reads.c.update_id == updates.c.id
    )
    return (
        shown.select_from(group_members)
        .join(updates, (updates.c.group_id == member.group_id) & (updates.c.id > member.read_through))
        .where(
            member.group_id == group_id,
            member.recipient_id == recipient_id,
            updates.c.author_id.is_distinct_from(member.recipient_id),
            ~read,
        )
    )


async def unread(
    statements: Statements,
    group_id: UUID,
    recipient_id: UUID,
    wanted: Page,
    content_types: Sequence[str] | None = None,
    *,
    metadata: bool = False,
) -> list[Update]:
    """Unread updates posted since the recipient joined; none if they are no member. Metadata only if asked for."""
    asked = _unread(_shown(metadata), group_id, recipient_id)
    if content_types is not None:
        types = sa.literal(list(content_types), ARRAY(sa.Text))
        asked = asked.where(updates.c.content_type == sa.any_(types))
    return [_update(row) for row in await fetch(statements, paged(asked, updates, wanted))]


async def count_unread(statements: Statements, group_id: UUID, recipient_id: UUID) -> int:
    counted = _unread(sa.select(sa.func.count().label("n")), group_id, recipient_id)
    return int((await fetch(statements, counted))[0]["n"])


async def mark_read(
    statements: Statements, group_id: UUID, recipient_id: UUID, update_ids: Sequence[UUID]
) -> None:
    """Updates of other groups are ignored; idempotent."""
    wanted = sa.literal(list(set(update_ids)), ARRAY(sa.UUID))
    theirs = (
        sa.select(group_members.c.recipient_id, updates.c.id)
        .join_from(updates, group_members, group_members.c.group_id == updates.c.group_id)
        .where(
            updates.c.id == sa.any_(wanted),
            updates.c.group_id == group_id,
            group_members.c.recipient_id == recipient_id,
            updates.c.id > group_members.c.read_through,
        )
        .order_by(updates.c.id)
    )
    read = insert(update_reads).from_select(["recipient_id", "update_id"], theirs)
    await fetch(statements, read.on_conflict_do_nothing())


async def mark_read_through(
    statements: Statements, group_id: UUID, recipient_id: UUID, update_id: UUID
) -> None:
    """Everything up to this update is read; single marks below it are deleted."""
    moved = (
        sa.update(group_members)
        .where(group_members.c.group_id == group_id, group_members.c.recipient_id == recipient_id)
        .values(read_through=sa.func.greatest(group_members.c.read_through, update_id))
        .returning(group_members.c.recipient_id)
        .cte("moved")
    )
    below = sa.delete(update_reads).where(
        update_reads.c.recipient_id == moved.c.recipient_id,
        update_reads.c.update_id <= update_id,
        updates.c.id == update_reads.c.update_id,
        updates.c.group_id == group_id,
    )
    await fetch(statements, below)


async def find(statements: Statements, places: Sequence[Place]) -> list[FoundPlace]:
    rows = await statements.fetch(
        """
        SELECT g.id AS group_id, u.group_id AS update_group_id
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) WITH ORDINALITY AS i(project_id, group_id, update_id, nth)
        LEFT JOIN hermodr.groups g ON g.id = i.group_id AND g.project_id = i.project_id
        LEFT JOIN hermodr.updates u ON u.id = i.update_id AND u.project_id = i.project_id
        ORDER BY i.nth
        """,
        [each.project_id for each in places],
        [each.group_id for each in places],
        [each.update_id for each in places],
    )
    return [FoundPlace(row["group_id"], row["update_group_id"]) for row in rows]


def _update(row: Row) -> Update:
    values = {name: row[name] for name in _COLUMNS}
    return Update(**values | {"metadata": object_of(row["metadata"])})
