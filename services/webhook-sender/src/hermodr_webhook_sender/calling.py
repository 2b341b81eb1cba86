"""One POST to a URL that a user gave: guarded, bounded, and no word of the answer believed but its status."""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore

from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.guard.network import Flood, Wire, connect
from hermodr_servicekit.guard.targets import Refused, Target, read_target
from hermodr_webhook_sender.domain import Answer

CONNECT_SECONDS = 10.0
MOST_HEAD = 64 * 1024
"""Of an answer until its content begins, together with answers before it (1xx)."""
MOST_CONTENT = 4 * 1024
MOST_PIECES = 20
"""Of content that is read so that the connection can be used again. Chunks of one octet cost as much as long ones."""
_CONTENT_SECONDS = 1.0
_IDLE_SECONDS = 4.0
"""Less than the 5 s after which many servers close."""
_MOST_IDLE = 500
_USER_AGENT = b"Hermodr"
_ASKING = frozenset({429, 503})
"""Statuses that may ask for a pause."""

Place = tuple[bool, str, int]


class _Connection:
    def __init__(self, target: Target, wire: Wire) -> None:
        scheme = b"http" if target.plain else b"https"
        origin = httpcore.Origin(scheme, target.host.encode(), target.port)
        self.wire = wire
        self.http = httpcore.AsyncHTTP11Connection(origin, wire, keepalive_expiry=_IDLE_SECONDS)

    @property
    def usable(self) -> bool:
        """Whether a further request may be sent. What came after the answer would be taken for the next one."""
        unasked, _ = self.http._h11_state.trailing_data
        return self.http.is_idle() and not unasked and not self.http.has_expired()


class Caller:
    """Keeps connections open for a while, the last used first. No redirects, no proxies, no cookies."""

    def __init__(self, guard: Guard, seconds: float) -> None:
        self._guard = guard
        self._seconds = seconds
        self._tls = ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._idle: OrderedDict[_Connection, Place] = OrderedDict()
        self._at: dict[Place, list[_Connection]] = {}

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Within the seconds given. Errors are answers, too."""
        try:
            target = read_target(url)
            async with asyncio.timeout(self._seconds):
                connection, response = await self._post(target, _request(target, headers, body))
        except Refused as refused:
            return Answer(error=refused.code)
        except TimeoutError:
            return Answer(error="timeout")
        except Flood:
            return Answer(error="too_large")
        except ssl.SSLCertVerificationError:
            return Answer(error="bad_certificate")
        except ssl.SSLError:
            return Answer(error="tls_failed")
        except (OSError, UnicodeError):
            return Answer(error="connection_failed")
        except httpcore.RemoteProtocolError:
            return Answer(error="bad_answer")
        except (httpcore.ReadError, httpcore.WriteError):
            return Answer(error="connection_lost")
        await self._finish(target, connection, response)
        asked = _retry_after(response.headers) if response.status in _ASKING else None
        return Answer(response.status, retry_after=asked)

    async def tick(self) -> float:
        """Closes what was idle for long; for `periodic.repeat`."""
        while self._idle:
            oldest = next(iter(self._idle))
            if len(self._idle) <= _MOST_IDLE and not oldest.http.has_expired():
                break
            self._forget(oldest)
            await oldest.http.aclose()
        return _IDLE_SECONDS

    async def close(self) -> None:
        """Closes idle connections."""
        for each in self._idle:
            await each.http.aclose()
        self._idle.clear()
        self._at.clear()

    async def _post(self, target: Target, request: httpcore.Request) -> tuple[_Connection, httpcore.Response]:
        if (kept := await self._kept(target)) is not None:
            try:
                return kept, await _exchange(kept, request)
            except (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError):
                if kept.wire.answered:
                    raise  # else it was closed while idle, and we notice only now
        wire = await connect(self._guard, target, self._tls, min(CONNECT_SECONDS, self._seconds))
        connection = _Connection(target, wire)
        return connection, await _exchange(connection, request)

    async def _finish(self, target: Target, connection: _Connection, response: httpcore.Response) -> None:
        """Reads the content, if it is short and comes at once; else the connection ends. The status counts, whatever
        follows."""
        connection.wire.allow(MOST_CONTENT)
        try:
            async with asyncio.timeout(_CONTENT_SECONDS):
                pieces = 0
                async for _ in response.aiter_stream():
                    pieces += 1
                    if pieces > MOST_PIECES:
                        raise Flood
            await response.aclose()
        except (TimeoutError, Flood, httpcore.RemoteProtocolError, httpcore.ReadError):
            await connection.http.aclose()
        except BaseException:
            await connection.http.aclose()
            raise
        if connection.usable:
            self._idle[connection] = _place(target)
            self._at.setdefault(_place(target), []).append(connection)
            await self.tick()
        else:
            await connection.http.aclose()

    async def _kept(self, target: Target) -> _Connection | None:
        while waiting := self._at.get(_place(target)):
            connection = waiting[-1]
            self._forget(connection)
            if connection.usable:
                return connection
            await connection.http.aclose()
        return None

    def _forget(self, connection: _Connection) -> None:
        place = self._idle.pop(connection)
        self._at[place].remove(connection)
        if not self._at[place]:
            del self._at[place]


def _place(target: Target) -> Place:
    return target.plain, target.host, target.port


async def _exchange(connection: _Connection, request: httpcore.Request) -> httpcore.Response:
    connection.wire.allow(MOST_HEAD)
    try:
        return await connection.http.handle_async_request(request)
    except BaseException:
        await connection.http.aclose()
        raise


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> httpcore.Request:
    return httpcore.Request(
        b"POST",
        httpcore.URL(
            scheme=b"http" if target.plain else b"https",
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        ),
        headers=[
            (b"host", target.authority.encode()),
            (b"user-agent", _USER_AGENT),
            (b"accept", b"*/*"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *((name.encode(), value.encode()) for name, value in headers.items()),
        ],
        content=body,
    )


def _retry_after(headers: list[tuple[bytes, bytes]]) -> float | None:
    """Seconds, RFC 9110 §10.2.3."""
    for name, value in headers:
        if name.lower() == b"retry-after":
            text = value.decode("latin-1").strip()
            if text.isascii() and text.isdecimal():
                return float(text[:9])
            try:
                at = parsedate_to_datetime(text)
            except (ValueError, OverflowError):
                return None
            at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            return max(0.0, (at - datetime.now(UTC)).total_seconds())
    return None
