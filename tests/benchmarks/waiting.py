"""What jobs cost that wait for a later day, and how soon many that are due at once are announced."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import asyncpg

from hermodr_devkit.supervisor.services import SCHEDULER
from tests.benchmarks.accounting import QUIET_SECONDS, load_average, processor_seconds, quiet
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import Site, site
from tests.support.waiting import wait_until

CHUNK = 100_000
LEAD_SECONDS = 20
PATIENCE = 300.0
SETTLE_SECONDS = 120.0
"""What was due has been sent by then."""

_LATER = """
INSERT INTO hermodr.jobs (id, project_id, kind, type, state, priority, to_email, data, scheduled_for, wake_at)
SELECT hermodr.new_job_id(), p.id, 'notification', 'news', 'scheduled', 1, 'reader-' || n || '@example.com',
    jsonb_build_object('name', 'Reader', 'link', 'https://example.com/'), at, at
FROM generate_series(1, $1::int) n, (SELECT id FROM hermodr.projects LIMIT 1) p,
    LATERAL (SELECT $2::timestamptz + n % 86400 * $3 * interval '1 second' AS at) due
"""


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    future, due, seconds = (100_000, 10_000, 10) if quick else (1_000_000, 100_000, 30)
    async with site(servers, mailbox) as here:
        connection = await asyncpg.connect(here.database_url)
        try:
            for _ in range(future // CHUNK):
                await connection.execute(_LATER, CHUNK, await _after(connection, 7 * 86_400), 1)
            await connection.execute("VACUUM ANALYZE hermodr.jobs")
            await quiet(QUIET_SECONDS)
            load = load_average()
            share = await _share_of_a_core(here, seconds)
            late = await _all_announced(connection, due)
            await quiet(SETTLE_SECONDS)
            with _held(here):
                alone = await _all_announced(connection, due)
        finally:
            await connection.close()
    return [
        Result(f"{future:,} jobs wait", "scheduler_of_a_core", "%", share * 100, load=load, target="< 5"),
        Result(f"{due:,} due at once", "all_announced", "s", late, load=load, target="" if quick else "≤ 3"),
        Result(f"{due:,} due at once", "all_announced_and_nothing_sent", "s", alone, load=load),
    ]


async def _after(connection: asyncpg.Connection, seconds: float) -> datetime:
    found: datetime = await connection.fetchval("SELECT now() + make_interval(secs => $1)", float(seconds))
    return found


async def _share_of_a_core(here: Site, seconds: float) -> float:
    pid = here.pids()[SCHEDULER.name]
    before = processor_seconds(pid)
    await asyncio.sleep(seconds)
    return (processor_seconds(pid) - before) / seconds


@contextmanager
def _held(here: Site) -> Iterator[None]:
    """Nobody decides or sends: what the scheduler takes by itself."""
    others = [service for name, service in here.fleet.services.items() if name != SCHEDULER.name]
    for service in others:
        service.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for service in others:
            service.signal(signal.SIGCONT)


async def _all_announced(connection: asyncpg.Connection, due: int) -> float:
    """Seconds from the moment until none is scheduled any more."""
    moment = await _after(connection, LEAD_SECONDS)
    await connection.execute(_LATER, due, moment, 0)
    if await _after(connection, 0) > moment:
        raise RuntimeError("not all jobs were written before they were due")

    async def announced() -> datetime | None:
        row = await connection.fetchrow(
            "SELECT now() AS at, EXISTS (SELECT FROM hermodr.jobs WHERE state = 'scheduled' AND wake_at <= $1) AS left",
            moment,
        )
        return row["at"] if row["at"] > moment and not row["left"] else None

    at: datetime | None = await wait_until(announced, PATIENCE, "all to be announced", interval=0.02)
    assert at is not None
    return float((at - moment).total_seconds())
