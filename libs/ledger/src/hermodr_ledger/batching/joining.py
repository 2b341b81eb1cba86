"""Records decisions, those to join a window included. Windows are locked before deliveries, and these before jobs: the
lock decides whether an event joined a window before it was closed, or opened the next one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.engine import Contested, Ledger, Row, Transaction, news
from hermodr_ledger.engine.announcing import PARKED, WINDOWS_CHANNEL
from hermodr_ledger.jobs.decisions import Decision, Joining, Lanes
from hermodr_ledger.jobs.redeciding import record_all
from hermodr_ledger.people.suppressions import SUPPRESSION_KEY
from hermodr_servicekit.ids import new_id

MOST_EVENTS = 10_000
"""A window with so many events closes early."""


ADDRESSEE = f"""
coalesce(u.recipient_id::text, encode(hermodr.suppression_hash({SUPPRESSION_KEY}, u.project_id, u.address), 'hex'))
"""
"""Whose window it is, of a row `u`: a bare address is told by its hash."""


class _Slot(NamedTuple):
    """What at most one open window has."""

    project_id: UUID
    addressee: str
    type: str
    cause: str
    key: str


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where a job stands: its window (`None`: it joined none yet), and whether it was sent alone."""

    addressee: str
    window_id: UUID | None
    alone: bool


@dataclass(frozen=True, slots=True)
class _Window:
    id: UUID
    opened: bool


class Recorded(NamedTuple):
    """New deliveries by lane, and jobs that are to be decided upon again: they opened a window, and go alone."""

    lanes: Lanes
    alone: tuple[UUID, ...] = ()


async def record(ledger: Ledger, decisions: Sequence[Decision]) -> Recorded:
    """`redeciding.record_all` for any decisions. One with `joining` lets its job wait in the open window of its
    recipient (or bare address), type, cause and key, which is opened if there is none; only jobs of a template may
    join. Joining again, after a retry or a repeated message, counts once. A job whose window is locked for long stays
    queued, and the scheduler announces it again. Raises `LedgerUnavailable`."""
    plain = [each for each in decisions if each.joining is None]
    lanes = await record_all(ledger, plain) if plain else {}
    events = [each for each in decisions if each.joining is not None]
    return Recorded(lanes, tuple(await _joined(ledger, events)) if events else ())


async def _joined(ledger: Ledger, decisions: Sequence[Decision]) -> list[UUID]:
    """The jobs that go alone, still queued; the others wait now. Contested ones are left out."""
    try:
        async with ledger.transaction() as transaction:
            return await _join(transaction, decisions)
    except Contested:
        if len(decisions) == 1:
            return []
        return [alone for each in decisions for alone in await _joined(ledger, [each])]


async def _join(transaction: Transaction, decisions: Sequence[Decision]) -> list[UUID]:
    standings = await _standings(transaction, decisions)
    alone = {
        each.job.id for each in decisions if standings[each.job.id].alone and _asked(each).cause == "digest"
    }
    joining = sorted((each for each in decisions if each.job.id not in alone), key=lambda each: each.job.id)
    slots: dict[_Slot, list[Decision]] = {}
    for each in joining:
        slots.setdefault(_slot(each, standings[each.job.id].addressee), []).append(each)
    if not slots:
        return list(alone)
    windows = await _open(transaction, slots)
    queued = await _lock_jobs(transaction, [each.job.id for each in joining])
    openers: list[tuple[UUID, Decision]] = []
    waiting: list[tuple[UUID, Decision]] = []
    for slot, theirs in slots.items():
        window = windows[slot]
        present = [each for each in theirs if each.job.id in queued]
        if window.opened and present and _asked(present[0]).first == "now":
            openers.append((window.id, present.pop(0)))
        waiting += [(window.id, each) for each in present]
    await _note_openers(transaction, openers)
    await _let_wait(transaction, waiting)
    fresh = [(id_, each) for id_, each in waiting if standings[each.job.id].window_id != id_]
    await _extend(transaction, fresh)
    used = {id_ for id_, _ in (*openers, *waiting)}
    await _close_unused(
        transaction, [each.id for each in windows.values() if each.opened and each.id not in used]
    )
    return [*alone, *(each.job.id for _, each in openers)]


