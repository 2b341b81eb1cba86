"""The indexes that lead to the jobs of a list, and the SQL to read them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from hermodr_contracts.vocabulary import Channel, JobKind, JobState
from hermodr_ledger.engine import Statements
from hermodr_ledger.engine.arguments import Arguments
from hermodr_ledger.engine.snapshots import Round, Stretch
from hermodr_ledger.engine.times import FIRST, LAST
from hermodr_ledger.jobs.reading import JOB_COLUMNS

PAYLOADS = ("metadata", "result")
Direction = Literal["ASC", "DESC"]
Time = Literal["scheduled_for", "processed_at"]
Place = tuple[UUID | None, datetime | int | None]
"""An id, and the value of the sort key if that is not the id."""
_TYPES = {"scheduled_for": "timestamptz", "processed_at": "timestamptz", "xact": "xid8"}


STANDING = frozenset(
    {JobState.SCHEDULED, JobState.RETRYING, JobState.FAILED, JobState.CANCELLED, JobState.SKIPPED}
)
"""The states in `job_standings`: long-lasting, and few jobs have them."""

LISTED = ", ".join(
    (JOB_COLUMNS | {name: f"NULL::jsonb AS {name}" for name in PAYLOADS} | {"xact": "j.xact"}).values()
)
"""The columns of a listed job; its payloads are fetched separately."""

_LIVE = frozenset({JobState.QUEUED, JobState.PROCESSING})
_UNPROCESSED = (JobState.SCHEDULED, JobState.QUEUED, JobState.CANCELLED)
_CLOCKS_APART = timedelta(seconds=10)
"""An id has the API's clock, `created_at` the database's; and a commit takes time."""
_LARGEST_MILLISECOND = (1 << 48) - 1


@dataclass(frozen=True, slots=True)
class Committed:
    """A later round has the rows of `stretch`, the first those its snapshot shows, if others were committed before
    `beyond`."""

    round: Round
    stretch: Stretch | None = None
    beyond: int | None = None

    def bounds(self, sql: Arguments) -> list[str]:
        """Conditions on an index."""
        if self.stretch is None:
            return []
        return [f"j.xact >= {sql.put(self.stretch.first)}", f"j.xact < {sql.put(self.stretch.beyond)}"]

    def conditions(self, sql: Arguments) -> list[str]:
        """Conditions on a row. Transactions beyond what is committed came with a dump."""
        shown = self.round.shown
        if self.stretch is None:
            return [
                f"(j.xact IS NULL OR j.xact < {sql.put(shown.first)} OR j.xact >= {sql.put(self.beyond)}"
                f" OR pg_visible_in_snapshot(j.xact, {sql.put(shown.value)}))"
            ]
        if self.stretch.these is not None:
            return [*self.bounds(sql), f"j.xact = ANY ({sql.put(list(self.stretch.these))}::xid8[])"]
        return [*self.bounds(sql), f"pg_visible_in_snapshot(j.xact, {sql.put(shown.value)})"]


@dataclass(frozen=True, slots=True)
class Filters:
    """`None` does not narrow. `without`: jobs that have no such time. Times are exclusive."""

    project_id: UUID
    owner_id: str | None = None
    states: tuple[JobState, ...] | None = None
    kind: JobKind | None = None
    type: str | None = None
    delivery_method: Channel | None = None
    recipient_id: UUID | None = None
    group_id: UUID | None = None
    batch_id: UUID | None = None
    cancel_key: str | None = None
    address: str | None = None
    """Where a delivery went, or the bare address of the request. Letter case does not count."""
    created_after: datetime | None = None
    created_before: datetime | None = None
    without: Time | None = None
    committed: Committed | None = None

    def narrowed(
        self, *, states: tuple[JobState, ...] | None = None, without: Time | None = None
    ) -> "Filters":
        """With more filters. A job that was never processed is in one of three states."""
        if without == "processed_at":
            states = tuple(each for each in self.states or _UNPROCESSED if each in _UNPROCESSED)
        return replace(
            self, states=self.states if states is None else states, without=without or self.without
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Tables, as `j`, and an index of each: `lead`: columns before the id with values; `between`: ids. `elsewhere`:
    they have ids only, the same perhaps more than once if there are several."""

    lead: tuple[tuple[str, object], ...] = ()
    between: tuple[UUID, UUID] | None = None
    tables: tuple[str, ...] = ("hermodr.jobs",)
    elsewhere: bool = False
    of_type: str | None = None
    """Read from the index itself, so that rows of other types are skipped."""


