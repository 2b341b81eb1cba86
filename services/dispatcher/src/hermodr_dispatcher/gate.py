"""Projects take turns at deciding, one message at a time.

While few messages are under way, each passes at once and nobody asks whose it is. The others wait in a line for each
project of theirs, and the first of these lines that has its turn lets them pass.
"""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from uuid import UUID

import structlog

from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.cancellation import cancelled_from_outside

log = structlog.get_logger()

Owners = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, UUID]]]
"""The project of each job that there is."""

SORTED_TOGETHER = 10
"""Messages, of up to 100 jobs each."""
_NOBODY = UUID(int=0)

_Waiter = tuple[Sequence[UUID], "asyncio.Future[None]"]


class Closed(Exception):
    """The message has to go back to the broker."""


class Gate:
    """Lets `most` messages pass at a time."""

    def __init__(self, owners: Owners, *, most: int) -> None:
        self._owners = owners
        self._free = most
        self._unsorted: deque[_Waiter] = deque()
        self._lines: OrderedDict[UUID, deque[_Waiter]] = OrderedDict()
        self._sorting: asyncio.Task[None] | None = None
        self._closed = False

    def close(self) -> None:
        """Nobody passes any more."""
        self._closed = True
        waiting = [*self._unsorted, *(each for line in self._lines.values() for each in line)]
        self._unsorted.clear()
        self._lines.clear()
        for _, turn in waiting:
            if not turn.done():
                turn.set_exception(Closed())

    @contextlib.asynccontextmanager
    async def passing(self, ids: Sequence[UUID]) -> AsyncIterator[None]:
        """Enters at the message's turn. Raises `Closed`."""
        if self._closed:
            raise Closed
        if self._free:
            self._free -= 1
        else:
            await self._turn(ids)
        try:
            yield
        finally:
            self._free += 1
            self._admit()

    async def _turn(self, ids: Sequence[UUID]) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unsorted.append((ids, turn))
        if self._sorting is None:
            self._sorting = asyncio.create_task(self._sort())
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it came at the same moment
                self._free += 1
                self._admit()
            raise

    async def _sort(self) -> None:
        try:
            while self._unsorted:
                some = [self._unsorted.popleft() for _ in range(min(SORTED_TOGETHER, len(self._unsorted)))]
                owners = await self._owners_of([each for ids, _ in some for each in ids])
                if self._closed:
                    for _, turn in some:
                        turn.set_exception(Closed())
                    return
                for waiter in some:
                    for project in {owners.get(each, _NOBODY) for each in waiter[0]}:
                        self._lines.setdefault(project, deque()).append(waiter)
                self._admit()
        finally:
            self._sorting = None

    async def _owners_of(self, ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        try:
            return await self._owners(ids)
        except (Exception, asyncio.CancelledError) as error:
            if cancelled_from_outside():
                raise
            if not isinstance(error, LedgerUnavailable):
                log.error("jobs cannot be sorted by project", jobs=len(ids), error=type(error).__name__)
            return {}  # they keep their order

    def _admit(self) -> None:
        while self._free and self._lines:
            turn = self._next()
            if not turn.done():
                self._free -= 1
                turn.set_result(None)

    def _next(self) -> "asyncio.Future[None]":
        project, line = next(iter(self._lines.items()))
        turn = line.popleft()[1]
        if line:
            self._lines.move_to_end(project)
        else:
            del self._lines[project]
        return turn
