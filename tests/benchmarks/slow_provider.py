"""A provider whose every call takes 300 ms: 1,000 mails by one sender at its default concurrency, without a rate."""

import time

from tests.benchmarks import bulk
from tests.benchmarks.accounting import QUIET_SECONDS, load_average, quiet
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import site

MAILS = 1_000
WARM = 100
PATIENCE = 120.0
TARGET = "< 8"
"""The first system needed 10 to 30 s for 100."""


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    """From the first request to the provider's last answer."""
    providers = f"resend://KEY@127.0.0.1:{mailbox.api_port}?tls=off&rate=off"
    await mailbox.reset()
    async with site(servers, mailbox, providers=providers) as here:
        await bulk.send(here, range(WARM))
        await mailbox.all_arrived(WARM, PATIENCE)
        await mailbox.reset()
        await quiet(QUIET_SECONDS)
        load, began = load_average(), time.time()
        await bulk.send(here, range(WARM, WARM + MAILS))
        last = (await mailbox.all_arrived(MAILS, PATIENCE))["last"]
    return [Result("provider_of_300_ms", "1000_mails", "s", last - began, load=load, target=TARGET)]
