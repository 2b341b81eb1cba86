"""Rows that transactions hold: those of others are left out, looked up only after a hot statement waited `LOCK_SECONDS`
in vain; our own are let go by a process that is stopped."""

from collections.abc import Sequence, Set
from typing import Any
from uuid import UUID

from hermodr_ledger.engine.connection import Transaction
from hermodr_ledger.engine.errors import Contested

LOCK_SECONDS = 0.2
STOPPED_SECONDS = 10.0


class RowsLocked(Contested):
    """`held` deliveries, or their jobs, are locked by another transaction; `done` are the results of the rest."""

    def __init__(self, held: Set[UUID], done: Sequence[Any]) -> None:
        super().__init__(f"{len(held)} rows are locked")
        self.held = held
        self.done = done


async def let_go_if_stopped(transaction: Transaction) -> None:
    """A process that is stopped within the transaction holds its rows no longer than `STOPPED_SECONDS`."""
    await transaction.fetch(
        "SELECT set_config('idle_in_transaction_session_timeout', $1, true)",
        f"{round(STOPPED_SECONDS * 1000)}ms",
    )


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
