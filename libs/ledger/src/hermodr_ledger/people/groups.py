"""Groups of recipients, to which updates are posted."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import equal, fetch
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_ledger.tables import groups
from hermodr_servicekit.ids import new_id


@dataclass(frozen=True, slots=True)
class Group:
    id: UUID
    external_id: str | None
    name: str
    metadata: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


_COLUMNS: dict[str, sa.ColumnElement[Any]] = {each.name: groups.c[each.name] for each in fields(Group)}
_WITHOUT: dict[str, sa.ColumnElement[Any]] = _COLUMNS | {
    "metadata": sa.literal_column("'{}'").label("metadata")
}
_ONE = (groups.c.id == sa.bindparam("group_id")) & (groups.c.project_id == sa.bindparam("project"))
_READ = sa.select(*_COLUMNS.values()).where(_ONE)
_DELETE = sa.delete(groups).where(_ONE).returning(groups.c.id)


async def create(
    statements: Statements, project_id: UUID, *, external_id: str | None, name: str, metadata: str
) -> Group:
    """`metadata` is a JSON text. Raises `ExternalIdTaken`."""
    new = insert(groups).on_conflict_do_nothing().returning(*_COLUMNS.values())
    new = new.values(
        id=new_id(), project_id=project_id, external_id=external_id, name=name, metadata=metadata
    )
    rows = await fetch(statements, new)
    if not rows:
        raise ExternalIdTaken
    return _group(rows[0])


async def read(statements: Statements, project_id: UUID, group_id: UUID) -> Group | None:
    rows = await fetch(statements, _READ, group_id=group_id, project=project_id)
    return _group(rows[0]) if rows else None


async def page(
    statements: Statements, project_id: UUID, wanted: Page, *, external_id: str | None, metadata: bool = False
) -> list[Group]:
    """With the external id if given; metadata only if asked for."""
    shown = sa.select(*(_COLUMNS if metadata else _WITHOUT).values())
    asked = shown.where(groups.c.project_id == project_id, *equal((groups.c.external_id, external_id)))
    return [_group(row) for row in await fetch(statements, paged(asked, groups, wanted))]


async def change(
    statements: Statements, project_id: UUID, group_id: UUID, changes: Mapping[str, str | None]
) -> Group | None:
    """Replaces the named columns (metadata: JSON text); `None`: no such group. Raises `ExternalIdTaken`."""
    named = {name: value for name, value in changes.items() if value is not None or name == "external_id"}
    changed = sa.update(groups).where(_ONE).values(**named, updated_at=sa.func.clock_timestamp())
    changed = changed.returning(*_COLUMNS.values())
    try:
        rows = await fetch(statements, changed, group_id=group_id, project=project_id)
    except asyncpg.UniqueViolationError as error:
        raise ExternalIdTaken from error
    return _group(rows[0]) if rows else None


async def delete(statements: Statements, project_id: UUID, group_id: UUID) -> bool:
    """With its members and updates; jobs keep its id. `False`: no such group."""
    return bool(await fetch(statements, _DELETE, group_id=group_id, project=project_id))


def _group(row: Row) -> Group:
    return Group(
        row["id"],
        row["external_id"],
        row["name"],
        object_of(row["metadata"]),
        row["created_at"],
        row["updated_at"],
    )
