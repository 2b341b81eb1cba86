"""The SQL that reads the next jobs of a list along an index (see `listing_sources`)."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from hermodr_ledger.engine.arguments import Arguments
from hermodr_ledger.engine.times import FIRST, LAST
from hermodr_ledger.jobs.listing_sources import (
    CLOCKS_APART,
    LISTED,
    Direction,
    Filters,
    Source,
    bounds,
    conditions,
    floor_of,
    put,
)

Place = tuple[UUID | None, datetime | int | None]
"""An id, and the value of the sort key if that is not the id."""
_TYPES = {"scheduled_for": "timestamptz", "processed_at": "timestamptz", "xact": "xid8"}


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
    if way.repeats:
        inner = f"SELECT DISTINCT i.id FROM ({inner}) i ORDER BY i.id {direction}"
    rest = " AND ".join(conditions(sql, way.unanswered(filters)))
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
    leading = " AND ".join(_leading(sql, way, filters, key, direction, mark)) or "true"
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
        place = put(sql, name, value)
        of_round = filters.committed.bounds(sql) if filters.committed is not None else []
        return [
            f"j.{name} = {place}",
            *bounds(sql, filters),
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
        values = ", ".join(put(sql, name, value) for name, value in way.lead)
        for sign, end in ((">=", low), ("<=", high)):
            if end is None:
                found.append(f"({names}) {sign} ({values})")
            else:
                found.append(f"({names}, j.id) {end[0]} ({values}, {sql.put(end[1])})")
    return found


def _least(filters: Filters, way: Source) -> tuple[str, UUID] | None:
    ends = [way.between[0]] if way.between is not None else []
    if filters.created_after is not None:
        ends.append(floor_of(filters.created_after, -CLOCKS_APART))
    return (">=", max(ends)) if ends else None


def _most(filters: Filters, way: Source) -> tuple[str, UUID] | None:
    ends = [way.between[1]] if way.between is not None else []
    if filters.created_before is not None:
        ends.append(floor_of(filters.created_before, CLOCKS_APART))
    return ("<=", min(ends)) if ends else None