_DELIVERED = (
    "(SELECT job_id AS id, project_id, lower(address) AS address FROM hermodr.deliveries WHERE {which})"
)
_BY_ADDRESS = (
    "(SELECT id, project_id, lower(coalesce(to_email, to_phone)) AS address FROM hermodr.jobs"
    " WHERE coalesce(to_email, to_phone) IS NOT NULL)",
    _DELIVERED.format(which="wake_at IS NOT NULL AND recipient_id IS NOT NULL"),
    _DELIVERED.format(which="wake_at IS NULL AND recipient_id IS NOT NULL"),
)
"""A delivery to a bare address is found by its job."""


async def batch_range(ledger: Statements, filters: Filters) -> tuple[UUID, UUID] | None:
    """The ids between which the batch's jobs lie; `None` if the project has no such batch."""
    if filters.batch_id is None:
        return None
    rows = await ledger.fetch(
        "SELECT first_job_id, last_job_id FROM hermodr.batches WHERE id = $1 AND project_id = $2",
        filters.batch_id,
        filters.project_id,
    )
    return (rows[0]["first_job_id"], rows[0]["last_job_id"]) if rows else None


def ways(filters: Filters, batch: tuple[UUID, UUID] | None) -> list[Source]:
    """Indexes with such jobs in the order of ids, the narrowest first. The last has the whole project."""
    project = ("project_id", filters.project_id)
    found = []
    if filters.cancel_key is not None:
        found.append(Source((project, ("cancel_key", filters.cancel_key))))
    if filters.address is not None:
        lead = (project, ("address", filters.address))
        found.append(Source(lead, tables=_BY_ADDRESS, elsewhere=True))
    if filters.recipient_id is not None:
        found.append(Source((("recipient_id", filters.recipient_id),)))
    if filters.owner_id is not None:
        found.append(Source((project, ("owner_id", filters.owner_id))))
    if filters.group_id is not None:
        found.append(Source((("group_id", filters.group_id),)))
    if batch is not None:
        found.append(Source(between=batch))
    if filters.states is not None and len(filters.states) == 1 and filters.states[0] in STANDING:
        state = ("state", filters.states[0])
        found.append(Source((project, state), tables=("hermodr.job_standings",), elsewhere=True))
    return [*found, Source((project,), of_type=filters.type)]


def live(filters: Filters) -> Source | None:
    """The small indexes of waiting jobs, if only such jobs are wanted."""
    if filters.states is None or not set(filters.states) <= _LIVE | STANDING:
        return None
    if len(filters.states) == 1 and filters.states[0] in STANDING:
        return None  # `ways` has them in order
    tables = []
    if set(filters.states) & _LIVE:
        tables.append("SELECT id, project_id, NULL AS state FROM hermodr.jobs WHERE wake_at IS NOT NULL")
    if JobState.PROCESSING in filters.states:  # of some the next step waits: these are among the jobs
        tables.append("SELECT job_id, project_id, NULL FROM hermodr.deliveries WHERE wake_at IS NOT NULL")
    standing = sorted(set(filters.states) & STANDING)
    if standing:
        names = ", ".join(f"'{state}'" for state in standing)
        tables.append(
            f"SELECT id, project_id, state FROM hermodr.job_standings WHERE state IN ({names})"
            f" AND project_id = '{filters.project_id}'"
        )
    return Source(tables=(f"({' UNION ALL '.join(tables)})",), elsewhere=True)


def conditions(sql: Arguments, filters: Filters) -> list[str]:
    found = [f"j.project_id = {sql.put(filters.project_id)}", *_bounds(sql, filters)]
    for column in ("owner_id", "kind", "type", "recipient_id", "group_id", "batch_id", "cancel_key"):
        value = getattr(filters, column)
        if value is not None:
            found.append(f"j.{column} = {sql.put(value)}")
    if filters.states is not None:
        found.append(f"j.state = ANY ({sql.put([str(each) for each in filters.states])}::text[])")
    if filters.created_after is not None:
        found.append(f"j.created_at > {sql.put(filters.created_after)}")
    if filters.created_before is not None:
        found.append(f"j.created_at < {sql.put(filters.created_before)}")
    if filters.without is not None:
        found.append(f"j.{filters.without} IS NULL")
    if filters.delivery_method is not None:
        found.append(_by_method(sql.put(str(filters.delivery_method))))
    if filters.address is not None:
        found.append(_by_address(_put(sql, "address", filters.address)))
    if filters.committed is not None:
        found += filters.committed.conditions(sql)
    return found


