"""The address book: recipients of a project, with what they wish."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg

from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.announcing import DUE_CHANNEL
from hermodr_ledger.engine.conditions import Conditions
from hermodr_ledger.engine.paging import Page, page_clause
from hermodr_ledger.engine.times import columns_of
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_servicekit.ids import new_id


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address book entry. `preferences` are `{"type", "channel", "enabled"}`, see the dispatcher for their weight;
    `quiet_hours` are `{"start", "end", "days"}`."""

    id: UUID
    external_id: str | None
    user_id: str | None
    name: str | None
    email: str | None
    phone: str | None
    locale: str | None
    timezone: str | None
    muted_until: datetime | None
    quiet_hours: Mapping[str, Any] | None
    preferences: Sequence[Mapping[str, Any]]
    created_at: datetime
    updated_at: datetime


_FIELDS = tuple(each.name for each in fields(Recipient))
_COLUMNS = ", ".join(f"{column} AS {name}" for name, column in columns_of(Recipient).items())


@dataclass(frozen=True, slots=True)
class Reference:
    """A recipient as a producer names it: `value` is the text of an id, an external id or a user id."""

    project_id: UUID
    kind: Literal["recipient_id", "external_id", "user_id"]
    value: str


@dataclass(frozen=True, slots=True)
class FoundRecipient:
    """What a reference leads to; `user_id` is the end user who owns what is sent there."""

    id: UUID
    user_id: str | None


async def create(statements: Statements, project_id: UUID, fields: Mapping[str, str | None]) -> Recipient:
    """A new recipient. `fields` are the columns external_id … timezone. Raises `ExternalIdTaken`."""
    rows = await statements.fetch(
        f"""
        INSERT INTO hermodr.recipients (id, project_id, external_id, user_id, name, email, phone, locale, timezone)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING {_COLUMNS}
        """,
        new_id(),
        project_id,
        fields.get("external_id"),
        fields.get("user_id"),
        fields.get("name"),
        fields.get("email"),
        fields.get("phone"),
        fields.get("locale"),
        fields.get("timezone"),
    )
    if not rows:
        raise ExternalIdTaken
    return _recipient(rows[0])


async def read(
    statements: Statements, project_id: UUID, recipient_id: UUID, owner: str | None = None
) -> Recipient | None:
    """The project's recipient of that id; with `owner` only if it is that end user's."""
    rows = await statements.fetch(
        f"SELECT {_COLUMNS} FROM hermodr.recipients"
        " WHERE id = $1 AND project_id = $2 AND ($3::text IS NULL OR user_id = $3)",
        recipient_id,
        project_id,
        owner,
    )
    return _recipient(rows[0]) if rows else None


@dataclass(frozen=True, slots=True)
class RecipientSearch:
    """Which recipients; `None` does not narrow. `owner` is the end user who asks: theirs alone. Case does not matter in
    `email`."""

    external_id: str | None = None
    user_id: str | None = None
    email: str | None = None
    owner: str | None = None


async def page(
    statements: Statements, project_id: UUID, wanted: Page, search: RecipientSearch
) -> list[Recipient]:
    """One page of the project's recipients."""
    asked = Conditions(project_id)
    asked.add("external_id = {}", search.external_id)
    asked.add("user_id = {}", search.user_id)
    asked.add("lower(email) = {}", search.email.lower() if search.email is not None else None)
    asked.add("user_id = {}", search.owner)
    clause = page_clause(wanted, asked, "recipients")
    rows = await statements.fetch(
        f"SELECT {_COLUMNS} FROM hermodr.recipients WHERE project_id = $1{asked} AND {clause}",
        *asked.arguments,
    )
    return [_recipient(row) for row in rows]


