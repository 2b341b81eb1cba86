"""Mails in bulk beside texts that wait for a provider which is down: by turns with and without the texts."""

import asyncio
from statistics import median

from hermodr_devkit.supervisor.services import SMS_SENDER
from hermodr_ledger.engine import Ledger
from tests.benchmarks import bulk
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import ROLES, Site, say, site

TEXTS = 2_000
MAILS, QUICK_MAILS = 10_000, 3_000
PAIRS, QUICK_PAIRS = 5, 2
WAITING = "texts that wait"
NOBODY = "twilio://AC00000000000000000000000000000000:token@127.0.0.1:9?tls=off&from=%2B15005550006"
"""Nobody listens at the port of `discard` (RFC 863): each call is refused."""

_UNDECIDED = """
SELECT count(*) AS n FROM hermodr.jobs j WHERE j.cancel_key = $1 AND j.state IN ('scheduled', 'queued')
"""


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    mails = QUICK_MAILS if quick else MAILS
    ratios, load = [], 0.0
    async with site(
        servers, mailbox, (*ROLES, SMS_SENDER), variables={"HERMODR_SMS_PROVIDERS": NOBODY}
    ) as here:
        for turn in range(QUICK_PAIRS if quick else PAIRS):
            alone = await bulk.measure(here, mails)
            await _texts(here)
            beside = await bulk.measure(here, mails)
            await _cancel(here)
            ratios.append(beside.rate / alone.rate)
            load = beside.load
            say(f"dead provider, pair {turn + 1}: {beside.rate:,.0f} beside, {alone.rate:,.0f} mails/s alone")
    target = "≥ 0.95"
    return [Result("dead_sms_provider", "mails_beside_texts", "×", median(ratios), load=load, target=target)]


async def _texts(here: Site) -> None:
    items = [
        {
            "to": {"phone": f"+44770090{number:04}"},
            "channels": ["sms"],
            "body_text": "Your table is ready.",
            "cancel_key": WAITING,
        }
        for number in range(TEXTS)
    ]
    async with here.client() as client:
        for start in range(0, TEXTS, 1_000):
            answer = await client.post("/v1/notifications/bulk", json=items[start : start + 1_000])
            if answer.raise_for_status().json()["accepted"] != 1_000:
                raise RuntimeError(answer.text[:400])
    ledger = Ledger(here.database_url, service="bench", pool_size=1)
    while (await ledger.fetch(_UNDECIDED, WAITING))[0]["n"]:
        await asyncio.sleep(0.2)
    await ledger.close()


async def _cancel(here: Site) -> None:
    async with here.client() as client:
        (await client.post("/v1/jobs/cancel", json={"cancel_key": WAITING})).raise_for_status()
