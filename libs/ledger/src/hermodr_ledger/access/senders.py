"""Whom the mails of a project may be from: verified addresses, and all addresses of verified domains."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.tables import senders

ADDRESS, DOMAIN = "address", "domain"


@dataclass(frozen=True, slots=True)
class Sender:
    """`value`: the address, or the domain. `token`: see `NewSender`."""

    id: UUID
    kind: str
    value: str
    name: str | None
    token: str
    token_until: datetime | None
    verified_at: datetime | None
    created_at: datetime
    updated_at: datetime


class NewSender(NamedTuple):
    """`token`: of a domain what its TXT record must hold; of an address the SHA-256 of what was mailed to it, good
    until `token_until`."""

    id: UUID
    project_id: UUID
    kind: str
    value: str
    token: str
    name: str | None = None
    token_until: datetime | None = None


class SenderTaken(Exception):
    """The project has it already."""


_COLUMNS = readable_columns(Sender, senders)
_ONE = (senders.c.id == sa.bindparam("sender")) & (senders.c.project_id == sa.bindparam("project"))
_READ = sa.select(*_COLUMNS).where(_ONE)
_OWNER = sa.select(senders.c.project_id).where(senders.c.id == sa.bindparam("sender"))
_DELETE = sa.delete(senders).where(_ONE).returning(senders.c.id)
_VERIFY = (
    sa.update(senders)
    .where(_ONE)
    .values(verified_at=sa.func.coalesce(senders.c.verified_at, sa.func.now()), updated_at=sa.func.now())
    .returning(*_COLUMNS)
)


async def create(statements: Statements, given: NewSender) -> Sender:
    """Raises `SenderTaken`."""
    made = insert(senders).values(**given._asdict()).on_conflict_do_nothing().returning(*_COLUMNS)
    rows = await fetch(statements, made)
    if not rows:
        raise SenderTaken
    return _sender(rows[0])


async def read(statements: Statements, project_id: UUID, sender_id: UUID) -> Sender | None:
    rows = await fetch(statements, _READ, sender=sender_id, project=project_id)
    return _sender(rows[0]) if rows else None


async def owner(statements: Statements, sender_id: UUID) -> UUID | None:
    """The project it belongs to."""
    rows = await fetch(statements, _OWNER, sender=sender_id)
    return rows[0]["project_id"] if rows else None


async def page(statements: Statements, project_id: UUID, wanted: Page) -> list[Sender]:
    asked = sa.select(*_COLUMNS).where(senders.c.project_id == project_id)
    return [_sender(row) for row in await fetch(statements, paged(asked, senders, wanted))]


async def verified(statements: Statements, project_id: UUID, sender_id: UUID) -> Sender | None:
    """It counts from now on."""
    rows = await fetch(statements, _VERIFY, sender=sender_id, project=project_id)
    return _sender(rows[0]) if rows else None


async def delete(statements: Statements, project_id: UUID, sender_id: UUID) -> bool:
    return bool(await fetch(statements, _DELETE, sender=sender_id, project=project_id))


async def allowed(statements: Statements, wanted: Sequence[tuple[UUID, str]]) -> list[bool]:
    """Whether mails of the project may be from the address, for each. Letter case does not count."""
    rows = await statements.fetch(
        """
        SELECT EXISTS (
            SELECT 1 FROM hermodr.senders s
            WHERE s.project_id = w.project_id AND s.verified_at IS NOT NULL
              AND lower(s.value) IN (lower(w.address), lower(substring(w.address FROM '[^@]*$')))
        ) AS allowed
        FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS w(project_id, address, nth) ORDER BY nth
        """,
        [project_id for project_id, _ in wanted],
        [address for _, address in wanted],
    )
    return [row["allowed"] for row in rows]


def _sender(row: Row) -> Sender:
    return Sender(**dict(row))
