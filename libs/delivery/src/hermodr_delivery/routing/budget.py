"""A provider's configured rate as one budget of all senders: each reserves moments for its next calls in the ledger.

    turns wait ─▶ `ask`: a few moments in a row, one statement ─▶ `ledger`: next_at moves on by as many
                                                             └─▶ each call takes a moment, not before it has come

Only what waits is reserved for, or what the last tenth of a second needed: nobody else can use a moment that is kept. A
moment is worth something for a short while after it has come; that is the burst.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable
from typing import Protocol

import structlog

from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

SLICE_SECONDS = 0.1
"""The most that is reserved at a time, in seconds of the rate."""
EARLY_SECONDS = 0.025
"""How long before its last moment a process asks for the next ones; earlier if answers take longer."""
BURST = 5
BURST_SECONDS = 0.05
"""The default burst: five calls, or those of this time."""
AWAY_SECONDS = 1.0
"""After an answer that did not come, until the ledger is asked again."""


class Budgets(Protocol):
    async def reserve(self, provider: str, number: int, *, interval: float, earliest: float) -> float:
        """See `hermodr_ledger.deliveries.budgets.reserve`. Raises `LedgerUnavailable`."""
        ...


class Budget:
    """This process's share of the rate of one provider."""

    def __init__(
        self,
        budgets: Budgets,
        provider: str,
        clock: Clock,
        changed: Callable[[], None],
        *,
        rate: float,
        burst: int | None = None,
        asked: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed` is called when `pause` may have become shorter, `asked` for each reservation."""
        self._budgets = budgets
        self._provider = provider
        self._clock = clock
        self._interval = 1 / rate
        self._late = (max(burst or max(BURST, int(rate * BURST_SECONDS)), 1) - 1) / rate
        self._most = max(1, int(rate * SLICE_SECONDS))
        self._changed = changed
        self._asked = asked
        self._moments: deque[tuple[float, float]] = deque()
        self._size = 1
        self._asked_at = -math.inf
        self._trip = 0.0
        self._asking: asyncio.Task[None] | None = None
        self._away_until = -math.inf

    def pause(self, waiting: int, *, ahead: bool = True) -> float | None:
        """Seconds until the next call may begin, of `waiting` that could; `None` while the ledger is asked. `ahead`:
        more may be reserved if others are likely to follow."""
        now = self._clock.monotonic()
        moments = self._moments
        while moments and moments[0][1] < now:
            moments.popleft()
            self._size = max(1, self._size // 2)
        early = max(EARLY_SECONDS, min(2 * self._trip, SLICE_SECONDS))
        if self._asking is None and (not moments or moments[-1][0] - now < early):
            number = waiting - len(moments)
            if number > 0 and now >= self._away_until:
                self._ask(number, ahead, now)
        if moments:
            return max(0.0, moments[0][0] - now)
        return None if self._asking is not None else max(0.0, self._away_until - now)

    def take(self) -> None:
        """Uses the moment that has come."""
        if self._moments:
            self._moments.popleft()

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _ask(self, waiting: int, ahead: bool, now: float) -> None:
        quick = now - self._asked_at < SLICE_SECONDS
        self._size = self._size * 2 if quick else max(1, self._size // 2)
        self._size = min(self._size, self._most)
        self._asked_at = now
        number = min(max(self._size, waiting) if ahead else waiting, self._most)
        self._asked()
        self._asking = asyncio.create_task(self._reserve(number))

    async def _reserve(self, number: int) -> None:
        began = self._clock.monotonic()
        try:
            # Moments that have passed when the answer comes are worth half a burst; no answer is that quick when the
            # database is busy.
            earliest = self._trip - self._late / 2
            first = await self._budgets.reserve(
                self._provider, number, interval=self._interval, earliest=earliest
            )
        except Exception as error:  # noqa: BLE001 - calls wait for it
            expected = isinstance(error, LedgerUnavailable)
            (log.warning if expected else log.error)(
                "calls are spaced without the other senders",
                provider=self._provider,
                error=str(error) if expected else type(error).__name__,
            )
            self._alone(number)
        else:
            now = self._clock.monotonic()
            self._trip = now - began
            # The ledger answered between the two: not before its moment, not later than its burst, by either clock; but
            # moments of a slow answer are worth something, too.
            until = max(began + self._late, now + self._late / 2)
            for each in range(number):
                self._moments.append(
                    (now + first + each * self._interval, until + first + each * self._interval)
                )
        finally:
            self._asking = None
        self._changed()

    def _alone(self, number: int) -> None:
        """Without a ledger nothing more is claimed. What is claimed already leaves at this process's own pace."""
        now = self._clock.monotonic()
        self._away_until = now + min(AWAY_SECONDS, number * self._interval)
        for each in range(number):
            self._moments.append((now + each * self._interval, now + each * self._interval + self._late))
