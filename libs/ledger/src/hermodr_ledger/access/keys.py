"""API keys and their projects. A key is 256 random bits; only its SHA-256 is stored."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from hermodr_contracts.rates import Limit
from hermodr_ledger.access import audit, makers
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.access.makers import Maker
from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.tables import api_keys, audit_log, projects
from hermodr_servicekit.ids import new_id

Scope = Literal["send", "read", "manage", "admin"]
SCOPES: tuple[Scope, ...] = ("send", "read", "manage", "admin")
KEY_PREFIX = "hk_"

USES_SECONDS = 60
"""How exactly it is known when a key was used last."""

_USED: sa.ColumnElement[datetime] = sa.literal_column(
    "(SELECT u.used_at FROM hermodr.api_key_uses u WHERE u.key_id = api_keys.id)"
).label("last_used_at")
COLUMNS = (
    api_keys.c.id,
    api_keys.c.project_id,
    api_keys.c.name,
    api_keys.c.hint,
    api_keys.c.scopes,
    api_keys.c.created_at,
    api_keys.c.revoked_at,
    api_keys.c.expires_at,
    _USED,
    api_keys.c.rate_requests,
    api_keys.c.rate_seconds,
    api_keys.c.rate_burst,
    api_keys.c.made_by_kind,
    api_keys.c.made_by,
    api_keys.c.made_by_name,
)
"""Of a key, as `key_of_row` reads them."""
_ONE = (api_keys.c.id == sa.bindparam("key")) & (api_keys.c.project_id == sa.bindparam("project"))
_READ = sa.select(*COLUMNS).where(_ONE)
_LOCK = sa.select(*COLUMNS, sa.func.now().label("now")).where(_ONE).with_for_update()
_END = sa.update(api_keys).where(api_keys.c.id == sa.bindparam("key")).values(expires_at=sa.bindparam("ends"))
_ROTATED = sa.select(audit_log.c.detail).where(
    audit_log.c.project_id == sa.bindparam("project"),
    audit_log.c.id > sa.bindparam("key"),  # ids are in the order of time
    audit_log.c.action == "api-key.rotate",
    audit_log.c.subject == sa.cast(sa.bindparam("key"), sa.Text),
)
_REVOKE = sa.update(api_keys).where(api_keys.c.id == sa.bindparam("key")).values(revoked_at=sa.func.now())
# Hot: one plan for any number of keys.
_FIND = f"""
SELECT {", ".join(column.name for column in COLUMNS if column is not _USED)}, used_at AS last_used_at, key_hash,
    used_at IS NULL OR used_at <= now() - interval '{USES_SECONDS} s' AS unnoted
FROM unnest($1::bytea[]) AS wanted(key_hash) JOIN hermodr.api_keys USING (key_hash)
LEFT JOIN hermodr.api_key_uses ON key_id = id
WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""
_NOTE_USES = f"""
INSERT INTO hermodr.api_key_uses AS u (key_id) SELECT id FROM hermodr.api_keys WHERE id = ANY($1::uuid[]) ORDER BY id
ON CONFLICT (key_id) DO UPDATE SET used_at = now() WHERE u.used_at <= now() - interval '{USES_SECONDS} s'
"""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret; `hint` is its beginning. It does not hold from `expires_at` on; `None`: for ever.
    `last_used_at` is at most `USES_SECONDS` and some seconds too early."""

    id: UUID
    project_id: UUID
    name: str
    hint: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    limit: Limit | None = None
    made_by: Maker | None = None
    """`None`: not known."""


Furnish = Callable[[Transaction, UUID], Awaitable[None]]
"""Puts into a new project what it begins with."""
KeyChanges = Mapping[Literal["name", "limit", "expires_at"], str | Limit | datetime | None]


class Ended(Exception):
    """The key is revoked or has expired."""


class Rotated(Exception):
    """The key has a successor, `by`, already: what is left of it is an overlap, and no lifetime to pass on."""

    def __init__(self, by: UUID) -> None:
        super().__init__(f"rotated already into {by}")
        self.by = by


@dataclass(frozen=True, slots=True)
class FoundKey:
    """`unnoted`: nobody noted for `USES_SECONDS` that it is used."""

    key: ApiKey
    unnoted: bool


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key with its secret, which is not stored. `project` is the project's name; `new_project`: it was made for
    this key."""

    record: ApiKey
    project: str
    secret: str
    new_project: bool


def hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


async def create(
    ledger: Ledger,
    project_name: str,
    scopes: Sequence[Scope],
    name: str = "",
    limit: Limit | None = None,
    furnish: Furnish | None = None,
    expires_at: datetime | None = None,
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
        record, secret = await create_in(
            transaction, rows[0]["id"], scopes, name, audit.CLI, limit, expires_at
        )
    return CreatedKey(record, project_name, secret, rows[0]["made"])


async def create_in(
    transaction: Transaction,
    project_id: UUID,
    scopes: Sequence[Scope],
    name: str,
    actor: Actor,
    limit: Limit | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Raises `makers.Ended`."""
    maker = await makers.holding(transaction, project_id, actor)
    return await _made(transaction, project_id, scopes, name, actor, maker, limit, expires_at)


async def _made(
    transaction: Transaction,
    project_id: UUID,
    scopes: Sequence[Scope],
    name: str,
    actor: Actor,
    maker: Maker,
    limit: Limit | None,
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key = sa.insert(api_keys).values(
        id=new_id(),
        project_id=project_id,
        name=name,
        hint=secret[: len(KEY_PREFIX) + 5],
        key_hash=hash_of(secret),
        scopes=[scope for scope in SCOPES if scope in scopes],
        expires_at=expires_at,
        made_by_kind=maker.kind,
        made_by=maker.id,
        made_by_name=maker.name,
        **_rate(limit),
    )
    rows = await fetch(transaction, key.returning(*COLUMNS))
    made = key_of_row(rows[0])
    detail = {"name": name, "scopes": list(made.scopes), **_told(made)}
    await audit.record(transaction, project_id, actor, "api-key.create", made.id, detail)
    return made, secret


async def find(ledger: Statements, hashes: Sequence[bytes]) -> dict[bytes, FoundKey]:
    """Those that hold."""
    rows = await ledger.fetch(_FIND, list(set(hashes)))
    return {row["key_hash"]: FoundKey(key_of_row(row), row["unnoted"]) for row in rows}


async def note_uses(ledger: Ledger, key_ids: Sequence[UUID]) -> None:
    """Writes a row for each key, unless somebody did within `USES_SECONDS`."""
    await ledger.fetch(_NOTE_USES, list(set(key_ids)))


async def read(statements: Statements, project_id: UUID, key_id: UUID) -> ApiKey | None:
    """Also if it is revoked or has expired."""
    rows = await fetch(statements, _READ, key=key_id, project=project_id)
    return key_of_row(rows[0]) if rows else None


async def page(statements: Statements, project_id: UUID, wanted: Page) -> list[ApiKey]:
    """Revoked and expired keys included."""
    asked = sa.select(*COLUMNS).where(api_keys.c.project_id == project_id)
    rows = await fetch(statements, paged(asked, api_keys, wanted))
    return [key_of_row(row) for row in rows]


async def names(statements: Statements, project_id: UUID, key_ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Of those keys that have one, revoked and expired ones included."""
    asked = sa.select(api_keys.c.id, api_keys.c.name).where(
        api_keys.c.project_id == project_id,
        api_keys.c.id == sa.any_(sa.bindparam("keys", type_=ARRAY(sa.UUID))),
    )
    rows = await fetch(statements, asked, keys=list(key_ids))
    return {row["id"]: row["name"] for row in rows if row["name"]}


async def change(
    transaction: Transaction,
    project_id: UUID,
    key_id: UUID,
    changes: KeyChanges,
    actor: Actor,
) -> ApiKey | None:
    """Fields left out stay. Raises `Ended` when a key that has ended is to end at another time."""
    locked = await fetch(transaction, _LOCK, key=key_id, project=project_id)
    if not locked:
        return None
    found = key_of_row(locked[0])
    if "expires_at" in changes and _ended(found, locked[0]["now"]):
        raise Ended
    wanted = replace(found, **changes)  # type: ignore[arg-type]
    values = {"name": wanted.name, "expires_at": wanted.expires_at, **_rate(wanted.limit)}
    changed = sa.update(api_keys).where(_ONE).values(**values)
    rows = await fetch(transaction, changed.returning(*COLUMNS), key=key_id, project=project_id)
    detail = {"name": wanted.name, **_told(wanted)}
    await audit.record(transaction, project_id, actor, "api-key.change", key_id, detail)
    return key_of_row(rows[0])


async def rotate(
    transaction: Transaction,
    project_id: UUID,
    key_id: UUID,
    overlap: timedelta,
    expires_at: datetime | None,
    actor: Actor,
) -> tuple[ApiKey, str] | None:
    """A new key like this one, which ends after `overlap`, or when it would anyway. `expires_at` of the new one;
    `None`: it holds as long as the old one was made to. Raises `Ended`, `Rotated`, `makers.Ended`."""
    maker = await makers.holding(transaction, project_id, actor, key_id)
    rows = await fetch(transaction, _LOCK, key=key_id, project=project_id)
    if not rows:
        return None
    old, now = key_of_row(rows[0]), rows[0]["now"]
    if _ended(old, now):
        raise Ended
    if before := await fetch(transaction, _ROTATED, key=key_id, project=project_id):
        raise Rotated(UUID(object_of(before[0]["detail"])["by"]))
    if expires_at is None and old.expires_at is not None:
        expires_at = now + (old.expires_at - old.created_at)
    ends = min(old.expires_at or now + overlap, now + overlap)
    await fetch(transaction, _END, key=key_id, ends=ends)
    made, secret = await _made(
        transaction, project_id, old.scopes, old.name, actor, maker, old.limit, expires_at
    )
    detail = {"by": made.id, "ends": ends}
    await audit.record(transaction, project_id, actor, "api-key.rotate", key_id, detail)
    return made, secret


async def revoke(transaction: Transaction, project_id: UUID, key_id: UUID, actor: Actor) -> bool:
    """`False` if the project has no such key. The record stays; a key revoked before keeps its time."""
    rows = await fetch(transaction, _LOCK, key=key_id, project=project_id)
    if rows and rows[0]["revoked_at"] is None:
        await fetch(transaction, _REVOKE, key=key_id)
        await audit.record(transaction, project_id, actor, "api-key.revoke", key_id)
    return bool(rows)


def _ended(key: ApiKey, now: datetime) -> bool:
    return key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now)


def _rate(limit: Limit | None) -> dict[str, int | None]:
    given = (limit.requests, limit.seconds, limit.burst) if limit is not None else (None, None, None)
    return dict(zip(("rate_requests", "rate_seconds", "rate_burst"), given, strict=True))


def _told(key: ApiKey) -> dict[str, object]:
    """For the audit log."""
    return {"rate_limit": asdict(key.limit) if key.limit is not None else None, "expires_at": key.expires_at}


def key_of_row(row: Row) -> ApiKey:
    return ApiKey(
        row["id"],
        row["project_id"],
        row["name"],
        row["hint"],
        tuple(row["scopes"]),
        row["created_at"],
        row["revoked_at"],
        row["expires_at"],
        row["last_used_at"],
        Limit(row["rate_requests"], row["rate_seconds"], row["rate_burst"]) if row["rate_requests"] else None,
        Maker(row["made_by_kind"], row["made_by"], row["made_by_name"]) if row["made_by_kind"] else None,
    )
