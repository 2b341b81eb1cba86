"""Who makes API keys: none that has ended makes another, and all that somebody made are revoked at once."""

from dataclasses import dataclass, replace
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from hermodr_ledger.access import audit, people
from hermodr_ledger.access.audit import Actor, ActorKind
from hermodr_ledger.engine import Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import api_keys

HOLDS = api_keys.c.revoked_at.is_(None) & (
    api_keys.c.expires_at.is_(None) | (api_keys.c.expires_at > sa.func.now())
)
"""Of keys that do."""
# Nobody makes a key while all that somebody made are revoked: a key that goes on making keys would outrun it.
_TURNS = (
    sa.func.hashtext("hermodr: makers of keys"),
    sa.func.hashtext(sa.cast(sa.bindparam("project", type_=sa.UUID), sa.Text)),
)
_MAKING = sa.select(sa.func.pg_advisory_xact_lock_shared(*_TURNS))
_REVOKING = sa.select(sa.func.pg_advisory_xact_lock(*_TURNS))
_OWN = (api_keys.c.id == sa.bindparam("key")) & (api_keys.c.project_id == sa.bindparam("project"))
_HOLDING = sa.select(api_keys.c.id).where(_OWN, HOLDS).with_for_update(read=True)
_BOTH = (
    sa.select(api_keys.c.id)
    .where(
        api_keys.c.project_id == sa.bindparam("project"),
        api_keys.c.id == sa.any_(sa.bindparam("keys", type_=ARRAY(sa.UUID))),
    )
    .order_by(api_keys.c.id)
    .with_for_update()
)
_REVOKE = sa.update(api_keys).where(api_keys.c.id == sa.bindparam("key")).values(revoked_at=sa.func.now())
_MINE = sa.select(api_keys.c.id).where(
    api_keys.c.project_id == sa.bindparam("project"),
    api_keys.c.made_by_kind == sa.bindparam("kind"),
    api_keys.c.made_by == sa.bindparam("name"),
)
_CALLED = _MINE.with_only_columns(api_keys.c.made_by_name).order_by(api_keys.c.id.desc()).limit(1)
_CHAIN = _MINE.cte("chain", recursive=True)
_CHAIN = _CHAIN.union(
    sa.select(api_keys.c.id).where(
        api_keys.c.project_id == sa.bindparam("project"),
        api_keys.c.made_by_kind == "key",
        api_keys.c.made_by == sa.cast(_CHAIN.c.id, sa.Text),
    )
)
_OF_MAKER = (
    sa.select(api_keys.c.id)
    .where(api_keys.c.id.in_(sa.select(_CHAIN.c.id)), api_keys.c.revoked_at.is_(None))
    .order_by(api_keys.c.id)
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class Maker:
    """`id`: of a key, a person's `identity`, or as the audit log has it. `name`: what a person was called then."""

    kind: ActorKind
    id: str | None
    name: str | None = None


class Ended(Exception):
    """The key that asks for another is revoked or has expired, or the session of the person is over."""


async def holding(transaction: Transaction, project_id: UUID, actor: Actor, *others: UUID) -> Maker:
    """Who makes a key in this transaction: theirs holds until it ends. Locks the keys `others` with it, in the order
    of all. Raises `Ended`."""
    await fetch(transaction, _MAKING, project=project_id)
    own = UUID(actor.id) if actor.kind == "key" and actor.id is not None else None
    if others:
        await fetch(
            transaction, _BOTH, project=project_id, keys=[*others, *([own] if own is not None else [])]
        )
    if own is not None and not await fetch(transaction, _HOLDING, key=own, project=project_id):
        raise Ended
    if actor.kind != "person":
        return Maker(actor.kind, actor.id)
    person = await people.find(transaction, actor.session) if actor.session is not None else None
    if person is None:
        raise Ended
    return Maker("person", person.identity, person.name)


async def called(statements: Statements, project_id: UUID, maker: Maker) -> Maker | None:
    """The maker, by the name of when they last made a key. `None`: they never made one."""
    rows = await fetch(statements, _CALLED, project=project_id, kind=maker.kind, name=maker.id)
    return replace(maker, name=rows[0]["made_by_name"]) if rows else None


async def revoke_of(
    transaction: Transaction, project_id: UUID, maker: Maker, actor: Actor
) -> list[UUID] | None:
    """Those that still hold of the keys that `maker` made, and of those that these made, and so on; a person's sessions
    end with them. `None`: they never made one."""
    await fetch(transaction, _REVOKING, project=project_id)
    if await called(transaction, project_id, maker) is None:
        return None
    if maker.kind == "person" and maker.id is not None:
        await people.end_all(transaction, maker.id)
    theirs = await fetch(transaction, _OF_MAKER, project=project_id, kind=maker.kind, name=maker.id)
    for row in theirs:
        await fetch(transaction, _REVOKE, key=row["id"])
        detail = {"maker": {"actor": maker.kind, "actor_id": maker.id}}
        await audit.record(transaction, project_id, actor, "api-key.revoke", row["id"], detail)
    return [row["id"] for row in theirs]
