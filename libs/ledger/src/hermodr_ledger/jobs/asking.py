"""Which jobs their end users asked for themselves. All others are the application's, also those about a user."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.engine import Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import events, jobs

ASKED_BY_USER = "asked_by_user"
"""The event of a job that its owner asked for. It has no detail: the owner is in the job."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`asked`: by its owner. `withdrawn`: it is cancelled, and not by its owner."""

    asked: bool
    withdrawn: bool


async def note_asked(transaction: Transaction, job_ids: Sequence[UUID]) -> None:
    await transaction.fetch(
        "INSERT INTO hermodr.events (job_id, kind) SELECT id, $2 FROM unnest($1::uuid[]) AS w(id)",
        list(job_ids),
        ASKED_BY_USER,
    )


async def standing(
    transaction: Transaction, project_id: UUID, job_id: UUID, owner_id: str
) -> Standing | None:
    """Locks the job, so that nobody cancels it meanwhile. `None`: this user has no such job."""
    job, event = jobs.c, events.c
    theirs = sa.select(job.state).where(
        job.id == job_id, job.project_id == project_id, job.owner_id == owner_id
    )
    locked = await fetch(transaction, theirs.with_for_update())
    if not locked:
        return None
    asked = sa.select(event.kind, event.detail["by"].astext.label("by")).where(
        event.job_id == job_id, (event.kind == ASKED_BY_USER) | (event.kind == "cancel_requested")
    )
    rows = await fetch(transaction, asked.order_by(event.at, event.seq))
    cancelled_by = [row["by"] for row in rows if row["kind"] != ASKED_BY_USER]
    return Standing(
        asked=any(row["kind"] == ASKED_BY_USER for row in rows),
        withdrawn=locked[0]["state"] == JobState.CANCELLED and cancelled_by[-1:] != ["user"],
    )
