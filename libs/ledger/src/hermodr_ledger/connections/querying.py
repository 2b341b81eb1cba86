"""Reads the answer of one query of a user's in another PostgreSQL database, in pieces, without changing anything there.

The query stands as a subquery in `DECLARE … CURSOR FOR SELECT`, sent as one prepared statement within a read-only
transaction: the server takes nothing but one `SELECT`, `VALUES` or `TABLE`. What that may see is up to the database's
user. Values come as the server writes them, so that none is rounded or changed on its way.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple

import asyncpg

from hermodr_ledger.connections.reaching import Login, connect, leave, outlive_nobody
from hermodr_servicekit.guard.guard import Guard

STATEMENT_SECONDS = 300
"""For the first row, and for each further piece."""
MOST_OF_A_VALUE = 1024 * 1024
"""Characters."""
_CLIENT_SECONDS = STATEMENT_SECONDS + 10
MOST_OF_A_ROW = 16 * 1024 * 1024
_MOST_ROWS, _PIECE_CHARACTERS = 500, 1024 * 1024
_LIMIT = f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"
_BEGIN = f"""
{_LIMIT};
SET LOCAL idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s';
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO';
SET LOCAL IntervalStyle = 'iso_8601';
SET LOCAL bytea_output = 'hex'
"""
_NUMBERS = {"int2", "int4", "int8", "numeric", "float4", "float8", "oid"}
_BEFORE_QUERY, _FROM = "SELECT * FROM (\n", " FROM (\n"

_STATE = re.compile(r"[0-9A-Z]{5}")
_PASSING = ("08", "40", "53", "57P", "58")
_SAID = {
    "25001": "the query would change what it is allowed to do",
    "25006": "the query would change something, and may only read",
    "42501": "the database's user may not read what the query names",
    "42601": "the query has a syntax error, or is not one SELECT",
    "42P01": "the query names a table that does not exist",
    "42703": "the query names a column that does not exist",
    "42883": "the query names a function or operator that does not exist",
    "0A000": "the query would change something, or is nothing that can be exported",
    "57014": f"the query took longer than {STATEMENT_SECONDS} s",
}
"""By SQLSTATE: the server's own words may hold values."""

Kind = Literal["number", "boolean", "other"]
Row = Sequence[str | None]


class Column(NamedTuple):
    name: str
    kind: Kind


class BadQuery(Exception):
    """The text is for users."""


class Unreadable(Exception):
    """The server went away, or is busy with itself."""


