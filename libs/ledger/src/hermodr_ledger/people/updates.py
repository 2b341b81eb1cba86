"""Updates: what is posted to a group, who has read it, and what digests are therefore made of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.conditions import Conditions
from hermodr_ledger.engine.paging import Page, page_clause
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_servicekit.ids import new_id

_NAMES = (
    "id",
    "group_id",
    "external_id",
    "content_type",
    "author_id",
    "title",
    "body",
    "url",
    "metadata",
    "created_at",
    "updated_at",
)
_COLUMNS = ", ".join(f"u.{name}" for name in _NAMES)
_WITHOUT = _COLUMNS.replace("u.metadata", "'{}' AS metadata")
_CHANGEABLE = {
    "external_id": "text",
    "content_type": "text",
    "author_id": "uuid",
    "title": "text",
    "body": "text",
} | {
    "url": "text",
    "metadata": "jsonb",
}


class SaysNothing(Exception):
    """The update would have neither title nor body nor url."""


@dataclass(frozen=True, slots=True)
class Update:
    """Something posted to a group. `author_id` is a recipient."""

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
    """Where a job says it belongs: a group, an update, or both, of a project."""

    project_id: UUID
    group_id: UUID | None
    update_id: UUID | None


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """What there is of a place; `update_group_id` is the group the update was posted to."""

    group_id: UUID | None
    update_group_id: UUID | None


async def create(
    statements: Statements, project_id: UUID, group_id: UUID, fields: Mapping[str, str | UUID | None]
) -> Update:
    """A new update of a group of the project. `fields` are the columns external_id … metadata, the last as a JSON text.
    Raises `ExternalIdTaken`."""
    names = list(_CHANGEABLE)
    values = ", ".join(f"${number}::{_CHANGEABLE[name]}" for number, name in enumerate(names, 4))
    rows = await statements.fetch(
        f"INSERT INTO hermodr.updates AS u (id, project_id, group_id, {', '.join(names)}) VALUES ($1, $2, $3, {values})"
        f" ON CONFLICT DO NOTHING RETURNING {_COLUMNS}",
        new_id(),
        project_id,
        group_id,
        *(fields[name] for name in names),
    )
    if not rows:
        raise ExternalIdTaken
    return _update(rows[0])


async def read(statements: Statements, project_id: UUID, group_id: UUID, update_id: UUID) -> Update | None:
    """The update of that id of the project's group."""
    rows = await statements.fetch(
        f"SELECT {_COLUMNS} FROM hermodr.updates u WHERE u.id = $1 AND u.group_id = $2 AND u.project_id = $3",
        update_id,
        group_id,
        project_id,
    )
    return _update(rows[0]) if rows else None


async def belongs(statements: Statements, group_id: UUID, update_id: UUID) -> bool:
    """Whether the update was posted to the group."""
    sql = "SELECT id FROM hermodr.updates WHERE id = $1 AND group_id = $2"
    return bool(await statements.fetch(sql, update_id, group_id))


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
    """One page of the group's updates, of those of a type, author or external id if given; without metadata
    unless asked for."""
    asked = Conditions(group_id)
    asked.add("u.content_type = {}", content_type)
    asked.add("u.author_id = {}", author_id)
    asked.add("u.external_id = {}", external_id)
    clause = page_clause(wanted, asked, "updates", "u")
    rows = await statements.fetch(
        f"SELECT {_COLUMNS if metadata else _WITHOUT} FROM hermodr.updates u WHERE u.group_id = $1{asked} AND {clause}",
        *asked.arguments,
    )
    return [_update(row) for row in rows]


async def change(
    statements: Statements,
    project_id: UUID,
    group_id: UUID,
    update_id: UUID,
    changes: Mapping[str, str | UUID | None],
) -> Update | None:
    """Replaces the named columns; `None` when there is no such update. Raises `ExternalIdTaken` and `SaysNothing`."""
    names = [name for name in _CHANGEABLE if name in changes]
    assigned = "".join(f", {name} = ${number}::{_CHANGEABLE[name]}" for number, name in enumerate(names, 4))
    try:
        rows = await statements.fetch(
            f"UPDATE hermodr.updates u SET updated_at = clock_timestamp(){assigned}"
            f" WHERE u.id = $1 AND u.group_id = $2 AND u.project_id = $3 RETURNING {_COLUMNS}",
            update_id,
            group_id,
            project_id,
            *(changes[name] for name in names),
        )
    except asyncpg.UniqueViolationError as error:
        raise ExternalIdTaken from error
    except asyncpg.CheckViolationError as error:
        raise SaysNothing from error
    return _update(rows[0]) if rows else None


