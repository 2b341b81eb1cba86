"""Recording what came of work that was claimed with a lease."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

from hermodr_ledger.engine.errors import LedgerUnavailable
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer

log = structlog.get_logger()

T = TypeVar("T")
_TOGETHER = 200
_AFTER_ERROR_SECONDS = 1.0


class NotRecordedError(Exception):
    """Something is wrong with a result."""


class Recording(Generic[T]):
    """Results are recorded together, by two statements at a time, and what is wrong with one concerns no other. In an
    outage they are tried for `patience` seconds: until the leases end, and the work is given to somebody else."""

    def __init__(
        self, record: Callable[[Sequence[T]], Awaitable[object]], clock: Clock, patience: float
    ) -> None:
        self._record = record
        self._clock = clock
        self._patience = patience
        self._line: Coalescer[T, None] = Coalescer(
            self._flush, max_items=_TOGETHER, concurrency=2, split_on=(NotRecordedError,)
        )

    def submit(self, result: T) -> asyncio.Future[None]:
        """Done when it is committed. Raises `LedgerUnavailable` and `NotRecordedError`."""
        return self._line.submit(result)

    async def drain(self) -> None:
        """Returns when nothing submitted so far is waiting or under way."""
        await self._line.drain()

    async def _flush(self, results: Sequence[T]) -> Sequence[None]:
        until = self._clock.monotonic() + self._patience
        while True:
            try:
                await self._record(results)
            except LedgerUnavailable as error:
                if self._clock.monotonic() > until:
                    raise
                log.warning("results wait to be recorded", error=type(error).__name__, results=len(results))
                await asyncio.sleep(_AFTER_ERROR_SECONDS)
            except Exception as error:
                raise NotRecordedError(type(error).__name__) from error
            else:
                return [None] * len(results)
