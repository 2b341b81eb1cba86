import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg

from hermodr_servicekit.ids import new_id
from tests.benchmarks.accounting import QUIET_SECONDS, load_average, quiet
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result, percentile
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import site
from tests.support.waiting import wait_until

BATCH = 500
SINGLE = 200
ENQUEUE = """
SELECT hermodr.enqueue_notification_job($1, NULL, NULL, 'news', 'normal', 'email',
    jsonb_build_object('name', 'Reader ' || n, 'link', 'https://example.com/news/' || n), $2)::text AS id
FROM generate_series(1, $3::int) AS n
"""
DECIDED = "SELECT processed_at FROM hermodr.jobs WHERE id = $1::uuid"


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    """Delayed requests for the rate, so that nothing else works meanwhile; then one at a time."""
    batches = 20 if quick else 100
    async with site(servers, mailbox) as here:
        connection = await asyncpg.connect(here.database_url)
        try:
            recipient = await _recipient(connection)
            await quiet(QUIET_SECONDS)
            load = load_average()
            await connection.fetch(ENQUEUE, recipient, 60, BATCH)
            started = time.perf_counter()
            for _ in range(batches):
                await connection.fetch(ENQUEUE, recipient, 60, BATCH)
            rate = batches * BATCH / (time.perf_counter() - started)
            late = await _lateness(connection, recipient)
        finally:
            await connection.close()
    return [
        Result("sql", "enqueued_per_second", "1/s", rate, load=load, target="≥ 5,000"),
        Result("sql", "commit_to_decided_p50", "ms", percentile(late, 0.5), load=load),
        Result("sql", "commit_to_decided_p99", "ms", percentile(late, 0.99), load=load, target="< 100"),
    ]


async def _recipient(connection: Any) -> Any:
    return await connection.fetchval(
        "INSERT INTO hermodr.recipients (id, project_id, email) SELECT $1, id, 'reader@example.com'"
        " FROM hermodr.projects RETURNING id",
        new_id(),
    )


async def _lateness(connection: Any, recipient: Any) -> list[float]:
    late = []
    for _ in range(SINGLE):
        job_id = await connection.fetchval(ENQUEUE, recipient, 0, 1)
        committed = datetime.now(UTC)

        async def decided(job_id: str = job_id) -> datetime | None:
            at: datetime | None = await connection.fetchval(DECIDED, job_id)
            return at

        late.append((await _until(decided) - committed).total_seconds() * 1000)
    return late


async def _until(moment: Callable[[], Awaitable[datetime | None]]) -> datetime:
    found: datetime | None = await wait_until(moment, 30, "the decision", interval=0.005)
    if found is None:
        raise AssertionError("unreachable")
    return found
