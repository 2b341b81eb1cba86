"""Leaves out rows locked by other transactions, looked up only after a hot statement waited `LOCK_SECONDS` in vain."""

from collections.abc import Sequence, Set
from typing import Any
from uuid import UUID

from hermodr_ledger.engine.connection import Transaction
from hermodr_ledger.engine.errors import Contested

LOCK_SECONDS = 0.2


class RowsLocked(Contested):
    """`held` deliveries, or their jobs, are locked by another transaction; `done` are the results of the rest."""

    def __init__(self, held: Set[UUID], done: Sequence[Any]) -> None:
        super().__init__(f"{len(held)} rows are locked")
        self.held = held
        self.done = done


async def free_deliveries(transaction: Transaction, ids: Sequence[UUID]) -> list[UUID]:
    """The deliveries nobody has locked; this transaction locks them."""
    rows = await transaction.fetch(
        "SELECT d.id FROM unnest($1::uuid[]) u(id) JOIN hermodr.deliveries d ON d.id = u.id"
        " FOR UPDATE OF d SKIP LOCKED",
        list(ids),
    )
    return [row["id"] for row in rows]


async def held_results(transaction: Transaction, delivery_ids: Sequence[UUID]) -> set[UUID]:
    """The deliveries that are locked, or whose job is; this transaction locks the others."""
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
    """The jobs nobody has locked; this transaction locks them."""
    rows = await transaction.fetch(
        "SELECT j.id FROM unnest($1::uuid[]) u(id) JOIN hermodr.jobs j ON j.id = u.id FOR UPDATE OF j SKIP LOCKED",
        list(ids),
    )
    return {row["id"] for row in rows}
