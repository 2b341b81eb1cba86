"""What a connection may cost, tried over raw sockets."""

import asyncio
import contextlib
import resource
import socket
import subprocess
import sys

import orjson
import pytest

from hermodr_servicekit import door
from hermodr_servicekit.web import serve
from tests.support.raw_http import CHUNKED, GET, PATIENCE, Seen, line, refused
from tests.support.waiting import wait_until


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


async def test_requests_that_were_taken_are_answered_before_one_is_refused() -> None:
    """Two hundred in one write were closed without any answer."""
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port:
        async with line(port) as it:
            await it.say(GET * 200)
            taken = door.PIPELINED + 1
            assert [(await it.answer())[0] for _ in range(taken)] == [200] * taken
            await refused(it, 429, "rate-limited")
            assert len(app.heads) == taken
        for bad in (b"nonsense\r\n\r\n", CHUNKED + b"nonsense\r\n"):
            async with line(port) as it:
                await it.say(GET * 3 + bad)
                assert [(await it.answer())[0] for _ in range(3)] == [200] * 3
                await refused(it, 400, "malformed-http")


async def test_each_connection_has_its_turn() -> None:
    """A hundred with sixty requests each held up one that came alone by seconds."""
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port, contextlib.AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(line(port)) for _ in range(50)]
        async with line(port) as late:
            for each in crowd:
                each.writer.write(GET * 60)
            await wait_until(lambda: bool(app.heads))
            before = len(app.heads)
            await late.say(GET)
            assert (await late.answer())[0] == 200
            assert len(app.heads) - before < 1000
        assert [[(await each.answer())[0] for _ in range(60)] for each in crowd] == [[200] * 60] * 50


@pytest.mark.parametrize("octets", [66_000, 100_000, 600_000])
@pytest.mark.parametrize("before", [b"", b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"])
async def test_a_chunk_extension_is_measured_however_it_comes(octets: int, before: bytes) -> None:
    """One of 100 KB that came in one piece with its chunk was taken."""
    app = Seen()
    async with serve(app, "127.0.0.1", 0) as port, line(port) as it:
        await it.say(before + CHUNKED + b"2;x=" + b"x" * octets + b"\r\n{}\r\n0\r\n\r\n")
        if before:
            assert (await it.answer())[0] == 200
        await refused(it, 400, "malformed-http")
        async with line(port) as second:
            await second.say(CHUNKED + b"2;x=" + b"x" * 60_000 + b"\r\n{}\r\n0\r\n\r\n")
            assert (await second.answer())[0] == 200
    assert app.bodies == [2] * (2 if before else 1)


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
