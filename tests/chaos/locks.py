"""Transactions left open: an application's, a dump's, a person's."""

import asyncio

import asyncpg

REQUEST = """
SELECT hermodr.queue_notification(
    'chaos', 'nobody@open.example.org', '{"subject": "Never", "body": "This transaction is rolled back."}')
"""
TABLES = """
SELECT format('hermodr.%I', relname) AS name FROM pg_class
WHERE relnamespace = 'hermodr'::regnamespace AND relkind IN ('r', 'p')
"""
ROWS = {
    "jobs": "SELECT 1 FROM hermodr.jobs WHERE finished_at IS NULL LIMIT 40 FOR UPDATE SKIP LOCKED",
    "deliveries": "SELECT 1 FROM hermodr.deliveries WHERE finished_at IS NULL LIMIT 40 FOR UPDATE SKIP LOCKED",
    "recipients": "SELECT 1 FROM hermodr.recipients FOR UPDATE",
}
AHEAD = 4
"""Weeks made during a dump, or put off because of it."""


async def stay_open(url: str, seconds: float) -> None:
    """An application requested a mail, does not commit, and rolls back."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        await connection.execute("SET LOCAL hermodr.project = 'e2e'")
        await connection.execute(REQUEST)
        await asyncio.sleep(seconds)
        await connection.execute("ROLLBACK")
    finally:
        connection.terminate()


async def dump(url: str, seconds: float) -> None:
    """As `pg_dump`: locks every table in one transaction; meanwhile the scheduler should make weeks."""
    connection, scheduler = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for row in await connection.fetch(TABLES):
            await connection.execute(f"LOCK TABLE {row['name']} IN ACCESS SHARE MODE")
        await _make_weeks(scheduler)
        await asyncio.sleep(seconds)
        await connection.execute("ROLLBACK")
    finally:
        connection.terminate()
        scheduler.terminate()


async def _make_weeks(connection: asyncpg.Connection) -> None:
    rows = await connection.fetch(
        "SELECT parent, week FROM hermodr.weeks_missing(now(), now() + make_interval(weeks => $1))", 4 + AHEAD
    )
    for row in rows:
        try:
            await connection.execute("SELECT hermodr.make_week($1, $2)", row["parent"], row["week"])
        except asyncpg.LockNotAvailableError:
            return  # put off, as the scheduler does


async def hold_rows(url: str, target: str, seconds: float) -> None:
    """A person with locked rows in psql."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN")
        await connection.execute(ROWS[target])
        await asyncio.sleep(seconds)
        await connection.execute("ROLLBACK")
    finally:
        connection.terminate()
