import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from hermodr_devkit.supervisor.services import API
from hermodr_ledger.engine import Ledger
from tests.benchmarks.accounting import load_average
from tests.benchmarks.http_load import Connection, connections, get
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result, percentile
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import Site, site

JOBS = 1_000_000
PAGES = 40
WARM = 3
DAYS = 6
METRICS = "/v1/jobs/metrics?hours=168"

# Four fifths belong to the project that asks; 96 of 100 are completed; half have one of 10,000 recipients. Everything
# is a function of the number, so that two runs are about the same ledger.
_LOAD_JOBS = """
INSERT INTO hermodr.jobs (id, project_id, kind, type, state, priority, channels, recipient_id, to_email, owner_id,
    data, group_id, scheduled_for, created_at, processed_at, finished_at, wake_at, sent_deliveries, open_deliveries)
SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
            || '7' || substr(md5(n::text), 1, 15) || '0000')::uuid,
    CASE WHEN n % 5 = 4 THEN $2::uuid ELSE $1::uuid END, 'notification',
    CASE WHEN n % 100000 = 0 THEN 'rare' ELSE 'type-' || n % 20 END, state, 1, ARRAY['email'],
    CASE WHEN n % 2 = 0 THEN md5('recipient' || n % 10007)::uuid END, 'reader@example.com',
    CASE WHEN n % 3 = 0 THEN 'user-' || n % 1009 END, '{}', CASE WHEN n % 7 = 0 THEN md5('group' || n % 101)::uuid END,
    CASE WHEN n % 10 = 0 THEN at + interval '5 minutes' END, at,
    CASE WHEN state NOT IN ('queued', 'scheduled', 'cancelled') THEN at + interval '20 ms' END,
    CASE WHEN state IN ('completed', 'failed', 'cancelled', 'skipped')
         THEN at + make_interval(secs => 0.05 + n % 997 / 1000.0) END,
    CASE WHEN state IN ('queued', 'scheduled') THEN now() + interval '1 day' END,
    (state = 'completed')::int, (state IN ('processing', 'retrying'))::int
FROM (
    SELECT n, now() - make_interval(days => $3::int) * (1 - n / $4::float8) AS at, CASE
        WHEN n % 1000 < 960 THEN 'completed' WHEN n % 1000 < 980 THEN 'failed' WHEN n % 1000 < 985 THEN 'cancelled'
        WHEN n % 1000 < 990 THEN 'skipped' WHEN n % 1000 < 994 THEN 'retrying' WHEN n % 1000 < 997 THEN 'scheduled'
        WHEN n % 1000 < 999 THEN 'queued' ELSE 'processing' END AS state
    FROM generate_series($5::bigint, $6::bigint) n
) rows
"""
_LOAD_REST = (
    """
    INSERT INTO hermodr.deliveries (id, job_id, project_id, channel, priority, state, recipient_id, address, on_unknown,
        attempt, max_attempts, created_at, finished_at, wake_at, error)
    SELECT (left(id::text, 32) || '0001')::uuid, id, project_id, 'email', 1,
        CASE state WHEN 'completed' THEN 'sent' WHEN 'retrying' THEN 'retrying'
            WHEN 'failed' THEN CASE WHEN group_id IS NULL THEN 'failed' ELSE 'bounced' END ELSE 'queued' END,
        recipient_id, 'reader@example.com', 'resend', 1, 4, created_at, finished_at,
        CASE WHEN finished_at IS NULL THEN now() + interval '1 day' END,
        CASE state WHEN 'failed' THEN CASE WHEN group_id IS NULL THEN 'smtp_554' ELSE 'smtp_550' END
            WHEN 'retrying' THEN 'smtp_450' END
    FROM hermodr.jobs WHERE processed_at IS NOT NULL AND state <> 'skipped'
    """,
    """
    INSERT INTO hermodr.attempts (delivery_id, number, provider, outcome, started_at, finished_at)
    SELECT id, 1, 'smtp', CASE state WHEN 'sent' THEN 'sent' ELSE 'transient' END, created_at, created_at
    FROM hermodr.deliveries
    """,
    "INSERT INTO hermodr.events (job_id, kind, at, detail)"
    " SELECT id, 'decided', created_at, '{\"channel\": \"email\"}' FROM hermodr.jobs",
    *(f"VACUUM (ANALYZE) hermodr.{table}" for table in ("jobs", "deliveries", "attempts", "events")),
    "ANALYZE",
    "CHECKPOINT",  # else the first minutes measure the load of a million rows being written out
)
_CHUNK = 50_000


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    """The API alone. A page's depth is that of its cursor."""
    jobs = JOBS // 10 if quick else JOBS
    async with site(servers, mailbox, (API,)) as here:
        await fill(here, jobs)
        load = load_average()
        async with connections(here.fleet.api_url, 1) as (connection,):
            reader = Reader(connection, here.fleet.api_url, here.key)
            _, first_took = await reader.get(METRICS)
            return [
                *await _lists(reader, load),
                Result("listing", "metrics_first_call", "ms", first_took, load=load),
                await _timed(reader, "metrics", [METRICS] * 1000, load, 50),
                *await _stories(reader, load),
            ]


