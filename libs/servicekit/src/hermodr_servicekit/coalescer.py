"""Turning many concurrent single-row needs into few statements or messages."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_TICK_SECONDS = 0.001
"""What a timer of the loop may ring early: uvloop's are in whole milliseconds."""


class Coalescer(Generic[T, R]):
    """Collects items while a flush is under way and hands them to the next one together.

    At low load an item is flushed alone at the next turn of the loop, so nothing waits; at high load batches grow by
    themselves up to `max_items`. `flush` receives the items in the order submitted and returns one result for each.
    It runs in a task of its own: a cancelled caller does not take the other callers' rows with it.
    When it raises one of `split_on`, the items are tried again one by one, so that one bad row fails alone.
    `spacing` seconds lie between the starts of two flushes unless a batch is full: an item that comes after a pause
    still goes at once, and a crowd goes in fewer, larger batches.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        max_items: int = 100,
        concurrency: int = 1,
        spacing: float = 0.0,
        split_on: tuple[type[Exception], ...] = (),
    ) -> None:
        self._flush = flush
        self._max_items = max_items
        self._concurrency = concurrency
        self._spacing = spacing
        self._split_on = split_on
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._kick_planned = False
        self._not_before = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def submit(self, item: T) -> asyncio.Future[R]:
        """Queues `item`; the future brings its result, or what `flush` raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, future))
        filling = self._timer is not None and len(self._waiting) < self._max_items
        if not self._kick_planned and not filling and len(self._running) < self._concurrency:
            self._kick_planned = True
            loop.call_soon(self._kick)
        return future

    async def drain(self) -> None:
        """Returns when nothing submitted so far is waiting or under way."""
        while self._waiting or self._running:
            self._not_before = 0.0
            self._kick()
            await asyncio.wait(self._running)

    def _kick(self) -> None:
        self._kick_planned = False
        while self._waiting and len(self._running) < self._concurrency:
            if self._spacing and self._early():
                return
            batch, self._waiting = self._waiting[: self._max_items], self._waiting[self._max_items :]
            task = asyncio.create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._done)

    def _early(self) -> bool:
        """Whether the next batch may still fill; then a timer sees to it. If not, the one after it has to wait."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now + _TICK_SECONDS < self._not_before and len(self._waiting) < self._max_items:
            if self._timer is None:
                self._timer = loop.call_at(self._not_before, self._due)
            return True
        self._not_before = now + self._spacing
        return False

    def _due(self) -> None:
        self._timer = None
        self._kick()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._kick()

    async def _run(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            await self._flush_or_split(batch)
        except (Exception, asyncio.CancelledError) as error:
            _fail(batch, error)
            if isinstance(error, asyncio.CancelledError):
                raise

    async def _flush_or_split(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._flush([item for item, _ in batch])
        except self._split_on:
            if len(batch) == 1:
                raise
            for single in batch:
                await self._run([single])
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)


def _fail(batch: Sequence[tuple[object, asyncio.Future[R]]], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            if isinstance(error, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(error)
