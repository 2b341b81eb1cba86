"""Jobs accepted per day, shared by all API processes. A process takes them from the ledger in slices, before they are
used: no more are accepted than may be. It tells what it used every `TOLD_SECONDS`, and returns what it did not use for
`HELD_SECONDS`; what a killed process held is lost to the day."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from hermodr_api.answers import patience
from hermodr_ledger.access.accepted import NO_LIMIT, Slice, SliceRequest
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer

TOLD_SECONDS = 2.0
HELD_SECONDS = 60.0
LARGEST_SLICE = 10_000
_FIRST_SLICE = 10
_SHARES = 1_000
"""A slice is at most such a part of the day."""
_QUICK_SECONDS = 1.0
_PAUSE_SECONDS = 0.25
"""How long a day is believed to have nothing left."""

TakeSlices = Callable[[Sequence[SliceRequest]], Awaitable[Mapping[UUID, Slice]]]


@dataclass(slots=True)
class _Purse:
    """What this process holds of a day; `returning`: what it does not use any more; `used`: not told yet."""

    day: date = date.min
    left: int = 0
    returning: int = 0
    used: int = 0
    most: int = 0
    size: int = _FIRST_SLICE
    waiting: int = 0
    asked_at: float = -math.inf
    used_at: float = -math.inf
    empty_until: float = -math.inf
    asking: asyncio.Task[Any] | None = None


class Days:
    def __init__(self, take: TakeSlices, clock: Clock) -> None:
        self._take = take
        self._clock = clock
        self._purses: dict[UUID, _Purse] = {}
        self._takes: Coalescer[SliceRequest, Slice | None] = Coalescer(
            self._flush, max_items=100, concurrency=1
        )

    @property
    def seconds_left(self) -> int:
        """Until the next day."""
        now = self._clock.now().astimezone(UTC)
        tomorrow = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
        return math.ceil((tomorrow - now).total_seconds())

    async def take(self, project_id: UUID, jobs: int, limit: int | None) -> date | None:
        """Uses so many of the day's `limit` (`None`: no limit), and tells the day; or none, if it has not so many left.
        Raises `LedgerUnavailable`."""
        purse = self._purses.get(project_id)
        if purse is None:
            purse = self._purses[project_id] = _Purse()
        most = NO_LIMIT if limit is None else limit
        today = self._clock.now().date()
        if purse.day != today or purse.most != most:
            self._turn(purse, most, today)
        if purse.left < jobs and not await self._enough(project_id, purse, jobs):
            return None
        purse.left -= jobs
        purse.used += jobs
        purse.used_at = self._clock.monotonic()
        return purse.day

    def give_back(self, project_id: UUID, jobs: int, day: date) -> None:
        """Of those used on that day, so many were not accepted. When it is over, nobody misses them."""
        purse = self._purses.get(project_id)
        if purse is not None and purse.day == day:
            purse.used -= jobs
            purse.left += jobs

    async def tell(self, *, all: bool = False) -> None:
        """Tells the ledger what was used, and returns what was not used for long; `all`: everything."""
        now = self._clock.monotonic()
        for project_id, purse in list(self._purses.items()):
            idle = all or now - purse.used_at > HELD_SECONDS
            if purse.asking is None and (purse.used or purse.returning or (idle and purse.left)):
                purse.asking = asyncio.create_task(self._ask(project_id, purse, 0, keep=not idle))
            elif idle and purse.asking is None:
                del self._purses[project_id]
        under_way = [each.asking for each in self._purses.values() if each.asking is not None]
        await asyncio.gather(*under_way, return_exceptions=True)

    async def tell_for_ever(self) -> None:
        while True:
            await asyncio.sleep(TOLD_SECONDS)
            await self.tell()

    @staticmethod
    def _turn(purse: _Purse, most: int, today: date) -> None:
        """Another day, or another limit, by which what is held was not granted."""
        if purse.day != today:
            purse.left = purse.returning = purse.used = 0
        purse.returning += purse.left
        purse.left = 0
        purse.day, purse.most, purse.empty_until = today, most, -math.inf

    async def _enough(self, project_id: UUID, purse: _Purse, jobs: int) -> bool:
        purse.waiting += jobs
        try:
            async with patience():
                while purse.left < jobs:
                    if self._clock.monotonic() < purse.empty_until:
                        return False
                    if purse.asking is None:
                        purse.asking = asyncio.create_task(self._ask_for_more(project_id, purse))
                    await asyncio.shield(purse.asking)
        finally:
            purse.waiting -= jobs
        return True

    async def _ask_for_more(self, project_id: UUID, purse: _Purse) -> None:
        now = self._clock.monotonic()
        largest = max(1, min(LARGEST_SLICE, purse.most // _SHARES))
        quick = now - purse.asked_at < _QUICK_SECONDS
        purse.size = min(largest, purse.size * 2 if quick else max(_FIRST_SLICE, purse.size // 2))
        purse.asked_at = purse.used_at = now
        wanted = max(purse.size, purse.waiting - purse.left)
        if await self._ask(project_id, purse, wanted, keep=True) < wanted:
            purse.empty_until = self._clock.monotonic() + _PAUSE_SECONDS

    async def _ask(self, project_id: UUID, purse: _Purse, wanted: int, *, keep: bool) -> int:
        """How many were granted. What an outage swallows counts as taken, and is not shown as used."""
        try:
            today = self._clock.now().date()
            if purse.day != today:
                self._turn(purse, purse.most, today)
            if not keep:
                purse.returning += purse.left
                purse.left = 0
            request = SliceRequest(project_id, purse.most, wanted, purse.returning, purse.used)
            purse.returning = purse.used = 0
            found = await self._takes.submit(request)
        finally:
            purse.asking = None
        if found is None:
            return 0
        purse.left += found.jobs
        return found.jobs

    async def _flush(self, requests: Sequence[SliceRequest]) -> list[Slice | None]:
        found = await self._take(requests)
        return [found.get(each.project_id) for each in requests]
