"""All duties are done side by side."""

import asyncio

from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.service import Scheduling
from tests.support.waiting import wait_until


class Counted(Duty):
    name = "counted"

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0

    async def tick(self) -> float:
        self.rounds += 1
        return 3600.0


class Broken(Counted):
    name = "broken"
    after_error = 0.001

    async def tick(self) -> float:
        await super().tick()
        raise ArithmeticError


class Stuck(Counted):
    name = "stuck"

    async def tick(self) -> float:
        await super().tick()
        await asyncio.Event().wait()
        return 0.0


async def test_one_that_fails_or_hangs_keeps_no_other_waiting_and_a_wake_ends_a_sleep() -> None:
    counted, broken, stuck = Counted(), Broken(), Stuck()
    running = asyncio.create_task(Scheduling([stuck, broken, counted]).run())
    assert await wait_until(lambda: counted.rounds == 1 and broken.rounds > 2 and stuck.rounds == 1)
    counted.wake.set()
    assert await wait_until(lambda: counted.rounds == 2)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
