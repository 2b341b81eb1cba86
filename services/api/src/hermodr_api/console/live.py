"""`GET /console/events`: what keeps a page fresh. It says that something of the project changed, and not what: the page
fetches what it shows once more."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.console.sessions import Sessions, Visitor
from hermodr_api.console.visiting import COOKIE, Page, Reading
from hermodr_api.http.provided import provided
from hermodr_api.realtime.stream import ALIVE_SECONDS, Endless
from hermodr_api.realtime.watching import Watch, Watching
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.clock import Clock

router = APIRouter(prefix="/console/events", include_in_schema=False, route_class=Page)

SPACING_SECONDS = 0.5
"""Between two lines, however much changes."""
BELIEVED_SECONDS = 30.0
"""After that a session is looked up again: it may have been ended, or its key revoked."""
_BEGIN = b"retry: 3000\n\n"
_CHANGED = b"event: changed\ndata:\n\n"
_OVER = b"event: over\ndata:\n\n"
_ALIVE = b":\n\n"


class Live:
    def __init__(self, watching: Watching, sessions: Sessions, clock: Clock) -> None:
        self._watching = watching
        self._sessions = sessions
        self._clock = clock

    def follow(self, visitor: Visitor, secret: str) -> Endless:
        """`secret`: the session's. Raises `Refused` (429)."""
        watch = self._watching.begin(visitor.caller.project_id, visitor.csrf)
        return Endless(self._lines(watch, secret), lambda: self._watching.leave(watch))

    async def _lines(self, watch: Watch, secret: str) -> AsyncIterator[bytes]:
        """The first line says that something changed: it may have, between the page and this."""
        yield _BEGIN + _CHANGED
        verified_at = self._clock.monotonic()
        while not watch.over:
            try:
                async with asyncio.timeout(ALIVE_SECONDS):
                    await watch.stirred.wait()
            except TimeoutError:
                yield _ALIVE
            else:
                if not watch.over:
                    watch.stirred.clear()
                    yield _CHANGED
                    await asyncio.sleep(SPACING_SECONDS)
            if self._clock.monotonic() - verified_at > BELIEVED_SECONDS:
                verified_at = self._clock.monotonic()
                if not await self._holds(secret):
                    yield _OVER
                    return

    async def _holds(self, secret: str) -> bool:
        try:
            return await self._sessions.visitor(secret) is not None
        except LedgerUnavailable:
            return True  # nobody can tell now


@router.get("")
async def events(request: Request, visitor: Reading, live: Annotated[Live, provided(Live)]) -> Response:
    """Follow what changes, as Server-Sent Events."""
    return live.follow(visitor, request.cookies[COOKIE])
