"""Claim, send, record: the loop of every sender.

    message of ids ─▶ line ─▶ claim and prepare (a few at a time) ─▶ workers: provider call ─▶ Recorder ─▶ message acked

Ids wait unclaimed until a worker is about to be free, so that a lease covers little more than the provider's call and
a slow provider leaves the rest of the crowd to other senders. A call that takes longer has its lease renewed. What
takes long before its call waits `aside`, and takes no worker meanwhile. Ids wait in line while the database is away,
too. The work goes on when the broker's connection is lost and with it the handlers: the message will come again and
find nothing left to claim.
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol
from uuid import UUID

import structlog

from hermodr_delivery.aside import Aside
from hermodr_delivery.claimed import AtHand, Held, Message, Send, Stopping, TakesLong, Withheld
from hermodr_delivery.leases import Leases, Renewals
from hermodr_delivery.pace import Pace
from hermodr_delivery.recorder import Recorder
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.cancellation import cancelled_from_outside
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.periodic import repeat

log = structlog.get_logger()

CLAIMS_PER_WORKER = 2
"""One being sent, one at hand."""

HELD_SECONDS = 600.0
"""How long ids may wait for their turn: the channel may be paused, the database away, the provider slow. A broker takes
a consumer for dead that acknowledges nothing for half an hour; the rows are in the ledger, and the scheduler announces
them again."""

AGAIN_SECONDS = 30.0
"""When the scheduler may announce a delivery that was claimed and waits in line again."""

LOOK_SECONDS = 30.0
"""Between two looks for such."""

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
"""Between two questions to a database that is away."""

_LOOKS = 0.1
"""Of a lease between two looks whether a claim waits too long for a worker."""

SLOW_SECONDS = 5.0
"""A claim that failed after so long may have waited for a row that somebody keeps locked."""

PREPARED_TOGETHER = 16
"""Claims that are prepared in a row. Doing the same for many mails costs a tenth less than doing everything for each in
turn: what the processor needs is in its caches."""

PREPARING_SECONDS = 0.002
"""How long everything else waits for that; the usual sixteen take half of it. One that takes longer ends the row."""

Prepare = Callable[[Claim], Send]
"""Does what can be done before the delivery's turn comes, without waiting for anything. Does not raise."""


class Claims(Renewals, Protocol):
    """Where deliveries are claimed: `hermodr_ledger.attempting.Attempts`."""

    async def claim(self, ids: Sequence[UUID], *, owner: str, lease_seconds: float) -> list[Claim]:
        """See `hermodr_ledger.attempts.claim`. Raises `LedgerUnavailable`."""
        ...

    async def release(self, claims: Sequence[Claim], *, held_seconds: float | None = None) -> None:
        """See `hermodr_ledger.attempts.release`. Raises `LedgerUnavailable`."""
        ...


