"""Limits the bulk bodies in work at a time: parsed, a body takes many times its size."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from hermodr_api.errors import Refused, unavailable

ROOM_OCTETS = 32 * 1024 * 1024
"""Of bodies in work, per API process."""
WAITING_OCTETS = 64 * 1024 * 1024
"""Of complete bodies that wait; more are refused at once."""
PATIENCE_SECONDS = 10.0


class BulkRoom:
    """Admits bodies in order once they are complete, so that a slow upload takes no room."""

    def __init__(self) -> None:
        self._taken = self._waited_for = 0
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def of(self, octets: int) -> AsyncIterator[None]:
        """Takes this much room for the block. Raises `Refused` (503) if there is none in time."""
        await self._take(octets)
        try:
            yield
        finally:
            self._taken -= octets
            self._admit()

    async def _take(self, octets: int) -> None:
        if self._waited_for + octets > WAITING_OCTETS:
            raise _no_room()
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (octets, mine)
        self._line.append(entry)
        self._waited_for += octets
        self._admit()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await mine
        except BaseException as error:
            if not mine.cancelled():  # admitted and cancelled at the same moment
                self._taken -= octets
            elif entry in self._line:
                self._line.remove(entry)
                self._waited_for -= octets
            self._admit()
            if isinstance(error, TimeoutError):
                raise _no_room() from None
            raise

    def _admit(self) -> None:
        while self._line and (not self._taken or self._taken + self._line[0][0] <= ROOM_OCTETS):
            octets, first = self._line.popleft()
            self._waited_for -= octets
            if not first.done():
                self._taken += octets
                first.set_result(None)


def _no_room() -> Refused:
    return unavailable(
        "overload", "too many large requests are worked on at the moment; nothing was accepted"
    )
