"""One Socket.IO client, as a listener and as a guest that behaves or does not."""

from typing import Any, Protocol
from uuid import UUID

from hermodr_api.realtime.hub import Event, User
from hermodr_api.realtime.proof import Proof

EVENTS_PER_SECOND = 20.0
EVENTS_AT_ONCE = 60.0


class Emitter(Protocol):
    """`socketio.AsyncServer`; its queues do not block."""

    async def emit(self, event: str, data: Any, *, to: str) -> None: ...


class Budget:
    """A token bucket of what a client may send. `now` is in seconds of a monotonic clock."""

    def __init__(self, now: float) -> None:
        self._left = EVENTS_AT_ONCE
        self._at = now

    def spend(self, now: float) -> bool:
        """Whether there was one left."""
        self._left = min(EVENTS_AT_ONCE, self._left + (now - self._at) * EVENTS_PER_SECOND)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Connection:
    """Nobody's until `user` is set, and the `proof` of it."""

    def __init__(self, server: Emitter, sid: str, now: float) -> None:
        self.sid = sid
        self.since = now
        self.budget = Budget(now)
        self.user: User | None = None
        self.proof: Proof | None = None
        self.jobs: set[UUID] = set()
        self.last_event_id: str | None = None
        """What the client named as the last notification it has seen, until it hears its inbox."""
        self._server = server

    async def tell(self, event: Event) -> None:
        """See `Listener`."""
        await self._server.emit(event.name, dict(event.body), to=self.sid)
