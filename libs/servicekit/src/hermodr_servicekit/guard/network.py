"""Connections to guarded addresses only, for httpcore."""

import asyncio
import ssl
from typing import Any, cast

import httpcore

from hermodr_servicekit.guard.addresses import Address
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.guard.targets import Target

_MOST_TRIED = 4
"""Addresses of one name; each gets its share of the time."""
_HIGH_WATER = 64 * 1024


class Flood(Exception):
    """More came than the answer to one request may have."""


class Wire(asyncio.BufferedProtocol, httpcore.AsyncNetworkStream):
    """A connection as httpcore's stream. Time limits are the caller's. `allow` says how much may come from now on: more
    raises `Flood`, be it headers, answers before the answer (1xx) or content."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray(_HIGH_WATER)
        self._arrived = bytearray()
        self._request = bytearray()
        self._ended = False
        self._reader: asyncio.Future[None] | None = None
        self._left = 0
        self.answered = False
        """Whether anything came since the last `allow`."""

    def allow(self, most_bytes: int) -> None:
        self._left = most_bytes
        self.answered = False

    @property
    def usable(self) -> bool:
        """Whether a further request may be sent: nothing came unasked, and the other side is there."""
        return not self._ended and not self._arrived

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - see above
        """Raises `Flood`."""
        if self._request and self._transport is not None:
            self._transport.write(bytes(self._request))
            self._request.clear()
        while not self._arrived and not self._ended:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        part = bytes(self._arrived[:max_bytes])
        del self._arrived[:max_bytes]
        if self._transport is not None and not self._ended:
            self._transport.resume_reading()
        self._left -= len(part)
        if self._left < 0:
            raise Flood
        return part

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - see above
        """Goes out when the answer is read, head and content in one piece. Raises `httpcore.WriteError`. What the other
        side does not take is kept: requests are small."""
        if self._transport is None or self._ended:
            raise httpcore.WriteError
        self._request += buffer

    async def aclose(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def get_extra_info(self, info: str) -> Any:
        return not self.usable if info == "is_readable" else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is of no class of asyncio

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - one size suits all
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._arrived += memoryview(self._buffer)[:nbytes]
        self.answered = True
        if len(self._arrived) >= _HIGH_WATER and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - what is missing is noticed
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


async def connect(guard: Guard, target: Target, tls: ssl.SSLContext, seconds: float) -> Wire:
    """Looks a name up once and connects to what was vetted, so that it cannot change in between; the name stays in TLS.
    Raises `Refused`, `OSError` (`ssl.SSLError` is one) and `TimeoutError`."""
    found = (await guard.addresses(target))[:_MOST_TRIED]
    for address in found[:-1]:
        try:
            return await _connect(address, target, tls, seconds / len(found))
        except (OSError, TimeoutError):
            continue
    return await _connect(found[-1], target, tls, seconds / len(found))


async def _connect(address: Address, target: Target, tls: ssl.SSLContext, seconds: float) -> Wire:
    async with asyncio.timeout(seconds):
        _, wire = await asyncio.get_running_loop().create_connection(
            Wire,
            str(address),
            target.port,
            ssl=None if target.plain else tls,
            server_hostname=None if target.plain else target.host,
        )
    return wire
