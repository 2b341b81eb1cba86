"""A pump with a provider, a ledger and a clock that tests control."""

import asyncio
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from hermodr_delivery.lane.lines import PauseOf
from hermodr_delivery.lane.pump import Pump
from tests.support.clocks import FakeClock
from tests.unit.delivery.fakes import PATIENCE, Bench, Provider

LEASE = 60.0


class Lane(Bench):
    def __init__(
        self,
        *,
        concurrency: int = 4,
        window: int = 8,
        bench: Bench | None = None,
        pause_of: PauseOf | None = None,
    ) -> None:
        super().__init__()
        if bench is not None:
            self.attempts, self.announcer, self.recorder = bench.attempts, bench.announcer, bench.recorder
        self.provider = Provider()
        self.clock = FakeClock()
        self.pump = Pump(
            self.attempts,
            self.recorder,
            lambda claim: partial(self.provider.send, claim),
            self.clock,
            owner="me",
            concurrency=concurrency,
            window=window,
            lease_seconds=LEASE,
            pause_of=pause_of,
        )

    def submit(self, ids: Sequence[UUID]) -> asyncio.Task[None]:
        return asyncio.create_task(self.pump.submit(ids))


async def done(*tasks: asyncio.Task[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*tasks)
