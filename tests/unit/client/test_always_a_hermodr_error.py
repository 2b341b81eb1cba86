"""Every error of a client is a `HermodrError`."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from hermodr_client import (
    AsyncHermodr,
    ClientUnusable,
    Hermodr,
    HermodrError,
    MalformedAnswer,
    NoAnswer,
    NotConfigured,
    NotSendable,
    Problem,
    Retries,
)
from tests.support.client import KEY, URL, Either, Scripted, job, json_answer

ONCE = Retries(attempts=1)
ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)
DEEP: dict[str, Any] = {}
for _ in range(100_000):
    DEEP = {"a": DEEP}


def asked(make: Callable[..., Any], url: str, **options: Any) -> None:
    client = make(url, KEY, retries=ONCE, **options)
    if isinstance(client, Hermodr):
        with client:
            client.health.get()
        return

    async def ask() -> None:
        async with client:
            await client.health.get()

    asyncio.run(ask())


@pytest.fixture(params=[Hermodr, AsyncHermodr], ids=["blocking", "awaiting"])
def make(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:0",
        f"http://{'a' * 70}.invalid",
        "http://a..b",
        "http://.",
        "http://\N{SNOWMAN}.invalid",
        "http://127.0.0.1:1/\0",
        "https://127.0.0.1:0",
    ],
)
def test_an_address_that_leads_nowhere(make: Any, url: str) -> None:
    with pytest.raises((NoAnswer, NotConfigured)):
        asked(make, url)


@pytest.mark.parametrize(
    "url", ["ftp://x", "x", "http://", "http://[::zz]", "http://x:99999", "http://u:p@x", "//x"]
)
def test_an_address_that_is_none(make: Any, url: str) -> None:
    with pytest.raises(NotConfigured):
        asked(make, url)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e12])
def test_a_timeout_that_cannot_be(make: Any, seconds: float) -> None:
    with pytest.raises(NotConfigured, match="timeout"):
        asked(make, URL, timeout=seconds)


@pytest.mark.parametrize(
    ("variable", "value", "url"),
    [
        ("HTTP_PROXY", "foo://x", "http://hermodr.invalid"),
        ("HTTP_PROXY", "socks5://127.0.0.1:1", "http://hermodr.invalid"),
        ("HTTP_PROXY", "http://[::", "http://hermodr.invalid"),
        ("SSL_CERT_FILE", "/nonexistent", "https://hermodr.invalid"),
    ],
)
def test_an_environment_that_cannot_be(
    make: Any, variable: str, value: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(NotConfigured, match="proxies or certificates"):
        asked(make, url)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(200, content=b"<html>"), MalformedAnswer),
        (httpx.Response(200, content=b'{"status": '), MalformedAnswer),
        (httpx.Response(200, content=b"\xff\xfe"), MalformedAnswer),
        (httpx.Response(200, content=b"[" * 100_000), MalformedAnswer),
        (httpx.Response(200, content=b'{"status": 1' + b"0" * 5000 + b"}"), MalformedAnswer),
        (httpx.Response(204), MalformedAnswer),
        (httpx.Response(301, headers={"location": "https://elsewhere.invalid/"}), Problem),
        (httpx.Response(307, headers={"location": "//"}), Problem),
        (httpx.Response(401, content=b"<html>"), Problem),
        (httpx.Response(422, content=b"[" * 100_000, headers={"content-type": "application/json"}), Problem),
        (
            httpx.Response(503, headers={"retry-after": "Fri, 31 Dec 99999999999999999999 23:59:59 GMT"}),
            Problem,
        ),
        (httpx.Response(599), Problem),
        (httpx.ReadTimeout("slow"), NoAnswer),
        (httpx.ConnectTimeout("slow"), NoAnswer),
        (httpx.RemoteProtocolError("garbage"), NoAnswer),
        (httpx.DecodingError("no gzip"), NoAnswer),
        (httpx.TooManyRedirects("round and round"), NoAnswer),
        (RuntimeError("Event loop is closed"), ClientUnusable),
    ],
)
def test_an_answer_that_is_none(either: Either, answer: Any, kind: type[Exception]) -> None:
    with pytest.raises(HermodrError) as caught:
        either.call(Scripted([answer]), lambda h: h.health.get(), ONCE)
    assert isinstance(caught.value, kind)


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"a": float("nan")}},
        {"data": {"a": object()}},
        {"data": {"a": 10**5000}},
        {"data": {"a": ENDLESS}},
        {"data": DEEP},
        {"subject": "\ud83d"},
        {"scheduled_for": datetime(2026, 1, 1)},  # noqa: DTZ001
        {"idempotency_key": "clé"},
        {"idempotency_key": "a\nb"},
        {"idempotency_key": ""},
        {"idempotency_key": "two words"},
        {"idempotency_key": "k" * 256},
        {"idempotency_key": 17},
    ],
    ids=lambda content: next(iter(content)),
)
def test_what_no_request_can_say(either: Either, content: dict[str, Any]) -> None:
    server = Scripted([json_answer({})])
    with pytest.raises(NotSendable):
        either.call(server, lambda h: h.send("a@b.example", type="x", **content), ONCE)
    assert server.requests == []


def test_ids_and_filters_that_no_request_can_say(either: Either) -> None:
    server = Scripted([json_answer({})])
    with pytest.raises(NotSendable):
        either.call(server, lambda h: h.jobs.get("\udcff"))
    with pytest.raises(NotSendable):
        either.call(server, lambda h: h.jobs.list(type="\udcff"))
    with pytest.raises(NotSendable, match="idempotency_key: has to be"):
        either.call(server, lambda h: h.jobs.create("x", {}, idempotency_key=""))
    item = {"to": "a@b.example", "type": "x"}
    with pytest.raises(NotSendable, match="idempotency_key: has to be"):
        either.call(server, lambda h: h.send_many([item], idempotency_key=""))
    assert server.requests == []


def test_a_closed_client() -> None:
    client = Hermodr(URL, KEY)
    client.close()
    client.close()
    with pytest.raises(ClientUnusable, match="closed"):
        client.health.get()
    with pytest.raises(ClientUnusable, match="closed"):
        next(client.jobs.list())

    async def closed() -> None:
        waiting = AsyncHermodr(URL, KEY)
        await waiting.close()
        with pytest.raises(ClientUnusable, match="closed"):
            await waiting.health.get()
        with pytest.raises(ClientUnusable, match="closed"):
            await anext(waiting.jobs.list())

    asyncio.run(closed())


def page(*statuses: str, cursor: str | None = None) -> httpx.Response:
    return json_answer({"data": [job(status)["job"] for status in statuses], "next_cursor": cursor})


def test_a_list_that_failed_is_not_at_its_end(either: Either) -> None:
    """A generator would be: what an exception ended looks like a list without more rows."""
    server = Scripted([page("queued", cursor="c"), httpx.ReadError("cut"), page("failed")])

    async def awaited(rows: AsyncIterator[Any]) -> list[str]:
        seen = [(await anext(rows)).status]
        with pytest.raises(NoAnswer):
            await anext(rows)
        return [*seen, *[row.status async for row in rows]]

    def blocking(rows: Iterator[Any]) -> list[str]:
        seen = [next(rows).status]
        with pytest.raises(NoAnswer):
            next(rows)
        return [*seen, *[row.status for row in rows]]

    act = (lambda h: awaited(h.jobs.list())) if either.asynchronous else (lambda h: blocking(h.jobs.list()))
    assert either.call(server, act, ONCE) == ["queued", "failed"]


def test_threads_may_read_one_list() -> None:
    """Two threads in one generator were a ValueError."""
    both = threading.Barrier(2, timeout=20)

    def slow(_: httpx.Request) -> httpx.Response:
        both.wait()
        return page("queued")

    with Hermodr(URL, KEY, transport=httpx.MockTransport(slow)) as client:
        rows = client.jobs.list()
        other = threading.Thread(target=lambda: next(rows))
        other.start()
        assert next(rows).status == "queued"
        other.join()
