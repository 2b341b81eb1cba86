"""Waits for a turn at a provider, within its limits."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Protocol

from hermodr_delivery.claimed import Withheld
from hermodr_delivery.routing.budget import Budget
from hermodr_servicekit.clock import Clock

MakeBudget = Callable[[Callable[[], None]], Budget]
"""Makes the shared budget; its argument is called when the budget has changed."""

_Waiter = tuple[bool, int, asyncio.Future[None], float]
"""Whether it is not urgent, its place, its turn, and until when it waits (monotonic)."""


class Limits(Protocol):
    """What a provider takes, as `routing.bearing` and `routing.gate` know it. `refusals` above zero: one call at a
    time finds out."""

    @property
    def rate(self) -> float | None: ...
    @property
    def configured_rate(self) -> float | None: ...
    @property
    def refusals(self) -> int: ...
    @property
    def resting(self) -> float: ...
    @property
    def at_once(self) -> int: ...
    def grow(self) -> None: ...


class Turns:
    """Turns in order of arrival, urgent ones first. Calls are spaced evenly, because providers count in unknown
    windows. The configured rate is shared by all processes (`budget`); limits that are found out are each process's
    own, and several share a provider as TCP connections share a line."""

    def __init__(self, bearing: Limits, clock: Clock, budget: MakeBudget | None = None) -> None:
        self._bearing = bearing
        self._clock = clock
        self._budget = budget(self.look) if budget is not None else None
        self._under_way = 0
        self._next = 0.0
        self._waiting: list[_Waiter] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def open(self) -> bool:
        """Whether a call need not wait for a rest, or for the one call that is let through after it."""
        bearing = self._bearing
        return not bearing.refusals or (bearing.resting == 0 and not self._under_way)

    async def take(self, *, urgent: bool, patience: float) -> float:
        """Returns at the caller's turn, with the seconds that took; `leave` must follow. Raises `Withheld`."""
        if not self._waiting and self._pause() == 0:
            self._enter()
            return 0.0
        began = self._clock.monotonic()
        if self._bearing.resting > patience:
            raise Withheld
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent, next(self._order), future, began + patience))
        self._admit()
        try:
            async with asyncio.timeout(patience):
                await future
        except BaseException as error:
            if future.done() and not future.cancelled() and future.exception() is None:
                self.leave()  # the turn came at the same moment
            if isinstance(error, TimeoutError):
                raise Withheld from None
            raise
        return self._clock.monotonic() - began

    def leave(self) -> None:
        self._under_way -= 1
        self.look()

    def look(self) -> None:
        """Something has changed: whoever waits may have a turn, or none for long."""
        if self._waiting:
            self._admit()

    async def close(self) -> None:
        if self._budget is not None:
            await self._budget.close()

    def _enter(self) -> None:
        self._under_way += 1
        if self._bearing.rate is not None:
            self._next = max(self._next, self._clock.monotonic()) + 1 / self._bearing.rate
        if self._budget is not None:
            self._budget.take()

    def _pause(self) -> float | None:
        """Seconds until one more call may begin; `None` while all that are allowed are running."""
        bearing = self._bearing
        if self._under_way >= bearing.at_once:
            bearing.grow()
            if self._under_way >= bearing.at_once:
                return None
        if bearing.rate is None and not bearing.refusals:
            return 0.0
        now = self._clock.monotonic()
        as_configured = self._budget is not None and bearing.rate == bearing.configured_rate
        spaced = self._next - now if bearing.rate is not None and not as_configured else 0.0
        pause = max(bearing.resting, spaced, 0.0)
        if self._budget is None or pause > 0:
            return pause
        if not as_configured or bearing.refusals:
            return self._budget.pause(1, ahead=False)
        return self._budget.pause(max(1, min(len(self._waiting), bearing.at_once - self._under_way)))

    def _admit(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._send_away()
        while self._waiting:
            if self._waiting[0][2].done():
                heapq.heappop(self._waiting)
                continue
            pause = self._pause()
            if pause == 0:
                self._enter()
                heapq.heappop(self._waiting)[2].set_result(None)
                continue
            if pause is not None:
                self._timer = asyncio.get_running_loop().call_later(pause, self._admit)
            return

    def _send_away(self) -> None:
        """Ends waiting that cannot succeed before a rest is over, so that the claims can be given back."""
        if resting := self._bearing.resting:
            over = self._clock.monotonic() + resting
            for _, _, future, patient_until in self._waiting:
                if patient_until < over and not future.done():
                    future.set_exception(Withheld())