class Answer:
    """Of a query. `json`: values are JSON texts, else as PostgreSQL writes them."""

    def __init__(self, connection: "asyncpg.Connection[Any]", columns: Sequence[Column]) -> None:
        self._connection = connection
        self.columns = columns

    async def pieces(self) -> AsyncIterator[Sequence[Row]]:
        """Rows, some at a time: fewer where they are long. Raises `BadQuery` and `Unreadable`."""
        wanted = widest = 1
        while True:
            await _run(self._connection, _LIMIT)  # the query may have lifted it, for what comes after
            found = await _run(self._connection, f"FETCH FORWARD {wanted} FROM hermodr_answer")
            if not found:
                return
            if any(wide for *_, wide in found):
                raise BadQuery(f"a row has more than {MOST_OF_A_ROW} characters")
            rows = [tuple(row)[:-1] for row in found]
            for row in rows:
                characters = 0
                for column, value in zip(self.columns, row, strict=True):
                    if value is not None and len(value) > MOST_OF_A_VALUE:
                        raise BadQuery(
                            f"a value of the column {column.name} has more than {MOST_OF_A_VALUE} characters"
                        )
                    characters += len(value) if value is not None else 0
                widest = max(widest, characters)
            yield rows
            wanted = max(1, min(_PIECE_CHARACTERS // widest, 2 * wanted, _MOST_ROWS))


@asynccontextmanager
async def answered(guard: Guard, login: Login, query: str, *, json: bool) -> AsyncIterator[Answer]:
    """Raises `Unreachable`, `BadQuery` and `Unreadable`."""
    connection = await connect(guard, login)
    try:
        await _outlive_nobody(connection)
        await _run(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for each in _BEGIN.split(";"):
            await _run(connection, each)
        columns = await _columns(connection, query)
        await _run(connection, _declared(query, len(columns), json), after=_FROM)
        yield Answer(connection, columns)
    finally:
        await leave(connection)


async def _outlive_nobody(connection: "asyncpg.Connection[Any]") -> None:
    try:
        await outlive_nobody(connection)
    except (asyncpg.InterfaceError, OSError, TimeoutError):
        raise Unreadable from None


async def _columns(connection: "asyncpg.Connection[Any]", query: str) -> list[Column]:
    try:
        prepared = await connection.prepare(f"{_BEFORE_QUERY}{query}\n) AS q", timeout=_CLIENT_SECONDS)
        attributes, parameters = prepared.get_attributes(), prepared.get_parameters()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise _refusal(error, len(_BEFORE_QUERY)) from None
    if parameters:
        raise BadQuery("the query has parameters ($1), and nothing is given for them")
    if not attributes:
        raise BadQuery("the query has no columns")
    found: list[Column] = []
    for each in attributes:
        found.append(Column(_unique(each.name, {other.name for other in found}), _kind(each.type)))
    return found


def _unique(name: str, others: set[str]) -> str:
    number, wanted = 1, name
    while wanted in others:
        number += 1
        wanted = f"{name}_{number}"
    return wanted


def _kind(of: asyncpg.Type) -> Kind:
    if of.schema != "pg_catalog":
        return "other"
    return "number" if of.name in _NUMBERS else "boolean" if of.name == "bool" else "other"


def _declared(query: str, columns: int, json: bool) -> str:
    """Of each row its values, cut, and whether it is too wide; then its values stay at the server."""
    names = [f"c{number}" for number in range(columns)]
    written = "pg_catalog.to_json(q.{0})::pg_catalog.text" if json else "q.{0}::pg_catalog.text"
    cut = ", ".join(
        f"pg_catalog.left({written.format(name)}, {MOST_OF_A_VALUE + 1}) AS {name}" for name in names
    )
    width = " + ".join(f"coalesce(pg_catalog.length(r.{name}), 0)" for name in names)
    values = ", ".join(f"CASE WHEN NOT w.wide THEN r.{name} END" for name in names)
    return (
        f"DECLARE hermodr_answer NO SCROLL CURSOR FOR SELECT {values}, w.wide FROM (SELECT {cut} FROM"
        f" (\n{query}\n) AS q({', '.join(names)}) OFFSET 0) AS r"
        f" CROSS JOIN LATERAL (SELECT {width} > {MOST_OF_A_ROW} OFFSET 0) AS w(wide)"
    )


async def _run(connection: "asyncpg.Connection[Any]", sql: str, after: str = "") -> list[Any]:
    """One statement: the server refuses several, as it prepares this one. `after`: the text after which the query
    stands."""
    try:
        return list(await connection.fetch(sql, timeout=_CLIENT_SECONDS))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise _refusal(error, sql.find(after) + len(after) if after else 0) from None
    except UnicodeDecodeError:
        raise BadQuery("the answer holds text that is not UTF-8") from None


def _refusal(error: Exception, before: int) -> BadQuery | Unreadable:
    if not isinstance(error, asyncpg.PostgresError) or error.sqlstate is None:
        return Unreadable()
    state = str(error.sqlstate) if _STATE.fullmatch(str(error.sqlstate)) else "unknown"
    if state != "57014" and state.startswith(_PASSING):
        return Unreadable()
    text = _SAID.get(state, f"the database refuses the query (SQLSTATE {state})")
    position = str(getattr(error, "position", "") or "")
    if position.isascii() and position.isdigit() and int(position) > before:
        text += f", at character {int(position) - before}"
    return BadQuery(text)
