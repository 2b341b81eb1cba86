"""Who belongs to a group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.conditions import Conditions
from hermodr_ledger.engine.paging import Page, page_clause
from hermodr_servicekit.ids import new_id

_COLUMNS = "m.id, m.group_id, m.recipient_id, r.external_id, r.name, m.role, m.muted_until, m.created_at, m.updated_at"
_OF_PROJECT = (
    "hermodr.group_members m JOIN hermodr.groups g ON g.id = m.group_id"
    " JOIN hermodr.recipients r ON r.id = m.recipient_id"
)


@dataclass(frozen=True, slots=True)
class Member:
    """A recipient in a group; `external_id` and `name` are the recipient's."""

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
class NewMember:
    """Who is to belong to a group. Of one who does already, what is not `None` is changed."""

    recipient_id: UUID
    role: str | None
    muted_until: datetime | None


async def add(statements: Statements, group_id: UUID, members: Sequence[NewMember]) -> list[Member]:
    """Makes the recipients members, in order; none may stand twice, and all must be of the group's project. Updates
    that were posted before count as read."""
    ids = {each.recipient_id: new_id() for each in members}
    await statements.fetch(
        """
        INSERT INTO hermodr.group_members AS m (id, group_id, recipient_id, role, muted_until, read_through)
        SELECT i.id, $1, i.recipient_id, i.role, i.muted_until, i.id
        FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[]) AS i(id, recipient_id, role, muted_until)
        ORDER BY i.recipient_id
        ON CONFLICT (group_id, recipient_id) DO UPDATE
            SET role = coalesce(excluded.role, m.role), muted_until = coalesce(excluded.muted_until, m.muted_until),
                updated_at = clock_timestamp()
        """,
        group_id,
        list(ids.values()),
        list(ids),
        [each.role for each in members],
        [each.muted_until for each in members],
    )
    rows = await statements.fetch(
        f"""
        SELECT {_COLUMNS} FROM unnest($2::uuid[]) WITH ORDINALITY AS i(recipient_id, nth)
        JOIN hermodr.group_members m ON m.group_id = $1 AND m.recipient_id = i.recipient_id
        JOIN hermodr.recipients r ON r.id = m.recipient_id ORDER BY i.nth
        """,
        group_id,
        list(ids),
    )
    return [_member(row) for row in rows]


async def read(statements: Statements, project_id: UUID, group_id: UUID, member_id: UUID) -> Member | None:
    """The member of that id of the project's group."""
    rows = await statements.fetch(
        f"SELECT {_COLUMNS} FROM {_OF_PROJECT} WHERE m.id = $1 AND m.group_id = $2 AND g.project_id = $3",
        member_id,
        group_id,
        project_id,
    )
    return _member(rows[0]) if rows else None


async def page(
    statements: Statements,
    group_id: UUID,
    wanted: Page,
    *,
    recipient_id: UUID | None = None,
    external_id: str | None = None,
) -> list[Member]:
    """One page of the group's members, of those with the recipient or the recipient's external id if given."""
    asked = Conditions(group_id)
    asked.add("m.recipient_id = {}", recipient_id)
    of_project = (
        "r.project_id = (SELECT project_id FROM hermodr.groups WHERE id = $1)"  # where its index begins
    )
    asked.add(f"{of_project} AND r.external_id = {{}}", external_id)
    rows = await statements.fetch(
        f"""
        SELECT * FROM (
            SELECT {_COLUMNS} FROM hermodr.group_members m JOIN hermodr.recipients r ON r.id = m.recipient_id
            WHERE m.group_id = $1{asked}
        ) members
        WHERE {page_clause(wanted, asked, "group_members", "members")}
        """,
        *asked.arguments,
    )
    return [_member(row) for row in rows]


async def change(
    statements: Statements,
    project_id: UUID,
    group_id: UUID,
    member_id: UUID,
    changes: Mapping[str, str | datetime | None],
) -> Member | None:
    """Replaces the named columns (role, muted_until); `None` when there is no such member."""
    changed = await statements.fetch(
        """
        UPDATE hermodr.group_members m
        SET role = CASE WHEN $4 THEN $5 ELSE m.role END,
            muted_until = CASE WHEN $6 THEN $7 ELSE m.muted_until END, updated_at = clock_timestamp()
        FROM hermodr.groups g
        WHERE m.id = $1 AND m.group_id = $2 AND g.id = m.group_id AND g.project_id = $3 RETURNING m.id
        """,
        member_id,
        group_id,
        project_id,
        "role" in changes,
        changes.get("role"),
        "muted_until" in changes,
        changes.get("muted_until"),
    )
    return await read(statements, project_id, group_id, member_id) if changed else None


async def remove(statements: Statements, project_id: UUID, group_id: UUID, member_id: UUID) -> bool:
    """Ends the membership and forgets what was read; `False` when there is no such member."""
    rows = await statements.fetch(
        """
        WITH gone AS (
            DELETE FROM hermodr.group_members m USING hermodr.groups g
            WHERE m.id = $1 AND m.group_id = $2 AND g.id = m.group_id AND g.project_id = $3 RETURNING m.recipient_id
        ), forgotten AS (
            DELETE FROM hermodr.update_reads d USING gone, hermodr.updates u
            WHERE d.recipient_id = gone.recipient_id AND u.id = d.update_id AND u.group_id = $2
        )
        SELECT recipient_id FROM gone
        """,
        member_id,
        group_id,
        project_id,
    )
    return bool(rows)


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
