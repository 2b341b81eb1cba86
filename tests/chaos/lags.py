import asyncio
from dataclasses import dataclass

EVERY = 0.05
UNNOTICED = 0.05
"""A delay that every machine has now and then."""
WORST_SECONDS = 2.0
"""As long as a provider call may take here; half of what the api waits for its database."""
SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Late:
    """Seconds a process was late: at most, and in sum."""

    worst: float
    total: float

    def starved(self, seconds: float) -> bool:
        """Whether a harness this late may itself have caused what depends on time limits. It can neither lose nor
        double a mail."""
        return self.worst > WORST_SECONDS or self.total > seconds * SHARE


class Lags:
    """Checks the event loop twenty times a second."""

    def __init__(self) -> None:
        self._worst = self._total = 0.0

    def late(self) -> Late:
        return Late(self._worst, self._total)

    async def watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            late = loop.time() - due
            if late > UNNOTICED:
                self._worst = max(self._worst, late)
                self._total += late
