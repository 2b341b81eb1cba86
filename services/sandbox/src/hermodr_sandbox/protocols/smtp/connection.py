"""The transport of an SMTP session: bytes to lines and mails, replies to writes, delays, cuts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from hermodr_sandbox.domain.mail import Mail
from hermodr_sandbox.service import Sandbox

_MAX_LINE = 12_288  # AUTH (RFC 4954 §4); other commands are far shorter
_MAX_ERRORS = 20
_HELD_BUFFER = 1 << 20
_END = b"\r\n.\r\n"


@dataclass(slots=True)
class Lobby:
    """The open connections of a listener, and how many are allowed."""

    sandbox: Sandbox
    max_size: int
    max_connections: int
    open: set[Connection]
    taken: Callable[[Mail], None] | None = None
    """Told of each mail that was accepted."""


class Connection(asyncio.Protocol):
    """Splits the input; a subclass says what lines and mails mean. Replies to the commands of one packet are sent
    in one write."""

    def __init__(self, lobby: Lobby) -> None:
        self._lobby = lobby
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._out: list[bytes] = []
        self._held: asyncio.TimerHandle | None = None
        self._upgrade: asyncio.Task[None] | None = None
        self._pauses: set[str] = set()
        self._closed = False
        self._counted = False
        self._skipping = False
        self._in_data = False
        self._chunk = bytearray()
        self._chunk_left = 0
        self._chunk_then: Callable[[bytes], None] | None = None
        self._oversize = False
        self._scanned = 0
        self._errors = 0
        self.last_heard = self._loop.time()

    # -- for the subclass --------------------------------------------------------------------------------

    def _opened(self) -> None:
        raise NotImplementedError

    def _line(self, line: bytes) -> None:
        raise NotImplementedError

    def _mail(self, raw: bytes) -> None:
        raise NotImplementedError

    def _say(self, reply: bytes) -> None:
        self._out.append(reply + b"\r\n")

    def _refuse(self, reply: bytes) -> None:
        self._lobby.sandbox.traffic.commands_refused += 1
        self._errors += 1
        self._say(reply)
        if self._errors >= _MAX_ERRORS:
            self._say(b"421 4.7.0 Too many errors, closing")
            self.close()

    def _open_data(self) -> None:
        """A mail follows. The leading CRLF makes an immediate final dot like any other."""
        self._buffer[:0] = b"\r\n"
        self._in_data = True
        self._oversize = False
        self._scanned = 0

    def _open_chunk(self, octets: int, then: Callable[[bytes], None]) -> None:
        """The next `octets` are no commands (RFC 3030): they go to `then` when all are there; nothing if they
        exceed a mail's limit."""
        self._chunk.clear()
        self._chunk_left = octets
        self._chunk_then = then
        self._oversize = self._oversize or octets > self._lobby.max_size

    def _hold(self, seconds: float, then: Callable[[], None]) -> None:
        """Does `then` and reads on after `seconds`."""
        self._held = self._loop.call_later(seconds, self._release, then)

    def _release(self, then: Callable[[], None]) -> None:
        self._held = None
        if self._closed:
            return
        then()
        self._resume("held")
        self._process()

    # -- transport ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # uvloop's transports are not asyncio.Transport
        lobby = self._lobby
        crowded = len(lobby.open) >= lobby.max_connections
        lobby.open.add(self)
        lobby.sandbox.traffic.connections_total += 1
        lobby.sandbox.traffic.connections_open += 1
        self._counted = True
        if crowded:
            self._say(b"421 4.7.0 Too many connections")
            self.close()
        else:
            self._opened()
            self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._closed = True
        if self._held is not None:
            self._held.cancel()
        self._lobby.open.discard(self)
        self._leave()

    def _leave(self) -> None:
        if self._counted:
            self._counted = False
            self._lobby.sandbox.traffic.connections_open -= 1

    def data_received(self, data: bytes) -> None:
        self.last_heard = self._loop.time()
        if self._closed:
            return
        self._buffer += data
        if self._held is not None or self._upgrade is not None:
            if len(self._buffer) > _HELD_BUFFER:
                self._pause("held")
            return
        self._process()

    def pause_writing(self) -> None:
        self._pause("slow reader")

    def resume_writing(self) -> None:
        self._resume("slow reader")

    def _pause(self, reason: str) -> None:
        if self._transport is not None and not self._pauses:
            self._transport.pause_reading()
        self._pauses.add(reason)

    def _resume(self, reason: str) -> None:
        if reason not in self._pauses:
            return
        self._pauses.discard(reason)
        if self._transport is not None and not self._pauses and not self._transport.is_closing():
            self._transport.resume_reading()

    def close(self) -> None:
        """Sends what is queued, and closes."""
        self._flush()
        self._closed = True
        self._leave()
        if self._transport is not None:
            self._transport.close()

    def close_if_idle(self, since: float) -> None:
        """Answers 421 and closes when silent since loop time `since`."""
        if self.last_heard < since and not self._closed and self._held is None:
            self._say(b"421 4.4.2 Idle for too long, closing")
            self.close()

    def _flush(self) -> None:
        if self._out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._out[0] if len(self._out) == 1 else b"".join(self._out))
        self._out.clear()

    # -- reading -----------------------------------------------------------------------------------------

    def _process(self) -> None:
        while not (self._closed or self._held or self._upgrade):
            if self._chunk_then is not None:
                taken = self._take_chunk(self._chunk_then)
            else:
                taken = self._take_mail() if self._in_data else self._take_line()
            if not taken:
                break
        self._flush()

    def _take_line(self) -> bool:
        buffer = self._buffer
        end = buffer.find(b"\n")
        if end < 0 or end > _MAX_LINE:
            return self._take_long_line(end)
        line = bytes(buffer[:end])
        del buffer[: end + 1]
        if self._skipping:
            self._skipping = False
        else:
            self._line(line[:-1] if line.endswith(b"\r") else line)
        return True

    def _take_long_line(self, end: int) -> bool:
        if end < 0 and len(self._buffer) <= _MAX_LINE:
            return False
        already_refused, self._skipping = self._skipping, end < 0
        del self._buffer[: len(self._buffer) if end < 0 else end + 1]
        if not already_refused:
            self._refuse(b"500 5.5.2 Line too long")
        return end >= 0

    def _take_chunk(self, then: Callable[[bytes], None]) -> bool:
        piece = self._buffer[: self._chunk_left]
        del self._buffer[: self._chunk_left]
        self._chunk_left -= len(piece)
        if not self._oversize:
            self._chunk += piece
        if self._chunk_left:
            return False
        self._chunk_then = None
        then(bytes(self._chunk))
        return True

    def _take_mail(self) -> bool:
        buffer = self._buffer
        end = buffer.find(_END, max(0, self._scanned - len(_END)))
        if end < 0:
            self._scanned = len(buffer)
            if self._scanned > self._lobby.max_size * 2 + 4:  # doubled dots may double a mail on the wire
                self._oversize = True
                del buffer[: 1 - len(_END)]
                self._scanned = 0
            return False
        with memoryview(buffer) as view:
            raw = bytes(view[2 : end + 2])
        del buffer[: end + len(_END)]
        if raw.startswith(b"."):
            raw = raw[1:]
        if b"\r\n." in raw:
            raw = raw.replace(b"\r\n.", b"\r\n")
        self._in_data = False
        self._mail(raw)
        return True
