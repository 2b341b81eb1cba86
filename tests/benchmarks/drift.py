from tests.benchmarks import bulk
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.results import Result
from tests.benchmarks.servers import Servers
from tests.benchmarks.site import ROLES, site

BLOCKS = 5


async def measure(servers: Servers, mailbox: Mailbox, quick: bool) -> list[Result]:
    """One site for all blocks."""
    mails = 2_000 if quick else 20_000
    async with site(servers, mailbox) as here:
        runs = [await bulk.measure(here, mails) for _ in range(BLOCKS)]
    memory = [sum(run.memory[spec.name] for spec in ROLES) for run in runs]
    scenario, load = f"{BLOCKS * mails:,} mails", runs[0].load
    costs = [run.cost * 1e6 for run in (runs[0], runs[-1])]
    return [
        Result(scenario, "mails_per_second_first_block", "1/s", runs[0].rate, load=load),
        Result(scenario, "mails_per_second_last_block", "1/s", runs[-1].rate, load=runs[-1].load),
        Result(scenario, "cpu_per_mail_first_block", "µs", costs[0], load=load),
        Result(scenario, "cpu_per_mail_last_block", "µs", costs[1], load=runs[-1].load),
        Result(scenario, "memory_of_services_first_block", "MB", memory[0], load=load),
        Result(scenario, "memory_of_services_last_block", "MB", memory[-1], load=load, target="< 450"),
    ]
