import time

from tests.benchmarks import bulk, past
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result, middle
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import say, site

HELD = (10_000, 1_000_000, 10_000_000)
HELD_QUICK = (10_000, 100_000)


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    """The median at each size. None should be a tenth slower than the first."""
    mails, rounds = (5_000, 1) if quick else (20_000, 3)
    results: list[Result] = []
    filled = 0
    async with site(servers, mailbox) as here:
        for held in HELD_QUICK if quick else HELD:
            started = time.monotonic()
            await past.fill(here.database_url, filled, held)
            say(f"ledgers: {held:,} jobs behind it, filled in {time.monotonic() - started:.0f} s")
            filled = held
            run = middle([await bulk.measure(here, mails) for _ in range(rounds)])
            target = f"≥ {0.9 * results[0].hermodr:,.0f}" if results else ""
            results += [
                Result(
                    "ledgers", f"mails_per_second_at_{held}", "1/s", run.rate, load=run.load, target=target
                ),
                Result("ledgers", f"cpu_per_mail_at_{held}", "µs", run.cost * 1e6, load=run.load),
            ]
    return results
