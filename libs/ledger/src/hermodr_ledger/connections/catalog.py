"""Reads the schema of another PostgreSQL database from its catalogs: all schemas but the system's. Any user may."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson

from hermodr_ledger.connections.reaching import Login, connect, leave, outlive_nobody
from hermodr_servicekit.guard.guard import Guard

STATEMENT_SECONDS = 60
MOST_BYTES = 64 * 1024 * 1024
"""Of what is read, written as JSON."""
_TOGETHER = 500
_BEGIN = f"""
SET LOCAL search_path = pg_catalog;
SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s';
SET LOCAL idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s'
"""

_SHOWN = r"""
    SELECT c.oid, c.relname, c.relkind, c.reltuples, n.nspname, c.xmin::text AS row
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""

# Each row of a catalog that a reading depends on, with the transaction that wrote it. Statistics are written in place.
_FINGERPRINT = f"""
WITH shown AS ({_SHOWN}), part(said) AS (
    SELECT concat_ws(' ', 'class', oid, nspname, row) FROM shown
    UNION ALL SELECT concat_ws(' ', 'column', a.attrelid, a.attnum, a.xmin)
        FROM pg_attribute a JOIN shown s ON s.oid = a.attrelid WHERE a.attnum > 0
    UNION ALL SELECT concat_ws(' ', 'default', d.oid, d.xmin) FROM pg_attrdef d JOIN shown s ON s.oid = d.adrelid
    UNION ALL SELECT concat_ws(' ', 'index', i.indexrelid, i.xmin, c.xmin)
        FROM pg_index i JOIN shown s ON s.oid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid
    UNION ALL SELECT concat_ws(' ', 'key', k.oid, k.xmin) FROM pg_constraint k JOIN shown s ON s.oid = k.conrelid
    UNION ALL SELECT concat_ws(' ', 'rule', r.oid, r.xmin) FROM pg_rewrite r JOIN shown s ON s.oid = r.ev_class
    UNION ALL SELECT concat_ws(' ', 'comment', d.objoid, d.objsubid, d.xmin)
        FROM pg_description d JOIN shown s ON s.oid = d.objoid WHERE d.classoid = 'pg_class'::regclass
)
SELECT md5(coalesce(string_agg(said, ';' ORDER BY said), '')) FROM part
"""

_RELATIONS = f"""
SELECT s.oid::bigint AS oid, s.nspname::text AS schema, s.relname::text AS name, s.relkind::text AS kind,
       obj_description(s.oid, 'pg_class') AS comment,
       CASE WHEN s.relkind IN ('r', 'p', 'f', 'm') AND s.reltuples >= 0 THEN s.reltuples::bigint END AS rows,
       CASE WHEN s.relkind IN ('v', 'm') THEN pg_get_viewdef(s.oid, true) END AS definition
FROM ({_SHOWN}) s ORDER BY s.nspname, s.relname
"""

_COLUMNS = f"""
SELECT a.attrelid::bigint AS oid, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
       NOT a.attnotnull AS nullable, pg_get_expr(d.adbin, d.adrelid) AS default, col_description(a.attrelid, a.attnum)
       AS comment
FROM ({_SHOWN}) s JOIN pg_attribute a ON a.attrelid = s.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
ORDER BY a.attrelid, a.attnum
"""

_INDEXES = f"""
SELECT i.indrelid::bigint AS oid, c.relname::text AS name, i.indisunique AS unique, i.indisprimary AS primary,
       pg_get_indexdef(i.indexrelid) AS definition
FROM ({_SHOWN}) s JOIN pg_index i ON i.indrelid = s.oid JOIN pg_class c ON c.oid = i.indexrelid
ORDER BY i.indrelid, c.relname
"""

_KEYS = f"""
SELECT k.conrelid::bigint AS oid, k.conname::text AS name,
       CASE k.contype WHEN 'p' THEN 'primary' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign' WHEN 'c' THEN 'check'
                      ELSE 'exclusion' END AS kind,
       array_to_json(ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY AS u(number, nth)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.nth))::text AS columns,
       CASE WHEN k.contype = 'f' THEN k.confrelid::regclass::text END AS references,
       pg_get_constraintdef(k.oid, true) AS definition
FROM ({_SHOWN}) s JOIN pg_constraint k ON k.conrelid = s.oid AND k.contype IN ('p', 'u', 'f', 'c', 'x')
ORDER BY k.conrelid, k.conname
"""

_KINDS = {"r": "table", "p": "partitioned", "f": "foreign", "v": "view", "m": "materialized"}

Described = dict[str, Any]


class TooLarge(Exception):
    """The schema has more than `MOST_BYTES`."""


class Unreadable(Exception):
    """The server went away, took too long, or said something else than was asked for."""


class Catalog:
    """One snapshot of a database, read only. All raise `TooLarge` and `Unreadable`."""

    def __init__(self, connection: "asyncpg.Connection[Any]") -> None:
        self._connection = connection
        self._bytes = 0

    async def fingerprint(self) -> str:
        """Another one after each change but those of statistics."""
        return str((await self._read(_FINGERPRINT))[0]["md5"])

    async def relations(self) -> list[Described]:
        """Tables and views, in the order of their names."""
        return await self._read(_RELATIONS)

    async def columns(self) -> list[Described]:
        return await self._read(_COLUMNS)

    async def indexes(self) -> list[Described]:
        return await self._read(_INDEXES)

    async def keys(self) -> list[Described]:
        found = await self._read(_KEYS)
        return [{**each, "columns": orjson.loads(each["columns"])} for each in found]

    async def _read(self, sql: str) -> list[Described]:
        rows: list[Described] = []
        try:
            async for row in self._connection.cursor(sql, prefetch=_TOGETHER):
                rows.append(dict(row))
                self._bytes += sum(len(value) for value in rows[-1].values() if isinstance(value, str)) + 50
                if self._bytes > MOST_BYTES:
                    raise TooLarge
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            raise Unreadable from None
        return rows


@asynccontextmanager
async def opened(guard: Guard, login: Login) -> AsyncIterator[Catalog]:
    """Raises `Unreachable` and `Unreadable`."""
    connection = await connect(guard, login)
    try:
        try:
            await outlive_nobody(connection)
            await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            await connection.execute(_BEGIN)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            raise Unreadable from None
        yield Catalog(connection)
    finally:
        await leave(connection)


def described(
    relations: list[Described], columns: list[Described], indexes: list[Described], keys: list[Described]
) -> list[Described]:
    """By schema, its tables and views with all that belongs to them."""
    of = {"columns": _by_oid(columns), "indexes": _by_oid(indexes), "keys": _by_oid(keys)}
    schemas: defaultdict[str, Described] = defaultdict(lambda: {"tables": [], "views": []})
    for each in relations:
        kind, oid = _KINDS[each["kind"]], each["oid"]
        shown = {"name": each["name"], "kind": kind, "comment": each["comment"], "rows": each["rows"]}
        shown |= {name: found.get(oid, []) for name, found in of.items()}
        if each["definition"] is not None:
            shown["definition"] = each["definition"]
        schemas[each["schema"]]["views" if kind in ("view", "materialized") else "tables"].append(shown)
    return [{"name": name, **found} for name, found in schemas.items()]


def _by_oid(rows: list[Described]) -> Mapping[int, list[Described]]:
    found: defaultdict[int, list[Described]] = defaultdict(list)
    for row in rows:
        found[row["oid"]].append({name: value for name, value in row.items() if name != "oid"})
    return found
