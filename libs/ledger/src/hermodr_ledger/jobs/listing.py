"""Lists of jobs: any filters in any order, with a bounded amount of reading per page.

A list has rounds (see `snapshots`; not if newest first), the first round has sections, each in the order of an index:
by creation one; by a time two (with it, without it); by status one per state. A page begins after a mark and reads at
most `MOST_READ` rows, so it may be short. If a filter leads to few rows, they are all fetched and sorted.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.engine import Row, Statements, Transaction, snapshots
from hermodr_ledger.engine.arguments import Arguments
from hermodr_ledger.engine.connection import HOT
from hermodr_ledger.engine.documents import object_of, value_of
from hermodr_ledger.engine.paging import MOST_BYTES
from hermodr_ledger.engine.snapshots import Round, Snapshot
from hermodr_ledger.jobs import listing_sources as sources
from hermodr_ledger.jobs import listing_statements as statements
from hermodr_ledger.jobs.listing_sources import LISTED, PAYLOADS, Direction, Filters, Source
from hermodr_ledger.jobs.reading import Job, job_of_row
from hermodr_servicekit.ids import last_child_of

Key = Literal["created_at", "scheduled_for", "processed_at", "status"]
_By = Key | Literal["xact"]

END = 255
"""The section after the last one of a round."""

MOST_READ = 20_000
"""Rows a section reads for one page; fewer if each has to be examined closely."""
MOST_READ_CLOSELY = 4_000
MOST_READ_OF_INDEX = 50_000
FEW = 2_000
"""Up to this many rows are fetched and sorted as a whole."""


@dataclass(frozen=True, slots=True)
class Order:
    """Ties are in the order of creation, or its reverse."""

    key: Key = "created_at"
    direction: Direction = "ASC"


@dataclass(frozen=True, slots=True)
class Mark:
    """After this id, in this section, at this value of a time or transaction. `follows`: the list has no end."""

    section: int
    id: UUID | None
    at: datetime | int | None = None
    round: Round | None = None
    follows: bool = False


@dataclass(frozen=True, slots=True)
class ListedJob:
    """`mark` is its place. Metadata and result only after `with_payloads`."""

    job: Job
    channels: tuple[str, ...]
    retries: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class JobPage:
    """`next` is where the next page begins; `None`: there is none."""

    jobs: Sequence[ListedJob]
    next: Mark | None


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of a section; `mark` if the reading stopped before its end."""

    rows: Sequence[Row]
    mark: Mark | None = None


# Rows must be read in the order of an index. The planner cannot know how many are needed, and sometimes would sort all
# (170 ms instead of 3 for a page of 100,000 failed jobs). The other settings are the hot pool's.
_PLANNING = {
    **HOT,
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "max_parallel_workers_per_gather": "0",
}
_IN_ORDER = "SELECT pg_current_snapshot() AS now, " + ", ".join(
    f"set_config('{name}', '{value}', true)" for name, value in _PLANNING.items()
)


async def page(ledger: Statements, filters: Filters, order: Order, limit: int, after: Mark | None) -> JobPage:
    """Call it in a transaction with one snapshot; it changes the planner settings. Raises `LedgerUnavailable`."""
    rows, following = await _rows(ledger, filters, order, limit, after)
    extras = await _extras(ledger, [row["id"] for row, _ in rows])
    jobs = []
    for row, mark in rows:
        jobs.append(ListedJob(job_of_row(row), *extras.get(row["id"], ((), 0)), mark))
    return JobPage(jobs, following)


_READ: Mapping[str, Callable[[str], Any]] = {"metadata": object_of, "result": value_of}


async def with_payloads(transaction: Transaction, found: JobPage, names: Collection[str]) -> JobPage:
    """The page with these payloads, shortened to the bytes a page may have; the other jobs go to the next page."""
    if not names:
        return found
    wanted = ", ".join(f"j.{name}::text" for name in PAYLOADS if name in names)
    rows, more = await transaction.fetch_within(
        MOST_BYTES,
        f"""
        SELECT u.id, j.* FROM unnest($1::uuid[]) u(id)
        CROSS JOIN LATERAL (SELECT {wanted} FROM hermodr.jobs j WHERE j.id = u.id OFFSET 0) j
        """,
        [each.job.id for each in found.jobs],
    )
    jobs = []
    for each, row in zip(found.jobs, rows, strict=False):
        values = {name: _READ[name](row[name]) for name in names if row[name] is not None}
        jobs.append(replace(each, job=replace(each.job, **values)))
    return JobPage(jobs, jobs[-1].mark if more else found.next)


