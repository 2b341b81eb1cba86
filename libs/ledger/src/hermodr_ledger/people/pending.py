"""Addresses that end users gave and that are not verified yet. They are used for nothing but asking for that. A
confirmed one is kept for some minutes, so that the code may come twice."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from hermodr_ledger.engine import Row, Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.people import recipients as people
from hermodr_ledger.people.recipients import Recipient
from hermodr_ledger.tables import pending_addresses, recipients

GOOD_FOR = timedelta(hours=24)
REPEATABLE_FOR = timedelta(minutes=10)
"""How long a code that was right stays right."""
MOST_CODES = 5
"""Tries of a code; then the change has to be asked for again."""

Kind = Literal["email", "phone"]
KINDS: tuple[Kind, ...] = ("email", "phone")


@dataclass(frozen=True, slots=True)
class Pending:
    """`id` is another one with each change. `confirmed_at`: it is the recipient's address by now."""

    id: UUID
    recipient_id: UUID
    kind: Kind
    address: str
    requested_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Addressed(Recipient):
    """A recipient with what is pending."""

    pending_addresses: Sequence[Pending] = ()


class Asked(NamedTuple):
    """A change that waits to be confirmed. `locale` is the recipient's."""

    pending: Pending
    project_id: UUID
    locale: str | None


_ROW = pending_addresses.c
_FIELDS = tuple(each.name for each in fields(Recipient))
_COLUMNS = tuple(_ROW[each.name] for each in fields(Pending))
_KNOWN = _ROW.expires_at > sa.func.now()
_ALIVE = sa.and_(_KNOWN, _ROW.confirmed_at.is_(None))
_ONE = _ROW.id == sa.bindparam("pending_id")
_OF = (
    sa.select(*_COLUMNS)
    .where(_ROW.recipient_id == sa.any_(sa.bindparam("each_id", type_=ARRAY(sa.UUID))), _ALIVE)
    .order_by(_ROW.recipient_id, _ROW.kind)
)
_READ = (
    sa.select(*_COLUMNS, recipients.c.project_id, recipients.c.locale)
    .join_from(pending_addresses, recipients, recipients.c.id == _ROW.recipient_id)
    .where(_ONE, _ALIVE)
)
_WITHDRAW = (
    sa.delete(pending_addresses)
    .where(
        _ROW.recipient_id == sa.bindparam("recipient"),
        _ROW.kind == sa.any_(sa.bindparam("kinds", type_=ARRAY(sa.Text))),
        _ALIVE,
    )
    .returning(_ROW.kind)
)
_TAKE = (
    sa.update(pending_addresses)
    .where(_ONE, _ALIVE)
    .values(confirmed_at=sa.func.now(), expires_at=sa.func.now() + sa.cast(REPEATABLE_FOR, sa.Interval))
    .returning(*_COLUMNS)
)
_TRY = (
    sa.update(pending_addresses)
    .where(
        _ROW.recipient_id == sa.bindparam("recipient"),
        _ROW.kind == sa.bindparam("of_kind"),
        _ROW.tried_codes < MOST_CODES,
        _KNOWN,
    )
    .values(tried_codes=_ROW.tried_codes + 1)
    .returning(*_COLUMNS)
)
_IS_CONFIRMED = sa.select(_ROW.id).where(_ONE, _KNOWN, _ROW.confirmed_at.is_not(None))
_FORGET = sa.delete(pending_addresses).where(_ROW.expires_at <= sa.func.now())


async def put(
    transaction: Transaction, recipient_id: UUID, pending_id: UUID, kind: Kind, address: str
) -> None:
    """In place of what was pending of that kind. The transaction has locked the recipient."""
    new = insert(pending_addresses).values(
        recipient_id=recipient_id,
        kind=kind,
        id=pending_id,
        address=address,
        expires_at=sa.func.now() + sa.cast(GOOD_FOR, sa.Interval),
    )
    renewed = {
        name: new.excluded[name]
        for name in ("id", "address", "tried_codes", "requested_at", "expires_at", "confirmed_at")
    }
    await fetch(
        transaction, new.on_conflict_do_update(index_elements=[_ROW.recipient_id, _ROW.kind], set_=renewed)
    )


async def addressed(statements: Statements, found: Sequence[Recipient]) -> list[Addressed]:
    """The recipients, with what is pending of each."""
    theirs: dict[UUID, list[Pending]] = {}
    for row in await fetch(statements, _OF, each_id=[each.id for each in found]) if found else ():
        theirs.setdefault(row["recipient_id"], []).append(_pending(row))
    return [
        Addressed(
            **{name: getattr(each, name) for name in _FIELDS}, pending_addresses=theirs.get(each.id, ())
        )
        for each in found
    ]


async def asked(statements: Statements, pending_id: UUID) -> Asked | None:
    """`None`: confirmed, replaced, withdrawn or too old."""
    rows = await fetch(statements, _READ, pending_id=pending_id)
    return Asked(_pending(rows[0]), rows[0]["project_id"], rows[0]["locale"]) if rows else None


async def withdraw(transaction: Transaction, recipient_id: UUID, kinds: Sequence[Kind]) -> list[Kind]:
    """Those there were."""
    rows = await fetch(transaction, _WITHDRAW, recipient=recipient_id, kinds=list(kinds))
    return [row["kind"] for row in rows]


async def try_code(statements: Statements, recipient_id: UUID, kind: Kind) -> Pending | None:
    """Counts a try, before it is known whether the code is right; of what was confirmed, too. `None`: there is nothing,
    or it was tried too often."""
    rows = await fetch(statements, _TRY, recipient=recipient_id, of_kind=kind)
    return _pending(rows[0]) if rows else None


async def confirm(
    transaction: Transaction, project_id: UUID, recipient_id: UUID, pending_id: UUID
) -> Kind | None:
    """Makes it the recipient's address. `None`: it is no longer pending."""
    if await people.read_for_change(transaction, project_id, recipient_id) is None:
        return None
    rows = await fetch(transaction, _TAKE, pending_id=pending_id)
    if not rows:
        return None
    taken = _pending(rows[0])
    await people.overwrite(transaction, recipient_id, {taken.kind: taken.address})
    return taken.kind


async def is_confirmed(statements: Statements, pending_id: UUID) -> bool:
    """Whether it became the recipient's address a short while ago, and still is."""
    return bool(await fetch(statements, _IS_CONFIRMED, pending_id=pending_id))


async def forget_expired(statements: Statements) -> None:
    await fetch(statements, _FORGET)


def _pending(row: Row) -> Pending:
    return Pending(*(row[each.name] for each in fields(Pending)))
