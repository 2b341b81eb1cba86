"""Projects and the API keys that open them. A key is 256 random bits; only its SHA-256 is stored."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.access.rates import Limit
from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.conditions import Conditions
from hermodr_ledger.engine.paging import Page, page_clause
from hermodr_servicekit.ids import new_id

Scope = Literal["send", "read", "manage", "admin"]
SCOPES: tuple[Scope, ...] = ("send", "read", "manage", "admin")
KEY_PREFIX = "hk_"

_COLUMNS = (
    "id, project_id, name, hint, scopes, created_at, revoked_at, rate_requests, rate_seconds, rate_burst"
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is known afterwards: `hint` is its first characters, to recognise it by."""

    id: UUID
    project_id: UUID
    name: str
    hint: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    revoked_at: datetime | None
    limit: Limit | None = None


KeyChanges = Mapping[Literal["name", "limit"], str | Limit | None]
"""What is to change of a key."""


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key with its secret, which nobody can find out again. `project` is the project's name."""

    record: ApiKey
    project: str
    secret: str


def hash_of(secret: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(secret.encode()).digest()


async def create(
    ledger: Ledger, project_name: str, scopes: Sequence[Scope], name: str = "", limit: Limit | None = None
) -> CreatedKey:
    """A new key for the project of that name, which is made if it is new: the command line's way."""
    async with ledger.transaction() as transaction:
        rows = await transaction.fetch(
            """
            INSERT INTO hermodr.projects (id, name) VALUES ($1, $2)
            ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id
            """,
            new_id(),
            project_name,
        )
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
    """A new key for an existing project, and its secret."""
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    rows = await transaction.fetch(
        f"INSERT INTO hermodr.api_keys (id, project_id, name, hint, key_hash, scopes,"
        f" rate_requests, rate_seconds, rate_burst)"
        f" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {_COLUMNS}",
        new_id(),
        project_id,
        name,
        secret[: len(KEY_PREFIX) + 5],
        hash_of(secret),
        [scope for scope in SCOPES if scope in scopes],
        *_columns(limit),
    )
    made = _api_key(rows[0])
    detail = {"name": name, "scopes": list(made.scopes), "rate_limit": asdict(limit) if limit else None}
    await audit.record(transaction, project_id, actor, "api-key.create", made.id, detail)
    return made, secret


async def find(ledger: Ledger, hashes: Sequence[bytes]) -> dict[bytes, ApiKey]:
    """The keys with those hashes, without revoked ones."""
    rows = await ledger.fetch(
        f"SELECT {_COLUMNS}, key_hash FROM unnest($1::bytea[]) AS wanted(key_hash)"
        " JOIN hermodr.api_keys USING (key_hash) WHERE revoked_at IS NULL",
        list(set(hashes)),
    )
    return {row["key_hash"]: _api_key(row) for row in rows}


async def read(statements: Statements, project_id: UUID, key_id: UUID) -> ApiKey | None:
    """The project's key of that id, revoked or not."""
    rows = await statements.fetch(
        f"SELECT {_COLUMNS} FROM hermodr.api_keys WHERE id = $1 AND project_id = $2", key_id, project_id
    )
    return _api_key(rows[0]) if rows else None


async def page(statements: Statements, project_id: UUID, wanted: Page) -> list[ApiKey]:
    """One page of the project's keys, revoked ones included."""
    asked = Conditions(project_id)
    clause = page_clause(wanted, asked, "api_keys")
    rows = await statements.fetch(
        f"SELECT {_COLUMNS} FROM hermodr.api_keys WHERE project_id = $1 AND {clause}",
        *asked.arguments,
    )
    return [_api_key(row) for row in rows]


async def change(
    transaction: Transaction,
    project_id: UUID,
    key_id: UUID,
    changes: KeyChanges,
    actor: Actor,
) -> ApiKey | None:
    """Changes what people call the key and how often it may call; what is not named stays."""
    found = await read(transaction, project_id, key_id)
    if found is None:
        return None
    wanted = replace(found, **changes)  # type: ignore[arg-type]
    rows = await transaction.fetch(
        f"UPDATE hermodr.api_keys SET name = $3, rate_requests = $4, rate_seconds = $5, rate_burst = $6"
        f" WHERE id = $1 AND project_id = $2 RETURNING {_COLUMNS}",
        key_id,
        project_id,
        wanted.name,
        *_columns(wanted.limit),
    )
    limit = asdict(wanted.limit) if wanted.limit is not None else None
    detail = {"name": wanted.name, "rate_limit": limit}
    await audit.record(transaction, project_id, actor, "api-key.change", key_id, detail)
    return _api_key(rows[0])


async def revoke(transaction: Transaction, project_id: UUID, key_id: UUID, actor: Actor) -> bool:
    """Ends the key's life; `False` when the project has no such key. The record stays, and what is revoked already is
    left as it is."""
    rows = await transaction.fetch(
        "SELECT revoked_at FROM hermodr.api_keys WHERE id = $1 AND project_id = $2 FOR UPDATE",
        key_id,
        project_id,
    )
    if rows and rows[0]["revoked_at"] is None:
        await transaction.fetch("UPDATE hermodr.api_keys SET revoked_at = now() WHERE id = $1", key_id)
        await audit.record(transaction, project_id, actor, "api-key.revoke", key_id)
    return bool(rows)


def _columns(limit: Limit | None) -> tuple[int | None, int | None, int | None]:
    return (limit.requests, limit.seconds, limit.burst) if limit is not None else (None, None, None)


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
