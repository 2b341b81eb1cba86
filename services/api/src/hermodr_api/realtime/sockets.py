"""Socket.IO for end users (API §5), over python-socketio. A connection is nobody's until it shows a user's token."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import socketio
import structlog
from prometheus_client import CollectorRegistry, Gauge
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hermodr_api.access.authentication import Authenticator
from hermodr_api.errors import Refused
from hermodr_api.realtime.connection import Connection
from hermodr_api.realtime.hub import Hub
from hermodr_api.realtime.places import Places, TooMany
from hermodr_api.realtime.proof import Proof
from hermodr_api.realtime.service import RealTime, user_of
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.logging import whereabouts

log = structlog.get_logger()

PATH = "/socket.io"
MOST_SOCKETS = 5_000
"""Open at a time, of one process."""
NAMELESS_SECONDS = 10.0
"""How long a connection may be nobody's."""
MOST_JOBS = 100
"""That one connection follows."""
MOST_UNSENT = 1_000
"""Packets that wait for a client that does not take them; then it is given up."""
_LARGEST_PACKET = 16 * 1024
_SWEEP_SECONDS = 1.0
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))

Command = Callable[[Connection, Any], Awaitable[None]]


class _Wrong(Exception):
    """What the client asked for is not done; the text says why."""


class Sockets:
    """All connections of this process."""

    def __init__(
        self,
        hub: Hub,
        real_time: RealTime,
        authenticator: Authenticator,
        places: Places,
        clock: Clock,
        registry: CollectorRegistry,
        *,
        origins: Sequence[str] | None,
        ping_interval: float,
        ping_timeout: float,
    ) -> None:
        """`origins`: of pages that may connect; `None`: those of this origin. Pings are in seconds."""
        self._hub = hub
        self._real_time = real_time
        self._authenticator = authenticator
        self._clock = clock
        self._places = places
        self._connections: dict[str, Connection] = {}
        """How many connections a user has, and a project."""
        self._strangers: dict[str, float] = {}
        quiet = logging.Logger(
            "hermodr.socketio", logging.CRITICAL + 1
        )  # the library quotes what clients sent
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            async_handlers=False,  # in the order in which the client sent them
            always_connect=True,  # so that a client can be told that it is unauthorized
            cors_allowed_origins=list(origins) if origins is not None else None,
            cors_credentials=False,
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_http_buffer_size=_LARGEST_PACKET,
            logger=quiet,
            engineio_logger=quiet,
        )
        self._app = socketio.ASGIApp(self._server, socketio_path=PATH)
        self._listen()
        gauge = Gauge("hermodr_sockets", "Open connections of end users.", ("transport",), registry=registry)
        gauge.labels("socketio").set_function(lambda: len(self._open))

    def beside(self, app: ASGIApp) -> ASGIApp:
        """`app`, with Socket.IO at its path."""

        async def either(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] not in ("http", "websocket") or not scope["path"].startswith(PATH):
                await app(scope, receive, send)
            elif b"sid=" not in scope["query_string"] and len(self._open) >= MOST_SOCKETS:
                await _full(scope, send)
            else:
                await self._app(scope, receive, _with_headers(send))

        return either

    async def sweep(self) -> float:
        """Gives up who is nobody for too long, whose token does not hold any more, and who takes nothing."""
        now = self._clock.monotonic()
        known = {self._wire(each): each for each in self._connections.values()}
        for wire, socket in list(self._open.items()):
            connection = known.get(wire)
            if connection is None:
                if now - self._strangers.setdefault(wire, now) > NAMELESS_SECONDS:
                    await self._hang_up(wire)
            elif socket.queue.qsize() > MOST_UNSENT:
                await self._give_up(connection)
            elif connection.proof is None:
                if now - connection.since > NAMELESS_SECONDS:
                    await self._unauthorized(connection, "no token came")
            elif (why := await connection.proof.refuted()) is not None:
                await self._unauthorized(connection, why)
        for wire in [each for each in self._strangers if each not in self._open or each in known]:
            del self._strangers[wire]
        return _SWEEP_SECONDS

    async def close(self) -> None:
        """Ends all connections; their clients come back to another process."""
        for wire in list(self._open):
            await self._hang_up(wire)
        await self._server.shutdown()

    @property
    def _open(self) -> dict[str, Any]:
        """The library's connections, by the id of each; a client that says what it wants has another id as well."""
        sockets: dict[str, Any] = self._server.eio.sockets
        return sockets

    def _wire(self, connection: Connection) -> str:
        return str(self._server.manager.eio_sid_from_sid(connection.sid, "/"))

    def _listen(self) -> None:
        self._server.on("connect", self._connected)
        self._server.on("disconnect", self._disconnected)
        commands: dict[str, Command] = {
            "authenticate": self._authenticate,
            "subscribe:job": self._subscribe_job,
            "unsubscribe:job": self._unsubscribe_job,
            "subscribe:notifications": self._subscribe_notifications,
            "unsubscribe:notifications": self._unsubscribe_notifications,
        }

        async def received(name: str, sid: str, *given: Any) -> dict[str, Any]:
            return await self._take(sid, name, commands.get(name), given[0] if given else None)

        self._server.on("*", received)

    async def _connected(self, sid: str, _environ: object, given: Any = None) -> None:
        connection = self._connections[sid] = Connection(self._server, sid, self._clock.monotonic())
        if isinstance(given, dict) and given.get("token") is not None:
            await self._take(sid, "authenticate", self._authenticate, given)
        elif isinstance(given, dict):
            connection.last_event_id = _text(given, "last_event_id")

    async def _disconnected(self, sid: str, _reason: object = None) -> None:
        connection = self._connections.pop(sid, None)
        if connection is not None:
            self._forget(connection)
            if connection.user is not None:
                self._places.leave(connection.user)
            if (socket := self._open.get(self._wire(connection))) is not None:
                socket.queue.put_nowait(None)  # else a poll that is under way would go on for a minute

    async def _take(self, sid: str, name: str, command: Command | None, given: Any) -> dict[str, Any]:
        """Does what the client asked for, and answers whether it was done, for clients that want an acknowledgement;
        others get the event `refused`."""
        connection = self._connections.get(sid)
        if connection is None:
            return {"ok": False, "error": "disconnected"}
        if not connection.budget.spend(self._clock.monotonic()):
            await self._give_up(connection)
            return {"ok": False, "error": "too many events"}
        try:
            if command is None:
                raise _Wrong("there is no such event")
            await command(connection, given)
        except _Wrong as wrong:
            return await self._refused(connection, name, str(wrong))
        except Refused as refused:
            return await self._refused(connection, name, refused.detail)
        except LedgerUnavailable:
            return await self._refused(connection, name, "unavailable; try again in a moment")
        except Exception as error:  # noqa: BLE001 - the library would log it with what the client sent
            log.error("event of a client failed", name=name if command else "", where=whereabouts(error))
            await self._give_up(connection)
            return {"ok": False, "error": "internal error"}
        return {"ok": True}

    async def _refused(self, connection: Connection, name: str, why: str) -> dict[str, Any]:
        if name == "authenticate":
            await self._unauthorized(connection, why)
        else:
            await self._server.emit("refused", {"event": name[:100], "detail": why}, to=connection.sid)
        return {"ok": False, "error": why}

    async def _authenticate(self, connection: Connection, given: Any) -> None:
        token = _text(given, "token")
        if token is None:
            raise _Wrong("authenticate needs a token")
        caller = await self._authenticator.user(token)
        user = user_of(caller)
        if connection.user is not None and connection.user != user:
            raise _Wrong("this connection is another user's")
        if connection.user is None:
            try:
                await self._places.take(user)
            except TooMany as error:
                raise _Wrong(str(error)) from error
        connection.user = user
        connection.proof = Proof(self._authenticator, self._clock, token, caller.expires_at)
        connection.last_event_id = _text(given, "last_event_id") or connection.last_event_id
        await self._server.emit("authenticated", {"user_id": user[1]}, to=connection.sid)

    async def _subscribe_job(self, connection: Connection, given: Any) -> None:
        if connection.user is None:
            raise _Wrong("authenticate first")
        job_id = _job_id(given)
        if len(connection.jobs) >= MOST_JOBS and job_id not in connection.jobs:
            raise _Wrong(f"a connection follows at most {MOST_JOBS} jobs")
        await self._real_time.follow_job(connection, connection.user, job_id)
        connection.jobs.add(job_id)
        if connection.sid not in self._connections:  # it left meanwhile
            self._forget(connection)

    async def _unsubscribe_job(self, connection: Connection, given: Any) -> None:
        job_id = _job_id(given)
        connection.jobs.discard(job_id)
        self._hub.unhear_job(job_id, connection)

    async def _subscribe_notifications(self, connection: Connection, given: Any) -> None:
        if connection.user is None:
            raise _Wrong("authenticate first")
        last = _text(given, "last_event_id") or connection.last_event_id
        await self._real_time.hear_inbox(connection, connection.user, last)
        connection.last_event_id = None
        if connection.sid not in self._connections:
            self._forget(connection)

    async def _unsubscribe_notifications(self, connection: Connection, _given: Any) -> None:
        if connection.user is not None:
            self._hub.unhear_user(connection.user, connection)

    async def _unauthorized(self, connection: Connection, why: str) -> None:
        await self._server.emit("unauthorized", {"detail": why}, to=connection.sid)
        await self._give_up(connection)

    async def _give_up(self, connection: Connection) -> None:
        self._forget(connection)
        wire = self._wire(connection)
        await self._server.disconnect(connection.sid)
        await self._hang_up(wire)

    async def _hang_up(self, wire: str) -> None:
        """What waits is sent before. The library's own way would wait for a client that takes nothing."""
        if (socket := self._open.get(wire)) is not None:
            await socket.close(wait=False, reason=self._server.reason.SERVER_DISCONNECT)
            socket.queue.put_nowait(None)
            self._open.pop(wire, None)

    def _forget(self, connection: Connection) -> None:
        for job_id in connection.jobs:
            self._hub.unhear_job(job_id, connection)
        if connection.user is not None:
            self._hub.unhear_user(connection.user, connection)


def _text(given: Any, name: str) -> str | None:
    found = given.get(name) if isinstance(given, dict) else None
    return found if isinstance(found, str) else None


def _job_id(given: Any) -> UUID:
    try:
        return UUID(_text(given, "job_id") or "")
    except ValueError:
        raise _Wrong("job_id is missing, or is no UUID") from None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sending


async def _full(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1013, "reason": "too many connections"})
        return
    headers = [(b"retry-after", b"5"), (b"content-type", b"text/plain"), *_HEADERS]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"too many connections"})
