"""Webhooks: from the change to a local endpoint, and what one event of 10,000 subscribers costs others' mails."""

import secrets
import time
from statistics import median

from hermodr_devkit.supervisor.services import WEBHOOK_SENDER
from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from hermodr_ledger.webhooks.endpoints import NewEndpoint, create
from hermodr_servicekit.ids import new_id
from tests.benchmarks.accounting import QUIET_SECONDS, load_average, quiet
from tests.benchmarks.http_load import paced, post
from tests.benchmarks.mailbox import Mailbox, mailbox
from tests.benchmarks.results import Result, percentile
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import ROLES, Site, notification, say, site

CHANGES, QUICK_CHANGES = 10_000, 2_000
SUBSCRIBERS, QUICK_SUBSCRIBERS = 10_000, 1_000
PAIRS, QUICK_PAIRS = 5, 2
RATE = 20.0
MAILS, QUICK_MAILS = 200, 60
PATIENCE = 180.0
WARM = 100
KEY = "the crowd"
LATER = 86_400


async def measure(servers: Servers, box: Mailbox, quick: bool) -> list[Result]:
    async with mailbox() as hooks:
        roles = (*ROLES, WEBHOOK_SENDER)
        variables = {"HERMODR_WEBHOOK_ALLOW": "127.0.0.0/8", "HERMODR_SECRET_KEY": secrets.token_urlsafe(32)}
        async with site(servers, box, roles, variables=variables) as here:
            rate = await _changes(here, hooks, QUICK_CHANGES if quick else CHANGES)
        async with site(servers, box, roles, variables=variables) as here:
            cost = await _subscribers(here, hooks, quick)
    return [rate, cost]


async def _changes(here: Site, hooks: Mailbox, number: int) -> Result:
    """Jobs that wait are cancelled by one request: as many changes at once."""
    await _subscribe(here, hooks, 1)
    for jobs in (WARM, number):
        await _wait_for(here, jobs)
        await hooks.reset()
        await quiet(QUIET_SECONDS)
        load, began = load_average(), time.time()
        await _cancel(here)
        last = (await hooks.all_arrived(jobs, PATIENCE))["last"]
    say(f"webhooks: {number:,} changes of one moment were with the endpoint after {last - began:.1f} s")
    return Result(
        "webhooks", "changes_to_endpoint", "1/s", number / (last - began), load=load, target="≥ 1,000"
    )


async def _subscribers(here: Site, hooks: Mailbox, quick: bool) -> Result:
    """Mails of another project, by turns without the event and beside it: the ratio of the medians."""
    subscribers = QUICK_SUBSCRIBERS if quick else SUBSCRIBERS
    mails = QUICK_MAILS if quick else MAILS
    other = await _other(here)
    await _subscribe(here, hooks, subscribers)
    await _paced(here, other, mails)
    ratios = []
    for turn in range(QUICK_PAIRS if quick else PAIRS):
        await quiet(QUIET_SECONDS)
        load = load_average()
        alone = await _paced(here, other, mails)
        await _wait_for(here, 1)
        await hooks.reset()
        began = time.time()
        await _cancel(here)
        beside = await _paced(here, other, mails)
        last = (await hooks.all_arrived(subscribers, PATIENCE))["last"]
        ratios.append(beside / alone)
        say(
            f"webhooks, pair {turn + 1}: {beside:.1f} ms beside the event, {alone:.1f} ms alone;"
            f" {subscribers:,} subscribers had it after {last - began:.1f} s"
        )
    return Result(
        "webhooks", "mails_beside_10000_subscribers", "×", median(ratios), load=load, target="≤ 1.05"
    )


async def _paced(here: Site, key: str, mails: int) -> float:
    """Milliseconds from the 202 to the mail server's 250, in the median."""
    await here.mailbox.reset()
    items = [post(here.fleet.api_url, "/v1/notifications", _mail(number), key) for number in range(mails)]
    times = await paced(here.fleet.api_url, items, RATE)
    await here.mailbox.all_arrived(mails, PATIENCE)
    arrivals = await here.mailbox.arrivals()
    waits = [arrivals[f"other-{number}@example.com"] - answered for number, (_, answered) in enumerate(times)]
    return percentile(waits, 0.5) * 1000


def _mail(number: int) -> dict[str, object]:
    return {"to": {"email": f"other-{number}@example.com"}, "subject": "A note", "body_text": "It is short."}


async def _subscribe(here: Site, hooks: Mailbox, number: int) -> None:
    """The second to last are copies of the first, so that the measurement begins today."""
    url = f"http://127.0.0.1:{hooks.hooks_port}/hook"
    ledger = Ledger(here.database_url, service="bench", pool_size=1)
    async with ledger.transaction() as transaction:
        (project,) = await transaction.fetch("SELECT id FROM hermodr.projects WHERE name = 'bench'")
        first = NewEndpoint(new_id(), project["id"], url, events=["job.cancelled"])
        await create(transaction, first)
        await transaction.fetch(_COPY, first.id, number - 1)
    await ledger.close()


_COPY = """
WITH copied AS (
    INSERT INTO hermodr.webhook_endpoints (id, project_id, url, events, subscribed_after, reckoned_after)
    SELECT hermodr.new_id(now()), e.project_id, e.url, e.events, e.subscribed_after, e.reckoned_after
    FROM hermodr.webhook_endpoints e, generate_series(1, $2::int) WHERE e.id = $1 RETURNING 1
)
SELECT count(*) AS n FROM copied
"""


async def _wait_for(here: Site, jobs: int) -> None:
    items = [notification(number) | {"delay_seconds": LATER, "cancel_key": KEY} for number in range(jobs)]
    async with here.client() as client:
        for start in range(0, jobs, 1_000):
            answer = await client.post("/v1/notifications/bulk", json=items[start : start + 1_000])
            if answer.raise_for_status().json()["rejected"]:
                raise RuntimeError(answer.text[:400])


async def _cancel(here: Site) -> None:
    async with here.client() as client:
        (await client.post("/v1/jobs/cancel", json={"cancel_key": KEY})).raise_for_status()


async def _other(here: Site) -> str:
    ledger = Ledger(here.database_url, service="bench", pool_size=1)
    try:
        return (await keys.create(ledger, "other", ("send",), "bench")).secret
    finally:
        await ledger.close()
