"""Calls of endpoints that are slow, lie, or want us elsewhere."""

import asyncio
import gzip
import ssl
import time
from collections.abc import AsyncIterator

import pytest
import trustme
import uvloop

from hermodr_servicekit.guard.addresses import networks
from hermodr_servicekit.guard.guard import Guard
from hermodr_webhook_sender.calling import MOST_CONTENT, Caller
from hermodr_webhook_sender.domain import Answer
from tests.support.hook_server import OK, Came, HookServer, hang, hook_server, saying, status
from tests.support.waiting import wait_until

SECONDS = 1.0
HERE = Guard(networks("127.0.0.0/8"))


@pytest.fixture
async def server() -> AsyncIterator[HookServer]:
    async with hook_server() as running:
        yield running


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    made = Caller(HERE, SECONDS)
    yield made
    await made.close()


async def test_it_posts_json_with_our_headers(server: HookServer, caller: Caller) -> None:
    answer = await caller.post(server.url("/in?key=1"), {"webhook-id": "m1"}, b'{"a":"\xc3\xa4"}')
    assert answer == Answer(204)
    (came,) = server.came
    assert (came.path, came.body) == ("/in?key=1", b'{"a":"\xc3\xa4"}')
    assert came.headers == {
        "host": f"127.0.0.1:{server.port}",
        "user-agent": "Hermodr",
        "accept": "*/*",
        "content-type": "application/json",
        "content-length": "10",
        "webhook-id": "m1",
    }