_DELIVERIES = (
    "SELECT 1 FROM hermodr.deliveries d WHERE d.id > j.id AND d.id <= (left(j.id::text, -4) || 'ffff')::uuid"
)


def _by_method(method: str) -> str:
    """By the channels of its deliveries, or of the request if there are none."""
    return (
        f"(EXISTS ({_DELIVERIES} AND d.channel = {method})"
        f" OR ({method}::text = ANY (j.channels) AND NOT EXISTS ({_DELIVERIES})))"
    )


def _by_address(address: str) -> str:
    went = f"EXISTS ({_DELIVERIES} AND d.recipient_id IS NOT NULL AND lower(d.address) = {address})"
    return f"(lower(coalesce(j.to_email, j.to_phone)) = {address} OR {went})"


def _put(sql: Arguments, name: str, value: object) -> str:
    """The value of a column of a source. The database lowers addresses, there as here."""
    return f"lower({sql.put(value)}::text)" if name == "address" else sql.put(value)


def _bounds(sql: Arguments, filters: Filters) -> list[str]:
    found = []
    if filters.created_after is not None:
        found.append(f"j.id >= {sql.put(floor_of(filters.created_after, -_CLOCKS_APART))}")
    if filters.created_before is not None:
        found.append(f"j.id < {sql.put(floor_of(filters.created_before, _CLOCKS_APART))}")
    return found


def floor_of(moment: datetime, apart: timedelta = timedelta(0)) -> UUID:
    """The least id of the millisecond, moved by `apart`."""
    since = (moment - datetime(1970, 1, 1, tzinfo=UTC) + apart) // timedelta(milliseconds=1)
    return UUID(int=min(max(since, 0), _LARGEST_MILLISECOND) << 80)


def behind(
    sql: Arguments, key: str, direction: Direction, after: UUID | None, at: datetime | int | None
) -> list[str]:
    """The conditions for a page after a mark; also that the sort time exists and a mark can hold it."""
    there = [f"j.{key} IS NOT NULL"] if key != "created_at" else []
    if _TYPES.get(key) == "timestamptz":
        there.append(f"j.{key} BETWEEN {FIRST} AND {LAST}")
    if after is None:
        return there
    sign = ">" if direction == "ASC" else "<"
    if key == "created_at":
        return [f"j.id {sign} {sql.put(after)}"]
    return [*there, f"(j.{key}, j.id) {sign} ({sql.put(at)}::{_TYPES[key]}, {sql.put(after)}::uuid)"]


def ordering(key: str, direction: Direction) -> str:
    return f"j.id {direction}" if key == "created_at" else f"j.{key} {direction}, j.id {direction}"


def probe(
    sql: Arguments, way: Source, filters: Filters, after: UUID | None, direction: Direction, most: int
) -> str:
    """Up to `most` ids of the source, after a mark if given."""
    leading = _leading(sql, way, filters, "created_at", direction, (after, None))
    where = f"WHERE {' AND '.join(leading)}" if leading else ""
    limit = sql.put(most)
    if len(way.tables) > 1:
        return f"SELECT u.id FROM {_merged(way, where, direction, limit)} u LIMIT {limit}"
    return f"SELECT j.id FROM {way.tables[0]} j {where} LIMIT {limit}"


def along(
    sql: Arguments,
    way: Source,
    filters: Filters,
    key: str,
    direction: Direction,
    mark: Place,
    most: int,
    wanted: int,
) -> str:
    """Up to `wanted` matching rows among the next `most` of the source. The order is that of the inner rows, which
    filters and LATERAL look-ups behind a fence keep; an ORDER BY outside would have all of them read and sorted."""
    of_type = way.of_type if key == "created_at" else None
    columns = "j.id, j.type" if of_type is not None else "j.*"
    inner = _next(sql, columns, way, filters, key, direction, mark, most)
    rest = " AND ".join(conditions(sql, filters))
    if of_type is not None:
        inner = f"SELECT i.id FROM ({inner}) i WHERE i.type = {sql.put(of_type)}"
    if way.elsewhere or of_type is not None:
        return (
            f"SELECT {LISTED} FROM ({inner}) s CROSS JOIN LATERAL"
            f" (SELECT j.* FROM hermodr.jobs j WHERE j.id = s.id AND {rest} OFFSET 0) j LIMIT {sql.put(wanted)}"
        )
    return f"SELECT {LISTED} FROM ({inner}) j WHERE {rest} LIMIT {sql.put(wanted)}"


