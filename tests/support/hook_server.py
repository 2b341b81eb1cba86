"""A server that gets webhooks, and answers byte by byte what a test wants."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class Came(NamedTuple):
    """A request. Names of headers are in small letters."""

    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Came, asyncio.StreamWriter], Awaitable[None]]


def saying(raw: bytes) -> Answer:
    async def answer(_came: Came, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return answer


def status(code: int, *headers: str) -> Answer:
    lines = [f"HTTP/1.1 {code} X", "content-length: 0", *headers, "", ""]
    return saying("\r\n".join(lines).encode())


async def hang(_came: Came, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


class HookServer:
    """`answers` by path, else `answer`."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.answers: dict[str, Answer] = {}
        self.came: list[Came] = []
        self.connections = 0
        self.port = 0
        self._open: set[asyncio.Task[None]] = set()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    came = await _request(reader)
                    self.came.append(came)
                    await self.answers.get(came.path, self.answer)(came, writer)
        finally:
            self._open.discard(task)
            writer.close()

    async def close(self) -> None:
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(self._open)


async def _request(reader: asyncio.StreamReader) -> Came:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Came(head[0].split(" ")[1], headers, body)


@contextlib.asynccontextmanager
async def hook_server(answer: Answer | None = None) -> AsyncIterator[HookServer]:
    served = HookServer(answer or saying(OK))
    server = await asyncio.start_server(served._serve, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        await served.close()