def test_it_calls_on_the_loop_that_services_run_on() -> None:
    async def calls() -> list[Answer]:
        caller = Caller(HERE, 5.0)
        async with hook_server(saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")) as running:
            answers = [await caller.post(running.url(), {}, b"{}") for _ in range(3)]
            assert running.connections == 1
        await caller.close()
        return answers

    assert uvloop.run(calls()) == [Answer(200)] * 3


async def test_a_connection_is_used_again(server: HookServer, caller: Caller) -> None:
    server.answer = saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    for _ in range(5):
        assert await caller.post(server.url(), {}, b"{}") == Answer(200)
    assert server.connections == 1


async def test_one_that_was_closed_while_idle_is_made_anew(server: HookServer, caller: Caller) -> None:
    async def once(_came: Came, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        writer.close()

    server.answer = once
    for number in range(1, 6):
        assert await caller.post(server.url(), {}, b"{}") == Answer(204)
        assert len(server.came) == number


@pytest.mark.parametrize("code", [200, 299, 301, 302, 307, 400, 404, 410, 429, 500, 503])
async def test_the_status_is_the_answer_and_nothing_is_followed(
    server: HookServer, caller: Caller, code: int
) -> None:
    server.answer = status(code, "location: http://169.254.169.254/latest/meta-data/")
    assert await caller.post(server.url(), {}, b"{}") == Answer(code)
    assert len(server.came) == 1


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("99999999999999999999", 999999999.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("\u0664", None),
    ],
)
async def test_retry_after(server: HookServer, caller: Caller, said: str, seconds: float | None) -> None:
    server.answer = saying(f"HTTP/1.1 503 X\r\ncontent-length: 0\r\nretry-after: {said}\r\n\r\n".encode())
    answer = await caller.post(server.url(), {}, b"{}")
    assert answer.status == 503
    if said.startswith("Fri"):
        assert answer.retry_after is None or answer.retry_after > 1e9
    else:
        assert answer.retry_after == seconds


async def slow_head(_came: Came, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)


async def informing(_came: Came, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 20)
        await writer.drain()


async def slow_informing(_came: Came, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(0.02)


async def endless_head(_came: Came, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"x: " + b"y" * 1000 + b"\r\n")
        await writer.drain()


async def cut(_came: Came, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def cut_in_head(_came: Came, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-le")
    writer.close()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (hang, "timeout"),
        (slow_head, "timeout"),
        (slow_informing, "timeout"),
        (informing, "too_large"),
        (endless_head, "too_large"),
        (cut, "bad_answer"),
        (cut_in_head, "bad_answer"),
        (saying(b"220 mail.example ESMTP\r\n\r\n"), "bad_answer"),
        (saying(b"HTTP/1.1 abc\r\n\r\n"), "bad_answer"),
        (saying(b"\x16\x03\x01\x02\x00\x01" * 10 + b"\r\n\r\n"), "bad_answer"),
        (saying(b"HTTP/1.1 200 OK\r\nx : y\r\n\r\n"), "bad_answer"),
        (
            saying(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
            "bad_answer",
        ),
    ],
    ids=[
        "hangs",
        "slow head",
        "slow 1xx",
        "flood of 1xx",
        "endless head",
        "cut",
        "cut in head",
        "smtp",
        "no status",
        "tls",
        "bad header",
        "upgrade",
    ],
)
async def test_what_is_no_answer(server: HookServer, caller: Caller, answer: object, code: str) -> None:
    server.answer = answer  # type: ignore[assignment]
    began = time.monotonic()
    assert await caller.post(server.url(), {}, b"{}") == Answer(error=code)
    assert time.monotonic() - began < SECONDS + 3
    server.answer = saying(OK)
    assert await caller.post(server.url(), {}, b"{}") == Answer(204)


async def endless(_came: Came, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        await writer.drain()


async def dripping(_came: Came, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await asyncio.sleep(0.02)


HUGE = MOST_CONTENT * 100
BOMB = gzip.compress(b"0" * 10_000_000)


@pytest.mark.parametrize(
    "answer",
    [
        endless,
        dripping,
        saying(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % HUGE + b"x" * HUGE),
        saying(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nnogz!"),
        saying(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(BOMB) + BOMB),
        saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        saying(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx"),
        saying(OK + b"HTTP/1.1 500 unasked\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 10_000),
        saying(b"HTTP/1.1 200 OK\r\nretry-after: Mon, 01 Jan 2026 00:00:00 +9999999999999999\r\n\r\n"),
    ],
    ids=[
        *("endless", "dripping", "huge", "bad gzip", "gzip bomb", "bad chunks", "too short", "two answers"),
        *("many chunks", "odd date"),
    ],
)
async def test_the_status_counts_whatever_follows(server: HookServer, caller: Caller, answer: object) -> None:
    server.answer = answer  # type: ignore[assignment]
    began = time.monotonic()
    answered = await caller.post(server.url(), {}, b"{}")
    assert answered.status in (200, 204)
    assert time.monotonic() - began < SECONDS + 3
    server.answer = saying(b"HTTP/1.1 202 OK\r\ncontent-length: 0\r\n\r\n")
    assert await caller.post(server.url(), {}, b"{}") == Answer(202)


async def test_a_hundred_that_hang_do_not_delay_another(server: HookServer, caller: Caller) -> None:
    server.answers["/hang"] = hang
    hanging = [asyncio.create_task(caller.post(server.url("/hang"), {}, b"{}")) for _ in range(100)]
    await wait_until(lambda: len(server.came) == 100)
    assert await caller.post(server.url("/ok"), {}, b"{}") == Answer(204)
    assert {answer.error for answer in await asyncio.gather(*hanging)} == {"timeout"}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://169.254.169.254/latest/", "forbidden_address"),
        ("https://10.0.0.1/", "forbidden_address"),
        ("http://8.8.8.8/", "plain_http"),
        ("http://[::1]/", "forbidden_address"),
        ("https://user:pw@example.com/", "credentials"),
        ("http://127.1/", "bad_host"),
        ("http://127.0.0.1:22/", "bad_port"),
        ("ftp://127.0.0.1/", "bad_scheme"),
    ],
)
async def test_what_the_guard_refuses_is_not_called(caller: Caller, url: str, code: str) -> None:
    assert await caller.post(url, {}, b"{}") == Answer(error=code)


async def test_a_port_where_nobody_listens(caller: Caller) -> None:
    async with hook_server() as gone:
        url = gone.url()
    assert await caller.post(url, {}, b"{}") == Answer(error="connection_failed")


async def test_plain_text_on_a_port_for_tls(server: HookServer, caller: Caller) -> None:
    server.answer = saying(b"HTTP/1.1 400 no tls\r\n\r\n")
    answer = await caller.post(server.url().replace("http:", "https:"), {}, b"{}")
    assert answer.error in ("tls_failed", "timeout")


async def test_a_certificate_nobody_vouches_for(caller: Caller, tls_here: tuple[int, HookServer]) -> None:
    port, served = tls_here
    assert await caller.post(f"https://127.0.0.1:{port}/", {}, b"{}") == Answer(error="bad_certificate")
    assert served.came == []


async def test_tls_goes_to_the_name_of_the_url(
    monkeypatch: pytest.MonkeyPatch, tls_here: tuple[int, HookServer], authority: trustme.CA
) -> None:
    port, served = tls_here
    trusting = Caller(HERE, 5.0)
    trusting._tls = ssl.create_default_context()
    authority.configure_trust(trusting._tls)
    assert await trusting.post(f"https://localhost:{port}/x", {}, b"{}") == Answer(error="forbidden_address")
    both = Caller(Guard(networks("127.0.0.0/8 ::1/128")), 5.0)
    both._tls = trusting._tls
    for _ in range(2):
        assert await both.post(f"https://localhost:{port}/x", {}, b"{}") == Answer(204)
    assert served.connections == 1
    assert served.came[0].headers["host"] == f"localhost:{port}"
    assert await both.post(f"https://127.0.0.1:{port}/x", {}, b"{}") == Answer(error="bad_certificate")
    await both.close()
    await trusting.close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def tls_here(authority: trustme.CA) -> AsyncIterator[tuple[int, HookServer]]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    served = HookServer(saying(OK))
    server = await asyncio.start_server(served._serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1], served
    server.close()
    await served.close()


async def test_a_date_that_cannot_be_asks_for_nothing(server: HookServer, caller: Caller) -> None:
    odd = b"retry-after: Mon, 01 Jan 2026 00:00:00 +9999999999999999\r\ncontent-length: 0\r\n\r\n"
    server.answer = saying(b"HTTP/1.1 503 Away\r\n" + odd)
    assert await caller.post(server.url(), {}, b"{}") == Answer(503)


async def test_an_answer_in_many_small_pieces_costs_little(server: HookServer, caller: Caller) -> None:
    """10,800 chunks of an octet kept the processor busy for a quarter of a second."""
    server.answer = saying(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 10_000)
    for _ in range(3):
        await caller.post(server.url(), {}, b"{}")
    assert server.connections == 3  # it is not read to its end, so no connection is used again
