"""Recipients of a project with their preferences."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.core import AnySelect, equal, fetch
from hermodr_ledger.engine.documents import object_of, objects_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_ledger.tables import recipients
from hermodr_servicekit.ids import new_id


@dataclass(frozen=True, slots=True)
class Recipient:
    """`preferences`: `{"type", "channel", "enabled"}`; `quiet_hours`: `{"start", "end", "days"}`; `caps`:
    `{"max", "per", "types", "overflow"}`. `relationship` and
    `attributes` are for templates. `webhook_url` may hold secrets: it is for whoever manages recipients."""

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
    relationship: str | None
    attributes: Mapping[str, Any]
    webhook_url: str | None
    caps: Sequence[Mapping[str, Any]]


_FIELDS = tuple(each.name for each in fields(Recipient))
GIVEN = (
    "external_id",
    "user_id",
    "name",
    "email",
    "phone",
    "locale",
    "timezone",
    "relationship",
    "attributes",
    "webhook_url",
)
"""What an application gives; `attributes` is a JSON text of an object, all others are plain texts or `None`."""
IN_TEMPLATES = ("external_id", "name", "email", "phone", "locale", "timezone", "relationship")
"""What templates may read of a recipient, beside the `attributes`."""
_COLUMNS = readable_columns(Recipient, recipients)
_ONE = (recipients.c.id == sa.bindparam("recipient_id")) & (
    recipients.c.project_id == sa.bindparam("project")
)


@dataclass(frozen=True, slots=True)
class Reference:
    """`value` is the text of an id, external id or user id."""

    project_id: UUID
    kind: Literal["recipient_id", "external_id", "user_id"]
    value: str


@dataclass(frozen=True, slots=True)
class FoundRecipient:
    """`user_id` is the end user who owns what is sent there."""

    id: UUID
    user_id: str | None


async def create(statements: Statements, project_id: UUID, fields: Mapping[str, str | None]) -> Recipient:
    """`fields`: of `GIVEN`. Raises `ExternalIdTaken`."""
    named = {name: value for name, value in fields.items() if name in GIVEN and value is not None}
    new = insert(recipients).values(id=new_id(), project_id=project_id, **named)
    rows = await fetch(statements, new.on_conflict_do_nothing().returning(*_COLUMNS))
    if not rows:
        raise ExternalIdTaken
    return _recipient(rows[0])


async def read(
    statements: Statements, project_id: UUID, recipient_id: UUID, owner: str | None = None
) -> Recipient | None:
    """With `owner`: only if it is that end user's."""
    rows = await fetch(statements, _theirs(owner), recipient_id=recipient_id, project=project_id)
    return _recipient(rows[0]) if rows else None


async def of_user(statements: Statements, project_id: UUID, user_id: str) -> Recipient | None:
    """The one that `to.user_id` means."""
    theirs = (recipients.c.project_id == project_id) & (recipients.c.user_id == user_id)
    asked = sa.select(*_COLUMNS).where(theirs).order_by(recipients.c.id).limit(1)
    rows = await fetch(statements, asked)
    return _recipient(rows[0]) if rows else None


@dataclass(frozen=True, slots=True)
class RecipientSearch:
    """`None` does not narrow. `owner`: only what is that end user's. `email` ignores case. `ids`: only these."""

    external_id: str | None = None
    user_id: str | None = None
    email: str | None = None
    owner: str | None = None
    ids: Sequence[UUID] | None = None


async def page(
    statements: Statements, project_id: UUID, wanted: Page, search: RecipientSearch
) -> list[Recipient]:
    asked = sa.select(*_COLUMNS).where(
        recipients.c.project_id == project_id,
        *equal(
            (recipients.c.external_id, search.external_id),
            (recipients.c.user_id, search.user_id),
            (sa.func.lower(recipients.c.email), search.email.lower() if search.email is not None else None),
            (recipients.c.user_id, search.owner),
        ),
    )
    if search.ids is not None:
        asked = asked.where(recipients.c.id == sa.any_(sa.literal(list(search.ids), sa.ARRAY(sa.UUID))))
    rows = await fetch(statements, paged(asked, recipients, wanted))
    return [_recipient(row) for row in rows]


async def change(
    ledger: Ledger, project_id: UUID, recipient_id: UUID, changes: Mapping[str, Any], owner: str | None = None
) -> Recipient | None:
    """Replaces the named fields: of `GIVEN`, and `muted_until`, `quiet_hours`, `preferences`, `caps` as in `Recipient`.
    `None`: no such recipient. A trigger has their waiting jobs decided again. Raises `ExternalIdTaken`."""
    async with ledger.transaction() as transaction:
        if await read_for_change(transaction, project_id, recipient_id, owner) is None:
            return None
        return await overwrite(transaction, recipient_id, changes)


async def read_for_change(
    transaction: Transaction, project_id: UUID, recipient_id: UUID, owner: str | None = None
) -> Recipient | None:
    """`read` with a lock until the transaction ends."""
    locked = _theirs(owner).with_for_update()
    rows = await fetch(transaction, locked, recipient_id=recipient_id, project=project_id)
    return _recipient(rows[0]) if rows else None


async def overwrite(transaction: Transaction, recipient_id: UUID, changes: Mapping[str, Any]) -> Recipient:
    """`change` of a recipient that the transaction has locked."""
    values = {
        name: json.dumps(value)
        if name in ("quiet_hours", "preferences", "caps") and value is not None
        else value
        for name, value in changes.items()
    }
    changed = (
        sa.update(recipients)
        .where(recipients.c.id == recipient_id)
        .values(**values, updated_at=sa.func.clock_timestamp())
    )
    try:
        rows = await fetch(transaction, changed.returning(*_COLUMNS))
    except asyncpg.UniqueViolationError as error:
        raise ExternalIdTaken from error
    return _recipient(rows[0])


async def locales(statements: Statements, ids: Sequence[UUID]) -> dict[UUID, str | None]:
    """Of those of the recipients that are there."""
    rows = await statements.fetch(
        "SELECT id, locale FROM hermodr.recipients WHERE id = ANY ($1::uuid[])", list(ids)
    )
    return {row["id"]: row["locale"] for row in rows}


async def resolve(ledger: Statements, references: Sequence[Reference]) -> list[FoundRecipient | None]:
    """In order. Of several recipients with one user id, the oldest."""
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


_DESCRIBED = f"""
SELECT r.id, (jsonb_strip_nulls(jsonb_build_object({", ".join(f"'{each}', r.{each}" for each in IN_TEMPLATES)}))
              || jsonb_build_object('attributes', r.attributes))::text AS described
FROM unnest($1::uuid[]) AS u(id) JOIN hermodr.recipients r ON r.id = u.id
"""


async def described(ledger: Statements, recipient_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Recipients as templates read them, as JSON: what they do not have is left out, and so are erased ones."""
    rows = await ledger.fetch(_DESCRIBED, list(recipient_ids))
    return {row["id"]: row["described"] for row in rows}


def _theirs(owner: str | None) -> AnySelect:
    return sa.select(*_COLUMNS).where(_ONE, *equal((recipients.c.user_id, owner)))


def of_values(values: Sequence[Any]) -> Recipient:
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
        quiet_hours=object_of(row["quiet_hours"]) or None,
        preferences=objects_of(row["preferences"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        relationship=row["relationship"],
        attributes=object_of(row["attributes"]),
        webhook_url=row["webhook_url"],
        caps=objects_of(row["caps"]),
    )