@dataclass(frozen=True)
class Reader:
    """One request after the other, by a client cheaper than common ones."""

    connection: Connection
    url: str
    key: str

    async def get(self, path: str) -> tuple[Any, float]:
        """The answer, and milliseconds until it was complete."""
        request = get(self.url, path, self.key)
        started = time.perf_counter()
        body = await self.connection.ask(request)
        took = (time.perf_counter() - started) * 1000
        return orjson.loads(body), took


async def load(ledger: Ledger, project_id: UUID, other: UUID, jobs: int) -> None:
    for first in range(0, jobs, _CHUNK):
        last = min(first + _CHUNK, jobs) - 1
        await ledger.fetch(_LOAD_JOBS, project_id, other, DAYS, float(jobs), first, last)
    for statement in _LOAD_REST:
        await ledger.fetch(statement)


async def fill(here: Site, jobs: int) -> None:
    """A ledger of that many jobs, four fifths of them of the project `bench`."""
    ledger = Ledger(here.database_url, service="bench", pool_size=1, statement_seconds=600)
    try:
        rows = await ledger.fetch("SELECT id FROM hermodr.projects WHERE name = 'bench'")
        other = UUID(int=7)
        await ledger.fetch("INSERT INTO hermodr.projects (id, name) VALUES ($1, 'other')", other)
        await load(ledger, rows[0]["id"], other, jobs)
    finally:
        await ledger.close()


def queries() -> dict[str, str]:
    """By name: every filter, every order, and some together."""
    found = {"all": ""}
    for state in ("completed", "failed", "retrying", "queued", "processing", "scheduled"):
        found[f"status={state}"] = f"status={state}"
    found |= {"type": "type=type-7", "rare type": "type=rare", "method": "delivery_method=email"}
    found |= {
        "no such method": "delivery_method=sms",
        "kind": "kind=task",
        "created": "created_after=2020-01-01T00:00:00Z",
    }
    found |= {"failed delivery": "delivery_state=failed", "no such report": "reported=opened"}
    found["failed of a type"] = "status=failed&type=type-19"
    found["completed of an odd type"] = "status=completed&type=rare&sort=-processed_at"
    for order in ("created_at", "scheduled_for", "processed_at", "status"):
        found[f"by {order}"] = f"sort={order}"
        found[f"by -{order}"] = f"sort=-{order}"
        found[f"failed by {order}"] = f"status=failed&sort={order}"
    return found


async def _newest(reader: Reader) -> Any:
    answer, _ = await reader.get("/v1/jobs?limit=200&sort=-created_at")
    return answer["data"]


async def _lists(reader: Reader, load: float) -> list[Result]:
    first = await _newest(reader)
    wanted = queries()
    for name, field in (("recipient", "recipient_id"), ("group", "group_id")):
        ids = [row[field] for row in first if row.get(field)]
        if ids:
            wanted[name] = f"{field}={ids[0]}"
    results, everything = [], []
    for name, query in wanted.items():
        times = await _walk(reader, query)
        everything += times
        results.append(Result("listing", name, "ms", percentile(times, 0.99), load=load, target="< 50"))
    return [
        Result("listing", "p50", "ms", percentile(everything, 0.5), load=load),
        Result("listing", "p99", "ms", percentile(everything, 0.99), load=load, target="< 50"),
        *results,
    ]


async def _walk(reader: Reader, query: str) -> list[float]:
    times: list[float] = []
    cursor = ""
    for number in range(PAGES + WARM):
        answer, took = await reader.get(f"/v1/jobs?limit=50&{query}{cursor}")
        if number >= WARM:
            times.append(took)
        following = answer["next_cursor"]
        cursor = f"&cursor={following}" if following else ""
    return times


async def _timed(reader: Reader, name: str, paths: Sequence[str], load: float, most: int) -> Result:
    times = [(await reader.get(path))[1] for path in paths]
    return Result("listing", f"{name}_p99", "ms", percentile(times, 0.99), load=load, target=f"< {most}")


async def _stories(reader: Reader, load: float) -> list[Result]:
    rows = await _newest(reader)
    paths = [f"/v1/jobs/{random.choice(rows)['id']}" for _ in range(1000)]
    return [
        await _timed(reader, "job", paths, load, 10),
        await _timed(reader, "timeline", [f"{path}/timeline" for path in paths], load, 10),
    ]
