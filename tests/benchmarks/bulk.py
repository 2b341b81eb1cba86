import time

from tests.benchmarks.accounting import QUIET_SECONDS, Account, load_average, quiet
from tests.benchmarks.results import Bulk
from tests.benchmarks.site import Site, notification

REQUEST = 1_000
"""The batch size of the peers' producers."""
WARM = 500
PATIENCE = 120.0


async def send(here: Site, numbers: range) -> None:
    async with here.client() as client:
        for start in range(numbers.start, numbers.stop, REQUEST):
            items = [notification(number) for number in range(start, min(start + REQUEST, numbers.stop))]
            answer = (await client.post("/v1/notifications/bulk", json=items)).raise_for_status()
            if answer.json()["accepted"] != len(items):
                raise RuntimeError(f"accepted {answer.json()['accepted']} of {len(items)}")


async def measure(here: Site, mails: int) -> Bulk:
    """From the first request to the last mail's arrival. This process' own time counts, as the peers' producers'
    does."""
    await here.mailbox.reset()
    await send(here, range(WARM))
    await here.mailbox.all_arrived(WARM, PATIENCE)
    await here.mailbox.reset()
    await quiet(QUIET_SECONDS)
    load, before, started, handing_in = load_average(), here.account(), time.time(), time.process_time()
    await send(here, range(WARM, WARM + mails))
    producer = time.process_time() - handing_in
    last = (await here.mailbox.all_arrived(mails, PATIENCE))["last"]
    spent: Account = here.account().since(before)
    roles = {"producer": producer, **spent.roles}
    return Bulk(mails, last - started, roles, spent.machine, here.memory(), load)
