"""Turns by project: a project that used little goes before one that used much."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable

_MOST_REMEMBERED = 1_000
_LEAST_SECONDS = 0.001


class TooManyWait(Exception):
    """The project's queue is full."""


class FairTurns:
    """One turn at a time. Next is the waiting project that has used the least time; within a project, first come first
    served, at most `most` waiting. A project that is new, or was away, starts with the used time of the project served
    last: it neither waits behind a whole queue nor has saved up time."""

    def __init__(self, monotonic: Callable[[], float], *, most: int = 1_000) -> None:
        self._monotonic = monotonic
        self._most = most
        self._used: dict[Hashable, float] = {}
        self._reached = 0.0
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        self._taken = False

    @contextlib.asynccontextmanager
    async def turn(self, project: Hashable) -> AsyncIterator[None]:
        """The block is `project`'s turn. Raises `TooManyWait` at once if its queue is full."""
        await self._come(project)
        began = self._monotonic()
        try:
            yield
        finally:
            took = max(self._monotonic() - began, _LEAST_SECONDS)
            self._used[project] = self._used_by(project) + took
            self._next()

    async def _come(self, project: Hashable) -> None:
        if not self._taken:
            self._taken = True
            self._begin(project)
            return
        line = self._waiting.setdefault(project, deque())
        if len(line) >= self._most:
            raise TooManyWait
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._next()  # its turn came at the same moment
            else:
                self._leave_line(project, mine)
            raise

    def _begin(self, project: Hashable) -> None:
        self._used[project] = self._reached = self._used_by(project)

    def _used_by(self, project: Hashable) -> float:
        return max(self._used.get(project, 0.0), self._reached)

    def _leave_line(self, project: Hashable, future: asyncio.Future[None]) -> None:
        line = self._waiting.get(project)
        if line is not None and future in line:
            line.remove(future)
            if not line:
                del self._waiting[project]

    def _next(self) -> None:
        while self._waiting:
            project = min(self._waiting, key=self._used_by)
            line = self._waiting[project]
            future = line.popleft()
            if not line:
                del self._waiting[project]
            if not future.done():  # a cancelled waiter may still be in the queue
                self._begin(project)
                future.set_result(None)
                return
        self._taken = False
        if len(self._used) > _MOST_REMEMBERED:
            self._used.clear()
