"""Job metrics, counted not more often than they are worth: a small ledger at every call, a large one in the background
while the last count is shown."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import structlog

from hermodr_api.service.answers import patience
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.job_metrics import Fared
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

Measure = Callable[[UUID, int], Awaitable[Fared]]
"""Counts a project's jobs of so many hours."""

REST = 20
"""A count is good for this many times as long as it took: counting takes up 5 % of a connection at most."""
OLDEST_SECONDS = 300.0
"""An older count is shown to nobody."""
_MOST_KEPT = 200
_FIRST_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class _Kept:
    fared: Fared
    at: float
    took: float


class JobMetrics:
    """Counts by project and span. Calls that come while one is counted wait for it, or are shown the one before."""

    def __init__(self, measure: Measure, clock: Clock) -> None:
        self._measure = measure
        self._clock = clock
        self._kept: dict[tuple[UUID, int], _Kept] = {}
        self._counting: dict[tuple[UUID, int], asyncio.Task[Fared]] = {}

    async def fared(self, project_id: UUID, hours: int) -> Fared:
        """At most `OLDEST_SECONDS` old; its `as_of` says how old. Raises `LedgerUnavailable`."""
        key = (project_id, hours)
        kept, now = self._kept.get(key), self._clock.monotonic()
        if kept is not None and now - kept.at <= REST * kept.took:
            return kept.fared
        task = self._counting.get(key) or self._count(key)
        if kept is not None and now - kept.at <= OLDEST_SECONDS and kept.took > 0.02:
            return kept.fared
        async with patience(_FIRST_PATIENCE_SECONDS):
            return await asyncio.shield(task)

    async def drain(self) -> None:
        """Returns when nothing is being counted."""
        await asyncio.gather(*self._counting.values(), return_exceptions=True)

    def _count(self, key: tuple[UUID, int]) -> asyncio.Task[Fared]:
        task = asyncio.create_task(self._counted(key))
        self._counting[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))
        return task

    async def _counted(self, key: tuple[UUID, int]) -> Fared:
        began = self._clock.monotonic()
        fared = await self._measure(*key)
        now = self._clock.monotonic()
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[key] = _Kept(fared, now, now - began)
        return fared

    def _ended(self, key: tuple[UUID, int], task: asyncio.Task[Fared]) -> None:
        del self._counting[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            known = isinstance(error, LedgerUnavailable)
            log.warning("jobs could not be counted", error=str(error) if known else type(error).__name__)
