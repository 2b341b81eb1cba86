"""Locks of statements that change tables. Whoever waits for such a lock stands in everybody's way: nobody behind may
even write. So it is waited for during short times only, and asked for again and again: as long as somebody reads a
table in one long transaction (a dump, a report), services go on, and the change waits."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

SHORT = "SELECT set_config('lock_timeout', '500ms', true)"
"""For the transaction under way."""

Say = Callable[[str], None]
"""Takes one line for whoever migrates."""

_BUSY = ("55P03", "40P01")  # lock_not_available, deadlock_detected
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWS = 1.0, 8.0, 1.3
"""Seconds between two tries: who writes is held up in few of them while a dump takes an hour."""
_SAID_EVERY = 15.0


def unheard(_line: str) -> None:
    """Nobody is told."""


async def patiently(work: Callable[[], Awaitable[None]], connection: Any, what: str, say: Say) -> None:
    """Does `work`, one transaction that begins with `SHORT`, until it got its locks. `connection`: asyncpg's, outside
    any transaction between two times. While it waits, it says now and then for whom."""
    said = -_SAID_EVERY
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
        if tries > 1 and time.monotonic() - said >= _SAID_EVERY:
            said = time.monotonic()
            say(f"{what} waits for its turn, services go on{await _for_whom(connection)}")
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * _GROWS, _LONGEST_PAUSE)


def _busy(error: Exception) -> bool:
    return getattr(getattr(error, "orig", error), "sqlstate", None) in _BUSY


async def _for_whom(connection: Any) -> str:
    """Never what they ask: a statement may hold anything."""
    holders = [
        (f"process {row['pid']}" if row["pid"] else "a prepared transaction")
        + (f" ({row['who']})" if row["who"] else "")
        + f" holds {row['tables']}"
        + (f" since {row['seconds']} s" if row["seconds"] is not None else "")
        for row in await connection.fetch(_HOLDERS)
    ]
    return "".join(f"; {holder}" for holder in holders)


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
