"""Projects and the API keys that open them. A key is 256 random bits; only its SHA-256 is stored."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from hermodr_ledger import audit
from hermodr_ledger.audit import Actor
from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.paging import Page, page_clause
from hermodr_servicekit.ids import new_id

Scope = Literal["send", "read", "manage", "admin"]
SCOPES: tuple[Scope, ...] = ("send", "read", "manage", "admin")
KEY_PREFIX = "hk_"

_COLUMNS = "id, project_id, name, hint, scopes, created_at, revoked_at"


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


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key with its secret, which nobody can find out again. `project` is the project's name."""

    record: ApiKey
    project: str
    secret: str


def hash_of(secret: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(secret.encode()).digest()


async def create(ledger: Ledger, project_name: str, scopes: Sequence[Scope], name: str = "") -> CreatedKey:
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
        record, secret = await create_in(transaction, rows[0]["id"], scopes, name, audit.CLI)
    return CreatedKey(record, project_name, secret)


async def create_in(
    transaction: Transaction, project_id: UUID, scopes: Sequence[Scope], name: str, actor: Actor
) -> tuple[ApiKey, str]:
    """A new key for an existing project, and its secret."""
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    rows = await transaction.fetch(
        f"INSERT INTO hermodr.api_keys (id, project_id, name, hint, key_hash, scopes)"
        f" VALUES ($1, $2, $3, $4, $5, $6) RETURNING {_COLUMNS}",
        new_id(),
        project_id,
        name,
        secret[: len(KEY_PREFIX) + 5],
        hash_of(secret),
        [scope for scope in SCOPES if scope in scopes],
    )
    made = _api_key(rows[0])
    detail = {"name": name, "scopes": list(made.scopes)}
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


async def page(ledger: Ledger, project_id: UUID, wanted: Page) -> list[ApiKey]:
    """One page of the project's keys, revoked ones included."""
    rows = await ledger.fetch(
        f"SELECT {_COLUMNS} FROM hermodr.api_keys WHERE project_id = $1 AND {page_clause(wanted, 2)}",
        project_id,
        wanted.after,
        wanted.limit,
    )
    return [_api_key(row) for row in rows]


async def rename(
    transaction: Transaction, project_id: UUID, key_id: UUID, name: str, actor: Actor
) -> ApiKey | None:
    """Changes what people call the key."""
    rows = await transaction.fetch(
        f"UPDATE hermodr.api_keys SET name = $3 WHERE id = $1 AND project_id = $2 RETURNING {_COLUMNS}",
        key_id,
        project_id,
        name,
    )
    if not rows:
        return None
    await audit.record(transaction, project_id, actor, "api-key.change", key_id, {"name": name})
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


def _api_key(row: Row) -> ApiKey:
    return ApiKey(
        row["id"],
        row["project_id"],
        row["name"],
        row["hint"],
        tuple(row["scopes"]),
        row["created_at"],
        row["revoked_at"],
    )
