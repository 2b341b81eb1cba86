"""Answers kept for requests that may be repeated: every POST but the one that `accept` serves by itself.

The key, what the request does and its answer are one transaction: a request that failed or was cut off leaves no key
behind, and can be repeated at once. While it runs its uncommitted row holds the key.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hermodr_ledger.engine import Contested, Ledger, Row, Statements, Transaction

TAKING_SECONDS = 0.15
"""How long a key is waited for that an uncommitted transaction holds."""
_LOCKS_SECONDS = 2.0
"""How long whatever the request does waits for a lock."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A producer's key for one request, what the request was, and the answer that is to be repeated."""

    key: str
    fingerprint: bytes
    response: bytes

    @property
    def kept_key(self) -> str:
        """As it is stored."""
        return kept(self.key)


def kept(key: str) -> str:
    """An idempotency key as it is stored, hashed: producers make keys of whatever they have at hand, and one has to be
    known again when the person it names is long forgotten. As `kept_key` does in SQL."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Replay:
    """The key was used before for the same request, which was answered so."""

    status: int
    response: bytes


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The key was used before for another request."""


@dataclass(frozen=True, slots=True)
class StillRunning:
    """The first request with this key has no answer yet."""


class InUse(Exception):
    """A request that has no answer yet holds the key; the transaction is to be rolled back."""


async def take(
    transaction: Transaction, project_id: UUID, key: str, fingerprint: bytes
) -> Replay | KeyReused | StillRunning | None:
    """Holds the key until the transaction ends; `None` when it is fresh, else what it was used for. Raises `InUse`."""
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
    """What `InUse` comes to. Raises `Contested` when not the key is held, but the whole table (`LOCK TABLE`, a
    migration)."""
    async with ledger.transaction() as transaction:
        await transaction.fetch("LOCK TABLE hermodr.idempotency_keys IN ROW EXCLUSIVE MODE NOWAIT")
    return StillRunning()


async def look(
    statements: Statements, project_id: UUID, key: str, fingerprint: bytes
) -> Replay | KeyReused | StillRunning | None:
    """What the key was used for; `None` when it was not."""
    return (await look_many(statements, project_id, [(key, fingerprint)]))[0]


async def look_many(
    statements: Statements, project_id: UUID, keys: Sequence[tuple[str, bytes]]
) -> list[Replay | KeyReused | StillRunning | None]:
    """What each key, with a request's fingerprint, was used for; `None` for those that were not."""
    rows = await statements.fetch(
        """
        SELECT key, fingerprint, status, response FROM hermodr.idempotency_keys
        WHERE project_id = $1 AND key = ANY ($2)
        """,
        project_id,
        [kept(key) for key, _ in keys],
    )
    known = {row["key"]: row for row in rows}
    return [_verdict(known.get(kept(key)), fingerprint) for key, fingerprint in keys]


def _verdict(row: Row | None, fingerprint: bytes) -> Replay | KeyReused | StillRunning | None:
    if row is None:
        return None
    if row["fingerprint"] != fingerprint:
        return KeyReused()
    return StillRunning() if row["status"] is None else Replay(row["status"], row["response"])


async def keep(transaction: Transaction, project_id: UUID, key: str, status: int, response: bytes) -> None:
    """Stores the answer under the key taken in this transaction."""
    await transaction.fetch(
        "UPDATE hermodr.idempotency_keys SET status = $3, response = $4 WHERE project_id = $1 AND key = $2",
        project_id,
        kept(key),
        status,
        response,
    )
