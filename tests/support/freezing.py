import signal
from uuid import UUID

from hermodr_devkit.supervisor import ServiceProcess
from tests.support.installation import Installation
from tests.support.waiting import wait_until

ENOUGH = 11
"""Claims it has to hold: one more than calls at once, so that not all can be just being reported."""


async def frozen(installation: Installation, sender: ServiceProcess) -> list[UUID]:
    """Waits until the sender holds enough claims, stops it (SIGSTOP), and returns them."""

    async def stopped() -> list[UUID]:
        if len(await installation.held_by(sender.pid)) < ENOUGH:
            return []
        sender.signal(signal.SIGSTOP)
        held = await installation.held_by(sender.pid)
        if len(held) >= ENOUGH:
            return held
        sender.signal(signal.SIGCONT)
        return []

    return await wait_until(stopped, 60, "a sender with its hands full")
