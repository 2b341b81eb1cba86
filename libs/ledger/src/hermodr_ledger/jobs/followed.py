"""Which tasks something follows when they end (`tasks.endings`)."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_ledger.engine import Transaction


async def watch(transaction: Transaction, job_ids: Sequence[UUID]) -> None:
    await transaction.fetch(
        "INSERT INTO hermodr.task_endings (job_id) SELECT id FROM unnest($1::uuid[]) AS w(id) ON CONFLICT DO NOTHING",
        list(job_ids),
    )