async def ids(
    ledger: Statements, filters: Filters, order: Order, limit: int, after: Mark | None
) -> tuple[list[UUID], Mark | None]:
    """Like `page`, but ids only."""
    rows, following = await _rows(ledger, filters, order, limit, after)
    return [row["id"] for row, _ in rows], following


async def from_now(ledger: Statements) -> Mark:
    """After all that is committed; the list has no end."""
    return Mark(END, None, round=Round.begun(await snapshots.current(ledger)), follows=True)


async def _rows(
    ledger: Statements, filters: Filters, order: Order, limit: int, after: Mark | None
) -> tuple[list[tuple[Row, Mark]], Mark | None]:
    now = snapshots.of_value((await ledger.fetch(_IN_ORDER))[0]["now"])
    batch = await sources.batch_range(ledger, filters)
    if filters.batch_id is not None and batch is None:
        return [], after if after is not None and after.follows else None
    reading = _Walk(ledger, filters, order, batch, now)
    begun = after or Mark(0, None, round=Round.begun(now) if order.direction == "ASC" else None)
    found, stop = await reading.of_round(begun, limit + 1)
    if stop is None and len(found) <= limit and after is not None and begun.round is not None:
        begun = Mark(0, None, round=begun.round.following(now), follows=begun.follows)
        more, stop = await reading.of_round(begun, limit + 1 - len(found))
        found += more
    if len(found) > limit:
        found, stop = found[:limit], found[limit - 1][1]
    elif stop is None and begun.round is not None and (begun.follows or begun.round.shown != now):
        stop = replace(begun, section=END, id=None, at=None)
    return found, stop


class _Walk:
    """Reads rounds. `now` is what is committed."""

    def __init__(
        self,
        ledger: Statements,
        filters: Filters,
        order: Order,
        batch: tuple[UUID, UUID] | None,
        now: Snapshot,
    ) -> None:
        self._ledger = ledger
        self._filters = filters
        self._order = order
        self._batch = batch
        self._now = now

    async def of_round(self, mark: Mark, wanted: int) -> tuple[list[tuple[Row, Mark]], Mark | None]:
        """Up to `wanted` rows of the mark's round with their marks; and where the reading stopped before its end."""
        found: list[tuple[Row, Mark]] = []
        sections = sections_of(self._filters, self._order, mark.round, self._now)
        for number in range(mark.section, len(sections)):
            narrowed, key = sections[number]
            start = mark if mark.section == number else replace(mark, section=number, id=None, at=None)
            reading = _Reading(self._ledger, narrowed, key, self._order.direction, self._batch)
            part = await reading.part(start, wanted - len(found))
            timed = key in ("scheduled_for", "processed_at", "xact")
            found += [
                (row, replace(start, id=row["id"], at=row[key] if timed else None)) for row in part.rows
            ]
            if len(found) >= wanted or part.mark is not None:
                return found, part.mark
        return found, None


def sections_of(
    filters: Filters, order: Order, round: Round | None = None, now: Snapshot | None = None
) -> list[tuple[Filters, _By]]:
    """The sections of a round, with their remaining filters and sort keys."""
    if round is not None and round.seen is not None:
        return [
            (replace(filters, committed=sources.Committed(round, stretch=each)), "xact")
            for each in snapshots.stretches(round)
        ]
    if round is not None and now is not None and now != round.shown:
        filters = replace(filters, committed=sources.Committed(round, beyond=now.beyond))
    match order.key:
        case "created_at":
            return [(filters, "created_at")]
        case "status":
            states = sorted(filters.states or JobState, reverse=order.direction == "DESC")
            return [(filters.narrowed(states=(state,)), "created_at") for state in states]
        case time:
            return [(filters, time), (filters.narrowed(without=time), "created_at")]


