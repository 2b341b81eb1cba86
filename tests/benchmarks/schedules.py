"""How many schedules one scheduler plans, and how soon the jobs of many that are due at one moment are worked on."""

from datetime import datetime

import asyncpg

from hermodr_ledger.schedules.firing import prepared
from tests.benchmarks.accounting import QUIET_SECONDS, load_average, quiet
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result, percentile
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import site
from tests.support.ledgers import new_job
from tests.support.waiting import wait_until

TOGETHER = 1_000
LEAD_SECONDS = 10
PATIENCE = 300.0

_MAKE = """
INSERT INTO hermodr.schedules (id, project_id, name, cron, anchor, timezone, misfire, is_active, job, kind, type,
    prepared, next_run_at)
SELECT gen_random_uuid(), p.id, $1 || n, n % 60 || ' * * * *', $2, 'Europe/Berlin', 'coalesce', true, '{}', $1, $1,
    $3, $2
FROM generate_series(1, $4::int) n, (SELECT id FROM hermodr.projects LIMIT 1) p
"""
_FIRED = """
SELECT r.nominal, r.created_at, j.processed_at FROM hermodr.schedule_runs r
JOIN hermodr.schedules s ON s.id = r.schedule_id AND s.type = $1 JOIN hermodr.jobs j ON j.id = r.job_id
"""


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    many = 10_000 if quick else 50_000
    async with site(servers, mailbox) as here:
        connection = await asyncpg.connect(here.database_url)
        try:
            await quiet(QUIET_SECONDS)
            load = load_average()
            rate = await _rate(connection, many)
            late = await _lateness(connection)
        finally:
            await connection.close()
    return [
        Result("schedules", "planned_per_second", "1/s", rate, load=load, target="≥ 5,000"),
        Result(f"{TOGETHER:,} schedules due", "due_to_decided_p50", "ms", percentile(late, 0.5), load=load),
        Result(f"{TOGETHER:,} schedules due", "due_to_decided_p99", "ms", percentile(late, 0.99), load=load),
    ]


async def _rate(connection: asyncpg.Connection, many: int) -> float:
    """Of tasks, which nobody serves: nothing but the scheduler works."""
    await _make(connection, "task", many)
    fired = await _fired(connection, "task", many)
    began: datetime = min(row["created_at"] for row in fired)
    ended: datetime = max(row["created_at"] for row in fired)
    return many / (ended - began).total_seconds()


async def _lateness(connection: asyncpg.Connection) -> list[float]:
    """Milliseconds from the moment they were due until the dispatcher had decided on each."""
    await _make(connection, "notification", TOGETHER)
    fired = await _fired(connection, "notification", TOGETHER)
    return [(row["processed_at"] - row["nominal"]).total_seconds() * 1000 for row in fired]


async def _make(connection: asyncpg.Connection, kind: str, many: int) -> None:
    moment = await connection.fetchval("SELECT now() + make_interval(secs => $1)", float(LEAD_SECONDS))
    project = await connection.fetchval("SELECT id FROM hermodr.projects LIMIT 1")
    await connection.execute(_MAKE, kind, moment, prepared(new_job(project, kind=kind)), many)
    await connection.execute("ANALYZE hermodr.schedules")
    if await _now(connection) > moment:
        raise RuntimeError("not all schedules were written before they were due")


async def _fired(connection: asyncpg.Connection, kind: str, many: int) -> list[asyncpg.Record]:
    """Once all have fired, and been decided upon if somebody serves them."""

    async def all_fired() -> list[asyncpg.Record]:
        left = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM hermodr.schedules WHERE type = $1 AND last_run_at IS NULL)", kind
        )
        rows = await connection.fetch(_FIRED, kind) if not left else []
        undecided = kind == "notification" and any(row["processed_at"] is None for row in rows)
        return rows if len(rows) == many and not undecided else []

    found: list[asyncpg.Record] = await wait_until(all_fired, PATIENCE, "all to fire", interval=0.1)
    return found


async def _now(connection: asyncpg.Connection) -> datetime:
    found: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return found
