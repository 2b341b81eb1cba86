"""Services killed and ended in the middle of their work: nothing is lost, nothing comes twice unaccounted."""

import random

import pytest

from tests.support.installation import Installation
from tests.support.load import Load, moments, reached, under

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAILS = 2000
RATE = 400
KILLS = 3
SERVICES = ["dispatcher", "email-sender", "scheduler", "api"]


async def provider_takes_its_time(installation: Installation) -> None:
    """Slow enough that the sender always has a number of mails in hand."""
    await installation.fault(stage="after_data", action={"kind": "delay", "seconds": 0.01})


@pytest.mark.parametrize("victim", SERVICES)
async def test_sigkill_at_random_moments(installation: Installation, victim: str) -> None:
    seed = random.randrange(10**6)
    draw = random.Random(seed).random
    when = moments([draw() * 0.9 for _ in range(KILLS)], MAILS)
    print(f"seed {seed}: {victim} is killed after {when} requests")
    await provider_takes_its_time(installation)
    async with under(Load(installation, f"kill-{victim}"), MAILS, RATE) as load:
        for moment in when:
            await reached(load, moment)
            await installation.fleet[victim].kill()
            await installation.fleet.restart(victim)
    assert load.requested == MAILS
    await installation.clear_faults()
    await installation.sound()
    unknown = await installation.unknown_attempts(f"@kill-{victim}.")
    print(f"{unknown} attempts had an unknown outcome")
    assert (unknown > 0) == (victim == "email-sender"), "only a sender takes knowledge with it when it dies"


@pytest.mark.parametrize("leaver", SERVICES)
async def test_sigterm_under_load(installation: Installation, leaver: str) -> None:
    """It finishes what it holds, within its grace period, and leaves nothing uncertain behind."""
    service = installation.fleet[leaver]
    domain = f"@term-{leaver}."
    await provider_takes_its_time(installation)
    async with under(Load(installation, f"term-{leaver}"), 600, RATE) as load:
        await reached(load, 200)
        assert await service.stop(installation.fleet.grace) == 0
        await installation.fleet.restart(leaver)
    await installation.clear_faults()
    facts = await installation.sound()
    arrivals = {address: jobs for address, jobs in facts.arrivals.items() if domain in address}
    assert len(arrivals) == load.requested == 600
    assert all(len(jobs) == 1 for jobs in arrivals.values())
    assert await installation.unknown_attempts(domain) == 0
