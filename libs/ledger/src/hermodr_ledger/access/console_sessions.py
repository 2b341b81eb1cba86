"""Sessions of API keys at the operators' console, and the links that begin one, once. Only hashes are stored."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.access.keys import COLUMNS, ApiKey, key_of_row
from hermodr_ledger.access.makers import HOLDS
from hermodr_ledger.engine import Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import api_keys, console_sessions, projects

_session = console_sessions.c
_GOOD = _session.expires_at > sa.func.now()
_OVER = sa.delete(console_sessions).where(~_GOOD)
_BEGIN = sa.insert(console_sessions).values(
    hash=sa.bindparam("secret"),
    key_id=sa.bindparam("key"),
    is_link=sa.bindparam("link"),
    expires_at=sa.func.now() + sa.bindparam("lives", type_=sa.Interval),
)
_TAKE_LINK = (
    sa.delete(console_sessions)
    .where(_session.hash == sa.bindparam("secret"), _session.is_link, _GOOD)
    .returning(_session.key_id)
)
_FIND = (
    sa.select(*COLUMNS, projects.c.name.label("project"))
    .join_from(console_sessions, api_keys, api_keys.c.id == _session.key_id)
    .join(projects, projects.c.id == api_keys.c.project_id)
    .where(
        _session.hash == sa.bindparam("secret"),
        ~_session.is_link,
        _GOOD,
        HOLDS,
    )
)
_OWNER = sa.select(api_keys.c.project_id).where(api_keys.c.id == sa.bindparam("key"), HOLDS)
_END = sa.delete(console_sessions).where(_session.hash == sa.bindparam("secret"))


@dataclass(frozen=True, slots=True)
class Session:
    """`project` is the name of the key's project."""

    key: ApiKey
    project: str


async def link(statements: Statements, key_id: UUID, secret_hash: bytes, lives: timedelta) -> None:
    """A link for the key: `enter` takes it once."""
    await fetch(statements, _BEGIN, secret=secret_hash, key=key_id, link=True, lives=lives)


async def begin(transaction: Transaction, key: ApiKey, secret_hash: bytes, lives: timedelta) -> None:
    """A session of a key that holds."""
    await _begin(transaction, key.id, key.project_id, secret_hash, lives)


async def enter(
    transaction: Transaction, link_hash: bytes, secret_hash: bytes, lives: timedelta
) -> UUID | None:
    """A session for the link, which is used up; the key's id. `None`: there is no such link, it was used, or its key
    has ended."""
    taken = await fetch(transaction, _TAKE_LINK, secret=link_hash)
    if not taken:
        return None
    key_id: UUID = taken[0]["key_id"]
    rows = await fetch(transaction, _OWNER, key=key_id)
    if not rows:
        return None
    await _begin(transaction, key_id, rows[0]["project_id"], secret_hash, lives)
    return key_id


async def _begin(
    transaction: Transaction, key_id: UUID, project_id: UUID, secret_hash: bytes, lives: timedelta
) -> None:
    await fetch(transaction, _BEGIN, secret=secret_hash, key=key_id, link=False, lives=lives)
    await audit.record(transaction, project_id, Actor("key", str(key_id)), "console.login", key_id)


async def find(statements: Statements, secret_hash: bytes) -> Session | None:
    """One that is not over, if its key holds."""
    rows = await fetch(statements, _FIND, secret=secret_hash)
    return Session(key_of_row(rows[0]), rows[0]["project"]) if rows else None


async def end(statements: Statements, secret_hash: bytes) -> None:
    await fetch(statements, _END, secret=secret_hash)


async def forget_over(statements: Statements) -> None:
    """Deletes links and sessions that are over."""
    await fetch(statements, _OVER)
