"""What time does to windows: those whose end has come are closed, and events become what became of their carrier. Any
number of schedulers may do this; both run on the cold pool."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.vocabulary import JobKind, JobState, Priority
from hermodr_ledger.batching.joining import MOST_EVENTS
from hermodr_ledger.engine import Contested, Ledger, Row, Transaction, news
from hermodr_ledger.engine.announcing import FIRST_ANNOUNCEMENT_OVERDUE_SECONDS
from hermodr_ledger.engine.setting_aside import isolated, not_aside, spared
from hermodr_ledger.engine.sql_files import statement
from hermodr_ledger.jobs.reading import nearest

CLOSING_DUTY, SETTLING_DUTY = "event windows", "events of windows"
EXPIRED = "expired"
"""As `upkeep.expiring` has it."""
MOST_ITEMS = 100
MOST_OCTETS = 1024 * 1024
"""Of the items of one message, as JSON."""
_SECONDS = 60.0


class Carrier(NamedTuple):
    """A new job to announce."""

    id: UUID
    priority: Priority


@dataclass(frozen=True, slots=True)
class Closed:
    """`windows` may be more than `carriers`: some had nothing left. `ended`: events that had expired."""

    windows: int
    carriers: tuple[Carrier, ...]
    ended: tuple[tuple[JobKind, JobState], ...]


_CLOSE = statement("hermodr_ledger.batching", "close")
_DUE = """
SELECT w.id, w.events FROM hermodr.event_windows w
WHERE w.closes_at <= now() AND w.closed_at IS NULL AND {} ORDER BY w.closes_at LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_EVENTS = """
SELECT e.window_id, j.id FROM unnest($1::uuid[]) w(id)
JOIN hermodr.window_events e ON e.window_id = w.id AND NOT e.alone
JOIN hermodr.jobs j ON j.id = e.job_id WHERE j.state = 'scheduled'
"""
_LEFT = not_aside("w.id", CLOSING_DUTY)


async def close_due(ledger: Ledger, limit: int) -> Closed:
    """Closes up to `limit` windows, with about as many events as one may have; each with one carrier for all that
    still wait in it. One with an event that somebody has locked comes later; those that fail are set aside. Raises
    `LedgerUnavailable`."""
    windows = 0

    async def some(only: Sequence[UUID] | None) -> list[Row]:
        nonlocal windows
        found, rows = await _close(ledger, limit, only)
        windows += found
        return rows

    async def candidates() -> list[UUID]:
        rows = await ledger.fetch(
            f"SELECT w.id FROM hermodr.event_windows w WHERE w.closes_at <= now() AND w.closed_at IS NULL AND {_LEFT}"
            " ORDER BY w.closes_at LIMIT $1",
            limit,
        )
        return [row["id"] for row in rows]

    rows = await spared(ledger, CLOSING_DUTY, some, candidates)
    return Closed(
        windows,
        tuple(Carrier(row["id"], nearest(row["priority"])) for row in rows if row["carrier"]),
        tuple(
            (JobKind(row["kind"]), JobState(row["state"])) for row in rows if row["state"] == JobState.SKIPPED
        ),
    )


async def _close(ledger: Ledger, limit: int, only: Sequence[UUID] | None) -> tuple[int, list[Row]]:
    async with ledger.transaction() as transaction:
        if only is None:
            due = await transaction.fetch(_DUE.format(_LEFT), limit)
        else:
            due = await transaction.fetch(
                _DUE.format(f"{_LEFT} AND w.id = ANY ($2::uuid[])"), limit, list(only)
            )
        ids: list[UUID] = []
        events = 0
        for row in due:
            events += row["events"]
            if ids and events > MOST_EVENTS:
                break
            ids.append(row["id"])
        if not ids:
            return 0, []
        ids = await _free(transaction, ids)
        if not ids:
            return 0, []
        rows = await transaction.fetch(
            _CLOSE,
            ids,
            MOST_ITEMS,
            MOST_OCTETS,
            float(FIRST_ANNOUNCEMENT_OVERDUE_SECONDS),
            EXPIRED,
            seconds=_SECONDS,
        )
        transaction.tell(news.of_jobs(rows))
        return len(ids), rows


async def _free(transaction: Transaction, windows: Sequence[UUID]) -> list[UUID]:
    """The windows none of whose waiting events is locked, by a cancellation say; this transaction locks the events."""
    ids = list(windows)
    locked = await transaction.fetch(
        f"{_EVENTS} ORDER BY j.id FOR UPDATE OF j SKIP LOCKED", ids, seconds=_SECONDS
    )
    ours = {row["id"] for row in locked}
    rows = await transaction.fetch(_EVENTS, ids, seconds=_SECONDS)
    held = {row["window_id"] for row in rows if row["id"] not in ours}
    return [each for each in ids if each not in held]


