"""Answers kept for requests that may be repeated: every POST but the one that `accept` serves by itself.

The key, what the request does and its answer are one transaction: a request that failed or was cut off leaves no key
behind, and can be repeated at once. While it runs a lock holds the key.
"""

from uuid import UUID

from hermodr_ledger.accept import KeyReused, Replay, StillRunning
from hermodr_ledger.engine import Statements, Transaction


class KeyTakenMeanwhile(Exception):
    """Another kind of request has used the key since `take`; the transaction is to be rolled back."""


async def take(
    transaction: Transaction, project_id: UUID, key: str, fingerprint: bytes
) -> Replay | KeyReused | StillRunning | None:
    """Holds the key until the transaction ends; `None` when it is fresh, else what it was used for."""
    held = await transaction.fetch(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('idempotency/' || $1::text || '/' || $2::text, 0)) AS mine",
        str(project_id),
        key,
    )
    if not held[0]["mine"]:
        return StillRunning()
    return await look(transaction, project_id, key, fingerprint)


async def look(
    statements: Statements, project_id: UUID, key: str, fingerprint: bytes
) -> Replay | KeyReused | StillRunning | None:
    """What the key was used for; `None` when it was not."""
    rows = await statements.fetch(
        "SELECT fingerprint, status, response FROM hermodr.idempotency_keys WHERE project_id = $1 AND key = $2",
        project_id,
        key,
    )
    if not rows:
        return None
    row = rows[0]
    if row["fingerprint"] != fingerprint:
        return KeyReused()
    return StillRunning() if row["status"] is None else Replay(row["status"], row["response"])


async def keep(
    transaction: Transaction, project_id: UUID, key: str, fingerprint: bytes, status: int, response: bytes
) -> None:
    """Stores the answer under the key taken. Raises `KeyTakenMeanwhile`."""
    stored = await transaction.fetch(
        """
        INSERT INTO hermodr.idempotency_keys (project_id, key, fingerprint, status, response)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING key
        """,
        project_id,
        key,
        fingerprint,
        status,
        response,
    )
    if not stored:
        raise KeyTakenMeanwhile
