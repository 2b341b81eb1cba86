"""The door of every port: what a connection may cost, whoever it is, before anything of ours has looked at it.

uvicorn's protocol, with what it leaves open: request heads are bounded in octets, fields and time, bodies in octets and
time, trailers are dropped (RFC 9110 §6.5.1: a field there must not be taken for one of the head), who only holds a
connection gives it up, and there are never more of them than files may be open.
"""

import math
import resource
from asyncio import BaseProtocol, Protocol, Transport
from collections.abc import Callable
from typing import Any, ClassVar, cast

import structlog
from starlette.types import Send
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from hermodr_servicekit.door_answers import answer_of
from hermodr_servicekit.door_heads import wrong_with
from hermodr_servicekit.door_turns import Turns

log = structlog.get_logger()

HEAD_OCTETS = 64 * 1024
"""Of a request's line and fields; also of what is no content in a row within a body: chunk extensions, trailers."""
HEAD_FIELDS = 100
HEAD_SECONDS = 10.0
BODY_OCTETS = 11 * 1024 * 1024
"""Of a body as it came, with the marks of its chunks. More than any route takes: each has a limit of its own, and reads
no further."""
BODY_SECONDS = 40.0
"""Longer than the api gives a body it reads: its own refusal comes first."""
REST_SECONDS = 10.0
"""For the rest of a body that was answered before it was there."""
IDLE_SECONDS = 30
ANSWER_SECONDS = 120.0
"""For an answer to be taken."""
PIPELINED = 64
"""Requests of a connection that may wait for the answer of one before them."""

_BLANK_LINE = b"\r\n\r\n"
_PIECE = 1024
"""Octets of a chunked body that the parser is given at a time, so that what is no content is measured in between."""
_LINGER_SECONDS = 2.0
_LINGER_OCTETS = 1024 * 1024
_SLOW_SECONDS = 5.0
_FILES = 65_536
_CONNECTIONS = 2_048
_TELLING_SECONDS = 10.0
_ROOM = 20
"""One of so many connections is given up when all are taken."""


