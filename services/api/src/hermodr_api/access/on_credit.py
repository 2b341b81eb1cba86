"""Rates of projects, shared by all API processes. Requests pass at once and are paid for afterwards: so nobody waits
for the ledger, and a process that is killed or idle keeps no tokens from the others. In any span t at most
burst + rate * t + processes * max(1, rate / 10) requests pass, as with the `Limiter` (ADR 0017)."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass

from hermodr_api.access.limits import SLICE_SECONDS, Take
from hermodr_api.answers import patience
from hermodr_contracts.rates import Limit
from hermodr_ledger.access.rates import BucketRequest, Granted
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer

SETTLED_SECONDS = 1.0
"""A smaller debt is paid when it is so old, with the next request."""
_MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class _Tab:
    """`owed`: requests that passed and are not paid for, `since` the last payment. `passed` in the `second` (of the
    monotonic clock), and in the one before it."""

    owed: int = 0
    since: float = -math.inf
    empty_until: float = -math.inf
    paying: asyncio.Task[None] | None = None
    second: int = 0
    passed: int = 0
    passed_before: int = 0

    def turn(self, now: float) -> None:
        """Begins a new second when it is time."""
        second = int(now)
        if second != self.second:
            self.passed_before = self.passed if second == self.second + 1 else 0
            self.second, self.passed = second, 0


class OnCredit:
    def __init__(self, take: Take, clock: Clock) -> None:
        self._clock = clock
        self._take = take
        self._tabs: dict[str, _Tab] = {}
        self._takes: Coalescer[BucketRequest, Granted] = Coalescer(self._flush, max_items=100, concurrency=1)

    async def use(self, subject: str, rate: int) -> float:
        """Lets a request pass (0), or tells after how many seconds another may; `rate` a second, as many at once.
        Raises `LedgerUnavailable`."""
        tab = self._tabs.get(subject) or self._tab(subject)
        most = max(1, int(rate * SLICE_SECONDS))
        while True:
            now = self._clock.monotonic()
            if now < tab.empty_until:
                return tab.empty_until - now
            if tab.owed < most:
                break
            async with patience():
                await asyncio.shield(self._pay(subject, tab, rate))
        tab.owed += 1
        tab.turn(now)
        tab.passed += 1
        if tab.paying is None and (tab.owed * 2 >= most or now - tab.since >= SETTLED_SECONDS):
            self._pay(subject, tab, rate)
        return 0.0

    def passed(self, subject: str) -> int:
        """How many passed here in the last whole second, or in this one if that is more."""
        tab = self._tabs.get(subject)
        if tab is None:
            return 0
        tab.turn(self._clock.monotonic())
        return max(tab.passed, tab.passed_before)

    async def drain(self) -> None:
        """Returns when no payment is under way."""
        under_way = [each.paying for each in self._tabs.values() if each.paying is not None]
        await asyncio.gather(*under_way, return_exceptions=True)

    def _pay(self, subject: str, tab: _Tab, rate: int) -> asyncio.Task[None]:
        if tab.paying is None:
            tab.paying = asyncio.create_task(self._paid(subject, tab, rate))
            tab.paying.add_done_callback(_heard)
        return tab.paying

    async def _paid(self, subject: str, tab: _Tab, rate: int) -> None:
        try:
            wanted = min(tab.owed, rate)
            granted = await self._takes.submit(BucketRequest(subject, Limit(rate, 1, rate), wanted))
            tab.owed -= granted.tokens
            tab.since = self._clock.monotonic()
            if granted.tokens < wanted:
                tab.empty_until = tab.since + max(SLICE_SECONDS / 5, (tab.owed - granted.left) / rate)
        finally:
            tab.paying = None

    def _tab(self, subject: str) -> _Tab:
        if len(self._tabs) >= _MOST_REMEMBERED:
            self._tabs = {name: each for name, each in self._tabs.items() if each.paying or each.owed}
        return self._tabs.setdefault(subject, _Tab())

    async def _flush(self, requests: Sequence[BucketRequest]) -> list[Granted]:
        found = await self._take(requests)
        return [found[each.subject] for each in requests]


def _heard(task: asyncio.Task[None]) -> None:
    """A payment that failed is tried again by the next request; who waits for it gets the error."""
    if not task.cancelled():
        task.exception()
