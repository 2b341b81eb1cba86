"""Idempotency keys and their answers. Key, work and answer are one transaction: a failed request leaves no key."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from hermodr_ledger.engine import Contested, Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import idempotency_keys

TAKING_SECONDS = 0.15
"""How long to wait for a key that an uncommitted transaction holds."""
_LOCKS_SECONDS = 2.0
"""How long the request itself waits for locks."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A producer's key, the fingerprint of its request, and the answer to repeat."""

    key: str
    fingerprint: bytes
    response: bytes

    @property
    def kept_key(self) -> str:
        return kept(self.key)


def kept(key: str) -> str:
    """The stored form of a key: hashed, because keys may hold personal data. `kept_key` does the same in SQL."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Replay:
    """The key was used before for the same request, with this answer."""

    status: int
    response: bytes


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The key was used before for another request."""


@dataclass(frozen=True, slots=True)
class StillRunning:
    """The first request with this key has no answer yet."""


class InUse(Exception):
    """An unanswered request holds the key; the transaction must be rolled back."""


async def take(
    transaction: Transaction, project_id: UUID, key: str, fingerprint: bytes
) -> Replay | KeyReused | StillRunning | None:
    """Holds the key until the transaction ends; `None` if it is new, else its earlier use. Raises `InUse`."""
    try:
        fresh = await transaction.fetch(
            """
            INSERT INTO hermodr.idempotency_keys (project_id, key, fingerprint)
            SELECT $1, $2, $3 WHERE set_config('lock_timeout', $4, true) IS NOT NULL
            ON CONFLICT DO NOTHING RETURNING key
            """,
            project_id,
            kept(key),
            fingerprint,
            f"{round(TAKING_SECONDS * 1000)}ms",
        )
    except Contested as error:
        raise InUse from error
    if fresh:
        await transaction.fetch(
            "SELECT set_config('lock_timeout', $1, true)", f"{round(_LOCKS_SECONDS * 1000)}ms"
        )
        return None
    return await look(transaction, project_id, key, fingerprint) or StillRunning()


async def in_use(ledger: Ledger) -> StillRunning:
    """Raises `Contested` if the whole table is locked (`LOCK TABLE`, a migration) instead of the key."""
    async with ledger.transaction() as transaction:
        await transaction.fetch("LOCK TABLE hermodr.idempotency_keys IN ROW EXCLUSIVE MODE NOWAIT")
    return StillRunning()


_KEY = idempotency_keys.c
_OF_PROJECT = _KEY.project_id == sa.bindparam("project")
_LOOK = sa.select(_KEY.key, _KEY.fingerprint, _KEY.status, _KEY.response).where(
    _OF_PROJECT, _KEY.key == sa.any_(sa.bindparam("keys", type_=ARRAY(sa.Text)))
)
_KEEP = (
    sa.update(idempotency_keys)
    .where(_OF_PROJECT, _KEY.key == sa.bindparam("kept"))
    .values(status=sa.bindparam("answered"), response=sa.bindparam("answer"))
)


async def look(
    statements: Statements, project_id: UUID, key: str, fingerprint: bytes
) -> Replay | KeyReused | StillRunning | None:
    return (await look_many(statements, project_id, [(key, fingerprint)]))[0]


async def look_many(
    statements: Statements, project_id: UUID, keys: Sequence[tuple[str, bytes]]
) -> list[Replay | KeyReused | StillRunning | None]:
    """The earlier use of each key with its request's fingerprint, if any."""
    rows = await fetch(statements, _LOOK, project=project_id, keys=[kept(key) for key, _ in keys])
    known = {row["key"]: row for row in rows}
    return [_verdict(known.get(kept(key)), fingerprint) for key, fingerprint in keys]


def _verdict(row: Row | None, fingerprint: bytes) -> Replay | KeyReused | StillRunning | None:
    if row is None:
        return None
    if row["fingerprint"] != fingerprint:
        return KeyReused()
    return StillRunning() if row["status"] is None else Replay(row["status"], row["response"])


async def keep(transaction: Transaction, project_id: UUID, key: str, status: int, response: bytes) -> None:
    await fetch(transaction, _KEEP, project=project_id, kept=kept(key), answered=status, answer=response)
