"""Places of notifications under frequency caps. A recipient's row is locked while places are given, so that of any
number of decisions at once none takes a place that another one has."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from hermodr_ledger.engine import Contested, Ledger, Statements, Transaction
from hermodr_ledger.jobs.decisions import Decision


class Place(NamedTuple):
    """A notification that was let through at that moment, or whose turn is reserved for then. `type`: the job's.
    `gathers`: it is reserved for the message of a window that is open, by one of its events."""

    job_id: UUID
    type: str | None
    at: datetime
    gathers: bool = False


Rule = Callable[[Decision, Sequence[Place], datetime], tuple[Decision, datetime | None]]
"""What becomes of a decision, by the places of the recipient's other jobs and the time; and when it takes one."""


async def place(ledger: Ledger, decisions: Sequence[Decision], rule: Rule, back: timedelta) -> list[Decision]:
    """The decisions about jobs to recipients under caps, as the `rule` has them; the jobs that get a place have it when
    this returns. Repeating it counts a job once; a place whose job comes not to be sent (failed, cancelled, skipped) is
    free again. `back`: how far back places count. Jobs that are no longer queued, or whose recipient is locked for
    long, are left out. Raises `LedgerUnavailable`."""
    try:
        async with ledger.transaction() as transaction:
            return await _place(transaction, decisions, rule, back)
    except Contested:
        if len(decisions) == 1:
            return []
        return [one for each in decisions for one in await place(ledger, [each], rule, back)]


async def _place(
    transaction: Transaction, decisions: Sequence[Decision], rule: Rule, back: timedelta
) -> list[Decision]:
    people = sorted({each.job.recipient_id for each in decisions if each.job.recipient_id is not None})
    await transaction.fetch(
        "SELECT id FROM hermodr.recipients WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", people
    )
    (clock,) = await transaction.fetch("SELECT clock_timestamp() AS now")
    now: datetime = clock["now"]
    queued = await _queued(transaction, [each.job.id for each in decisions])
    taken = {
        person: list(places) for person, places in (await places(transaction, people, now - back)).items()
    }
    given: dict[UUID, tuple[UUID, datetime]] = {}
    final = []
    for each in sorted(decisions, key=lambda decision: decision.job.id):
        job = each.job
        if job.id not in queued or job.recipient_id is None:
            continue
        theirs = taken.setdefault(job.recipient_id, [])
        decided, at = rule(each, [other for other in theirs if other.job_id != job.id], now)
        if at is not None:
            held = Place(job.id, job.type, at, decided.joining is not None)
            theirs[:] = [*(other for other in theirs if other.job_id != job.id), held]
            given[job.id] = (job.recipient_id, at)
        final.append(decided)
    await _give(transaction, given)
    return final


async def _queued(transaction: Transaction, ids: Sequence[UUID]) -> set[UUID]:
    rows = await transaction.fetch(
        "SELECT j.id FROM unnest($1::uuid[]) u(id) JOIN hermodr.jobs j ON j.id = u.id AND j.state = 'queued'",
        list(ids),
    )
    return {row["id"] for row in rows}


async def places(
    statements: Statements, people: Sequence[UUID], since: datetime
) -> Mapping[UUID, Sequence[Place]]:
    """By recipient, those later than `since`, of jobs that were or may still be sent. A window has one place, whichever
    of its events reserved it; once it is closed, that is its message's."""
    rows = await statements.fetch(
        """
        SELECT DISTINCT ON (p.recipient_id, coalesce(w.carrier_id, w.id, p.job_id))
               p.recipient_id, coalesce(w.carrier_id, p.job_id) AS job_id, p.at, j.type,
               w.id IS NOT NULL AND w.closed_at IS NULL AS gathers
        FROM unnest($1::uuid[]) u(id) JOIN hermodr.cap_places p ON p.recipient_id = u.id AND p.at > $2
        LEFT JOIN hermodr.window_events e ON e.job_id = p.job_id AND NOT e.alone
        LEFT JOIN hermodr.event_windows w ON w.id = e.window_id AND w.cause = 'cap'
        JOIN hermodr.jobs j ON j.id = coalesce(w.carrier_id, p.job_id)
        WHERE j.state NOT IN ('failed', 'cancelled', 'skipped') OR (w.id IS NOT NULL AND w.closed_at IS NULL)
        ORDER BY p.recipient_id, coalesce(w.carrier_id, w.id, p.job_id), w.id IS NOT NULL, p.at
        """,
        list(people),
        since,
    )
    found: dict[UUID, list[Place]] = {}
    for row in rows:
        held = Place(row["job_id"], row["type"], row["at"], row["gathers"])
        found.setdefault(row["recipient_id"], []).append(held)
    return found


async def _give(transaction: Transaction, given: Mapping[UUID, tuple[UUID, datetime]]) -> None:
    await transaction.fetch(
        """
        INSERT INTO hermodr.cap_places (job_id, recipient_id, at)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[])
        ON CONFLICT (job_id) DO UPDATE SET at = excluded.at
        """,
        list(given),
        [recipient for recipient, _ in given.values()],
        [at for _, at in given.values()],
    )
