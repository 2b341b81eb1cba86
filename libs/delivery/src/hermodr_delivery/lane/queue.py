"""The ids of one lane: waiting unclaimed, claimed a few at a time, given back.

    submit ─▶ lines ─▶ claim and prepare ─▶ `ready`, for the workers ─▶ settled
               ▲         └─ database away: back in line until it answers
               └─ paused, or refused by the provider: claimed again later

Ids stay unclaimed until a worker is almost free: a lease covers little more than the provider's call, and other senders
can take the rest. Projects take turns (`lines`).
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from uuid import UUID

import structlog

from hermodr_delivery.claimed import AtHand, Message, Send
from hermodr_delivery.lane.leases import Renewals
from hermodr_delivery.lane.lines import SORTED_TOGETHER, Entry, Lines, PauseOf
from hermodr_delivery.lane.pace import Pace
from hermodr_delivery.rate import Ahead
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

HELD_SECONDS = 600.0
"""How long ids may wait in line: RabbitMQ closes a consumer that acknowledges nothing for half an hour."""

AGAIN_SECONDS = 30.0
"""When the scheduler may announce a delivery that is in line again."""

LOOK_SECONDS = 30.0
SLOW_SECONDS = 5.0
"""A claim that failed after this long may have waited for a locked row."""

PREPARED_TOGETHER = 16
"""Claims prepared in a row: CPU caches make this a tenth cheaper."""

PREPARING_SECONDS = 0.002
"""The time for that, in which everything else waits; usually half of it is used."""

_NOBODY_KNOWS = UUID(int=0)
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_LOOKS = 0.1
_SORTING_SECONDS = 0.02
"""Between two statements that sort few ids."""

Prepare = Callable[[Claim], Send]
"""Prepares the delivery without waiting for anything. Does not raise."""


class Claims(Renewals, Protocol):
    async def owners(self, ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        """See `hermodr_ledger.deliveries.attempts.owners`. Raises `LedgerUnavailable`."""
        ...

    async def claim(self, ids: Sequence[UUID], *, owner: str, lease_seconds: float) -> list[Claim]:
        """See `hermodr_ledger.deliveries.attempts.claim`. Raises `LedgerUnavailable`."""
        ...

    async def release(self, claims: Sequence[Claim], *, held_seconds: float | None = None) -> None:
        """See `hermodr_ledger.deliveries.attempts.release`. Raises `LedgerUnavailable`."""
        ...


class Queue:
    """Claims what `pace` asks for, and `pause_of` lets pass; nothing while `paused`, `stopping` or `resting`
    (seconds)."""

    def __init__(
        self,
        claims: Claims,
        prepare: Prepare,
        ready: asyncio.Queue[AtHand],
        clock: Clock,
        *,
        owner: str,
        pace: Pace,
        lease_seconds: float,
        resting: Callable[[], float],
        ahead: Callable[[], Ahead | None] = lambda: None,
        pause_of: PauseOf | None = None,
    ) -> None:
        self._claims = claims
        self._prepare = prepare
        self._ready = ready
        self._clock = clock
        self._owner = owner
        self._pace = pace
        self._lease_seconds = lease_seconds
        self._resting = resting
        self._ahead = ahead
        self._lines = Lines(pause_of)
        self._slow: set[UUID] = set()
        """Claiming these took long before."""
        self._in_hand = 0
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._turn = asyncio.Event()
        self._came = asyncio.Event()
        self.paused = False
        self.stopping = False

    def add(self, ids: Sequence[UUID]) -> Message:
        """The message is done when each of the ids is settled."""
        message = Message(len(ids), self._clock.monotonic())
        self._lines.add(ids, message)
        self._turn.set()
        self._came.set()
        return message

    @property
    def unsorted(self) -> bool:
        """Whether it is to be found out whose some of them are."""
        return bool(self._lines.unsorted)

    @property
    def waiting(self) -> int:
        """Unclaimed ids."""
        return len(self._lines)

    def waited(self) -> float:
        """The seconds that the first in line has waited."""
        since = self._lines.since
        return 0.0 if since is None else self._clock.monotonic() - since

    def resume(self) -> None:
        self.paused = False
        self._turn.set()

    def stop(self) -> None:
        """Claims nothing more; unclaimed messages go back to the broker."""
        self.stopping = True
        self._give_back(self._lines.entries())

    async def all_settled(self) -> None:
        while self._in_hand:
            self._turn.clear()
            await self._turn.wait()

    def settled(self, message: Message) -> None:
        self._in_hand -= 1
        self._pace.done()
        message.settle()
        self._turn.set()

    def went_aside(self) -> None:
        self._in_hand -= 1
        self._turn.set()

    def at_hand(self, ready: AtHand) -> None:
        self._in_hand += 1
        self._ready.put_nowait(ready)

    def in_line(self, delivery_id: UUID, message: Message) -> None:
        self._lines.put(Entry(delivery_id, message))
        self._turn.set()

    def in_line_again(self, claimed: Claim, message: Message, *, last: bool = False) -> None:
        """A delivery whose claim was given back has to be claimed again: next, or after all others."""
        self._in_hand -= 1
        self._lines.put(Entry(claimed.id, message, claimed.project_id), first=not last)
        self._turn.set()

    async def release(self, claims: Sequence[Claim], *, held_seconds: float | None = None) -> None:
        """Gives claims back to the ledger; if that fails, their leases run out."""
        try:
            await self._claims.release(claims, held_seconds=held_seconds)
        except Exception as error:  # noqa: BLE001 - a worker does not end for it
            log.warning(
                "their leases will have to run out", deliveries=len(claims), error=type(error).__name__
            )

    async def claim_always(self) -> None:
        while True:
            self._turn.clear()
            resting = self._resting()
            if resting and self._lines:
                await self._turn_within(resting)
            elif (room := self._room()) > 0:
                if not await self._claim_some(room):
                    await self._turn_within(self._lines.pause)
            else:
                await self._turn.wait()

    async def _turn_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._turn.wait()

    def _room(self) -> int:
        """How many to claim now: none, or at least half of what may be claimed ahead."""
        if not self._lines or self.stopping or self.paused:
            return 0
        most = self._pace.ahead()
        room = most - self._in_hand if self._in_hand <= most // 2 else 0
        ahead = self._ahead()
        if ahead is None:
            return room
        waiting = ahead.waiting + self._ready.qsize()
        return min(room, ahead.most - waiting) if waiting <= ahead.most // 2 else 0

    async def let_go(self) -> float:
        """Leaves ids that waited too long to the scheduler; for `periodic.repeat`."""
        oldest = self._clock.monotonic() - HELD_SECONDS
        late = [each for each in self._lines.entries() if each.message.since < oldest]
        self._lines.remove(late)
        for each in late:
            each.message.settle()
        return LOOK_SECONDS

    def share(self, number: int) -> int:
        """Puts up to `number` ids back to the broker, for other senders: the newest. Returns how many."""
        surplus = self._lines.newest(number)
        self._give_back(surplus)
        return len(surplus)

    async def sort_always(self) -> None:
        """Finds out whose the ids are once many wait."""
        while True:
            self._came.clear()
            ids = self._lines.unsorted
            if not ids or self.stopping:
                await self._came.wait()
                continue
            try:
                owners = await self._claims.owners(ids)
            except LedgerUnavailable:
                await asyncio.sleep(_LONGEST_PAUSE_SECONDS)
                continue
            except Exception as error:  # noqa: BLE001 - they are claimed in order, then
                log.error("ids cannot be sorted by project", ids=len(ids), error=type(error).__name__)
                owners = dict.fromkeys(ids, _NOBODY_KNOWS)
            self._lines.sort(ids, owners)
            self._turn.set()
            await asyncio.sleep(_SORTING_SECONDS if len(ids) < SORTED_TOGETHER else 0)

    async def give_back(self) -> float:
        """Gives back claims whose lease would end before a worker is free. For `periodic.repeat`."""
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
                self.settled(each.message)
        return self._lease_seconds * _LOOKS

    async def _claim_some(self, room: int) -> bool:
        """Returns whether some could be taken."""
        taken = self._lines.take(room)
        if not taken:
            return False
        self._in_hand += len(taken)
        began = self._clock.monotonic()
        try:
            claims = await self._claims.claim(
                [each.id for each in taken], owner=self._owner, lease_seconds=self._lease_seconds
            )
        except LedgerUnavailable as error:
            log.warning("deliveries wait for the database", deliveries=len(taken), error=str(error))
            self._put_back(taken, slow=self._clock.monotonic() - began > SLOW_SECONDS)
            await self._ledger_back()
            return True
        except Exception as error:  # noqa: BLE001 - whatever it is, the lane goes on
            log.error("not claimed; the scheduler will announce them", error=type(error).__name__)
            for each in taken:
                self.settled(each.message)
            await asyncio.sleep(_LONGEST_PAUSE_SECONDS)
            return True
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        if self._slow:
            self._slow.difference_update(each.id for each in taken)
        await self._make_ready(taken, {each.id: each for each in claims}, began)
        return True

    async def _make_ready(self, taken: Sequence[Entry], claims: dict[UUID, Claim], began: float) -> None:
        row_ends = self._clock.monotonic() + PREPARING_SECONDS
        for number, (delivery_id, message, _) in enumerate(taken, 1):
            claimed = claims.pop(delivery_id, None)
            if claimed is None:
                self.settled(message)
            else:
                good_until = began + min(self._lease_seconds / 2, _left(claimed))
                self._ready.put_nowait(AtHand(claimed, self._prepare(claimed), message, good_until))
            if number % PREPARED_TOGETHER == 0 or self._clock.monotonic() > row_ends:
                await asyncio.sleep(0)
                row_ends = self._clock.monotonic() + PREPARING_SECONDS

    def _put_back(self, taken: Sequence[Entry], *, slow: bool) -> None:
        """To the end of their lines. Ids of two slow claims are left to the scheduler: a row may be locked."""
        self._in_hand -= len(taken)
        for each in taken:
            slow_before = each.id in self._slow
            self._slow.discard(each.id)
            if self.stopping:
                each.message.give_back()
            elif slow and slow_before:
                each.message.settle()
            else:
                self._lines.put(each)
                if slow or slow_before:
                    self._slow.add(each.id)
        self._turn.set()

    def _give_back(self, entries: Sequence[Entry]) -> None:
        self._lines.remove(entries)
        for each in entries:
            each.message.give_back()

    async def _ledger_back(self) -> None:
        """Returns when the ledger answers. Drops ids whose messages went back to the broker: they will come again."""
        while True:
            await asyncio.sleep(self._pause_seconds)
            self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
            self._lines.remove([each for each in self._lines.entries() if each.message.done.done()])
            try:
                await self._claims.claim([], owner=self._owner, lease_seconds=self._lease_seconds)
            except LedgerUnavailable:
                continue
            return


def _left(claimed: Claim) -> float:
    """Seconds from the claim in which it may be sent."""
    return math.inf if claimed.expires_in is None else claimed.expires_in
