import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median

from hermodr_devkit.backing import ports
from hermodr_devkit.supervisor.services import API
from tests.benchmarks.accounting import QUIET_SECONDS, load_average, processor_seconds, quiet
from tests.benchmarks.http_load import post, rush
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import Site, notification, site

CONNECTIONS = 32
POLL_SECONDS = 0.05
BARE = "bare_fastapi"


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    """The api alone; then with all services sending."""
    count, rounds = (3_000, 3) if quick else (10_000, 5)
    alone: list[tuple[float, float]] = []
    cost: list[tuple[float, float]] = []
    async with site(servers, mailbox, (API,)) as here, bare_server(here) as (url, pid):
        await rush(here.fleet.api_url, _requests(here.fleet.api_url, 500, here.key), CONNECTIONS)
        await rush(url, _requests(url, 500), CONNECTIONS)
        await quiet(QUIET_SECONDS)
        load = load_average()
        for _ in range(rounds):
            ours, our_cost = await _once(here.fleet.api_url, count, here.pids()["api"], here.key)
            theirs, their_cost = await _once(url, count, pid)
            alone.append((ours, theirs))
            cost.append((our_cost, their_cost))
    whole = await _whole(servers, mailbox, count)
    rates, costs = _middle(alone), _middle(cost)
    target = f"≥ 3,000 and ≥ 0.9 × {BARE}"
    return [
        Result("posts", "requests_per_second", "1/s", rates[0], {BARE: rates[1]}, load, target),
        Result("posts", "api_cpu", "µs", costs[0], {BARE: costs[1]}, load),
        Result("posts", "requests_per_second_while_sending", "1/s", whole, load=load),
    ]


async def _once(url: str, count: int, pid: int, key: str = "") -> tuple[float, float]:
    requests = _requests(url, count, key)
    before = processor_seconds(pid)
    rate = await rush(url, requests, CONNECTIONS)
    return rate, (processor_seconds(pid) - before) / count * 1e6


async def _whole(servers: Servers, mailbox: Mailbox, count: int) -> float:
    async with site(servers, mailbox) as here:
        await mailbox.reset()
        rate = await rush(here.fleet.api_url, _requests(here.fleet.api_url, count, here.key), CONNECTIONS)
        await mailbox.all_arrived(count, 120)
    return rate


def _requests(url: str, count: int, key: str = "") -> list[bytes]:
    return [post(url, "/v1/notifications", notification(number), key) for number in range(count)]


def _middle(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    ratio = median(ours / theirs for ours, theirs in pairs)
    return min(pairs, key=lambda pair: abs(pair[0] / pair[1] - ratio))


@asynccontextmanager
async def bare_server(here: Site) -> AsyncIterator[tuple[str, int]]:
    """URL and process number; uses the site's database."""
    port = ports.free(1)[0]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.bare", str(port)),
        env=os.environ | {"BARE_DATABASE_URL": here.database_url},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(30):
            while not ports.answers(port):
                await asyncio.sleep(POLL_SECONDS)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        await process.wait()
