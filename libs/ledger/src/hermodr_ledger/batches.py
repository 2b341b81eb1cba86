"""Bulk requests: the row that says which jobs belong together, and how far they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_servicekit.ids import last_child_of


@dataclass(frozen=True, slots=True)
class Batch:
    """A bulk request that was taken on. `accepted` counts replayed items too, so it may exceed the number of jobs."""

    id: UUID
    project_id: UUID
    accepted: int
    rejected: int


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a batch is; `counts` has the states that occur."""

    id: UUID
    accepted: int
    rejected: int
    created_at: datetime
    counts: Mapping[JobState, int]


async def record_batch(transaction: Transaction, batch: Batch, job_ids: Sequence[UUID]) -> None:
    """Writes a batch's row beside its jobs. They lie between two ids, so that counting them needs no index."""
    first, last = (min(job_ids), max(job_ids)) if job_ids else (batch.id, batch.id)
    await transaction.fetch(
        "INSERT INTO hermodr.batches (id, project_id, first_job_id, last_job_id, accepted, rejected)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        batch.id,
        batch.project_id,
        first,
        last_child_of(last),
        batch.accepted,
        batch.rejected,
    )


async def read_batch(ledger: Ledger, project_id: UUID, batch_id: UUID) -> BatchProgress | None:
    """The batch with its jobs counted by state; `None` when the project has no such batch."""
    rows = await ledger.fetch(
        "SELECT id, accepted, rejected, created_at, first_job_id, last_job_id FROM hermodr.batches"
        " WHERE id = $1 AND project_id = $2",
        batch_id,
        project_id,
    )
    if not rows:
        return None
    row = rows[0]
    counts = await ledger.fetch(
        "SELECT state, count(*) AS n FROM hermodr.jobs WHERE id >= $1 AND id <= $2 AND batch_id = $3 GROUP BY state",
        row["first_job_id"],
        row["last_job_id"],
        batch_id,
    )
    by_state = {JobState(each["state"]): int(each["n"]) for each in counts}
    return BatchProgress(row["id"], row["accepted"], row["rejected"], row["created_at"], by_state)
