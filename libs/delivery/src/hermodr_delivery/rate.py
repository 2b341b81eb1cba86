"""Keeping to a provider's rate."""

import asyncio

from hermodr_servicekit.clock import Clock


class RateLimit:
    """Lets one caller through every `1/rate` seconds, in order of arrival; `rate` None lets everybody through.

    Evenly spaced rather than in bursts: providers count in windows we do not know. One process is limited at a time;
    several senders share a rate by each being given its part.
    """

    def __init__(self, rate: float | None, clock: Clock) -> None:
        self._interval = 1.0 / rate if rate else 0.0
        self._clock = clock
        self._next = 0.0

    async def wait(self) -> float:
        """Returns when it is the caller's turn, with the seconds that took."""
        if not self._interval:
            return 0.0
        now = self._clock.monotonic()
        turn = max(self._next, now)
        self._next = turn + self._interval
        if turn > now:
            await asyncio.sleep(turn - now)
        return turn - now