_Entry = tuple[UUID, Message, bool]
"""An id in line, its message, and whether a claim of it has run out of time before."""


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
        self._claims = claims
        self._recorder = recorder
        self._prepare = prepare
        self._clock = clock
        self._owner = owner
        self._concurrency = concurrency
        self._pace = Pace(clock, least=CLAIMS_PER_WORKER * concurrency, most=window)
        self._lease_seconds = lease_seconds
        self.leases = Leases(claims, clock, owner=owner, lease_seconds=lease_seconds)
        self._resting = resting
        self._line: deque[_Entry] = deque()
        self._in_hand = 0
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._turn = asyncio.Event()
        self._ready: asyncio.Queue[AtHand] = asyncio.Queue()
        self._stopping = False
        self.paused = False
        self._aside = Aside(self, self.leases, clock.monotonic)

    def pause(self) -> None:
        """Begins no provider call until `resume`: claims in hand are given back, and ids wait unclaimed."""
        self.paused = True

    def resume(self) -> None:
        """Goes on where `pause` left off."""
        self.paused = False
        self._turn.set()

    async def submit(self, ids: Sequence[UUID]) -> None:
        """Returns when each of the deliveries was sent and recorded, or was not there to be claimed.

        Raises `Stopping` when the pump ends before it got to them.
        """
        if self._stopping:
            raise Stopping
        if parked := self._aside.parked(ids):
            ids = [each for each in ids if each not in parked]
            if not ids:
                return
        message = Message(len(ids), self._clock.monotonic())
        self._line.extend((each, message, False) for each in ids)
        self._turn.set()
        await message.done

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._aside.work_in(group)
            group.create_task(self._claim_always())
            group.create_task(repeat("ids that waited for long", self.let_go))
            group.create_task(repeat("leases", self.leases.renew))
            group.create_task(repeat("claims that waited for long", self.give_back))
            for _ in range(self._concurrency):
                group.create_task(self._work_always())

    async def drain(self) -> None:
        """Claims nothing more, gives unclaimed messages back, returns when all claimed deliveries are recorded."""
        self._stopping = True
        while self._line:
            self._line.popleft()[1].give_back()
        await self._aside.drain()
        while self._in_hand:
            self._turn.clear()
            await self._turn.wait()
        await self._recorder.drain()

    async def _claim_always(self) -> None:
        while True:
            self._turn.clear()
            ahead, resting = self._pace.ahead(), self._resting()
            if resting and self._line:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(resting):
                        await self._turn.wait()
            elif self._line and self._in_hand <= ahead // 2 and not (self._stopping or self.paused):
                await self._claim_some(ahead - self._in_hand)
            else:
                await self._turn.wait()

    async def _claim_some(self, room: int) -> None:
        taken = [self._line.popleft() for _ in range(min(room, len(self._line)))]
        self._in_hand += len(taken)
        began = self._clock.monotonic()
        try:
            claims = await self._claims.claim(
                [each for each, _, _ in taken], owner=self._owner, lease_seconds=self._lease_seconds
            )
        except LedgerUnavailable as error:
            log.warning("deliveries wait for the database", deliveries=len(taken), error=str(error))
            self._put_back(taken, slow=self._clock.monotonic() - began > SLOW_SECONDS)
            await self._ledger_back()
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the lane goes on
            log.error("not claimed; the scheduler will announce them", error=type(error).__name__)
            for _, message, _ in taken:
                self._settled(message)
            await asyncio.sleep(_LONGEST_PAUSE_SECONDS)
            return
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        by_id = {each.id: each for each in claims}
        row_ends = self._clock.monotonic() + PREPARING_SECONDS
        for number, (delivery_id, message, _) in enumerate(taken, 1):
            claimed = by_id.pop(delivery_id, None)
            if claimed is None:
                self._settled(message)
            else:
                good_until = began + min(self._lease_seconds / 2, _left(claimed))
                self._ready.put_nowait(AtHand(claimed, self._prepare(claimed), message, good_until))
            if number % PREPARED_TOGETHER == 0 or self._clock.monotonic() > row_ends:
                await asyncio.sleep(0)
                row_ends = self._clock.monotonic() + PREPARING_SECONDS

    def _put_back(self, taken: Sequence[_Entry], *, slow: bool) -> None:
        """To the end of the line: acknowledged, they and the crowd behind them would wait for the scheduler. But those
        of two slow claims are left to it: most likely it is not the ledger but one of these rows, which somebody keeps
        locked."""
        self._in_hand -= len(taken)
        for each, message, slow_before in taken:
            if self._stopping:
                message.give_back()
            elif slow and slow_before:
                message.settle()
            else:
                self._line.append((each, message, slow or slow_before))
        self._turn.set()

    async def _ledger_back(self) -> None:
        """Returns when the ledger answers. What goes back to the broker meanwhile will come again: here it is dropped,
        or a line that nobody claims from would grow with each connection lost."""
        while True:
            await asyncio.sleep(self._pause_seconds)
            self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
            self._line = deque(entry for entry in self._line if not entry[1].done.done())
            try:
                await self._claims.claim([], owner=self._owner, lease_seconds=self._lease_seconds)
            except LedgerUnavailable:
                continue
            return

    async def let_go(self) -> float:
        """Leaves to the scheduler what has waited for too long; for `periodic.repeat`."""
        line, self._line = self._line, deque()
        oldest = self._clock.monotonic() - HELD_SECONDS
        for entry in line:
            if entry[1].since < oldest:
                entry[1].settle()
            else:
                self._line.append(entry)
        return LOOK_SECONDS

    async def give_back(self) -> float:
        """Gives back claims at hand whose lease would run out before a worker is free, as every call takes long, or
        that expired: nothing was sent, and nobody is to think that it might have been. For `periodic.repeat`."""
        now = self._clock.monotonic()
        at_hand = [self._ready.get_nowait() for _ in range(self._ready.qsize())]
        late = [each for each in at_hand if now > each.good_until]
        for each in at_hand:
            if now <= each.good_until:
                self._ready.put_nowait(each)
        if late:
            log.info("claims given back unsent, as all calls take long", deliveries=len(late))
            await self.release([each.claim for each in late])
            for each in late:
                self._settled(each.message)
        return self._lease_seconds * _LOOKS

    def _settled(self, message: Message) -> None:
        self._in_hand -= 1
        self._pace.done()
        message.settle()
        self._turn.set()

    async def _work_always(self) -> None:
        while True:
            claimed, send, message, good_until = await self._ready.get()
            if self.paused or self._clock.monotonic() > good_until:
                await self._give_up(claimed, message)
                continue
            held = Held(message)
            call = self.leases.begin(claimed, good_until, held.let_go)
            try:
                result = await send()
            except Withheld as withheld:
                await self._wait_again(claimed, held.message, withheld)
            except TakesLong as long:
                held.let_go()
                await self._aside.add(claimed, long.get_ready, held.message, good_until)
                self._in_hand -= 1
                self._turn.set()
            except (Exception, asyncio.CancelledError) as error:
                # A defect in one sending, or a library's stray cancellation, must not end those beside it.
                if cancelled_from_outside():
                    raise
                log.error("sending failed; its lease will run out", error=type(error).__name__)
                self._settled(held.message)
            else:
                self._recorder.submit(result).add_done_callback(partial(self._recorded, held.message))
            finally:
                self.leases.end(call)

    def _recorded(self, message: Message, future: asyncio.Future[None]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            log.error("a result could not be recorded; its lease will run out", error=type(error).__name__)
        self._settled(message)

    async def _give_up(self, claimed: Claim, message: Message) -> None:
        """The channel is paused; or the claim is too old to be sent with certainty, as this process stood still or its
        provider is slow; or it has expired, and the scheduler ends it."""
        log.warning("claim given back unsent", delivery_id=str(claimed.id), paused=self.paused)
        await self.release([claimed])
        if self.paused and not self._stopping:
            self._in_line_again(claimed, message)
        else:
            self._settled(message)

    async def _wait_again(self, claimed: Claim, message: Message, withheld: Withheld) -> None:
        """Nothing is wrong with the delivery: it waits here, and the scheduler need not announce it."""
        if self._stopping:
            await self.release([claimed])
            self._settled(message)
        else:
            await self.release([claimed], held_seconds=None if self.paused else AGAIN_SECONDS)
            self._in_line_again(claimed, message, last=withheld.last)

    async def release(self, claims: Sequence[Claim], *, held_seconds: float | None = None) -> None:
        """Gives claims back; while the database is away their leases run out."""
        try:
            await self._claims.release(claims, held_seconds=held_seconds)
        except Exception as error:  # noqa: BLE001 - a worker does not end for it
            log.warning(
                "their leases will have to run out", deliveries=len(claims), error=type(error).__name__
            )

    def at_hand(self, ready: AtHand) -> None:
        """A delivery that took long is ready for a worker."""
        self._in_hand += 1
        self._ready.put_nowait(ready)

    def in_line(self, delivery_id: UUID, message: Message) -> None:
        """A delivery that takes long, and was given back, is to be claimed again."""
        self._line.append((delivery_id, message, False))
        self._turn.set()

    def _in_line_again(self, claimed: Claim, message: Message, *, last: bool = False) -> None:
        self._in_hand -= 1
        entry = (claimed.id, message, False)
        if last:
            self._line.append(entry)
        else:
            self._line.appendleft(entry)
        self._turn.set()


def _left(claimed: Claim) -> float:
    """Seconds from the claim until it is not to be sent any more."""
    return math.inf if claimed.expires_in is None else claimed.expires_in
