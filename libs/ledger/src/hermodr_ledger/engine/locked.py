"""Rows that somebody else's transaction has locked are left out, and the rest of a batch goes on.

Hot statements wait for a lock for `LOCK_SECONDS` at most (the session's `lock_timeout`), as theirs are held for
milliseconds. Only when that was in vain is it asked which rows are free, and the work done on those.
"""

from collections.abc import Sequence, Set
from typing import Any
from uuid import UUID

from hermodr_ledger.engine.connection import Transaction
from hermodr_ledger.engine.errors import Contested

LOCK_SECONDS = 0.2


class RowsLocked(Contested):
    """Of a batch's deliveries these are held by somebody else's transaction, or their jobs. The rest is committed, and
    `done` is what came of it."""

    def __init__(self, held: Set[UUID], done: Sequence[Any]) -> None:
        super().__init__(f"{len(held)} rows are locked")
        self.held = held
        self.done = done


async def free_deliveries(transaction: Transaction, ids: Sequence[UUID]) -> list[UUID]:
    """Those of the deliveries that nobody has locked; they are locked by this transaction now."""
    rows = await transaction.fetch(
        "SELECT d.id FROM unnest($1::uuid[]) u(id) JOIN hermodr.deliveries d ON d.id = u.id"
        " FOR UPDATE OF d SKIP LOCKED",
        list(ids),
    )
    return [row["id"] for row in rows]


async def held_results(transaction: Transaction, delivery_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the deliveries that somebody has locked, or whose job; the others are locked by this transaction now."""
    rows = await transaction.fetch(
        "SELECT d.id FROM unnest($1::uuid[]) u(id) JOIN hermodr.deliveries d ON d.id = u.id",
        list(delivery_ids),
    )
    free = await transaction.fetch(
        "SELECT d.id FROM unnest($1::uuid[]) u(id) JOIN hermodr.deliveries d ON d.id = u.id"
        " JOIN hermodr.jobs j ON j.id = d.job_id FOR UPDATE OF d, j SKIP LOCKED",
        list(delivery_ids),
    )
    return {row["id"] for row in rows} - {row["id"] for row in free}


async def free_jobs(transaction: Transaction, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the jobs that nobody has locked; they are locked by this transaction now."""
    rows = await transaction.fetch(
        "SELECT j.id FROM unnest($1::uuid[]) u(id) JOIN hermodr.jobs j ON j.id = u.id FOR UPDATE OF j SKIP LOCKED",
        list(ids),
    )
    return {row["id"] for row in rows}
