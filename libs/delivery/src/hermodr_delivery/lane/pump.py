"""Claim, send, record: the loop of every sender.

    message of ids ─▶ `queue`: line, claim, prepare ─▶ `workers`: provider call ─▶ Recorder ─▶ message acked
                                                             └─▶ `aside`: what takes long before its call

A call that takes longer than half a lease has its lease renewed (`leases`). The work goes on when the broker's
connection is lost and with it the handlers: the message will come again and find nothing left to claim.
"""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from hermodr_delivery.claimed import AtHand, Stopping
from hermodr_delivery.lane.aside import Aside
from hermodr_delivery.lane.leases import Leases
from hermodr_delivery.lane.pace import Pace
from hermodr_delivery.lane.queue import Claims, Prepare, Queue
from hermodr_delivery.lane.workers import Workers
from hermodr_delivery.recorder import Recorder
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.periodic import repeat

CLAIMS_PER_WORKER = 2
"""One being sent, one at hand."""


class Pump:
    """One lane of a sender: `concurrency` provider calls at once, and as many deliveries claimed ahead as
    its pace asks for, at most `window`. `resting` says for how many seconds there is nobody to send to: nothing is
    claimed meanwhile.

    `run` is to be kept running in a task. A claim is sent only within the first half of its lease; from then on the
    lease is renewed as long as the provider's call takes.
    """

    def __init__(
        self,
        claims: Claims,
        recorder: Recorder,
        prepare: Prepare,
        clock: Clock,
        *,
        owner: str,
        concurrency: int,
        window: int,
        lease_seconds: float,
        resting: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._recorder = recorder
        self._concurrency = concurrency
        ready: asyncio.Queue[AtHand] = asyncio.Queue()
        self.leases = Leases(claims, clock, owner=owner, lease_seconds=lease_seconds)
        self.queue = Queue(
            claims,
            prepare,
            ready,
            clock,
            owner=owner,
            pace=Pace(clock, least=CLAIMS_PER_WORKER * concurrency, most=window),
            lease_seconds=lease_seconds,
            resting=resting,
        )
        self._aside = Aside(self.queue, self.leases, clock.monotonic)
        self._workers = Workers(ready, self.queue, self._aside, self.leases, recorder, clock)

    def pause(self) -> None:
        """Begins no provider call until `resume`: claims in hand are given back, and ids wait unclaimed."""
        self.queue.paused = True

    def resume(self) -> None:
        """Goes on where `pause` left off."""
        self.queue.resume()

    async def submit(self, ids: Sequence[UUID]) -> None:
        """Returns when each of the deliveries was sent and recorded, or was not there to be claimed.

        Raises `Stopping` when the pump ends before it got to them.
        """
        if self.queue.stopping:
            raise Stopping
        if parked := self._aside.parked(ids):
            ids = [each for each in ids if each not in parked]
            if not ids:
                return
        await self.queue.add(ids).done

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._aside.work_in(group)
            group.create_task(self.queue.claim_always())
            group.create_task(repeat("ids that waited for long", self.queue.let_go))
            group.create_task(repeat("leases", self.leases.renew))
            group.create_task(repeat("claims that waited for long", self.queue.give_back))
            for _ in range(self._concurrency):
                group.create_task(self._workers.work_always())

    async def drain(self) -> None:
        """Claims nothing more, gives unclaimed messages back, returns when all claimed deliveries are recorded."""
        self.queue.stop()
        await self._aside.drain()
        await self.queue.all_settled()
        await self._recorder.drain()
