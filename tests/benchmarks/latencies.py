"""Latencies at a steady rate, everything running: accepted, sent, and after the due time."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from tests.benchmarks.accounting import QUIET_SECONDS, load_average, quiet
from tests.benchmarks.bulk import PATIENCE
from tests.benchmarks.http_load import paced, post
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.posts import BARE, bare_server
from tests.benchmarks.results import Result, percentile
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import Site, notification, site

ACCEPT_RATE = 200.0
SEND_RATE = 100.0
JOBS = 1_000
NOTICE_SECONDS = 4.0
"""The first job is scheduled so far ahead, as all have to be accepted before."""
WARM = 200
SCHEDULES = (
    ("scheduled_spread", 0.01, ("≤ 25", "", "≤ 100")),
    ("scheduled_at_once", 0.0, ("", "", "")),
)
"""Scenario, seconds between two, targets."""


def paced_count(rate: float, quick: bool) -> int:
    return int(rate * (5 if quick else 20))


async def accept(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    """From the due time of a request to its 202, at 200 a second, with everything being sent; beside the bare
    server."""
    count = paced_count(ACCEPT_RATE, quick)
    async with site(servers, mailbox) as here:
        load, times = await _pace(here, count, ACCEPT_RATE)
        async with bare_server(here) as (url, _):
            items = [post(url, "/v1/notifications", notification(number)) for number in range(count)]
            await paced(url, items[:WARM], ACCEPT_RATE)
            await quiet(QUIET_SECONDS)
            bare = await paced(url, items, ACCEPT_RATE)
    ours = spread("accept_at_200", _waits(times.values()), load, ("< 5", "< 25", ""))
    theirs = spread("accept_at_200", _waits(bare), load)
    return [replace(each, peers={BARE: other.hermodr}) for each, other in zip(ours, theirs, strict=True)]


async def sent(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    """From the 202, and from the request, to the mail server's 250, at 100 a second."""
    async with site(servers, mailbox) as here:
        load, times = await _pace(here, paced_count(SEND_RATE, quick), SEND_RATE)
        arrivals = await mailbox.arrivals()
    after = [(arrivals[to] - answered) * 1000 for to, (_, answered) in times.items()]
    whole = [(arrivals[to] - due) * 1000 for to, (due, _) in times.items()]
    return spread("accepted_to_sent_at_100", after, load, ("< 25", "< 80", "")) + spread(
        "request_to_sent_at_100", whole, load
    )


async def scheduled(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    """How late 1,000 scheduled mails are: spread over ten seconds, and all due at once."""
    results = []
    async with site(servers, mailbox) as here:
        await _pace(here, WARM, SEND_RATE)
        for scenario, spacing, targets in SCHEDULES:
            await mailbox.reset()
            await quiet(QUIET_SECONDS)
            load = load_average()
            due = await _schedule(here, spacing)
            await mailbox.all_arrived(JOBS, PATIENCE)
            arrivals = await mailbox.arrivals()
            late = [(arrivals[to] - moment) * 1000 for to, moment in due.items()]
            if min(late) < 0:
                raise RuntimeError(f"a mail was sent {-min(late):.1f} ms before its time")
            results += spread(scenario, late, load, targets)
    return results


async def _pace(here: Site, count: int, rate: float) -> tuple[float, dict[str, tuple[float, float]]]:
    """Load at the beginning; by recipient when the request was due and answered. Warmed up before."""
    url, mailbox = here.fleet.api_url, here.mailbox
    for first, last in ((0, WARM), (WARM, WARM + count)):
        if first:
            await quiet(QUIET_SECONDS)
        await mailbox.reset()
        load = load_average()
        items = [notification(number) for number in range(first, last)]
        times = await paced(url, [post(url, "/v1/notifications", item, here.key) for item in items], rate)
        await mailbox.all_arrived(last - first, PATIENCE)
    return load, {
        f"reader-{number}@example.com": times[number - WARM] for number in range(WARM, WARM + count)
    }


async def _schedule(here: Site, spacing: float) -> dict[str, float]:
    """Accepts 1,000 jobs; recipient → when its mail is due (seconds since the epoch)."""
    first = time.time() + NOTICE_SECONDS
    due = {f"reader-{number}@example.com": first + number * spacing for number in range(JOBS)}
    items = [
        notification(number) | {"scheduled_for": datetime.fromtimestamp(moment, UTC).isoformat()}
        for number, moment in enumerate(due.values())
    ]
    async with here.client() as client:
        answer = (await client.post("/v1/notifications/bulk", json=items)).raise_for_status()
    if answer.json()["accepted"] != JOBS or time.time() > first:
        raise RuntimeError("not all jobs were accepted before the first was due")
    return due


def _waits(times: Iterable[tuple[float, float]]) -> list[float]:
    return [(answered - due) * 1000 for due, answered in times]


def spread(
    scenario: str, milliseconds: list[float], load: float, targets: tuple[str, str, str] = ("", "", "")
) -> list[Result]:
    """Median, 99th percentile, maximum."""
    values = (percentile(milliseconds, 0.5), percentile(milliseconds, 0.99), max(milliseconds))
    return [
        Result(scenario, metric, "ms", value, load=load, target=target)
        for metric, value, target in zip(("p50", "p99", "max"), values, targets, strict=True)
    ]
