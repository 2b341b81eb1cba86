"""Cancelling jobs. Once a cancellation is committed nothing of the job is begun any more: what had not been sent is
`cancelled`, and no claim finds it. A job of which a sender holds a delivery at that moment is not cancelled: whether
that one arrives nobody can know yet, and half a cancellation would be no answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, JobState
from hermodr_ledger.audit import Actor
from hermodr_ledger.audit import record as audit
from hermodr_ledger.engine import Ledger, LedgerUnavailable, Row, Transaction
from hermodr_servicekit.ids import last_child_of

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job and `deliveries` of it that waited are cancelled. `sent` went out before."""

    job_id: UUID
    deliveries: int
    sent: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The job had ended before, so."""

    job_id: UUID
    state: JobState


@dataclass(frozen=True, slots=True)
class BeingSent:
    """A sender holds deliveries of the job; nothing was changed."""

    job_id: UUID
    deliveries: int


Verdict = Cancelled | Finished | BeingSent

_OPEN = ("queued", "retrying", "sending")


async def cancel(
    ledger: Ledger, project_id: UUID, job_id: UUID, actor: Actor, *, owner_id: str | None = None
) -> Verdict | None:
    """Cancels a job that is not finished; `None` when the project (or the owner) has no such job.

    Deliveries are locked before their job, as whoever records attempts does. Should the dispatcher have made some
    between the two looks, it looks again. Raises `LedgerUnavailable`.
    """
    for _ in range(_TRIES):
        async with ledger.transaction() as transaction:
            deliveries = await _locked_deliveries(transaction, job_id)
            rows = await transaction.fetch(
                """
                SELECT state, open_deliveries, sent_deliveries FROM hermodr.jobs
                WHERE id = $1 AND project_id = $2 AND ($3::text IS NULL OR owner_id = $3) FOR UPDATE
                """,
                job_id,
                project_id,
                owner_id,
            )
            if not rows:
                return None
            state = JobState(rows[0]["state"])
            if state in TERMINAL_JOB_STATES:
                return Finished(job_id, state)
            sending = sum(row["state"] == "sending" for row in deliveries)
            if sending:
                return BeingSent(job_id, sending)
            waiting = [row["id"] for row in deliveries if row["state"] in _OPEN]
            if len(waiting) == rows[0]["open_deliveries"]:
                await _write(transaction, job_id, waiting, actor)
                detail = {"was": state, "deliveries": len(waiting)}
                await audit(transaction, project_id, actor, "job.cancel", job_id, detail)
                return Cancelled(job_id, len(waiting), rows[0]["sent_deliveries"])
    raise LedgerUnavailable("the job keeps changing")


async def _locked_deliveries(transaction: Transaction, job_id: UUID) -> Sequence[Row]:
    return await transaction.fetch(
        "SELECT id, state FROM hermodr.deliveries WHERE id > $1 AND id <= $2 ORDER BY id FOR UPDATE",
        job_id,
        last_child_of(job_id),
    )


async def _write(transaction: Transaction, job_id: UUID, deliveries: Sequence[UUID], actor: Actor) -> None:
    await transaction.fetch(
        """
        WITH deliveries AS (
            UPDATE hermodr.deliveries d SET state = 'cancelled', finished_at = now(), wake_at = NULL, due_at = NULL
            FROM unnest($2::uuid[]) AS w(id) WHERE d.id = w.id
        ), job AS (
            UPDATE hermodr.jobs SET state = 'cancelled', finished_at = now(), wake_at = NULL, open_deliveries = 0
            WHERE id = $1 RETURNING id, project_id, state, singleton_key
        ), noted AS (
            INSERT INTO hermodr.events (job_id, at, kind, detail)
            VALUES ($1, now(), 'cancel_requested', jsonb_build_object('by', $3::text))
        )
        DELETE FROM hermodr.singletons s USING job j
        WHERE j.singleton_key IS NOT NULL
          AND s.project_id = j.project_id AND s.key = j.singleton_key AND s.job_id = j.id
        """,
        job_id,
        list(deliveries),
        actor.kind,
    )
