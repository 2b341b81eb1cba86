"""Keys that a project's users' tokens are signed with. Of one without `public_key` the secret is derived of its id
(`servicekit.token_signing`); the id is the token's `kid`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Row, Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.tables import projects, signing_keys
from hermodr_servicekit.ids import new_id

MOST_KEYS = 20
"""Of a project, that hold."""
SECRET_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """It verifies `algorithm` and nothing else, until `expires_at`; `None`: for ever. `public_key` in PEM, or `None`
    of one with a secret."""

    id: UUID
    project_id: UUID
    name: str
    algorithm: str
    public_key: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Material:
    """What a key is made of; without `public_key` of a secret that is derived."""

    algorithm: str = SECRET_ALGORITHM
    public_key: str | None = None


class TooManyKeys(Exception):
    """The project has `MOST_KEYS` that hold."""


class Ended(Exception):
    """The key is revoked or has expired."""


class AnotherMaterial(Exception):
    """A key with a public key is followed by one with a public key, a secret by a secret."""


_KEY = signing_keys.c
_COLUMNS = readable_columns(SigningKey, signing_keys)
_ONE = (_KEY.id == sa.bindparam("key")) & (_KEY.project_id == sa.bindparam("project"))
_READ = sa.select(*_COLUMNS).where(_ONE)
_HOLDS = _KEY.revoked_at.is_(None) & (_KEY.expires_at.is_(None) | (_KEY.expires_at > sa.func.now()))
_HOLDING = sa.select(*_COLUMNS).where(_KEY.project_id == sa.bindparam("project"), _HOLDS)
_LOCK = sa.select(*_COLUMNS, _HOLDS.label("holds"), sa.func.now().label("now")).where(_ONE).with_for_update()
_LOCK_PROJECT = sa.select(projects.c.id).where(projects.c.id == sa.bindparam("project"))
_LOCK_PROJECT = _LOCK_PROJECT.with_for_update(key_share=True)
_END = sa.update(signing_keys).where(_KEY.id == sa.bindparam("key")).values(expires_at=sa.bindparam("ends"))
_REVOKE = sa.update(signing_keys).where(_KEY.id == sa.bindparam("key")).values(revoked_at=sa.func.now())


async def create(
    transaction: Transaction, project_id: UUID, name: str, material: Material, actor: Actor
) -> SigningKey:
    """Raises `TooManyKeys`."""
    await _holding(transaction, project_id)
    made = await _insert(transaction, project_id, name, material)
    detail = {"name": name, "algorithm": material.algorithm}
    await audit.record(transaction, project_id, actor, "signing-key.create", made.id, detail)
    return made


async def secret_of(transaction: Transaction, project_id: UUID, name: str) -> SigningKey:
    """The newest key with a secret that holds without an end; one of this name is made if there is none. Raises
    `TooManyKeys`."""
    await fetch(transaction, _LOCK_PROJECT, project=project_id)
    found = [_signing_key(row) for row in await fetch(transaction, _HOLDING, project=project_id)]
    lasting = [each for each in found if each.public_key is None and each.expires_at is None]
    if lasting:
        return max(lasting, key=lambda each: (each.created_at, each.id))
    return await create(transaction, project_id, name, Material(), audit.CLI)


async def read(statements: Statements, project_id: UUID, key_id: UUID) -> SigningKey | None:
    """Also if it is revoked or has expired."""
    rows = await fetch(statements, _READ, key=key_id, project=project_id)
    return _signing_key(rows[0]) if rows else None


async def page(statements: Statements, project_id: UUID, wanted: Page) -> list[SigningKey]:
    """Revoked and expired keys included."""
    asked = sa.select(*_COLUMNS).where(_KEY.project_id == project_id)
    return [_signing_key(row) for row in await fetch(statements, paged(asked, signing_keys, wanted))]


async def rotate(
    transaction: Transaction,
    project_id: UUID,
    key_id: UUID,
    overlap: timedelta,
    material: Material,
    actor: Actor,
) -> SigningKey | None:
    """A new key of the same name; this one ends after `overlap`, or when it would anyway. Raises `Ended`,
    `AnotherMaterial` and `TooManyKeys`."""
    await _holding(transaction, project_id)
    rows = await fetch(transaction, _LOCK, key=key_id, project=project_id)
    if not rows:
        return None
    old, now = _signing_key(rows[0]), rows[0]["now"]
    if not rows[0]["holds"]:
        raise Ended
    if (old.public_key is None) != (material.public_key is None):
        raise AnotherMaterial
    ends = min(old.expires_at or now + overlap, now + overlap)
    await fetch(transaction, _END, key=key_id, ends=ends)
    made = await _insert(transaction, project_id, old.name, material)
    detail = {"by": made.id, "ends": ends, "algorithm": material.algorithm}
    await audit.record(transaction, project_id, actor, "signing-key.rotate", key_id, detail)
    return made


async def revoke(transaction: Transaction, project_id: UUID, key_id: UUID, actor: Actor) -> bool:
    """`False` if the project has no such key. The record stays; a key revoked before keeps its time."""
    rows = await fetch(transaction, _LOCK, key=key_id, project=project_id)
    if rows and rows[0]["revoked_at"] is None:
        await fetch(transaction, _REVOKE, key=key_id)
        await audit.record(transaction, project_id, actor, "signing-key.revoke", key_id)
    return bool(rows)


async def _holding(transaction: Transaction, project_id: UUID) -> None:
    """Locks the project, so that keys are made one after another. Raises `TooManyKeys`."""
    await fetch(transaction, _LOCK_PROJECT, project=project_id)
    if len(await fetch(transaction, _HOLDING, project=project_id)) >= MOST_KEYS:
        raise TooManyKeys


async def _insert(transaction: Transaction, project_id: UUID, name: str, material: Material) -> SigningKey:
    row = sa.insert(signing_keys).values(
        id=new_id(),
        project_id=project_id,
        name=name,
        algorithm=material.algorithm,
        public_key=material.public_key,
    )
    rows: Sequence[Row] = await fetch(transaction, row.returning(*_COLUMNS))
    return _signing_key(rows[0])


def _signing_key(row: Row) -> SigningKey:
    return SigningKey(*(row[name] for name in SigningKey.__dataclass_fields__))
