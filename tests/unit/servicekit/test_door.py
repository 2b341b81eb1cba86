"""What a connection may cost, tried over raw sockets."""

import asyncio
import contextlib
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import orjson
import pytest
from starlette.types import Receive, Scope, Send

from hermodr_servicekit import door
from hermodr_servicekit.web import serve
from tests.support.waiting import wait_until

PATIENCE = 30.0
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@dataclass
class Seen:
    """An application that answers once it has the body, or at once; it says what it was asked."""

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
    """A raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, bytes, bytes]:
        """Status, head and body of one answer."""
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


async def test_a_head_of_almost_64_kib_and_100_fields_is_taken() -> None:
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port, line(port) as it:
        await it.say(GET[:-2], b"x: y\r\n" * 98, b"long: ", b"x" * 64_000, b"\r\n\r\n")
        assert (await it.answer())[0] == 200
        await it.say(GET)
        assert (await it.answer())[0] == 200
    assert len(app.heads[0]) == 100


@pytest.mark.parametrize(
    "parts",
    [
        [GET[:-2] + b"long: " + b"x" * 70_000 + b"\r\n\r\n"],
        [GET[:-2] + b"long: ", *[b"x" * 1000] * 70],
        [b"GET /" + b"x" * 70_000],
        [GET[:-2] + b"x" * 70_000],
        [GET[:-2] + b"x: y\r\n" * 100 + b"\r\n"],
        [b"GET / HTTP/1.1\r\n" + b"a:\r\n" * 101 + b"\r\n"],
    ],
)
async def test_a_larger_head_is_refused(parts: list[bytes]) -> None:
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port, line(port) as it:
        await it.say(*parts)
        await refused(it, 431, "head-too-large")
        async with line(port) as second:  # not only the first of a connection
            await second.say(GET)
            await second.answer()
            await second.say(*parts)
            await refused(second, 431, "head-too-large")
    assert len(app.heads) == 1


async def test_what_never_ends_is_cut_off() -> None:
    """160 MB in one line cost 33 s of a processor."""
    async with serve(Seen(), "127.0.0.1", 0) as port, line(port) as it:
        await it.say(GET[:-2] + b"long: ")
        with pytest.raises(ConnectionError):
            await it.say(*[b"x" * 1_000_000] * 160)


async def test_a_field_in_a_trailer_is_nobodys() -> None:
    """An `Authorization` there was believed."""
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port, line(port) as it:
        head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: authorization\r\n\r\n"
        await it.say(head, b"2\r\n{}\r\n0\r\nAuthorization: Bearer hk_x\r\n\r\n", GET)
        assert [(await it.answer())[0] for _ in range(2)] == [200, 200]
        await it.say(head + b"2\r\n{}\r\n0\r\nAuthorization: Bearer hk_x\r\n\r\n")
        assert (await it.answer())[0] == 200
    assert [[name for name, _ in head] for head in app.heads] == [
        [b"host", b"transfer-encoding", b"trailer"],
        [b"host"],
        [b"host", b"transfer-encoding", b"trailer"],
    ]
    assert app.bodies == [2, 0, 2]


@pytest.mark.parametrize("end", [b"0\r\nlong: ", b"2;extension="])
async def test_trailers_and_chunk_extensions_have_limits(end: bytes) -> None:
    async with serve(Seen(), "127.0.0.1", 0) as port, line(port) as it:
        await it.say(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n")
        await it.say(end, *[b"x" * 1000] * 200)
        await refused(it, 400, "malformed-http")


async def test_what_is_no_http_is_told_so() -> None:
    async with serve(Seen(), "127.0.0.1", 0) as port, line(port) as it:
        await it.say(b"nonsense\r\n\r\n")
        await refused(it, 400, "malformed-http")


async def test_a_body_is_not_read_without_limit() -> None:
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port, line(port) as it:
        await it.say(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n")
        await it.say(*[b"x" * 1_000_000] * 12)
        await refused(it, 413, "too-large")
    assert (app.left, app.bodies) == (1, [])


async def test_a_body_of_tiny_chunks_has_the_same_limit() -> None:
    async with serve(Seen(reads=False), "127.0.0.1", 0) as port, line(port) as it:
        await it.say(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        assert (await it.answer())[0] == 200
        with pytest.raises(ConnectionError):
            await it.say(*[b"1\r\nx\r\n" * 100_000] * 40)


async def test_a_body_that_nobody_reads_ends_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "REST_SECONDS", 0.2)
    async with serve(Seen(reads=False), "127.0.0.1", 0) as port:
        async with line(port) as it:
            await it.say(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\nx")
            assert (await it.answer())[0] == 200
            assert await it.ended()
        async with line(port) as it:
            await it.say(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n")
            with pytest.raises(ConnectionError):
                await it.say(*[b"x" * 1_000_000] * 160)
        async with line(port) as it:
            await it.say(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 200000\r\n\r\n", b"x" * 200_000, GET)
            assert [(await it.answer())[0] for _ in range(2)] == [200, 200]


async def test_heads_bodies_and_silence_have_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_SECONDS", "BODY_SECONDS"):
        monkeypatch.setattr(door, name, 0.3)
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port, line(port) as silent, line(port) as slow, line(port) as it:
        await slow.say(GET[:10])
        await it.say(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx")
        await refused(it, 408, "request-too-slow")
        await refused(slow, 408, "request-too-slow")
        assert await silent.ended()
        async with line(port) as blank:
            await blank.say(GET)
            await blank.answer()
            await blank.say(b"\r\n")  # passed over, and no reason to wait for ever
            assert (await blank.answer())[0] == 408
    assert app.left == 1


async def test_who_has_nothing_to_say_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "IDLE_SECONDS", 0.3)
    async with serve(Seen(), "127.0.0.1", 0) as port, line(port) as it:
        await it.say(GET)
        assert (await it.answer())[0] == 200
        assert await it.ended()


async def test_an_answer_that_nobody_takes_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "ANSWER_SECONDS", 0.5)
    app = Seen(answer=b"x" * 50_000_000)
    async with serve(app, "127.0.0.1", 0) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as it:
            it.sendall(GET)
            await wait_until(lambda: bool(app.heads))

            def is_gone() -> bool:
                try:
                    it.send(b"\r\n")
                except OSError:
                    return True
                return False

            assert await wait_until(is_gone, PATIENCE)


async def test_a_slow_answer_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is our turn, whatever the client says meanwhile."""
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "IDLE_SECONDS", "REST_SECONDS"):
        monkeypatch.setattr(door, name, 0.1)
    app = Seen(wait=asyncio.Event())
    async with serve(app, "127.0.0.1", 0) as port, line(port) as it, line(port) as other:
        await it.say(GET, GET[:10])
        await other.say(GET[:10])
        await refused(other, 408, "request-too-slow")  # so the time is over
        assert app.wait is not None
        app.wait.set()
        assert (await it.answer())[0] == 200


