"""Deliveries whose content takes long wait here, outside the workers.

    worker ─▶ `TakesLong` ─▶ waiting, by project ─▶ one at a time of each project ─▶ a worker again
                  └─▶ no place, or no turn: claim given back, id parked ─▶ in line again when there is one

The project with the most waiting deliveries makes room for others.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

from hermodr_delivery.claimed import AtHand, GetReady, Message, Withheld
from hermodr_delivery.lane.leases import Call, Leases
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_servicekit.cancellation import cancelled_from_outside

log = structlog.get_logger()

MOST_WAITING = 64
MOST_CHARACTERS = 16 * 1024 * 1024
"""Of data and content of all that wait; a single one may be larger."""
MOST_PARKED = 4_000
"""Ids, about 100 octets each. Others are announced again by the scheduler."""
PARKED_SECONDS = 60.0
"""After this the scheduler may announce parked ids, in case this process lost them."""
_CALLED = 2
"""Parked ids claimed again when a place is free; more than one, because other senders may have some."""


class Lane(Protocol):
    @property
    def paused(self) -> bool: ...
    def at_hand(self, ready: AtHand) -> None: ...

    def in_line(self, delivery_id: UUID, message: Message) -> None: ...

    async def release(self, claims: Sequence[Claim], *, held_seconds: float | None = None) -> None:
        """Gives claims back. Does not raise."""
        ...


@dataclass(slots=True, eq=False)
class _Entry:
    claim: Claim
    get_ready: GetReady
    message: Message
    lease: Call

    @property
    def characters(self) -> int:
        return len(self.claim.data) + len(self.claim.content or "")


class Aside:
    """The waiting deliveries of one lane; their leases are renewed."""

    def __init__(self, lane: Lane, leases: Leases, now: Callable[[], float]) -> None:
        self._lane = lane
        self._leases = leases
        self._now = now
        self._waiting: dict[UUID, deque[_Entry]] = {}
        self._under_way: dict[UUID, _Entry] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._parked: dict[UUID, dict[UUID, None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._stopping = False

    def work_in(self, group: asyncio.TaskGroup) -> None:
        self._group = group

    async def add(self, claim: Claim, get_ready: GetReady, message: Message, renew_at: float) -> None:
        """Takes over a claim, or gives it back. Nobody may wait for `message`."""
        if self._stopping or self._group is None:
            await self._lane.release([claim])
            message.settle()
            return
        entry = _Entry(claim, get_ready, message, self._leases.begin(claim, renew_at, lambda: None))
        project = claim.project_id
        self._waiting.setdefault(project, deque()).append(entry)
        if project not in self._tasks:
            self._tasks[project] = self._group.create_task(self._work(project))
        if late := self._without_place():
            await self._park(late)

    def parked(self, ids: Sequence[UUID]) -> set[UUID]:
        """Those of the ids that are parked here: the lane need not claim them now."""
        if not self._parked:
            return set()
        known = {each for each in ids if any(each in parked for parked in self._parked.values())}
        if known and not self._tasks:
            self._call_parked()  # those claimed last were all gone
        return known

    async def drain(self) -> None:
        self._stopping = True
        tasks, self._tasks = list(self._tasks.values()), {}
        entries = self._entries()
        self._waiting, self._under_way, self._parked = {}, {}, {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if entries:
            await self._give_back(entries)

    async def _work(self, project: UUID) -> None:
        line = self._waiting[project]
        while line:
            entry = self._under_way[project] = line.popleft()
            try:
                await self._get_ready(entry)
            except (Exception, asyncio.CancelledError) as error:
                if cancelled_from_outside():
                    raise
                log.error("getting ready failed; its lease will run out", error=type(error).__name__)
                self._leases.end(entry.lease)
                entry.message.settle()
            self._under_way.pop(project, None)
            self._call_parked()
        self._waiting.pop(project, None)
        self._tasks.pop(project, None)

    async def _get_ready(self, entry: _Entry) -> None:
        if self._lane.paused:
            self._leases.end(entry.lease)
            await self._lane.release([entry.claim])
            self._lane.in_line(entry.claim.id, entry.message)
            return
        try:
            send = await entry.get_ready()
        except Withheld as withheld:
            if withheld.last:
                await self._park([entry])
            else:
                await self._give_back([entry], held_seconds=withheld.seconds)
            return
        good_until = await self._leases.renewed(entry.lease)
        self._under_way.pop(entry.claim.project_id, None)
        self._leases.end(entry.lease)
        if good_until is None:
            entry.message.settle()
            return
        self._lane.at_hand(AtHand(entry.claim, send, entry.message, good_until))

    async def _give_back(self, entries: Sequence[_Entry], *, held_seconds: float | None = None) -> None:
        for each in entries:
            self._leases.end(each.lease)
        await self._lane.release([each.claim for each in entries], held_seconds=held_seconds)
        for each in entries:
            each.message.settle()

    def _without_place(self) -> list[_Entry]:
        """Removes the newest deliveries of the project with the most, until the rest fits."""
        late: list[_Entry] = []
        number = self._number()
        entries = self._entries()
        characters = sum(each.characters for each in entries)
        while any(self._waiting.values()) and (
            number > MOST_WAITING or (number > 1 and characters > MOST_CHARACTERS)
        ):
            by = _length if number > MOST_WAITING else _characters
            late.append(max(self._waiting.values(), key=by).pop())
            number -= 1
            characters -= late[-1].characters
        return late

    async def _park(self, late: Sequence[_Entry]) -> None:
        await self._give_back(late, held_seconds=PARKED_SECONDS)
        for each in late:
            if sum(map(len, self._parked.values())) < MOST_PARKED and not self._stopping:
                self._parked.setdefault(each.claim.project_id, {})[each.claim.id] = None
        if not self._tasks:
            self._call_parked()  # all others were done meanwhile

    def _entries(self) -> list[_Entry]:
        return [*self._under_way.values(), *(each for line in self._waiting.values() for each in line)]

    def _number(self) -> int:
        return len(self._under_way) + sum(map(len, self._waiting.values()))

    def _call_parked(self) -> None:
        number = self._number()
        room = MOST_WAITING if number == 0 else min(_CALLED, MOST_WAITING - number)
        while room > 0 and self._parked:
            project = min(self._parked, key=lambda each: len(self._waiting.get(each, ())))
            ids = self._parked.pop(project)
            delivery_id = next(iter(ids))
            del ids[delivery_id]
            if ids:
                self._parked[project] = ids  # behind the others
            self._lane.in_line(delivery_id, Message(1, self._now()))
            room -= 1


def _length(line: deque[_Entry]) -> int:
    return len(line)


def _characters(line: deque[_Entry]) -> int:
    return sum(each.characters for each in line)