def raise_file_limit() -> None:
    """As many open files as the process may have, up to 65,536: what is given is often 1,024. To be called at start."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections() -> int:
    """How many may be open at a time: 2,048, but no more than half of the files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _CONNECTIONS if soft == resource.RLIM_INFINITY else min(_CONNECTIONS, soft // 2)


class DoorConfig(Config):
    """uvicorn's configuration, how many connections may be open, and the turns of all that are."""

    def __init__(self, app: Callable[..., Any], *, connections: int, **options: Any) -> None:
        super().__init__(app, **options)
        self.connections = connections
        self.turns = Turns()
        self.open_sockets: set[Any] = set()
        """Connections that are WebSockets by now; there may be as many again."""


class _Refusal(Exception):
    """Ends what the parser does. What is answered is `Door._refusal`."""


class Door(HttpToolsProtocol):
    """One connection.

    It is the client's turn while a head, a body, or the taking of an answer is waited for. Each turn has its time
    (`sweep`), and when connections run out, those go first whose turn has lasted longest."""

    _told_at: ClassVar[float] = -math.inf

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, object], _loop: object = None
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._most = config.connections if isinstance(config, DoorConfig) else most_connections()
        self._in_head = True
        self._head_octets = 0
        self._body_octets = 0
        self._no_content = self._content = 0
        self._chunked = False
        self._length = 0
        self._tail = b""
        self._put_off: tuple[int, str] | None = None
        self._turns = config.turns if isinstance(config, DoorConfig) else Turns()
        self._sockets = config.open_sockets if isinstance(config, DoorConfig) else set()
        self._upgraded: BaseProtocol | None = None
        self._answered_one = False
        self._turn_since = self._expires = math.inf
        self._unsent_since = math.inf
        self._refusal: tuple[int, str] | None = None
        self._lingering: int | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._await(HEAD_SECONDS)
        if len(self.connections) - len(self._sockets) > self._most and not self._make_room():
            self._refuse(503, f"{self._most} are open; try again in a moment")

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`. A head is fed to the parser no further than it may be long: the parser glues the
        pieces of a field together again and again."""
        if self._lingering is not None:
            self._lingering += len(data)
            if self._lingering > _LINGER_OCTETS:
                self.transport.abort()
            return
        while data and not self._refused:
            if self._upgraded is not None:
                cast("Protocol", self._upgraded).data_received(data)
                return
            if self._in_head:
                end = self._end_of_head(data)
                self._feed_head(data[:end])
                data = data[end:]
            else:
                data = self._feed_body(data)

    def _end_of_head(self, data: bytes) -> int:
        """How much of it the parser may have at once: to the end of the head, or as much as there may be of it."""
        before = self._tail if self._head_octets else b""
        end = (before + data).find(_BLANK_LINE)
        length = len(data) if end < 0 else end + len(_BLANK_LINE) - len(before)
        length = min(length, HEAD_OCTETS - self._head_octets)
        self._tail = (before + data[:length])[1 - len(_BLANK_LINE) :]
        return length

    def _feed_head(self, part: bytes) -> None:
        begins = self._head_octets == 0
        self._head_octets += len(part)
        super().data_received(part)
        if not self._in_head:
            self._await(BODY_SECONDS)
        elif self._head_octets and not self._refused:
            if begins:
                self._await(HEAD_SECONDS)
            if self._head_octets >= HEAD_OCTETS:
                self._refuse(431, f"a head has at most {HEAD_OCTETS // 1024} KiB")

    def _feed_body(self, data: bytes) -> bytes:
        """Feeds no more than belongs to the body, and returns the rest."""
        if not self._chunked:
            length = max(1, self._length - self._body_octets)
            self._feed_piece(data[:length])
            return data[length:]
        view = memoryview(data)
        for start in range(0, len(data), _PIECE):
            self._feed_piece(view[start : start + _PIECE])
            if self._in_head or self._refused:
                return data[start + _PIECE :]
        return b""

    def _feed_piece(self, data: bytes | memoryview) -> None:
        if self._chunked and self._no_content + len(data) > HEAD_OCTETS:
            self._refuse(400, "chunk extensions and trailers of a body have less than 64 KiB")
            return
        self._body_octets += len(data)  # as they came: a chunk may hold one
        self._content = 0
        super().data_received(data)  # type: ignore[arg-type]  # the parser takes any buffer
        if self._in_head or self._refused:
            return
        rest = len(data) - self._content
        self._no_content = rest if self._content else self._no_content + rest
        if self._body_octets > BODY_OCTETS:
            self._refuse(413, f"a body has at most {BODY_OCTETS // 1024 // 1024} MiB here")

    def on_headers_complete(self) -> None:
        """Called by the parser. From here on its fields are trailers, and nobody's: the request has the list."""
        if len(self.headers) > HEAD_FIELDS:
            self._stop(431, f"a head has at most {HEAD_FIELDS} fields")
        if len(self.pipeline) >= PIPELINED:
            self._stop(429, f"at most {PIPELINED} requests may wait on a connection")
        version = self.parser.get_http_version()
        if (wrong := wrong_with(version, self.headers)) is not None:
            self._stop(*wrong)
        given = dict(self.headers)
        self._chunked = b"transfer-encoding" in given
        self._length = int(given.get(b"content-length", 0))
        super().on_headers_complete()
        if self._upgrades:
            return
        self.headers = []
        self._in_head = False
        self._head_octets = self._no_content = self._body_octets = 0

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._content += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        super().on_message_complete()
        if self._upgrades:
            return
        self._in_head = True
        self._head_octets = 0
        if self.cycle.response_complete and not self.pipeline:
            self._await(IDLE_SECONDS)
        else:
            self._turn_since = self._expires = math.inf

    @property
    def _upgrades(self) -> bool:
        return bool(self.parser.should_upgrade()) and self._should_upgrade()

    def handle_websocket_upgrade(self) -> None:
        """Called by uvicorn: from here on the connection is another protocol's."""
        if len(self._sockets) >= self._most:
            self._refuse(503, f"{self._most} WebSockets are open; try again in a moment")
            return
        super().handle_websocket_upgrade()
        self._upgraded = self.transport.get_protocol()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Called by uvicorn: for a request when its head is there, or when those before it on its connection have their
        answers."""
        if self._answered_one:
            self._turns.take(lambda: self._begin(cycle, app))
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if not self.transport.is_closing():
            super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Called when all of an answer was written."""
        next_one = bool(self.pipeline)
        self._answered_one = True
        super().on_response_complete()
        self._answered_one = False
        if self._put_off is not None and not next_one and not self.transport.is_closing():
            refusal, self._put_off = self._put_off, None
            self._refuse(*refusal)
            return
        if not self._in_head:
            self._await(BODY_SECONDS if next_one else REST_SECONDS)
        elif not next_one:
            self._await(HEAD_SECONDS if self._head_octets else IDLE_SECONDS)

    def send_400_response(self, msg: str) -> None:
        """Called when the parser gave up, or we did."""
        self._refuse(*(self._refusal or (400, msg)))

    @property
    def _refused(self) -> bool:
        """Whether nothing more of what comes is looked at."""
        return self._lingering is not None or self._put_off is not None or self.transport.is_closing()

    @property
    def _latest(self) -> RequestResponseCycle | None:
        """The request that came last, if any has."""
        return self.cycle

    @property
    def _answering(self) -> bool:
        """Whether a request was taken and its answer is not complete."""
        latest = self._latest
        return bool(self.pipeline) or (latest is not None and not latest.response_complete)

    @property
    def _clients_turn(self) -> bool:
        if self._put_off is not None:
            return False
        if self._lingering is not None or not self._answering:
            return True
        return not self._in_head and not self.pipeline

    def turn_since(self, now: float) -> float:
        """When the client's turn began; infinity when it is ours. Taking what was sent is one too, after a while."""
        if self._clients_turn:
            return self._turn_since
        return self._unsent_since if now - self._unsent_since > _SLOW_SECONDS else math.inf

    def sweep(self, now: float) -> None:
        """Looks at what is overdue at the loop's time `now`."""
        if self.transport.get_write_buffer_size():
            self._unsent_since = min(self._unsent_since, now)
            if now - self._unsent_since > ANSWER_SECONDS:
                self.transport.abort()
                return
        else:
            self._unsent_since = math.inf
        if now <= self._expires or not self._clients_turn:
            return
        if self._lingering is not None:
            self.transport.abort()
        elif self._in_head and self._head_octets:
            self._refuse(408, f"a head has {HEAD_SECONDS:g} seconds to arrive")
        elif self._in_head or not self._answering:
            self.transport.close()
        else:
            self._refuse(408, f"a body has {BODY_SECONDS:g} seconds to arrive")

    def _make_room(self) -> bool:
        """Gives up others who have kept us waiting longest, a twentieth of all at once; `False` if there are none."""
        now = self.loop.time()
        others = [each for each in self.connections if isinstance(each, Door) and each is not self]
        slowest = sorted(others, key=lambda each: each.turn_since(now))[: max(1, self._most // _ROOM)]
        given_up = [each for each in slowest if each.turn_since(now) <= now]
        for each in given_up:
            each.transport.abort()
        if now > Door._told_at + _TELLING_SECONDS:
            Door._told_at = now
            log.warning("connections are at their limit", limit=self._most, given_up=len(given_up))
        return bool(given_up)

    def _await(self, seconds: float) -> None:
        self._turn_since = self.loop.time()
        self._expires = self._turn_since + seconds

    def _stop(self, status: int, detail: str) -> None:
        """Refuses from within the parser."""
        self._refusal = (status, detail)
        raise _Refusal

    def _refuse(self, status: int, detail: str) -> None:
        """Answers, and reads on for a moment without looking: a connection that is closed with octets unread is reset,
        and the answer lost with it. Requests that were taken before are answered first; where an answer to this one has
        begun, there is none to give."""
        latest = self._latest
        answered = latest is None or latest.response_complete
        if self.pipeline or (self._in_head and not answered):
            if not self._in_head:
                self.pipeline.popleft()  # its body is what is refused
            self._put_off = (status, detail)
            return
        if not answered and latest is not None and latest.response_started and not self._in_head:
            self.transport.abort()
            return
        if latest is not None and not answered:
            latest.disconnected = True
            latest.message_event.set()
        if self._in_head or not answered:
            self.transport.write(answer_of(status, detail))
        self._unset_keepalive_if_required()
        self._lingering = 0
        self.flow.resume_reading()
        self.transport.write_eof()
        self._await(_LINGER_SECONDS)


def cut(send: Send) -> None:
    """Ends a request's connection without an answer, as a server does that dies. `send` as the server gave it."""
    cycle: RequestResponseCycle = send.__self__  # type: ignore[attr-defined]
    cycle.transport.abort()
    cycle.response_complete = cycle.disconnected = True
