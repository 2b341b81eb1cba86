"""An HTTP API that does what a test tells it to, whatever the dialect."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson

from hermodr_delivery.testing import Answer
from tests.support.waiting import wait_until

_REASON = b"Whatever"


class Request(NamedTuple):
    """`json`: the body; of a form (urlencoded) its fields."""

    method: str
    path: str
    headers: Mapping[str, str]
    json: Any


class Reply(NamedTuple):
    """`body` as JSON unless it is bytes already; `taken`: the API has the message."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}
    taken: bool = False


Script = Mapping[Answer, Reply]


@dataclass
class ScriptedHttp:
    """`script` says how the dialect words each answer, `key` by what a message is known, `sends` whether a request
    carries one. `Answer.DROP_…` and `HANG_…` are the same in every dialect."""

    script: Script
    key: Callable[[Request], str]
    sends: Callable[[Request], bool]
    others: Mapping[str, Reply] = field(default_factory=dict)
    """Answers to other requests, by path."""
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    tried: int = 0
    most_at_once: int = 0
    _answers: deque[Answer] = field(default_factory=deque)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _idle: set[asyncio.StreamWriter] = field(default_factory=set)
    _at_once: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedHttp]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await wait_until(lambda: not self._open)

    def answer(self, answer: Answer) -> None:
        self._answers.append(answer)

    async def drop_idle(self) -> None:
        for writer in list(self._idle):
            writer.close()
        await wait_until(lambda: not self._idle)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._exchange(reader, writer):
                pass
        self._open.discard(writer)
        self._idle.discard(writer)
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection stays."""
        self._idle.add(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        self._idle.discard(writer)
        self.tried += 1
        answer = self._answers.popleft() if self._answers else Answer.ACCEPT
        if answer is Answer.DROP_BEFORE:
            return False
        if answer is Answer.HANG_BEFORE:
            await reader.read()
            return False
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            request = await _request(head, reader)
            await asyncio.sleep(0.01)  # so that calls at once meet
        finally:
            self._at_once -= 1
        self.requests.append(request)
        reply = self.script.get(answer, self.script[Answer.ACCEPT])
        if answer is Answer.ACCEPT:
            reply = self.others.get(request.path, reply)
        if self.sends(request) and (reply.taken or answer in (Answer.DROP_AFTER, Answer.HANG_AFTER)):
            self.taken.append(self.key(request))
        if answer is Answer.DROP_AFTER:
            return False
        if answer is Answer.HANG_AFTER:
            await reader.read()
            return False
        writer.write(_wire(reply))
        await writer.drain()
        return True


async def _request(head: bytes, reader: asyncio.StreamReader) -> Request:
    first, *lines = head.decode().rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    if headers.get("content-type") == "application/x-www-form-urlencoded":
        return Request(method, path, headers, dict(parse_qsl(body.decode(), keep_blank_values=True)))
    return Request(method, path, headers, orjson.loads(body) if body else None)


def _wire(reply: Reply) -> bytes:
    body = (
        reply.body
        if isinstance(reply.body, bytes)
        else b""
        if reply.body is None
        else orjson.dumps(reply.body)
    )
    headers = {"date": formatdate(usegmt=True), "content-length": str(len(body)), **reply.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (reply.status, _REASON, lines.encode(), body)
