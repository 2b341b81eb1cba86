"""Exports under way: a few at a time in a process, of each end user one, and not again and again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from hermodr_api.access.authentication import Caller
from hermodr_api.access.limits import Limiter
from hermodr_api.errors import RATE_LIMITED, Refused
from hermodr_contracts.rates import Limit
from hermodr_ledger.engine import LedgerUnavailable, Overloaded

log = structlog.get_logger()

OF_USER = Limit(10, 3600, 10)
AT_ONCE = 3
"""Fewer than there are connections for it, so that none waits for one after its answer has begun."""
PATIENCE_SECONDS = 2.0
_READ_BEFORE = 3
"""Pieces at most: the head, the name of the first section, and what the first statement found."""


class Export:
    """A document whose answer can begin. `end` it, whether it was read or not."""

    def __init__(self, pieces: AsyncIterator[bytes], ending: contextlib.AsyncExitStack) -> None:
        self._pieces = pieces
        self._ending = ending
        self._before: list[bytes] = []

    async def begin(self) -> None:
        """Reads as much as tells whether the ledger answers. Raises `LedgerUnavailable`."""
        for _ in range(_READ_BEFORE):
            if (piece := await anext(self._pieces, None)) is None:
                return
            self._before.append(piece)

    async def read(self) -> AsyncIterator[bytes]:
        """Raises `LedgerUnavailable` in the middle: the connection has to end without an end of the document."""
        for piece in self._before:
            yield piece
        try:
            async for piece in self._pieces:
                yield piece
        except LedgerUnavailable as error:
            log.warning("an export broke off", cause=error.cause, error=str(error))
            raise

    async def end(self) -> None:
        await self._ending.aclose()


class Exports:
    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._users: set[str] = set()

    async def admit(self, caller: Caller) -> contextlib.AsyncExitStack:
        """A turn, until it is closed. Raises `Refused` (429: of an end user one is under way, or there were too many)
        and `LedgerUnavailable`."""
        ending = contextlib.AsyncExitStack()
        if caller.user_id is not None:
            await self._admit_user(caller.subject, ending)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._turns.acquire()
        except TimeoutError as error:
            await ending.aclose()
            raise Overloaded("too many exports are under way") from error
        except BaseException:
            await ending.aclose()
            raise
        ending.callback(self._turns.release)
        return ending

    async def _admit_user(self, subject: str, ending: contextlib.AsyncExitStack) -> None:
        if subject in self._users:
            reason = "an export for this user is under way; ask again when it is there"
            raise Refused(RATE_LIMITED, reason, headers={"retry-after": "5"})
        self._users.add(subject)
        ending.callback(self._users.discard, subject)
        try:
            await self._limiter.take(f"exports/{subject}", OF_USER)
        except BaseException:
            await ending.aclose()
            raise
