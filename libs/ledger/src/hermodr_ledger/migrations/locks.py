"""Locks of statements that change tables. Whoever waits for such a lock stands in everybody's way: nobody behind may
even write. So it is waited for during short times only, and asked for again and again: as long as somebody reads a
table in one long transaction (a dump, a report), services go on, and the change waits."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

SHORT = "SELECT set_config('lock_timeout', '500ms', true)"
"""For the transaction under way."""

Say = Callable[[str], None]
"""Takes one line for whoever migrates."""

_BUSY = ("55P03", "40P01")  # lock_not_available, deadlock_detected
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWS = 1.0, 8.0, 1.3
"""Seconds between two tries: who writes is held up in few of them while a dump takes an hour."""
SAID_FIRST, SAID_EVERY = 2.0, 15.0
"""Seconds after which whoever migrates hears for whom it waits."""


def unheard(_line: str) -> None:
    """Nobody is told."""


async def patiently(work: Callable[[], Awaitable[None]], connection: Any, what: str, say: Say) -> None:
    """Does `work`, one transaction that begins with `SHORT`, until it got its locks. `connection`: asyncpg's, outside
    any transaction between two times. While it waits, it says now and then for whom."""
    said = -SAID_EVERY
    tries, pause = 0, _FIRST_PAUSE
    while True:
        try:
            await work()
        except Exception as error:
            if not _busy(error):
                raise
        else:
            return
        tries += 1
        if tries > 1 and time.monotonic() - said >= SAID_EVERY:
            said = time.monotonic()
            say(f"{what} waits for its turn, services go on{await _for_whom(connection)}")
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * _GROWS, _LONGEST_PAUSE)


def _busy(error: Exception) -> bool:
    return getattr(getattr(error, "orig", error), "sqlstate", None) in _BUSY


async def _for_whom(connection: Any) -> str:
    return "".join(f"; {_holder(row)}" for row in await connection.fetch(_HOLDERS))


def _holder(row: Mapping[str, Any]) -> str:
    """Never what they ask: a statement may hold anything. Without tables it is what they see that is waited for."""
    return (
        (f"process {row['pid']}" if row["pid"] else "a prepared transaction")
        + (f" ({row['who']})" if row["who"] else "")
        + (f" holds {row['tables']}" if row["tables"] else " is in a transaction")
        + (f" since {row['seconds']} s" if row["seconds"] is not None else "")
    )


_NO_CONNECTION = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


@asynccontextmanager
async def saying_for_whom(pid: int, what: str, beside: AsyncEngine, say: Say) -> AsyncIterator[None]:
    """While the process `pid` does one long statement, says now and then for whom that waits, if it does. It looks by
    another connection, of `beside`; without one to be had it is said once that nobody can look."""
    looking = asyncio.create_task(_look(pid, what, beside, say))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.wait([looking])


async def _look(pid: int, what: str, beside: AsyncEngine, say: Say) -> None:
    await asyncio.sleep(SAID_FIRST)
    unseen = False
    while True:
        try:
            async with beside.connect() as connection:
                found = await connection.execute(text(_IN_THE_WAY), {"pid": pid})
                holders = [_holder(dict(row)) for row in found.mappings()]
        except _NO_CONNECTION as error:
            if not unseen:
                say(f"whether {what} waits for somebody cannot be seen ({type(error).__name__})")
            unseen = True
        else:
            unseen = False
            if holders:
                say("; ".join([f"{what} waits, services go on", *holders]))
        await asyncio.sleep(SAID_EVERY)


_HOLDERS = """
SELECT l.pid, concat_ws(', ', nullif(max(a.application_name), ''), max(a.usename)) AS who,
    extract(epoch FROM clock_timestamp() - min(a.xact_start))::int AS seconds,
    array_to_string((array_agg(DISTINCT coalesce(whole.relname, c.relname)))[1:5], ', ') AS tables
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation LEFT JOIN pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class whole ON whole.oid = i.inhparent
WHERE l.locktype = 'relation' AND l.granted AND c.relnamespace = 'hermodr'::regnamespace AND c.relkind IN ('r', 'p')
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.pid IS DISTINCT FROM pg_backend_pid()
GROUP BY l.pid
HAVING min(a.xact_start) IS NULL OR min(a.xact_start) < clock_timestamp() - interval '1 second'
ORDER BY min(a.xact_start) NULLS LAST
LIMIT 3
"""

_IN_THE_WAY = """
SELECT b.pid, a.seconds,
    concat_ws(', ', nullif(a.application_name, ''), a.usename, nullif(a.backend_type, 'client backend')) AS who,
    (
        SELECT array_to_string((array_agg(DISTINCT coalesce(whole.relname, c.relname)))[1:5], ', ')
        FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
        LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class whole ON whole.oid = i.inhparent
        WHERE l.pid = b.pid AND l.granted AND c.relnamespace = 'hermodr'::regnamespace AND c.relkind IN ('r', 'p')
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS tables
FROM (SELECT DISTINCT unnest(pg_blocking_pids(:pid)) AS pid) b
LEFT JOIN (
    SELECT *, extract(epoch FROM clock_timestamp() - xact_start)::int AS seconds FROM pg_stat_activity
) a ON a.pid = b.pid
ORDER BY a.seconds DESC NULLS LAST
LIMIT 3
"""