async def test_a_full_house_gives_up_who_keeps_it_waiting() -> None:
    app = Seen()
    async with serve(app, "127.0.0.1", 0, connections=20) as port, contextlib.AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(line(port)) for _ in range(10)]
        for each in idle:
            await each.say(GET)
            await each.answer()
        for _ in range(100):
            await (await stack.enter_async_context(line(port))).say(GET[:10])
        assert all([await each.ended() for each in idle])
        async with line(port) as late:
            await late.say(GET)
            assert (await late.answer())[0] == 200


async def test_a_house_full_of_work_says_so() -> None:
    app = Seen(wait=asyncio.Event())
    async with serve(app, "127.0.0.1", 0, connections=5) as port, contextlib.AsyncExitStack() as stack:
        busy = [await stack.enter_async_context(line(port)) for _ in range(5)]
        for each in busy:
            await each.say(GET)
        await wait_until(lambda: app.asked == 5)
        async with line(port) as late:
            status, head, body = await late.answer()
            assert (status, orjson.loads(body)["type"]) == (503, "urn:hermodr:problem:overloaded")
            assert b"retry-after: 1" in head
        assert app.wait is not None
        app.wait.set()
        assert [(await each.answer())[0] for each in busy] == [200] * 5


async def test_requests_in_a_row_are_answered_in_a_row_but_not_without_end() -> None:
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port, line(port) as it:
        await it.say(GET * 50)
        assert [(await it.answer())[0] for _ in range(50)] == [200] * 50
        await it.say(GET * 10_000)
        await it.ended()
    assert len(app.heads) < 200


def test_files_are_raised_and_connections_stay_below() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 4096));"
        "from hermodr_servicekit import door; low = door.most_connections();"
        "door.raise_file_limit(); print(low, resource.getrlimit(resource.RLIMIT_NOFILE), door.most_connections())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split("\n")[0] == "128 (4096, 4096) 2048"
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2 >= 20