class _Reading:
    def __init__(
        self,
        ledger: Statements,
        filters: Filters,
        key: _By,
        direction: Direction,
        batch: tuple[UUID, UUID] | None,
    ) -> None:
        self._ledger = ledger
        self._filters = filters
        self._key = key
        self._direction = direction
        self._batch = batch

    async def part(self, mark: Mark, wanted: int) -> _Part:
        """Up to `wanted` rows after the mark."""
        if self._filters.states == ():
            return _Part(())
        few = await self._few()
        if few is not None:
            return await self._of_few(few, mark, wanted)
        ways = sources.ways(self._filters, self._batch)
        if self._key == "created_at":
            way = ways[0] if len(ways) <= 2 else await self._best(ways, mark)
            return await self._along(way, mark, wanted)
        return await self._along(ways[-1], mark, wanted)

    def _by_type(self, way: Source) -> bool:
        return way.of_type is not None and self._key == "created_at"

    async def _few(self) -> list[UUID] | None:
        """All rows a filter leads to, if they are few and no index has them in order."""
        few = sources.unordered(self._filters)
        if self._key != "created_at":
            few += sources.ways(self._filters, self._batch)[:-1]
        for way in few:
            found = await self._probe(way, None)
            if found is not None:
                return found
        return None

    async def _best(self, ways: Sequence[Source], mark: Mark) -> Source:
        """The first source with few rows from here on, else the first."""
        for way in ways[:-1]:
            if await self._probe(way, mark) is not None:
                return way
        return ways[0]

    async def _probe(self, way: Source, mark: Mark | None) -> list[UUID] | None:
        sql = Arguments()
        text = statements.probe(sql, way, self._filters, mark.id if mark else None, self._direction, FEW + 1)
        rows = await self._ledger.fetch(text, *sql.arguments)
        return [row["id"] for row in rows] if len(rows) <= FEW else None

    async def _of_few(self, ids: Sequence[UUID], mark: Mark, wanted: int) -> _Part:
        """Looks each id up and sorts. Without the fence (see `along`) the plan was a scan of all jobs."""
        sql = Arguments()
        rest = sources.conditions(sql, self._filters) + statements.behind(
            sql, self._key, self._direction, mark.id, mark.at
        )
        text = f"""
            SELECT {LISTED} FROM (SELECT DISTINCT id FROM unnest({sql.put(list(ids))}::uuid[]) u(id)) c
            CROSS JOIN LATERAL (SELECT j.* FROM hermodr.jobs j WHERE j.id = c.id AND {" AND ".join(rest)} OFFSET 0) j
            ORDER BY {statements.ordering(self._key, self._direction)} LIMIT {sql.put(wanted)}
        """
        return _Part(await self._ledger.fetch(text, *sql.arguments))

    async def _along(self, way: Source, mark: Mark, wanted: int) -> _Part:
        closely = self._filters.closely or way.elsewhere
        most = MOST_READ_CLOSELY if closely else MOST_READ_OF_INDEX if self._by_type(way) else MOST_READ
        sql = Arguments()
        text = statements.along(
            sql, way, self._filters, self._key, self._direction, (mark.id, mark.at), most, wanted
        )
        rows = await self._ledger.fetch(text, *sql.arguments)
        if len(rows) >= wanted:
            return _Part(rows)
        sql = Arguments()
        text = statements.end_of_reading(
            sql, way, self._filters, self._key, self._direction, (mark.id, mark.at), most
        )
        stop = await self._ledger.fetch(text, *sql.arguments)
        return _Part(rows, replace(mark, id=stop[0]["id"], at=stop[0]["at"]) if stop else None)


async def _extras(ledger: Statements, job_ids: Sequence[UUID]) -> dict[UUID, tuple[tuple[str, ...], int]]:
    rows = await ledger.fetch(
        """
        SELECT w.first AS id, array_agg(d.channel ORDER BY d.id) AS channels,
               sum(greatest(d.attempt - d.earlier_attempts - 1, 0))::int AS retries
        FROM unnest($1::uuid[], $2::uuid[]) w(first, last)
        JOIN hermodr.deliveries d ON d.id > w.first AND d.id <= w.last GROUP BY w.first
        """,
        list(job_ids),
        [last_child_of(each) for each in job_ids],
    )
    return {row["id"]: (tuple(dict.fromkeys(row["channels"])), row["retries"]) for row in rows}
