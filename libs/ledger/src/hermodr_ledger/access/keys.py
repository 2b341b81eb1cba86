"""API keys and their projects. A key is 256 random bits; only its SHA-256 is stored."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_contracts.rates import Limit
from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.tables import api_keys, projects
from hermodr_servicekit.ids import new_id

Scope = Literal["send", "read", "manage", "admin"]
SCOPES: tuple[Scope, ...] = ("send", "read", "manage", "admin")
KEY_PREFIX = "hk_"

_COLUMNS = (
    api_keys.c.id,
    api_keys.c.project_id,
    api_keys.c.name,
    api_keys.c.hint,
    api_keys.c.scopes,
    api_keys.c.created_at,
    api_keys.c.revoked_at,
    api_keys.c.rate_requests,
    api_keys.c.rate_seconds,
    api_keys.c.rate_burst,
)
_ONE = (api_keys.c.id == sa.bindparam("key")) & (api_keys.c.project_id == sa.bindparam("project"))
_READ = sa.select(*_COLUMNS).where(_ONE)
_LOCK = sa.select(api_keys.c.revoked_at).where(_ONE).with_for_update()
_REVOKE = sa.update(api_keys).where(api_keys.c.id == sa.bindparam("key")).values(revoked_at=sa.func.now())
# Hot: one plan for any number of keys.
_FIND = f"""
SELECT {", ".join(column.name for column in _COLUMNS)}, key_hash
FROM unnest($1::bytea[]) AS wanted(key_hash) JOIN hermodr.api_keys USING (key_hash) WHERE revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret; `hint` is its beginning."""

    id: UUID
    project_id: UUID
    name: str
    hint: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    revoked_at: datetime | None
    limit: Limit | None = None


Furnish = Callable[[Transaction, UUID], Awaitable[None]]
"""Puts into a new project what it begins with."""
KeyChanges = Mapping[Literal["name", "limit"], str | Limit | None]


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key with its secret, which is not stored. `project` is the project's name."""

    record: ApiKey
    project: str
    secret: str


def hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def create(
    ledger: Ledger,
    project_name: str,
    scopes: Sequence[Scope],
    name: str = "",
    limit: Limit | None = None,
    furnish: Furnish | None = None,
) -> CreatedKey:
    """Used by the command line: creates the project if it is new, and has it furnished in the same transaction."""
    async with ledger.transaction() as transaction:
        project = insert(projects).values(id=new_id(), name=project_name)
        project = project.on_conflict_do_update(
            index_elements=[projects.c.name], set_={"name": project.excluded.name}
        )
        made = sa.literal_column("xmax = 0", sa.Boolean).label("made")  # else it was there
        rows = await fetch(transaction, project.returning(projects.c.id, made))
        if rows[0]["made"] and furnish is not None:
            await furnish(transaction, rows[0]["id"])
        record, secret = await create_in(transaction, rows[0]["id"], scopes, name, audit.CLI, limit)
    return CreatedKey(record, project_name, secret)


async def create_in(
    transaction: Transaction,
    project_id: UUID,
    scopes: Sequence[Scope],
    name: str,
    actor: Actor,
    limit: Limit | None = None,
) -> tuple[ApiKey, str]:
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = sa.insert(api_keys).values(
        id=new_id(),
        project_id=project_id,
        name=name,
        hint=secret[: len(KEY_PREFIX) + 5],
        key_hash=hash_of(secret),
        scopes=[scope for scope in SCOPES if scope in scopes],
        **_rate(limit),
    )
    rows = await fetch(transaction, key.returning(*_COLUMNS))
    made = _api_key(rows[0])
    detail = {"name": name, "scopes": list(made.scopes), "rate_limit": asdict(limit) if limit else None}
    await audit.record(transaction, project_id, actor, "api-key.create", made.id, detail)
    return made, secret


async def find(ledger: Ledger, hashes: Sequence[bytes]) -> dict[bytes, ApiKey]:
    """Without revoked keys."""
    rows = await ledger.fetch(_FIND, list(set(hashes)))
    return {row["key_hash"]: _api_key(row) for row in rows}


async def read(statements: Statements, project_id: UUID, key_id: UUID) -> ApiKey | None:
    """Also if it is revoked."""
    rows = await fetch(statements, _READ, key=key_id, project=project_id)
    return _api_key(rows[0]) if rows else None


async def page(statements: Statements, project_id: UUID, wanted: Page) -> list[ApiKey]:
    """Revoked keys included."""
    asked = sa.select(*_COLUMNS).where(api_keys.c.project_id == project_id)
    rows = await fetch(statements, paged(asked, api_keys, wanted))
    return [_api_key(row) for row in rows]


async def change(
    transaction: Transaction,
    project_id: UUID,
    key_id: UUID,
    changes: KeyChanges,
    actor: Actor,
) -> ApiKey | None:
    """Fields left out stay."""
    found = await read(transaction, project_id, key_id)
    if found is None:
        return None
    wanted = replace(found, **changes)  # type: ignore[arg-type]
    changed = sa.update(api_keys).where(_ONE).values(name=wanted.name, **_rate(wanted.limit))
    rows = await fetch(transaction, changed.returning(*_COLUMNS), key=key_id, project=project_id)
    limit = asdict(wanted.limit) if wanted.limit is not None else None
    detail = {"name": wanted.name, "rate_limit": limit}
    await audit.record(transaction, project_id, actor, "api-key.change", key_id, detail)
    return _api_key(rows[0])


async def revoke(transaction: Transaction, project_id: UUID, key_id: UUID, actor: Actor) -> bool:
    """`False` if the project has no such key. The record stays; a key revoked before keeps its time."""
    rows = await fetch(transaction, _LOCK, key=key_id, project=project_id)
    if rows and rows[0]["revoked_at"] is None:
        await fetch(transaction, _REVOKE, key=key_id)
        await audit.record(transaction, project_id, actor, "api-key.revoke", key_id)
    return bool(rows)


def _rate(limit: Limit | None) -> dict[str, int | None]:
    given = (limit.requests, limit.seconds, limit.burst) if limit is not None else (None, None, None)
    return dict(zip(("rate_requests", "rate_seconds", "rate_burst"), given, strict=True))


def _api_key(row: Row) -> ApiKey:
    return ApiKey(
        row["id"],
        row["project_id"],
        row["name"],
        row["hint"],
        tuple(row["scopes"]),
        row["created_at"],
        row["revoked_at"],
        Limit(row["rate_requests"], row["rate_seconds"], row["rate_burst"]) if row["rate_requests"] else None,
    )
