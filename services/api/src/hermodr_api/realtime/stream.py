"""The same as Server-Sent Events (WHATWG HTML, §9.2): for those who want no library."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import orjson
from prometheus_client import CollectorRegistry, Gauge
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from hermodr_api.access.authentication import Authenticator, Caller
from hermodr_api.errors import RATE_LIMITED, Refused
from hermodr_api.realtime.hub import REFETCH, Event, Hub, User
from hermodr_api.realtime.places import Places, TooMany
from hermodr_api.realtime.proof import Proof
from hermodr_api.realtime.service import RealTime, user_of
from hermodr_servicekit.clock import Clock

ALIVE_SECONDS = 15.0
"""Between two signs of life, so that proxies do not take a silent stream for a dead one."""
MOST_UNSENT = 256
MOST_STREAMS = 5_000
"""In one process."""
_RETRY = b"retry: 3000\n\n"
_ALIVE = b":\n\n"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class _Stream:
    """One answer that does not end. `None` in its queue ends it."""

    def __init__(self) -> None:
        self.waiting: asyncio.Queue[Event | None] = asyncio.Queue()

    async def tell(self, event: Event) -> None:
        """See `Listener`."""
        if self.waiting.qsize() < MOST_UNSENT:
            self.waiting.put_nowait(event)
        elif (
            self.waiting.qsize() == MOST_UNSENT
        ):  # it does not keep up: what follows it reads when it comes back
            self.waiting.put_nowait(REFETCH)
            self.waiting.put_nowait(None)


class Endless(StreamingResponse):
    """`ended` is called even if the client left before the first line."""

    def __init__(self, lines: AsyncIterator[bytes], ended: Callable[[], None]) -> None:
        super().__init__(lines, media_type="text/event-stream", headers=_HEADERS)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


class Streams:
    """All streams of this process."""

    def __init__(
        self,
        hub: Hub,
        real_time: RealTime,
        authenticator: Authenticator,
        clock: Clock,
        registry: CollectorRegistry,
        places: Places,
    ) -> None:
        self._hub = hub
        self._real_time = real_time
        self._authenticator = authenticator
        self._clock = clock
        self._open: set[_Stream] = set()
        self._places = places
        self._taken = 0
        self._closed = False
        gauge = Gauge("hermodr_streams", "Open streams of end users.", registry=registry)
        gauge.set_function(lambda: len(self._open))

    async def inbox(self, caller: Caller, token: str, last_event_id: str | None) -> StreamingResponse:
        """The user's inbox from now on, after what came since `last_event_id`, and their jobs. Raises
        `Refused` (429) and `LedgerUnavailable`."""
        stream, user = _Stream(), user_of(caller)
        await self._take_place(user)
        proof = Proof(self._authenticator, self._clock, token, caller.expires_at)
        try:
            await self._real_time.hear_inbox(stream, user, last_event_id)
            await self._real_time.hear_jobs(stream, user)
        except BaseException:
            self._hub.unhear_user(user, stream)
            self._leave_place(user)
            raise
        self._open.add(stream)
        if self._closed:
            stream.waiting.put_nowait(None)

        def ended() -> None:
            self._hub.unhear_user(user, stream)
            self._hub.unhear_jobs_of(user, stream)
            self._open.discard(stream)
            self._leave_place(user)

        return Endless(self._lines(stream, proof), ended)

    async def _take_place(self, user: User) -> None:
        """Raises `Refused`; and `LedgerUnavailable`."""
        try:
            if self._taken >= MOST_STREAMS:
                raise TooMany(f"at most {MOST_STREAMS:,} streams may be open here")
            await self._places.take(user)
        except TooMany as error:
            raise Refused(RATE_LIMITED, str(error), headers={"retry-after": "10"}) from error
        self._taken += 1

    def _leave_place(self, user: User) -> None:
        self._places.leave(user)
        self._taken -= 1

    async def _lines(self, stream: _Stream, proof: Proof) -> AsyncIterator[bytes]:
        yield _RETRY
        async for each in self._events(stream, proof):
            yield each

    async def _events(self, stream: _Stream, proof: Proof) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(self._patience(proof.expires_at)):
                    event = await stream.waiting.get()
            except TimeoutError:
                yield _ALIVE
            else:
                if event is None:
                    return
                yield _line(event)
            if (why := await proof.refuted()) is not None:
                yield _line(Event("unauthorized", {"detail": why}))
                return

    def _patience(self, expires_at: datetime | None) -> float:
        if expires_at is None:
            return ALIVE_SECONDS
        left = (expires_at - self._clock.now()).total_seconds()
        return min(ALIVE_SECONDS, max(0.0, left) + 0.01)

    def close(self) -> None:
        """Ends all streams; their clients come back to another process."""
        self._closed = True
        for each in self._open:
            each.waiting.put_nowait(None)


def _line(event: Event) -> bytes:
    head = b"" if event.id is None else b"id: %s\n" % event.id.encode()
    return b"%sevent: %s\ndata: %s\n\n" % (head, event.name.encode(), orjson.dumps(event.body))