def _asked(decision: Decision) -> Joining:
    if decision.joining is None:
        raise ValueError("it joins no window")
    return decision.joining


def _slot(decision: Decision, addressee: str) -> _Slot:
    job, asked = decision.job, _asked(decision)
    if job.type is None or job.has_content:
        raise ValueError("only a template shows several events")
    return _Slot(job.project_id, addressee, job.type, asked.cause, asked.key)


async def _standings(transaction: Transaction, decisions: Sequence[Decision]) -> dict[UUID, _Standing]:
    jobs = [each.job for each in decisions]
    rows = await transaction.fetch(
        f"""
        SELECT u.id, e.window_id, coalesce(e.alone, false) AS alone, {ADDRESSEE} AS addressee
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) u(id, project_id, recipient_id, address)
        LEFT JOIN hermodr.window_events e ON e.job_id = u.id
        """,
        [job.id for job in jobs],
        [job.project_id for job in jobs],
        [job.recipient_id for job in jobs],
        [job.to_email or job.to_phone or "" for job in jobs],
    )
    return {row["id"]: _Standing(row["addressee"], row["window_id"], row["alone"]) for row in rows}


async def _open(transaction: Transaction, slots: dict[_Slot, list[Decision]]) -> dict[_Slot, _Window]:
    """Opens or locks the windows, in the order of their keys."""
    wanted = sorted(slots)
    first = [_asked(slots[each][0]) for each in wanted]
    rows = await transaction.fetch(
        """
        INSERT INTO hermodr.event_windows AS w
            (id, project_id, addressee, type, cause, key, opened_at, closes_at, latest)
        SELECT i.id, i.project_id, i.addressee, i.type, i.cause, i.key, statement_timestamp(),
               statement_timestamp() + make_interval(secs => i.seconds),
               statement_timestamp() + make_interval(secs => i.most)
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::float8[])
            WITH ORDINALITY AS i(id, project_id, addressee, type, cause, key, seconds, most, nth)
        ORDER BY i.nth
        ON CONFLICT (project_id, addressee, type, cause, key) WHERE closed_at IS NULL DO UPDATE SET events = w.events
        RETURNING id, project_id, addressee, type, cause, key, xmax = 0 AS opened
        """,
        [new_id() for _ in wanted],
        *([list(column) for column in zip(*wanted, strict=True)]),
        [each.window for each in first],
        [max(each.max_window or 0.0, each.window) for each in first],
    )
    return {_Slot(*(row[name] for name in _Slot._fields)): _Window(row["id"], row["opened"]) for row in rows}


async def _lock_jobs(transaction: Transaction, ids: Sequence[UUID]) -> set[UUID]:
    """Those still queued."""
    rows = await transaction.fetch(
        "SELECT j.id FROM unnest($1::uuid[]) u(id) JOIN hermodr.jobs j ON j.id = u.id"
        " WHERE j.state = 'queued' ORDER BY j.id FOR UPDATE OF j",
        list(ids),
    )
    return {row["id"] for row in rows}


async def _note_openers(transaction: Transaction, openers: Sequence[tuple[UUID, Decision]]) -> None:
    """What a message of one event shows. They stay queued, to be decided upon as jobs that join nothing."""
    if not openers:
        return
    await transaction.fetch(
        """
        WITH told AS (
            UPDATE hermodr.jobs j
            SET data = d.data || jsonb_build_object('items', jsonb_build_array(d.data), 'total', 1)
            FROM unnest($1::uuid[]) u(id), LATERAL (
                SELECT o.id, o.data - '{items,total}'::text[] AS data FROM hermodr.jobs o WHERE o.id = u.id OFFSET 0
            ) d WHERE j.id = d.id
        ), noted AS (
            INSERT INTO hermodr.events (job_id, kind, detail)
            SELECT u.id, 'opened_window', jsonb_build_object('window_id', u.window_id)
            FROM unnest($1::uuid[], $2::uuid[]) u(id, window_id)
        )
        INSERT INTO hermodr.window_events (job_id, window_id, alone)
        SELECT u.id, u.window_id, true FROM unnest($1::uuid[], $2::uuid[]) u(id, window_id)
        ON CONFLICT (job_id) DO UPDATE SET window_id = excluded.window_id, alone = true, carried = NULL
        """,
        [each.job.id for _, each in openers],
        [window for window, _ in openers],
    )


