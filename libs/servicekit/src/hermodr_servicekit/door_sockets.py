"""WebSockets behind the door: uvicorn's protocol, with what it leaves open. They are counted, and a client that takes
nothing is given up."""

import math
from asyncio import BaseTransport
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

LARGEST_MESSAGE = 64 * 1024
TAKING_SECONDS = 30.0
"""For what was sent to be taken."""


class SocketDoor(WebSocketsSansIOProtocol):
    """One WebSocket, from its upgrade on."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, object], _loop: object = None
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._open: set[Any] = getattr(config, "open_sockets", set())
        self._unsent_since = math.inf

    def connection_made(self, transport: BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._open.discard(self)
        super().connection_lost(exc)

    def sweep(self, now: float) -> None:
        """Looks at what is overdue at the loop's time `now`."""
        if not self.transport.get_write_buffer_size():
            self._unsent_since = math.inf
            return
        self._unsent_since = min(self._unsent_since, now)
        if now - self._unsent_since > TAKING_SECONDS:
            self.transport.abort()
