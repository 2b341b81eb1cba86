"""Groups: circles of recipients to whom updates are posted."""

import json
from collections.abc import Mapping
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

_COLUMNS = "id, external_id, name, metadata, created_at, updated_at"
_WITHOUT = _COLUMNS.replace("metadata", "'{}' AS metadata")


@dataclass(frozen=True, slots=True)
class Group:
    """A circle of recipients."""

    id: UUID
    external_id: str | None
    name: str
    metadata: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


async def create(
    statements: Statements, project_id: UUID, *, external_id: str | None, name: str, metadata: str
) -> Group:
    """A new group; `metadata` is a JSON text. Raises `ExternalIdTaken`."""
    rows = await statements.fetch(
        f"""
        INSERT INTO hermodr.groups (id, project_id, external_id, name, metadata) VALUES ($1, $2, $3, $4, $5::jsonb)
        ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
        """,
        new_id(),
        project_id,
        external_id,
        name,
        metadata,
    )
    if not rows:
        raise ExternalIdTaken
    return _group(rows[0])


async def read(statements: Statements, project_id: UUID, group_id: UUID) -> Group | None:
    """The project's group of that id."""
    rows = await statements.fetch(
        f"SELECT {_COLUMNS} FROM hermodr.groups WHERE id = $1 AND project_id = $2", group_id, project_id
    )
    return _group(rows[0]) if rows else None


async def page(
    statements: Statements, project_id: UUID, wanted: Page, *, external_id: str | None, metadata: bool = False
) -> list[Group]:
    """One page of the project's groups, of those with the external id if given; without metadata unless asked for."""
    asked = Conditions(project_id)
    asked.add("external_id = {}", external_id)
    clause = page_clause(wanted, asked, "groups")
    rows = await statements.fetch(
        f"SELECT {_COLUMNS if metadata else _WITHOUT} FROM hermodr.groups WHERE project_id = $1{asked} AND {clause}",
        *asked.arguments,
    )
    return [_group(row) for row in rows]


async def change(
    statements: Statements, project_id: UUID, group_id: UUID, changes: Mapping[str, str | None]
) -> Group | None:
    """Replaces the named columns (external_id, name, metadata as a JSON text); `None` when the project has no such
    group. Raises `ExternalIdTaken`."""
    try:
        rows = await statements.fetch(
            f"""
            UPDATE hermodr.groups
            SET external_id = CASE WHEN $3 THEN $4 ELSE external_id END, name = coalesce($5, name),
                metadata = coalesce($6::jsonb, metadata), updated_at = clock_timestamp()
            WHERE id = $1 AND project_id = $2 RETURNING {_COLUMNS}
            """,
            group_id,
            project_id,
            "external_id" in changes,
            changes.get("external_id"),
            changes.get("name"),
            changes.get("metadata"),
        )
    except asyncpg.UniqueViolationError as error:
        raise ExternalIdTaken from error
    return _group(rows[0]) if rows else None


async def delete(statements: Statements, project_id: UUID, group_id: UUID) -> bool:
    """Takes the group away with its members and updates; `False` when the project has no such group. Jobs that named
    it keep the id."""
    rows = await statements.fetch(
        "DELETE FROM hermodr.groups WHERE id = $1 AND project_id = $2 RETURNING id", group_id, project_id
    )
    return bool(rows)


def _group(row: Row) -> Group:
    return Group(
        row["id"],
        row["external_id"],
        row["name"],
        json.loads(row["metadata"]),
        row["created_at"],
        row["updated_at"],
    )