async def _let_wait(transaction: Transaction, waiting: Sequence[tuple[UUID, Decision]]) -> None:
    if not waiting:
        return
    rows: list[Row] = await transaction.fetch(
        f"""
        WITH input AS (
            SELECT u.id, u.window_id, u.cause, u.key, w.latest
            FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) u(id, window_id, cause, key)
            JOIN hermodr.event_windows w ON w.id = u.window_id
        ), put AS (
            INSERT INTO hermodr.window_events (job_id, window_id) SELECT id, window_id FROM input
            ON CONFLICT (job_id) DO UPDATE SET window_id = excluded.window_id, alone = false, carried = NULL
        ), noted AS (
            INSERT INTO hermodr.events (job_id, kind, detail)
            SELECT id, 'waits_in_window', jsonb_build_object('window_id', window_id, 'reason', cause, 'key', key,
                'until', to_char(latest AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
            FROM input
        )
        UPDATE hermodr.jobs j
        SET state = 'scheduled', wake_at = {PARKED}, deferred_until = i.latest, error = NULL, announcements = 0,
            unannounced = false
        FROM input i WHERE j.id = i.id
        RETURNING j.id, j.project_id, j.owner_id, j.state, now() AS at
        """,
        [each.job.id for _, each in waiting],
        [window for window, _ in waiting],
        [_asked(each).cause for _, each in waiting],
        [_asked(each).key for _, each in waiting],
    )
    transaction.tell(news.of_jobs(rows))


async def _extend(transaction: Transaction, joined: Sequence[tuple[UUID, Decision]]) -> None:
    """Counts the events; moves the end of windows that slide. An urgent event, or too many, end it now."""
    if not joined:
        return
    by_window: dict[UUID, list[Decision]] = {}
    for window, each in joined:
        by_window.setdefault(window, []).append(each)
    rows = await transaction.fetch(
        f"""
        UPDATE hermodr.event_windows w SET events = w.events + i.n,
            closes_at = CASE WHEN i.urgent OR w.events + i.n >= {MOST_EVENTS}
                THEN least(w.closes_at, statement_timestamp())
                ELSE least(w.latest, greatest(w.closes_at, statement_timestamp() + make_interval(secs => i.slide))) END
        FROM unnest($1::uuid[], $2::int[], $3::boolean[], $4::float8[]) i(id, n, urgent, slide) WHERE w.id = i.id
        RETURNING w.closes_at <= statement_timestamp() AS over
        """,
        list(by_window),
        [len(each) for each in by_window.values()],
        [any(one.job.priority is Priority.URGENT for one in each) for each in by_window.values()],
        [_slide(each) for each in by_window.values()],
    )
    if any(row["over"] for row in rows):
        await transaction.fetch("SELECT pg_notify($1, '')", WINDOWS_CHANNEL)


def _slide(decisions: Iterable[Decision]) -> float:
    """How many seconds from now the window is to stay open at least."""
    return max(0.0, *(_asked(each).window if _asked(each).max_window else 0.0 for each in decisions))


async def _close_unused(transaction: Transaction, ids: Sequence[UUID]) -> None:
    """Windows opened for jobs that another dispatcher decided upon meanwhile."""
    if ids:
        await transaction.fetch(
            "DELETE FROM hermodr.event_windows w USING unnest($1::uuid[]) u(id) WHERE w.id = u.id", list(ids)
        )