async def delete(statements: Statements, project_id: UUID, group_id: UUID, update_id: UUID) -> bool:
    """Takes the update away; `False` when there is no such update. Jobs that named it keep the id."""
    rows = await statements.fetch(
        "DELETE FROM hermodr.updates WHERE id = $1 AND group_id = $2 AND project_id = $3 RETURNING id",
        update_id,
        group_id,
        project_id,
    )
    return bool(rows)


# One look at the members, then along the group's updates from where everything is read, with one look each at what was
# read beyond. Nobody has to read what they wrote.
_UNREAD = """
FROM hermodr.group_members m
JOIN hermodr.updates u ON u.group_id = m.group_id AND u.id > m.read_through
WHERE m.group_id = $1 AND m.recipient_id = $2 AND ($3::text[] IS NULL OR u.content_type = ANY ($3))
  AND u.author_id IS DISTINCT FROM m.recipient_id
  AND NOT EXISTS (SELECT 1 FROM hermodr.update_reads d WHERE d.recipient_id = m.recipient_id AND d.update_id = u.id)
"""


async def unread(
    statements: Statements,
    group_id: UUID,
    recipient_id: UUID,
    wanted: Page,
    content_types: Sequence[str] | None = None,
    *,
    metadata: bool = False,
) -> list[Update]:
    """One page of what was posted to the group since the recipient joined it, and they have not read. Nothing for one
    who is no member. Without metadata unless asked for."""
    asked = Conditions(group_id, recipient_id, list(content_types) if content_types is not None else None)
    clause = page_clause(wanted, asked, "updates", "unread")
    rows = await statements.fetch(
        f"SELECT * FROM (SELECT {_COLUMNS if metadata else _WITHOUT} {_UNREAD}) unread WHERE {clause}",
        *asked.arguments,
    )
    return [_update(row) for row in rows]


async def count_unread(statements: Statements, group_id: UUID, recipient_id: UUID) -> int:
    """How many those are."""
    rows = await statements.fetch(f"SELECT count(*) AS n {_UNREAD}", group_id, recipient_id, None)
    return int(rows[0]["n"])


async def mark_read(
    statements: Statements, group_id: UUID, recipient_id: UUID, update_ids: Sequence[UUID]
) -> None:
    """The member has read these of the group's updates. Others are passed over; reading twice changes nothing."""
    await statements.fetch(
        """
        INSERT INTO hermodr.update_reads (recipient_id, update_id)
        SELECT m.recipient_id, u.id FROM unnest($3::uuid[]) AS w(id) JOIN hermodr.updates u ON u.id = w.id
        JOIN hermodr.group_members m ON m.group_id = u.group_id
        WHERE u.group_id = $1 AND m.recipient_id = $2 AND u.id > m.read_through
        ORDER BY u.id
        ON CONFLICT DO NOTHING
        """,
        group_id,
        recipient_id,
        list(set(update_ids)),
    )


async def mark_read_through(
    statements: Statements, group_id: UUID, recipient_id: UUID, update_id: UUID
) -> None:
    """The member has read everything up to this update. Single marks below it are not needed any more."""
    await statements.fetch(
        """
        WITH moved AS (
            UPDATE hermodr.group_members m SET read_through = greatest(m.read_through, $3)
            WHERE m.group_id = $1 AND m.recipient_id = $2 RETURNING m.recipient_id
        )
        DELETE FROM hermodr.update_reads d USING moved, hermodr.updates u
        WHERE d.recipient_id = moved.recipient_id AND d.update_id <= $3 AND u.id = d.update_id AND u.group_id = $1
        """,
        group_id,
        recipient_id,
        update_id,
    )


async def find(statements: Statements, places: Sequence[Place]) -> list[FoundPlace]:
    """What there is of each place, in order."""
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
    values = {name: row[name] for name in _NAMES}
    return Update(**values | {"metadata": json.loads(row["metadata"])})
