"""What waits of projects that may have little more: it is counted every few seconds only, and a small limit would be
passed by what comes in between."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from hermodr_api.answers import patience
from hermodr_servicekit.clock import Clock

NEAR = 10_000
"""Jobs from the limit."""
BELIEVED_SECONDS = 0.1

Count = Callable[[UUID, int], Awaitable[int]]
"""What waits of a project: as counted last, and at most so many jobs that were made since."""


@dataclass(slots=True)
class _Reading:
    """`let_in`: jobs that this process accepted since the reading began."""

    at: float = -math.inf
    waiting: int = 0
    let_in: int = 0
    asking: asyncio.Task[None] | None = None


class NearLimits:
    def __init__(self, count: Count, clock: Clock) -> None:
        self._count = count
        self._clock = clock
        self._readings: dict[UUID, _Reading] = {}

    async def waiting(self, project_id: UUID, counted: int, limit: int) -> int:
        """What waits at present, if that is `NEAR` its limit; else what was counted. Raises `LedgerUnavailable`."""
        if limit - counted > NEAR:
            self._readings.pop(project_id, None)
            return counted
        reading = self._readings.setdefault(project_id, _Reading())
        if self._clock.monotonic() - reading.at > BELIEVED_SECONDS:
            if reading.asking is None:
                reading.asking = asyncio.create_task(self._ask(project_id, reading))
            async with patience():
                await asyncio.shield(reading.asking)
        return reading.waiting + reading.let_in

    def let_in(self, project_id: UUID, jobs: int) -> None:
        """So many are accepted now; or less than none, if it was not to be."""
        reading = self._readings.get(project_id)
        if reading is not None:
            reading.let_in += jobs

    async def _ask(self, project_id: UUID, reading: _Reading) -> None:
        before = reading.let_in
        try:
            reading.waiting = await self._count(project_id, NEAR + 1)
        finally:
            reading.asking = None
        reading.at = self._clock.monotonic()
        reading.let_in = max(reading.let_in - before, 0)
