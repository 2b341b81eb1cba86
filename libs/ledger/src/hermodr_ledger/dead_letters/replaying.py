"""Replays dead letters: jobs are requeued (`requeueing`), raw messages published again; many at a rate, by the
schedulers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.dead_letters.lookup import MOST_TOGETHER, DeadLetterSearch, Sight, meant, seen
from hermodr_ledger.deliveries.pauses import OPERATED_CHANNEL
from hermodr_ledger.engine import Ledger, Statements, Transaction
from hermodr_ledger.engine.core import AnySelect, fetch
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.engine.setting_aside import not_aside
from hermodr_ledger.jobs.requeueing import KeyTaken, NoSuchJob, NotAgain, Requeued, RequeueOutcome, requeue
from hermodr_ledger.tables import dead_letters

_DEAD = dead_letters.c

DUTY = "replays"
"""Dead letters that cannot be replayed are set aside under this name."""

TAKEN_SECONDS = 10.0
"""How long a scheduler may take for a dead letter before another tries."""

NOT_YET_SECONDS = 30.0
"""The delay before the dead letter of an unfinished job is tried again."""

ReplayOutcome = Literal[
    "requeued",
    "scheduled",
    "already_replayed",
    "already_scheduled",
    "nothing_to_send",
    "not_finished",
    "gone",
]


@dataclass(frozen=True, slots=True)
class Replayed:
    """The caller announces `announce` after the commit. `holder`: the live job with its singleton key; nothing was
    done."""

    outcome: ReplayOutcome | Literal["key_taken"]
    job_id: UUID | None = None
    replayed_at: datetime | None = None
    announce: Priority | None = None
    holder: UUID | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """`remaining` match too, and are left for the next request."""

    planned: int
    remaining: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LettersCounted:
    """`at`: what comes later is not among them."""

    matched: int
    at: datetime


@dataclass(frozen=True, slots=True)
class DueDeadLetter:
    """A dead letter to be replayed now: a job's, or a raw message."""

    id: UUID
    project_id: UUID | None
    job_id: UUID | None
    by: str
    message_type: str | None
    body: bytes | None
    headers: Mapping[str, Any]


async def replay_one(
    transaction: Transaction, sight: Sight, dead_letter_id: UUID, *, by: str
) -> Replayed | None:
    """Replays it once; `None`: no such dead letter. A raw message is left to the scheduler, for within a second."""
    theirs = sa.select(_DEAD.project_id, _DEAD.job_id, _DEAD.replay_at, _DEAD.replayed_at)
    theirs = theirs.where(_DEAD.id == dead_letter_id, seen(sight)).with_for_update()
    rows = await fetch(transaction, theirs)
    if not rows:
        return None
    row = rows[0]
    if row["replayed_at"] is not None:
        return Replayed("already_replayed", row["job_id"], row["replayed_at"])
    if row["job_id"] is not None:
        (verdict,) = await requeue(transaction, row["project_id"], [row["job_id"]], by=by)
        return await _answered(transaction, dead_letter_id, verdict)
    if row["replay_at"] is not None:
        return Replayed("already_scheduled")
    await transaction.fetch(
        "UPDATE hermodr.dead_letters SET replay_at = now(), replay_by = $2 WHERE id = $1", dead_letter_id, by
    )
    await transaction.fetch("SELECT pg_notify($1, '')", OPERATED_CHANNEL)
    return Replayed("scheduled")


async def _answered(transaction: Transaction, dead_letter_id: UUID, verdict: RequeueOutcome) -> Replayed:
    match verdict:
        case Requeued(job_id, priority):
            return Replayed("requeued", job_id, announce=priority if verdict.to_announce else None)
        case NotAgain(job_id, _, "not_finished"):
            return Replayed("not_finished", job_id)
        case NotAgain(job_id):
            await _done(transaction, [dead_letter_id])
            return Replayed("nothing_to_send", job_id)
        case KeyTaken(job_id, holder):
            return Replayed("key_taken", job_id, holder=holder)
        case NoSuchJob(job_id):
            return Replayed("gone", job_id)


async def plan(
    transaction: Transaction, sight: Sight, wanted: DeadLetterSearch, *, rate: float, by: str
) -> Planned:
    """Schedules open dead letters that match: `rate` a second, oldest first, at most `MOST_TOGETHER`."""
    chosen = _open(sight, wanted).order_by(_DEAD.id).limit(MOST_TOGETHER)
    oldest = chosen.with_for_update(skip_locked=True).cte("chosen")
    nth = sa.func.row_number().over(order_by=oldest.c.id) - 1
    numbered = sa.select(oldest.c.id, nth.label("nth")).cte("numbered")
    seconds = sa.cast(numbered.c.nth, sa.Double) / rate
    planned = (
        sa.update(dead_letters)
        .where(_DEAD.id == numbered.c.id)
        .values(replay_at=sa.func.now() + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds), replay_by=by)
        .returning(_DEAD.id)
        .cte("planned")
    )
    counted = sa.select(sa.func.count().label("n"), sa.func.pg_notify(OPERATED_CHANNEL, ""))
    rows = await fetch(transaction, counted.select_from(planned))
    left = await count_now(transaction, sight, wanted)
    return Planned(int(rows[0]["n"]), left.matched, left.at)


