"""The console over a ledger of a million jobs: how long the api takes for a page, and what the first one weighs."""

import gzip
import re
import time
from urllib.parse import urljoin

import httpx

from hermodr_devkit.supervisor.services import API
from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.benchmarks import jobs_listing
from tests.benchmarks.accounting import load_average
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result, percentile
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import SECONDS, Site, site

TIMES = 50
WARM = 3
_LINKS = re.compile(r'<li><a href="(/console[^"]*)"')
_PARTS = re.compile(r'<(?:script|link|img)\b[^>]* (?:src|href)="([^"]+)"')
_MESSAGE = re.compile(r'href="(/console/messages/[0-9a-f-]{36})"')
_SEARCHES = (
    "status=failed",
    "status=completed&type=rare",
    "kind=task",
    "delivery=failed",
    "delivery=bounced",
    "error=smtp_550",
    "search=reader@example.com",
    "search=nobody@example.com",
    "search=type-7",
)


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    """The API alone, one visitor."""
    jobs = jobs_listing.JOBS // 10 if quick else jobs_listing.JOBS
    async with site(servers, mailbox, (API,)) as here:
        await jobs_listing.fill(here, jobs)
        load = load_average()
        async with httpx.AsyncClient(base_url=here.fleet.api_url, timeout=SECONDS, trust_env=False) as client:
            client.headers["cookie"] = await _logged_in(here, client)
            first = (await client.get("/console")).raise_for_status().text
            results = [
                Result("console", "first_page", "KB", await _weight(client, first), load=load, target="< 150")
            ]
            for name, path in (await _pages(client, first)).items():
                times = await _timed(client, path)
                results.append(
                    Result("console", name, "ms", percentile(times, 0.95), load=load, target="< 100")
                )
            return results


async def _logged_in(here: Site, client: httpx.AsyncClient) -> str:
    """The cookie. It is `Secure`, so a client would not send it back by itself over HTTP."""
    ledger = Ledger(here.database_url, service="bench", pool_size=1)
    try:
        key = await keys.create(ledger, "bench", ("send", "read", "manage", "admin"), "console")
    finally:
        await ledger.close()
    answer = await client.post("/console/login", data={"key": key.secret})
    return str(answer.headers["set-cookie"]).partition(";")[0]


async def _pages(client: httpx.AsyncClient, first: str) -> dict[str, str]:
    """By name the paths of all pages of the menu, of a message, and of searches."""
    listed = (await client.get("/console/messages")).raise_for_status().text
    message = _MESSAGE.search(listed)
    assert message is not None, "a ledger of a million jobs shows none"
    found = {path: path for path in _LINKS.findall(first)}
    found["a message"] = message[1]
    return found | {f"messages?{query}": f"/console/messages?{query}" for query in _SEARCHES}


async def _timed(client: httpx.AsyncClient, path: str) -> list[float]:
    """Milliseconds until an answer was complete."""
    times = []
    for number in range(WARM + TIMES):
        started = time.perf_counter()
        (await client.get(path)).raise_for_status()
        if number >= WARM:
            times.append((time.perf_counter() - started) * 1000)
    return times


async def _weight(client: httpx.AsyncClient, first: str) -> float:
    """Kilobytes, compressed, of the page and of all that it fetches."""
    paths = {urljoin("/console", found) for found in _PARTS.findall(first) if not found.startswith("data:")}
    bodies = [first.encode(), *[(await client.get(path)).raise_for_status().content for path in paths]]
    return sum(len(gzip.compress(body)) for body in bodies) / 1000
