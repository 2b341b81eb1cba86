"""Counts for reports: fast ones are made for each caller, slow ones in the background while the last is shown."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import structlog

from hermodr_api.answers import patience
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.periodic import rest_after

log = structlog.get_logger()

V = TypeVar("V")

SMALL_SECONDS = 0.05
"""A count that takes no longer is made for every caller."""
OLDEST_SECONDS = 300.0
"""Older counts are not shown."""
MOST_KEPT = 200
_FIRST_PATIENCE_SECONDS = 30.0


@dataclass(slots=True)
class _Kept:
    """`costs`: the shorter of the last two durations, so that one pause of the database does not count as slow."""

    value: Any
    at: float
    took: float
    costs: float


class Counts:
    """Calls for a count that is being made wait for it, or get the previous one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[Hashable, _Kept] = {}
        self._counting: dict[Hashable, asyncio.Task[Any]] = {}

    async def of(self, name: Hashable, count: Callable[[], Awaitable[V]]) -> V:
        """At most `OLDEST_SECONDS` old. Counting goes on if the caller is cancelled. Raises `LedgerUnavailable`."""
        kept, now = self._kept.get(name), self._clock.monotonic()
        if kept is not None and (kept.costs <= SMALL_SECONDS or now - kept.at > OLDEST_SECONDS):
            kept = None
        if kept is not None and now - kept.at <= rest_after(kept.costs, OLDEST_SECONDS):
            return cast("V", kept.value)
        task = self._counting.get(name) or self._begin(name, count)
        if kept is not None:
            return cast("V", kept.value)
        async with patience(_FIRST_PATIENCE_SECONDS):
            return cast("V", await asyncio.shield(task))

    @property
    def busy(self) -> bool:
        return bool(self._counting)

    async def close(self) -> None:
        for task in self._counting.values():
            task.cancel()
        await asyncio.gather(*self._counting.values(), return_exceptions=True)

    def _begin(self, name: Hashable, count: Callable[[], Awaitable[Any]]) -> asyncio.Task[Any]:
        task = asyncio.create_task(self._counted(name, count))
        self._counting[name] = task
        task.add_done_callback(lambda done: self._ended(name, done))
        return task

    async def _counted(self, name: Hashable, count: Callable[[], Awaitable[Any]]) -> Any:
        began = self._clock.monotonic()
        value = await count()
        now = self._clock.monotonic()
        before = self._kept.pop(name, None)
        took = now - began
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = _Kept(value, now, took, took if before is None else min(took, before.took))
        return value

    def _ended(self, name: Hashable, task: asyncio.Task[Any]) -> None:
        del self._counting[name]
        if not task.cancelled() and (error := task.exception()) is not None:
            known = isinstance(error, LedgerUnavailable)
            log.warning("could not be counted", error=str(error) if known else type(error).__name__)