async def count_now(statements: Statements, sight: Sight, wanted: DeadLetterSearch) -> LettersCounted:
    """Those that match and are neither replayed nor planned."""
    counted = sa.select(sa.func.count().label("n"), sa.func.now().label("at"))
    rows = await fetch(statements, counted.select_from(_open(sight, wanted).subquery()))
    return LettersCounted(int(rows[0]["n"]), rows[0]["at"])


async def count_planned(statements: Statements, sight: Sight) -> int:
    """Those that are to be replayed and are not yet, up to `MOST_TOGETHER`."""
    planned = sa.select(_DEAD.id).where(
        seen(sight), _DEAD.replayed_at.is_(None), _DEAD.replay_at.is_not(None)
    )
    counted = sa.select(sa.func.count().label("n")).select_from(planned.limit(MOST_TOGETHER).subquery())
    return int((await fetch(statements, counted))[0]["n"])


async def stop(transaction: Transaction, sight: Sight) -> int:
    """Those that are planned are so no longer, but for what a scheduler has taken already; returns how many."""
    planned = sa.select(_DEAD.id).where(
        seen(sight), _DEAD.replayed_at.is_(None), _DEAD.replay_at.is_not(None)
    )
    chosen = planned.order_by(_DEAD.id).with_for_update(skip_locked=True)
    stopped = sa.update(dead_letters).where(_DEAD.id.in_(chosen)).values(replay_at=None, replay_by=None)
    counted = sa.select(sa.func.count().label("n"))
    rows = await fetch(transaction, counted.select_from(stopped.returning(_DEAD.id).cte("stopped")))
    return int(rows[0]["n"])


def _open(sight: Sight, wanted: DeadLetterSearch) -> AnySelect:
    return sa.select(_DEAD.id).where(
        seen(sight), *meant(wanted), _DEAD.replayed_at.is_(None), _DEAD.replay_at.is_(None)
    )


async def take_due(ledger: Ledger, limit: int) -> list[DueDeadLetter]:
    """Dead letters that are due; after `TAKEN_SECONDS` they are due again."""
    rows = await ledger.fetch(
        f"""
        WITH due AS (
            SELECT id FROM hermodr.dead_letters l
            WHERE replay_at <= now() AND replay_at IS NOT NULL AND replayed_at IS NULL AND {not_aside("l.id", DUTY)}
            ORDER BY replay_at LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        UPDATE hermodr.dead_letters l SET replay_at = now() + make_interval(secs => $2) FROM due WHERE l.id = due.id
        RETURNING l.id, l.project_id, l.job_id, l.replay_by, l.message_type, l.body, l.headers
        """,
        limit,
        TAKEN_SECONDS,
    )
    return [
        DueDeadLetter(
            row["id"],
            row["project_id"],
            row["job_id"],
            row["replay_by"] or "scheduler",
            row["message_type"],
            row["body"],
            object_of(row["headers"]),
        )
        for row in rows
    ]


async def replay_job(ledger: Ledger, dead_letter: DueDeadLetter) -> Replayed:
    """Replays a job's due dead letter. It waits while its job runs; if it cannot be replayed, its plan is cleared."""
    if dead_letter.project_id is None or dead_letter.job_id is None:
        raise ValueError("not a job's dead letter")
    async with ledger.transaction() as transaction:
        held = await transaction.fetch(
            "SELECT 1 FROM hermodr.dead_letters WHERE id = $1 AND replayed_at IS NULL FOR UPDATE",
            dead_letter.id,
        )
        if not held:
            return Replayed("already_replayed", dead_letter.job_id)
        (verdict,) = await requeue(
            transaction, dead_letter.project_id, [dead_letter.job_id], by=dead_letter.by
        )
        replayed = await _answered(transaction, dead_letter.id, verdict)
        if replayed.outcome == "not_finished":
            await _put_off(transaction, dead_letter.id, NOT_YET_SECONDS)
        elif replayed.outcome in ("key_taken", "gone"):
            await _put_off(transaction, dead_letter.id, None)
    return replayed


async def mark_replayed(ledger: Ledger, ids: Sequence[UUID]) -> None:
    await _done(ledger, ids)


async def give_up(ledger: Ledger, dead_letter_id: UUID) -> None:
    await _put_off(ledger, dead_letter_id, None)


async def seconds_until_due(ledger: Ledger) -> float | None:
    """Until the next dead letter is due; `None`: none is planned."""
    rows = await ledger.fetch(
        """
        SELECT extract(epoch FROM min(replay_at) - clock_timestamp())::float8 AS seconds
        FROM hermodr.dead_letters WHERE replay_at IS NOT NULL AND replayed_at IS NULL
        """
    )
    seconds: float | None = rows[0]["seconds"]
    return seconds


async def _done(statements: Statements, ids: Sequence[UUID]) -> None:
    await statements.fetch(
        """
        UPDATE hermodr.dead_letters l SET replayed_at = now()
        FROM unnest($1::uuid[]) w(id) WHERE l.id = w.id AND l.replayed_at IS NULL
        """,
        list(ids),
    )


async def _put_off(statements: Statements, dead_letter_id: UUID, seconds: float | None) -> None:
    await statements.fetch(
        "UPDATE hermodr.dead_letters SET replay_at = now() + make_interval(secs => $2::float8) WHERE id = $1",
        dead_letter_id,
        seconds,
    )
