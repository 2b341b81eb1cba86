"""How many schedules one scheduler plans, and how soon many that are due together."""

import re
from datetime import datetime

import asyncpg
import httpx

from hermodr_contracts.vocabulary import JobKind
from hermodr_devkit.supervisor.services import SCHEDULER
from hermodr_ledger.schedules.firing import prepared
from tests.benchmarks.accounting import QUIET_SECONDS, load_average, quiet
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import Site, site
from tests.support.ledgers import new_job
from tests.support.waiting import wait_until

TOGETHER = 1_000
LEAD_SECONDS = 10
BATCH, SIDE_BY_SIDE = 500, 2
"""Of the scheduler: the last ones begin when all but them are done."""
SOON_MILLISECONDS = 100
"""A bucket of the metric."""
PATIENCE = 300.0

_MAKE = """
INSERT INTO hermodr.schedules (id, project_id, name, cron, anchor, timezone, misfire, is_active, job, kind, type,
    prepared, next_run_at)
SELECT gen_random_uuid(), p.id, $2 || n, n % 60 || ' * * * *', $3, 'Europe/Berlin', 'coalesce', true, '{}', $1, $2,
    $4, $3::timestamptz + n * $6::float8 * interval '1 second'
FROM generate_series(1, $5::int) n, (SELECT id FROM hermodr.projects LIMIT 1) p
"""
_FIRED = """
SELECT count(*) AS fired, min(r.created_at) AS began, max(r.created_at) AS ended FROM hermodr.schedule_runs r
JOIN hermodr.schedules s ON s.id = r.schedule_id AND s.type = $1
"""


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    many = 10_000 if quick else 50_000
    async with site(servers, mailbox) as here:
        connection = await asyncpg.connect(here.database_url)
        try:
            await quiet(QUIET_SECONDS)
            load = load_average()
            rate = await _rate(connection, many)
            late = [
                await _lateness(here, connection, name, seconds, load, target)
                for name, seconds, target in (("in a second", 1.0, "≥ 99"), ("at once", 0.0, ""))
            ]
        finally:
            await connection.close()
    return [Result("schedules", "planned_per_second", "1/s", rate, load=load, target="≥ 5,000"), *late]


async def _lateness(
    here: Site, connection: asyncpg.Connection, name: str, seconds: float, load: float, target: str
) -> Result:
    """How many of those that are due within so many seconds were planned soon after they were."""
    before = await _planned(here)
    await _make(connection, TOGETHER, name, seconds)
    await _fired(connection, name, TOGETHER)
    after = await _planned(here)
    soon = 100 * (after[0] - before[0]) / (after[1] - before[1])
    metric = f"planned_within_{SOON_MILLISECONDS}_ms"
    return Result(f"{TOGETHER:,} schedules {name}", metric, "%", soon, load=load, target=target)


async def _planned(here: Site) -> tuple[float, float]:
    """Of all occurrences: those that were soon, and all."""
    async with httpx.AsyncClient(trust_env=False) as client:
        page = (await client.get(f"{here.fleet[SCHEDULER.name].url}/metrics")).raise_for_status().text
    name = "hermodr_schedule_lateness_seconds_bucket"
    found = dict(re.findall(rf'^{name}{{le="([^"]+)"}} (\S+)$', page, re.MULTILINE))
    return float(found[f"{SOON_MILLISECONDS / 1000:g}"]), float(found["+Inf"])


async def _rate(connection: asyncpg.Connection, many: int) -> float:
    await _make(connection, many, "tasks", 0.0)
    began, ended = await _fired(connection, "tasks", many)
    return (many - SIDE_BY_SIDE * BATCH) / (ended - began).total_seconds()


async def _make(connection: asyncpg.Connection, many: int, name: str, seconds: float) -> None:
    """Due within so many seconds from a moment on; of tasks, which nobody serves: nothing but the scheduler works."""
    moment = await connection.fetchval("SELECT now() + make_interval(secs => $1)", float(LEAD_SECONDS))
    project = await connection.fetchval("SELECT id FROM hermodr.projects LIMIT 1")
    job = prepared(new_job(project, kind=JobKind.TASK))
    await connection.execute(_MAKE, JobKind.TASK, name, moment, job, many, seconds / many)
    await connection.execute("ANALYZE hermodr.schedules")
    if await _now(connection) > moment:
        raise RuntimeError("not all schedules were written before they were due")


async def _fired(connection: asyncpg.Connection, name: str, many: int) -> tuple[datetime, datetime]:
    """When the first and the last transaction began."""

    async def all_fired() -> tuple[datetime, datetime] | None:
        row = await connection.fetchrow(_FIRED, name)
        return (row["began"], row["ended"]) if row["fired"] == many else None

    found: tuple[datetime, datetime] | None = await wait_until(
        all_fired, PATIENCE, "all to fire", interval=0.2
    )
    assert found is not None
    return found


async def _now(connection: asyncpg.Connection) -> datetime:
    found: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return found
