"""Services killed and stopped under load: nothing is lost, nothing comes twice without a reason."""

from uuid import UUID

import pytest

from tests.support.freezing import frozen
from tests.support.installation import Installation
from tests.support.load import Load, reached, under

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAILS = 1000
RATE = 400
KILLED_AT = (150, 600)
"""After so many requests."""
SERVICES = ["dispatcher", "email-sender", "scheduler", "api"]
SENDER = "email-sender"


async def provider_takes_its_time(installation: Installation, seconds: float = 0.01) -> None:
    """So that the sender always holds some mails."""
    await installation.fault(stage="after_data", action={"kind": "delay", "seconds": seconds})


@pytest.mark.parametrize("victim", SERVICES)
async def test_sigkill_in_the_midst_of_work(installation: Installation, victim: str) -> None:
    """Only a sender loses knowledge when it dies: of what it had claimed and not reported."""
    await provider_takes_its_time(installation, 0.5 if victim == SENDER else 0.01)
    service = installation.fleet[victim]
    taken: list[list[UUID]] = []
    async with under(Load(installation, f"kill-{victim}"), MAILS, RATE) as load:
        for moment in KILLED_AT:
            await reached(load, moment)
            if victim == SENDER:
                taken.append(await frozen(installation, service))
            await service.kill()
            await installation.fleet.restart(victim)
        await installation.clear_faults()
    assert load.requested == MAILS
    await installation.sound()
    for claims in taken:
        assert await installation.resent(claims) > 0
    assert bool(await installation.unknown_attempts(f"@kill-{victim}.")) == bool(taken)


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
