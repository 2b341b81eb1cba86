"""Claim, send, record: the loop of every sender.

    message of ids ─▶ `queue`: line, claim, prepare ─▶ `workers`: provider call ─▶ Recorder ─▶ message acked
                                                             └─▶ `aside`: what takes long before its call

Work goes on when the broker's connection is lost: the message comes again and finds nothing left to claim.
"""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from hermodr_delivery.claimed import AtHand, Stopping
from hermodr_delivery.lane.aside import Aside
from hermodr_delivery.lane.leases import Leases
from hermodr_delivery.lane.lines import PauseOf
from hermodr_delivery.lane.pace import Pace
from hermodr_delivery.lane.queue import Claims, Prepare, Queue
from hermodr_delivery.lane.workers import Workers
from hermodr_delivery.rate import Ahead
from hermodr_delivery.recorder import Recorder
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.periodic import repeat

CLAIMS_PER_WORKER = 2


class Pump:
    """One lane: `concurrency` provider calls at once, at most `window` deliveries claimed ahead, none while `resting`
    (seconds for which no provider can be called), no more than may wait (`ahead`), none of projects that have to
    (`pause_of`). A claim is sent only within the first half of its lease."""

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
        ahead: Callable[[], Ahead | None] = lambda: None,
        pause_of: PauseOf | None = None,
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
            ahead=ahead,
            pause_of=pause_of,
        )
        self._aside = Aside(self.queue, self.leases, clock.monotonic)
        self._workers = Workers(ready, self.queue, self._aside, self.leases, recorder, clock)

    def pause(self) -> None:
        """Starts no provider call until `resume`: claims are given back, ids wait unclaimed."""
        self.queue.paused = True

    def resume(self) -> None:
        self.queue.resume()

    async def submit(self, ids: Sequence[UUID]) -> None:
        """Returns when every delivery was sent and recorded, or could not be claimed. Raises `Stopping`."""
        if self.queue.stopping:
            raise Stopping
        if parked := self._aside.parked(ids):
            ids = [each for each in ids if each not in parked]
            if not ids:
                return
        await self.queue.add(ids).done

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            self._aside.work_in(group)
            group.create_task(self.queue.claim_always())
            group.create_task(self.queue.sort_always())
            group.create_task(repeat("ids that waited for long", self.queue.let_go))
            group.create_task(repeat("leases", self.leases.renew))
            group.create_task(repeat("claims that waited for long", self.queue.give_back))
            for _ in range(self._concurrency):
                group.create_task(self._workers.work_always())

    async def drain(self) -> None:
        """Stops claiming, gives unclaimed messages back, and returns when all claimed deliveries are recorded."""
        self.queue.stop()
        await self._aside.drain()
        await self.queue.all_settled()
        await self._recorder.drain()
