"""Batches: the jobs of a bulk request, and their progress."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import batches
from hermodr_servicekit.ids import last_child_of


@dataclass(frozen=True, slots=True)
class Batch:
    """`replayed`: the job of each item that was accepted before; `accepted` counts these too."""

    id: UUID
    project_id: UUID
    accepted: int
    rejected: int
    replayed: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """`counts`: own jobs by state; `replayed`: items that stand for earlier jobs. `finished`: all of these are."""

    id: UUID
    accepted: int
    rejected: int
    created_at: datetime
    counts: Mapping[str, int]
    replayed: int
    finished: bool


async def record_batch(transaction: Transaction, batch: Batch, job_ids: Sequence[UUID]) -> None:
    """The batch's jobs lie between two ids, so that counting them needs no index."""
    first, last = (min(job_ids), max(job_ids)) if job_ids else (batch.id, batch.id)
    row = sa.insert(batches).values(
        id=batch.id,
        project_id=batch.project_id,
        first_job_id=first,
        last_job_id=last_child_of(last),
        accepted=batch.accepted,
        rejected=batch.rejected,
        replayed=list(batch.replayed),
    )
    await fetch(transaction, row)


async def read_batch(ledger: Ledger, project_id: UUID, batch_id: UUID) -> BatchProgress | None:
    """All counts as of one moment; `None` if the project has no such batch."""
    rows = await ledger.fetch(
        """
        SELECT b.id, accepted, rejected, created_at, cardinality(replayed) AS replayed,
               EXISTS (SELECT 1 FROM unnest(b.replayed) AS u(id) JOIN hermodr.jobs j ON j.id = u.id
                       WHERE j.finished_at IS NULL) AS awaited,
               (SELECT jsonb_object_agg(state, n) FROM (
                    SELECT state, count(*) AS n FROM hermodr.jobs
                    WHERE id >= b.first_job_id AND id <= b.last_job_id AND batch_id = b.id GROUP BY state) s) AS counts
        FROM hermodr.batches b WHERE b.id = $1 AND project_id = $2
        """,
        batch_id,
        project_id,
    )
    if not rows:
        return None
    row = rows[0]
    by_state = {state: int(n) for state, n in json.loads(row["counts"] or "{}").items()}
    finished = not row["awaited"] and TERMINAL_JOB_STATES.issuperset(by_state)
    return BatchProgress(
        row["id"], row["accepted"], row["rejected"], row["created_at"], by_state, row["replayed"], finished
    )