async def seconds_until_due(ledger: Ledger) -> float | None:
    """Until the next window closes; `None`: none is open but those set aside."""
    rows = await ledger.fetch(
        f"""
        SELECT extract(epoch FROM w.closes_at - clock_timestamp())::float8 AS seconds FROM hermodr.event_windows w
        WHERE w.closed_at IS NULL AND {_LEFT} ORDER BY w.closes_at LIMIT 1
        """
    )
    return rows[0]["seconds"] if rows else None


# A carrier's end can change: it is retried, or a late answer says that it arrived. Events that were erased stay so.
_SETTLE = f"""
WITH over AS (
    SELECT w.id, w.carrier_id FROM hermodr.event_windows w JOIN hermodr.jobs c ON c.id = w.carrier_id
    WHERE {{}} AND w.carrier_state IS DISTINCT FROM c.state AND c.finished_at IS NOT NULL
      AND {not_aside("w.id", SETTLING_DUTY)}
    LIMIT $1 FOR UPDATE OF w SKIP LOCKED
), ended AS (
    UPDATE hermodr.event_windows w SET carrier_state = c.state
    FROM over JOIN hermodr.jobs c ON c.id = over.carrier_id WHERE w.id = over.id
    RETURNING w.id, c.state, c.error
), settled AS (
    UPDATE hermodr.jobs j SET state = w.state, error = w.error, finished_at = now()
    FROM ended w JOIN hermodr.window_events e ON e.window_id = w.id AND e.carried
    WHERE j.id = e.job_id AND j.state IS DISTINCT FROM w.state AND j.error IS DISTINCT FROM 'recipient_erased'
    RETURNING j.id, j.project_id, j.owner_id, j.kind, j.state, j.singleton_key
), freed AS (
    DELETE FROM hermodr.singletons s USING settled e
    WHERE e.singleton_key IS NOT NULL AND s.project_id = e.project_id AND s.key = e.singleton_key AND s.job_id = e.id
)
SELECT NULL::uuid AS id, NULL::uuid AS project_id, NULL AS owner_id, NULL AS kind, w.state, now() AS at FROM ended w
UNION ALL
SELECT id, project_id, owner_id, kind, state, now() FROM settled
"""
_UNSETTLED = "w.carrier_id IS NOT NULL AND w.carrier_state IS NULL"
_CHANGEABLE = "w.carrier_id IS NOT NULL AND w.carrier_state <> 'completed'"


@dataclass(frozen=True, slots=True)
class Settled:
    windows: int
    jobs: tuple[tuple[JobKind, JobState], ...]


async def settle(ledger: Ledger, limit: int, *, again: bool = False) -> Settled:
    """Ends the events of up to `limit` windows as their carriers ended. `again`: looks at those instead whose carriers
    ended otherwise than completed, for what they became since. Raises `LedgerUnavailable`."""
    asked = _SETTLE.format(_CHANGEABLE if again else _UNSETTLED)

    async def some(only: Sequence[UUID] | None) -> list[Row]:
        if only is None:
            return await ledger.fetch(asked, limit, seconds=_SECONDS)
        which = _SETTLE.format(f"{_CHANGEABLE if again else _UNSETTLED} AND w.id = ANY ($2::uuid[])")
        return await ledger.fetch(which, limit, list(only), seconds=_SECONDS)

    async def candidates() -> list[UUID]:
        rows = await ledger.fetch(
            f"SELECT w.id FROM hermodr.event_windows w JOIN hermodr.jobs c ON c.id = w.carrier_id"
            f" WHERE {_CHANGEABLE if again else _UNSETTLED} AND w.carrier_state IS DISTINCT FROM c.state"
            f" AND c.finished_at IS NOT NULL AND {not_aside('w.id', SETTLING_DUTY)} LIMIT $1",
            limit,
        )
        return [row["id"] for row in rows]

    try:
        rows = await spared(ledger, SETTLING_DUTY, some, candidates)
    except Contested:
        rows = await isolated(ledger, SETTLING_DUTY, await candidates(), some)
    jobs = [row for row in rows if row["id"] is not None]
    ledger.tell(news.of_jobs(jobs))
    return Settled(
        len(rows) - len(jobs), tuple((JobKind(row["kind"]), JobState(row["state"])) for row in jobs)
    )
