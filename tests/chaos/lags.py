"""How late a process runs: what a busy machine takes from it."""

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
    """Seconds that a process was late when it wanted to run: at most, and in sum."""

    worst: float
    total: float

    def starved(self, seconds: float) -> bool:
        """Whether a harness that was so late in a run so long may have caused by itself what it saw: time limits run
        out, attempts used up. Nothing of that kind can lose or double a mail."""
        return self.worst > WORST_SECONDS or self.total > seconds * SHARE


class Lags:
    """Looks at the clock of the event loop twenty times a second."""

    def __init__(self) -> None:
        self._worst = self._total = 0.0

    def late(self) -> Late:
        """So far."""
        return Late(self._worst, self._total)

    async def watch(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            late = loop.time() - due
            if late > UNNOTICED:
                self._worst = max(self._worst, late)
                self._total += late
