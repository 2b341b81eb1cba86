import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

import orjson

END = b"\r\n\r\n"
LENGTH = b"content-length:"


class NotAccepted(Exception): ...


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._input = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError("closed by the server"))

    def data_received(self, data: bytes) -> None:
        self._input += data
        end = self._input.find(END)
        if end < 0:
            return
        head = self._input[:end].lower()
        at = head.find(LENGTH)
        length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        body = self._input[end + len(END) :]
        if len(body) < length:
            return
        self._input = b""
        if self._answer and not self._answer.done():
            self._answer.set_result((int(head.split(b" ", 2)[1]), body))

    async def ask(self, request: bytes) -> bytes:
        """Returns the body. Raises NotAccepted unless the status is 2xx."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        status, body = await self._answer
        if not 200 <= status < 300:
            raise NotAccepted(f"status {status}")
        return body

    def close(self) -> None:
        self._transport.close()


def post(url: str, path: str, body: object, key: str = "") -> bytes:
    content = orjson.dumps(body)
    fields = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return _head("POST", url, path, key, fields) + content


def get(url: str, path: str, key: str = "") -> bytes:
    return _head("GET", url, path, key)


def _head(method: str, url: str, path: str, key: str, fields: str = "") -> bytes:
    known = f"Authorization: Bearer {key}\r\n" if key else ""
    return f"{method} {path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n{known}{fields}\r\n".encode()


@asynccontextmanager
async def connections(url: str, count: int) -> AsyncIterator[list[Connection]]:
    parts, loop = urlsplit(url), asyncio.get_running_loop()
    host, port = parts.hostname or "", parts.port or 80
    opened = [(await loop.create_connection(Connection, host, port))[1] for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


async def rush(url: str, requests: Sequence[bytes], count: int) -> float:
    """All requests over `count` connections, without pauses; requests per second."""
    waiting = iter(requests)

    async def asker(connection: Connection) -> None:
        for request in waiting:
            await connection.ask(request)

    async with connections(url, count) as opened:
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for connection in opened:
                group.create_task(asker(connection))
        return len(requests) / (time.perf_counter() - started)


async def paced(
    url: str, requests: Sequence[bytes], rate: float, count: int = 32
) -> list[tuple[float, float]]:
    """Requests at a steady rate whether or not earlier ones are answered. For each: when it was due and when it
    was answered (seconds since the epoch), including the wait for a connection."""
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    times: list[tuple[float, float]] = [(0.0, 0.0)] * len(requests)

    async def one(index: int, due: float) -> None:
        connection = await idle.get()
        await connection.ask(requests[index])
        times[index] = (due, time.time())
        idle.put_nowait(connection)

    async with connections(url, count) as opened:
        for connection in opened:
            idle.put_nowait(connection)
        start = time.time() + 0.1
        async with asyncio.TaskGroup() as group:
            for index in range(len(requests)):
                due = start + index / rate
                await asyncio.sleep(max(0.0, due - time.time()))
                group.create_task(one(index, due))
    return times
