import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import orjson
from starlette.types import Receive, Scope, Send

PATIENCE = 30.0
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Seen:
    """An application that answers once it has the body, or at once, with what it was asked."""

    reads: bool = True
    asked: int = 0
    heads: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    bodies: list[int] = field(default_factory=list)
    left: int = 0
    answer: bytes = b"well"
    wait: asyncio.Event | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        octets, more = 0, self.reads
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left += 1
                return
            octets += len(message["body"])
            more = message["more_body"]
        if self.wait is not None:
            await self.wait.wait()
        self.heads.append(list(scope["headers"]))
        self.bodies.append(octets)
        length = (b"content-length", b"%d" % len(self.answer))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": self.answer})


@dataclass
class Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, bytes, bytes]:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await asyncio.wait_for(self.reader.readexactly(length), PATIENCE)
        return int(head.split()[1]), head, body

    async def ended(self) -> bool:
        """Waits for the other side to end; whether nothing came before."""
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE) == b""
        except ConnectionResetError:
            return True


@contextlib.asynccontextmanager
async def line(port: int) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


async def refused(open_line: Line, status: int, slug: str) -> None:
    found, head, body = await open_line.answer()
    assert found == status, body
    document = orjson.loads(body)
    assert document["type"] == f"urn:hermodr:problem:{slug}"
    assert document["status"] == status
    assert {"title", "detail", "errors", "request_id"} <= set(document)
    for name in (b"nosniff", b"no-store", b"connection: close", b"application/problem+json"):
        assert name in head
    assert await open_line.ended()
