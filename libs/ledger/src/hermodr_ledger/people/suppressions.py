"""Addresses of a project that nothing is sent to. Found by a keyed hash that ignores letter case: when a person is
erased the address goes, and stays suppressed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.vocabulary import SuppressionReason
from hermodr_ledger.engine import Row, Statements, columns
from hermodr_ledger.engine.core import equal, fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import columns_of, readable_columns
from hermodr_ledger.tables import suppression_key, suppressions
from hermodr_servicekit.ids import new_id

SUPPRESSION_KEY = "(SELECT k.key FROM hermodr.suppression_key k)"
"""The key of the hashes, as a subquery."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """`address` `None`: its person was erased. `delivery_id`: what bounced or was complained about."""

    id: UUID
    address: str | None
    reason: str
    note: str | None
    delivery_id: UUID | None
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime


class NewSuppression(NamedTuple):
    """`expires_at` `None`: for ever."""

    project_id: UUID
    address: str
    reason: SuppressionReason
    note: str | None = None
    delivery_id: UUID | None = None
    expires_at: datetime | None = None


class Put(NamedTuple):
    """`added`: it was not suppressed before."""

    suppression: Suppression
    added: bool


_COLUMNS = readable_columns(Suppression, suppressions)
_STRENGTH = "ARRAY['" + "', '".join(SuppressionReason) + "']"
_IN_FORCE = suppressions.c.expires_at.is_(None) | (suppressions.c.expires_at > sa.func.now())

# What has expired is replaced; else the stronger reason and the later end stay.
_PUT = f"""
INSERT INTO hermodr.suppressions AS known (id, project_id, hash, address, reason, note, delivery_id, expires_at)
SELECT DISTINCT ON (g.project_id, g.hash) id, project_id, hash, address, reason, note, delivery_id, expires_at
FROM (
    SELECT u.*, hermodr.suppression_hash({SUPPRESSION_KEY}, u.project_id, u.address) AS hash
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::timestamptz[])
        WITH ORDINALITY AS u(id, project_id, address, reason, note, delivery_id, expires_at, nth)
) g
ORDER BY g.project_id, g.hash, array_position({_STRENGTH}, g.reason) DESC, g.nth DESC
ON CONFLICT (project_id, hash) DO UPDATE SET
    address = excluded.address,
    reason = CASE WHEN known.expires_at <= now() OR array_position({_STRENGTH}, excluded.reason)
                       >= coalesce(array_position({_STRENGTH}, known.reason), 0)
                  THEN excluded.reason ELSE known.reason END,
    note = coalesce(excluded.note, known.note),
    delivery_id = coalesce(excluded.delivery_id, known.delivery_id),
    expires_at = CASE WHEN known.expires_at <= now() THEN excluded.expires_at
                      WHEN known.expires_at IS NOT NULL AND excluded.expires_at IS NOT NULL
                      THEN greatest(known.expires_at, excluded.expires_at) END,
    wake_at = now(), updated_at = now()
RETURNING {", ".join(f"{column} AS {name}" for name, column in columns_of(Suppression, "known").items())},
    xmax = 0 AS added
"""


async def put(statements: Statements, wanted: Sequence[NewSuppression]) -> list[Put]:
    """Suppresses addresses, each once; deliveries that wait are ended by `deliveries.suppressing`."""
    rows = await statements.fetch(
        _PUT,
        [new_id() for _ in wanted],
        [each.project_id for each in wanted],
        [each.address for each in wanted],
        [each.reason for each in wanted],
        *columns(
            [each.note for each in wanted],
            [each.delivery_id for each in wanted],
            [each.expires_at for each in wanted],
        ),
    )
    return [Put(_suppression(row), row["added"]) for row in rows]


@dataclass(frozen=True, slots=True)
class SuppressionSearch:
    """`None` does not narrow."""

    address: str | None = None
    reason: str | None = None


async def page(
    statements: Statements, project_id: UUID, wanted: Page, search: SuppressionSearch
) -> list[Suppression]:
    """Without expired ones."""
    asked = sa.select(*_COLUMNS).where(
        suppressions.c.project_id == project_id,
        _IN_FORCE,
        *equal(
            (suppressions.c.hash, _hash(project_id, search.address) if search.address is not None else None),
            (suppressions.c.reason, search.reason),
        ),
    )
    return [_suppression(row) for row in await fetch(statements, paged(asked, suppressions, wanted))]


async def read(statements: Statements, project_id: UUID, suppression_id: UUID) -> Suppression | None:
    asked = sa.select(*_COLUMNS).where(
        suppressions.c.id == suppression_id, suppressions.c.project_id == project_id, _IN_FORCE
    )
    rows = await fetch(statements, asked)
    return _suppression(rows[0]) if rows else None


async def remove(
    statements: Statements, project_id: UUID, *, id: UUID | None = None, address: str | None = None
) -> UUID | None:
    """By id or address. `None`: no such suppression."""
    which = suppressions.c.id == id if id is not None else suppressions.c.hash == _hash(project_id, address)
    gone = sa.delete(suppressions).where(suppressions.c.project_id == project_id, which, _IN_FORCE)
    rows = await fetch(statements, gone.returning(suppressions.c.id))
    return rows[0]["id"] if rows else None


async def forget(statements: Statements, ids: Sequence[UUID]) -> None:
    """Their addresses; they stay suppressed."""
    await statements.fetch(
        "UPDATE hermodr.suppressions SET address = NULL, note = NULL WHERE id = ANY ($1::uuid[])", list(ids)
    )


async def of_recipient(statements: Statements, project_id: UUID, recipient_id: UUID) -> list[Row]:
    """Of the recipient's present addresses."""
    return await statements.fetch(
        f"""
        SELECT s.id, s.address, s.reason, s.note, s.created_at, s.expires_at
        FROM hermodr.recipients r CROSS JOIN LATERAL (VALUES (r.email), (r.phone)) a(address)
        JOIN hermodr.suppressions s ON s.project_id = r.project_id
            AND s.hash = hermodr.suppression_hash({SUPPRESSION_KEY}, r.project_id, a.address)
        WHERE r.id = $1 AND r.project_id = $2
        """,
        recipient_id,
        project_id,
    )


async def delete_expired(statements: Statements) -> None:
    await fetch(statements, sa.delete(suppressions).where(suppressions.c.expires_at < sa.func.now()))


def _hash(project_id: UUID, address: str | None) -> sa.ColumnElement[bytes]:
    key = sa.select(suppression_key.c.key).scalar_subquery()
    given = (sa.literal(project_id, sa.UUID), sa.literal(address, sa.Text))
    hashed: sa.ColumnElement[bytes] = sa.func.hermodr.suppression_hash(key, *given, type_=sa.LargeBinary)
    return hashed


def _suppression(row: Row) -> Suppression:
    return Suppression(*(row[name] for name in Suppression.__dataclass_fields__))