def end_of_reading(
    sql: Arguments,
    way: Source,
    filters: Filters,
    key: str,
    direction: Direction,
    mark: Place,
    most: int,
) -> str:
    """The row at which `along` stopped before the source's end, if it did."""
    at = "NULL::timestamptz AS at" if key == "created_at" else f"j.{key} AS at"
    return _next(sql, f"j.id, {at}", way, filters, key, direction, mark, most, only_last=True)


def _next(
    sql: Arguments,
    columns: str,
    way: Source,
    filters: Filters,
    key: str,
    direction: Direction,
    mark: Place,
    most: int,
    *,
    only_last: bool = False,
) -> str:
    """The next `most` rows of the source after a mark, in order; or the last of them, if there are so many."""
    leading = " AND ".join(_leading(sql, way, filters, key, direction, mark))
    first = "".join(f"j.{name} {direction}, " for name, _ in way.lead)
    order = f"ORDER BY {first}{ordering(key, direction)}"
    end = f"OFFSET {sql.put(most - 1)} LIMIT 1" if only_last else f"LIMIT {sql.put(most)}"
    if len(way.tables) == 1:
        return f"SELECT {columns} FROM {way.tables[0]} j WHERE {leading} {order} {end}"
    rows = _merged(way, f"WHERE {leading}", direction, sql.put(most))
    return f"SELECT {columns} FROM (SELECT DISTINCT u.id FROM {rows} u) j {_in_order((), direction)} {end}"


def _merged(way: Source, where: str, direction: Direction, limit: str) -> str:
    """The first ids of each table, by its index: the planner would read all of them, or other indexes."""
    rest = f"{where} {_in_order(way.lead, direction)} LIMIT {limit}"
    return f"({' UNION ALL '.join(f'(SELECT j.id FROM {table} j {rest})' for table in way.tables)})"


def _in_order(lead: Iterable[tuple[str, object]], direction: Direction) -> str:
    return f"ORDER BY {''.join(f'j.{name} {direction}, ' for name, _ in lead)}j.id {direction}"


def _leading(
    sql: Arguments,
    way: Source,
    filters: Filters,
    key: str,
    direction: Direction,
    mark: Place,
) -> list[str]:
    """Conditions on the index. They use `between`, not `=`, for the columns before the id, which so stay in the order:
    otherwise the planner might use the primary key and read all other projects' jobs."""
    if key != "created_at":
        (name, value), *_ = way.lead
        place = _put(sql, name, value)
        of_round = filters.committed.bounds(sql) if filters.committed is not None else []
        return [
            f"j.{name} = {place}",
            *_bounds(sql, filters),
            *of_round,
            *behind(sql, key, direction, *mark),
        ]
    low, high = _least(filters, way), _most(filters, way)
    after = mark[0]
    if after is not None and direction == "ASC" and (low is None or after >= low[1]):
        low = (">", after)
    if after is not None and direction == "DESC" and (high is None or after <= high[1]):
        high = ("<", after)
    found = [f"j.id {sign} {sql.put(value)}" for sign, value in filter(None, (low, high))]
    if way.lead:
        names = ", ".join(f"j.{name}" for name, _ in way.lead)
        values = ", ".join(_put(sql, name, value) for name, value in way.lead)
        for sign, end in ((">=", low), ("<=", high)):
            if end is None:
                found.append(f"({names}) {sign} ({values})")
            else:
                found.append(f"({names}, j.id) {end[0]} ({values}, {sql.put(end[1])})")
    return found


def _least(filters: Filters, way: Source) -> tuple[str, UUID] | None:
    ends = [way.between[0]] if way.between is not None else []
    if filters.created_after is not None:
        ends.append(floor_of(filters.created_after, -_CLOCKS_APART))
    return (">=", max(ends)) if ends else None


def _most(filters: Filters, way: Source) -> tuple[str, UUID] | None:
    ends = [way.between[1]] if way.between is not None else []
    if filters.created_before is not None:
        ends.append(floor_of(filters.created_before, _CLOCKS_APART))
    return ("<=", min(ends)) if ends else None
