"""Turns and shared rates at a provider of 50 mails a second: one mail beside a crowd, equal shares of unequal crowds,
and the rate of three senders together."""

import asyncio
import time
from collections import Counter

import httpx

from hermodr_contracts.vocabulary import Channel
from hermodr_devkit.supervisor.services import EMAIL_SENDER, ServiceSpec
from hermodr_ledger.access import keys
from hermodr_ledger.deliveries.pauses import pause, resume
from hermodr_ledger.engine import Ledger
from tests.benchmarks.accounting import load_average
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import ROLES, Site, site

RATE = 50
CROWD, QUICK_CROWD = 50_000, 5_000
PROJECTS = 100
SECONDS = 20
SENDERS = tuple(
    ServiceSpec(f"{EMAIL_SENDER.name}-{number}", EMAIL_SENDER.module, 10 + number) for number in (2, 3)
)
_SETTLING_SECONDS = 3.0
_TEN = 10


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    providers = f"smtp://127.0.0.1:{mailbox.smtp_port}?rate={RATE}/s"
    crowd = QUICK_CROWD if quick else CROWD
    await mailbox.reset()
    async with site(servers, mailbox, (*ROLES, *SENDERS), providers) as here:
        results = await _beside_a_crowd(here, crowd)
    await mailbox.reset()
    async with site(servers, mailbox, ROLES, providers) as here:
        results.append(await _shares(here, quick))
    return results


async def _beside_a_crowd(here: Site, crowd: int) -> list[Result]:
    other = await _client(here, "other")
    async with here.client() as client, other:
        await _post(client, "crowd", crowd)
        posted = time.time()
        await _post(other, "early", 1)
        early = await _arrival(here, "early-0") - posted
        counted = await _rate(here)
        posted = time.time()
        await _post(other, "late", 1)
        late = await _arrival(here, "late-0") - posted
    load = load_average()
    return [
        Result("turns", "one_just_after_a_crowd", "s", early, load=load, target="< 2"),
        Result("turns", "one_beside_a_crowd", "s", late, load=load, target="< 2"),
        Result(
            "turns",
            "three_senders_rate",
            "1/s",
            counted,
            load=load,
            target=f"≥ {0.95 * RATE} and ≤ {1.05 * RATE}",
        ),
    ]


async def _rate(here: Site) -> float:
    """Mails a second over twenty seconds."""
    began = time.time()
    await asyncio.sleep(SECONDS + 1)
    arrivals = await here.mailbox.arrivals()
    return sum(began <= at < began + SECONDS for at in arrivals.values()) / SECONDS


async def _shares(here: Site, quick: bool) -> Result:
    """Jain's index of what each project has sent while all of them wait; nothing is sent before all do."""
    sizes = [_TEN + (1 if quick else _TEN) * number for number in range(PROJECTS)]
    ledger = Ledger(here.database_url, service="bench", pool_size=1)
    await pause(ledger, Channel.EMAIL, None)
    for number, size in enumerate(sizes):
        async with await _client(here, f"project-{number}") as client:
            await _post(client, f"p{number}", size)
    while (await ledger.fetch("SELECT count(*) AS n FROM hermodr.deliveries"))[0]["n"] < sum(sizes):
        await asyncio.sleep(0.2)
    await asyncio.sleep(_SETTLING_SECONDS)
    await resume(ledger, Channel.EMAIL)
    await ledger.close()
    began = time.time()
    await asyncio.sleep(PROJECTS * _TEN / 2 / RATE)
    arrivals = await here.mailbox.arrivals()
    sent = Counter(each.partition("-")[0] for each, at in arrivals.items() if at >= began)
    shares = [sent[f"p{number}"] for number in range(PROJECTS)]
    index = sum(shares) ** 2 / (PROJECTS * sum(each * each for each in shares))
    return Result("turns", "jains_index", "", index, load=load_average(), target="≥ 0.95")


async def _client(here: Site, project: str) -> httpx.AsyncClient:
    ledger = Ledger(here.database_url, service="bench", pool_size=1)
    try:
        key = (await keys.create(ledger, project, ("send",), "bench")).secret
    finally:
        await ledger.close()
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(base_url=here.fleet.api_url, headers=headers, timeout=60.0, trust_env=False)


async def _post(client: httpx.AsyncClient, name: str, number: int) -> None:
    for start in range(0, number, 1_000):
        items = [
            {
                "to": {"email": f"{name}-{each}@example.com"},
                "subject": "A note",
                "body_text": "It is short.",
            }
            for each in range(start, min(start + 1_000, number))
        ]
        answer = (await client.post("/v1/notifications/bulk", json=items)).raise_for_status()
        if answer.json()["accepted"] != len(items):
            raise RuntimeError(f"accepted {answer.json()['accepted']} of {len(items)}")


async def _arrival(here: Site, recipient: str) -> float:
    while (at := (await here.mailbox.arrivals()).get(f"{recipient}@example.com")) is None:
        await asyncio.sleep(0.05)
    return at
