"""The door of every port: what a connection may cost, whoever it is, before anything of ours has looked at it.

uvicorn's protocol, with what it leaves open: request heads are bounded in octets, fields and time, bodies in octets and
time, trailers are dropped (RFC 9110 §6.5.1: a field there must not be taken for one of the head), who only holds a
connection gives it up, and there are never more of them than files may be open.
"""

import math
import resource
from asyncio import Transport
from http import HTTPStatus
from typing import ClassVar

import orjson
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

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

_LINGER_SECONDS = 2.0
_LINGER_OCTETS = 1024 * 1024
_SLOW_SECONDS = 5.0
_FILES = 65_536
_CONNECTIONS = 2_048
_TELLING_SECONDS = 10.0
_ROOM = 20
"""One of so many connections is given up when all are taken."""

_TITLES = {
    400: ("malformed-http", "This is not HTTP"),
    408: ("request-too-slow", "The request did not arrive in time"),
    413: ("too-large", "The body is too large"),
    431: ("head-too-large", "The head of the request is too large"),
    503: ("overloaded", "There are too many connections"),
}


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
    """uvicorn's configuration, and how many connections may be open."""

    connections: int = _CONNECTIONS


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
        self._no_content = 0
        self._turn_since = self._expires = math.inf
        self._unsent_since = math.inf
        self._refusal: tuple[int, str] | None = None
        self._lingering: int | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._await(HEAD_SECONDS)
        if len(self.connections) > self._most and not self._make_room():
            self._refuse(503, f"{self._most} are open; try again in a moment")

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`. A head is fed to the parser no further than it may be long: the parser glues the
        pieces of a field together again and again."""
        if self._lingering is not None:
            self._lingering += len(data)
            if self._lingering > _LINGER_OCTETS:
                self.transport.abort()
            return
        while data:
            if self._in_head:
                room = HEAD_OCTETS - self._head_octets
                part, data = (data, b"") if len(data) <= room else (data[:room], data[room:])
                self._feed_head(part)
            else:
                self._feed_body(data)
                data = b""
            if data and (self.transport.is_closing() or self._lingering is not None):
                return

    def _feed_head(self, part: bytes) -> None:
        begins = self._head_octets == 0
        self._head_octets += len(part)
        super().data_received(part)
        if not self._in_head:
            self._await(BODY_SECONDS)
        elif self._head_octets and not self.transport.is_closing() and self._lingering is None:
            if begins:
                self._await(HEAD_SECONDS)
            if self._head_octets >= HEAD_OCTETS:
                self._refuse(431, f"a head has at most {HEAD_OCTETS // 1024} KiB")

    def _feed_body(self, data: bytes) -> None:
        self._no_content += len(data)
        self._body_octets += len(data)  # as they came: a chunk may hold one
        super().data_received(data)
        if self._in_head or self.transport.is_closing() or self._lingering is not None:
            return
        if self._no_content > HEAD_OCTETS:
            self._refuse(400, "chunk extensions and trailers of a body have at most 64 KiB")
        elif self._body_octets > BODY_OCTETS:
            self._refuse(413, f"a body has at most {BODY_OCTETS // 1024 // 1024} MiB here")

    def on_headers_complete(self) -> None:
        """Called by the parser. From here on its fields are trailers, and nobody's: the request has the list."""
        if len(self.headers) > HEAD_FIELDS:
            self._stop(431, f"a head has at most {HEAD_FIELDS} fields")
        if len(self.pipeline) >= PIPELINED:
            self._stop(400, f"at most {PIPELINED} requests may wait on a connection")
        super().on_headers_complete()
        self.headers = []
        self._in_head = False
        self._head_octets = self._no_content = self._body_octets = 0

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._no_content = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        super().on_message_complete()
        self._in_head = True
        self._head_octets = 0
        if self.cycle.response_complete and not self.pipeline:
            self._await(IDLE_SECONDS)
        else:
            self._turn_since = self._expires = math.inf

    def on_response_complete(self) -> None:
        """Called when all of an answer was written."""
        next_one = bool(self.pipeline)
        super().on_response_complete()
        if not self._in_head:
            self._await(BODY_SECONDS if next_one else REST_SECONDS)
        elif not next_one:
            self._await(HEAD_SECONDS if self._head_octets else IDLE_SECONDS)

    def send_400_response(self, msg: str) -> None:
        """Called when the parser gave up, or we did."""
        self._refuse(*(self._refusal or (400, msg)))

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
        and the answer lost with it. Where an earlier answer is not complete, there is none to give."""
        latest = self._latest
        answered = latest is None or latest.response_complete
        if self.pipeline or (not answered and (self._in_head or (latest and latest.response_started))):
            self.transport.abort()
            return
        if latest is not None and not answered:
            latest.disconnected = True
            latest.message_event.set()
        if self._in_head or not answered:
            self.transport.write(_answer(status, detail))
        self._unset_keepalive_if_required()
        self._lingering = 0
        self.flow.resume_reading()
        self.transport.write_eof()
        self._await(_LINGER_SECONDS)


def _answer(status: int, detail: str) -> bytes:
    slug, title = _TITLES[status]
    document = {
        "type": f"urn:hermodr:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": [],
        "request_id": "",
    }
    body = orjson.dumps(document)
    fields = [
        b"content-type: application/problem+json",
        b"content-length: %d" % len(body),
        b"cache-control: no-store",
        b"x-content-type-options: nosniff",
        b"connection: close",
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        fields.append(b"retry-after: 1")
    return STATUS_LINE[status] + b"\r\n".join(fields) + b"\r\n\r\n" + body