async def change(
    ledger: Ledger, project_id: UUID, recipient_id: UUID, changes: Mapping[str, Any], owner: str | None = None
) -> Recipient | None:
    """Replaces the named fields; `None` when the project (or the `owner`, an end user) has no such recipient. What
    waits for the end of quiet hours obeys new ones. Raises `ExternalIdTaken`."""
    async with ledger.transaction() as transaction:
        rows = await transaction.fetch(
            f"SELECT {_COLUMNS} FROM hermodr.recipients"
            " WHERE id = $1 AND project_id = $2 AND ($3::text IS NULL OR user_id = $3) FOR UPDATE",
            recipient_id,
            project_id,
            owner,
        )
        if not rows:
            return None
        before = _recipient(rows[0])
        after = await _overwrite(transaction, replace(before, **changes))
        if (before.quiet_hours, before.timezone) != (after.quiet_hours, after.timezone):
            await _decide_again(transaction, project_id, recipient_id)
        return after


async def _decide_again(transaction: Transaction, project_id: UUID, recipient_id: UUID) -> None:
    """What waits for the end of quiet hours that were changed is decided upon again at once."""
    await transaction.fetch(
        """
        WITH again AS (
            UPDATE hermodr.jobs SET wake_at = greatest(now(), scheduled_for)
            WHERE recipient_id = $1 AND project_id = $2 AND state = 'scheduled' AND deferred_until > now()
            RETURNING id
        )
        SELECT pg_notify($3, '') FROM (SELECT 1 FROM again LIMIT 1) due
        """,
        recipient_id,
        project_id,
        DUE_CHANNEL,
    )


async def _overwrite(transaction: Transaction, wanted: Recipient) -> Recipient:
    try:
        rows = await transaction.fetch(
            f"""
            UPDATE hermodr.recipients
            SET external_id = $2, user_id = $3, name = $4, email = $5, phone = $6, locale = $7, timezone = $8,
                muted_until = $9, quiet_hours = $10::jsonb, preferences = $11::jsonb, updated_at = clock_timestamp()
            WHERE id = $1 RETURNING {_COLUMNS}
            """,
            wanted.id,
            wanted.external_id,
            wanted.user_id,
            wanted.name,
            wanted.email,
            wanted.phone,
            wanted.locale,
            wanted.timezone,
            wanted.muted_until,
            json.dumps(wanted.quiet_hours) if wanted.quiet_hours is not None else None,
            json.dumps(list(wanted.preferences)),
        )
    except asyncpg.UniqueViolationError as error:
        raise ExternalIdTaken from error
    return _recipient(rows[0])


async def resolve(ledger: Statements, references: Sequence[Reference]) -> list[FoundRecipient | None]:
    """What each reference leads to, in order. Of several recipients with one user id it is the eldest."""
    rows = await ledger.fetch(
        """
        SELECT i.nth, r.id, r.user_id
        FROM unnest($1::uuid[], $2::text[], $3::text[]) WITH ORDINALITY AS i(project_id, kind, value, nth)
        CROSS JOIN LATERAL (
            SELECT id, user_id FROM hermodr.recipients
            WHERE i.kind = 'recipient_id' AND project_id = i.project_id
              AND id = CASE i.kind WHEN 'recipient_id' THEN i.value::uuid END
            UNION ALL
            SELECT id, user_id FROM hermodr.recipients
            WHERE i.kind = 'external_id' AND project_id = i.project_id AND external_id = i.value
            UNION ALL
            (SELECT id, user_id FROM hermodr.recipients
             WHERE i.kind = 'user_id' AND project_id = i.project_id AND user_id = i.value ORDER BY id LIMIT 1)
        ) r
        """,
        [each.project_id for each in references],
        [each.kind for each in references],
        [each.value for each in references],
    )
    found = {row["nth"]: FoundRecipient(row["id"], row["user_id"]) for row in rows}
    return [found.get(nth) for nth in range(1, len(references) + 1)]


def of_values(values: Sequence[Any]) -> Recipient:
    """The recipient whose columns, in the order of the fields, these are."""
    return _recipient(dict(zip(_FIELDS, values, strict=True)))


def _recipient(row: Row) -> Recipient:
    return Recipient(
        id=row["id"],
        external_id=row["external_id"],
        user_id=row["user_id"],
        name=row["name"],
        email=row["email"],
        phone=row["phone"],
        locale=row["locale"],
        timezone=row["timezone"],
        muted_until=row["muted_until"],
        quiet_hours=json.loads(row["quiet_hours"]) if row["quiet_hours"] is not None else None,
        preferences=json.loads(row["preferences"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
