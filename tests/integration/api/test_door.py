"""The api's port, tried over raw sockets; what a connection may cost anywhere is in `unit/servicekit/test_door.py`."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
import pytest_asyncio
from starlette.requests import ClientDisconnect
from structlog.testing import capture_logs

from hermodr_api.http import intake
from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.support.api import MAIL, ApiUnderTest, problem
from tests.support.api_process import Memory, free_port, started, until_answers

MIB = 1024 * 1024
Door = tuple[int, str, int]
"""Port, an admin's key, process id."""


@pytest_asyncio.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    ledger = Ledger(database_url, service="test")
    secret = (await keys.create(ledger, "door", ["admin"])).secret
    await ledger.close()
    port = free_port()
    async with (
        started(database_url, port) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        await until_answers(http, "/health/ready")
        yield port, secret, process.pid


async def answered(port: int, *parts: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = bytearray()

    async def take() -> None:
        while some := await reader.read(65536):
            taken.extend(some)

    async def say() -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()

    async with asyncio.timeout(60):
        ended = await asyncio.gather(take(), say(), return_exceptions=True)
    writer.close()
    assert all(each is None or isinstance(each, ConnectionError) for each in ended), ended
    return bytes(taken)


async def test_a_key_in_a_trailer_opens_nothing(door: Door) -> None:
    port, secret, _ = door
    body = orjson.dumps(MAIL)
    head = (
        b"POST /v1/notifications HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
        b"transfer-encoding: chunked\r\ntrailer: authorization\r\n"
    )
    content = b"\r\n%x\r\n%s\r\n0\r\n" % (len(body), body)
    field = b"authorization: Bearer " + secret.encode() + b"\r\n"
    assert (await answered(port, head + content + field + b"\r\n")).startswith(b"HTTP/1.1 401 ")
    assert (await answered(port, head + field + content + b"\r\n")).startswith(b"HTTP/1.1 202 ")
    both = await answered(port, head + content[:-3], b"0\r\n" + field + b"\r\n")
    assert both.startswith(b"HTTP/1.1 401 ")


async def test_no_route_reads_without_limit(door: Door) -> None:
    port, secret, pid = door
    chunk = b"%x\r\n%s\r\n" % (MIB, b" " * MIB)
    for method, path in (
        ("POST", f"/v1/jobs/{'0' * 32}/retry"),
        ("POST", "/v1/notifications"),
        ("POST", "/v1/templates"),
        ("GET", "/v1/jobs"),
        ("DELETE", f"/v1/jobs/{'0' * 32}"),
        ("POST", "/nowhere"),
        ("POST", "/health/live"),
    ):
        memory = Memory(pid)
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n"
            "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        answer = await answered(port, head.encode(), *[chunk] * 100)
        assert answer[:12] in (b"HTTP/1.1 200", b"HTTP/1.1 404", b"HTTP/1.1 405", b"HTTP/1.1 413"), (
            path,
            answer,
        )
        assert memory.mebibytes() < 16, path


async def test_a_body_that_never_comes_is_waited_for_but_not_for_ever(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b" "
        await asyncio.sleep(3600)

    monkeypatch.setattr(intake, "BODY_SECONDS", 0.2)
    problem(await api.http.post(f"/v1/jobs/{api.project_id}/retry", content=never()), 408, "body-too-slow")


async def test_answers_are_not_kept_and_not_guessed_at(api: ApiUnderTest) -> None:
    await api.recipient()
    for method, path in (
        ("GET", "/v1/recipients"),
        ("POST", "/v1/notifications"),
        ("GET", "/nowhere"),
        ("GET", "/health"),
        ("GET", "/health/live"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
    ):
        answer = await api.http.request(method, path)
        assert answer.headers.get_list("cache-control") == ["no-store"], path
        assert set(answer.headers.get_list("x-content-type-options")) == {"nosniff"}, path
    page = await api.http.get("/docs")
    assert page.headers.get_list("cache-control") == ["no-cache"]
    assert page.headers.get_list("x-content-type-options") == ["nosniff"]


async def test_an_item_of_a_bulk_is_no_longer_than_a_request(api: ApiUnderTest) -> None:
    long = MAIL | {"body_text": "x" * MIB}
    almost = MAIL | {"body_text": "x" * (MIB - 1000)}
    for content, kind in (
        (orjson.dumps([MAIL, long, almost]), "application/json"),
        (b"\n".join(map(orjson.dumps, (MAIL, long, almost))), "application/x-ndjson"),
    ):
        answer = await api.http.post(
            "/v1/notifications/bulk", content=content, headers={"content-type": kind}
        )
        assert answer.status_code == 202, answer.text
        assert answer.json()["accepted"] == 2
        assert answer.json()["rejected"] == [
            {"index": 1, "errors": [{"loc": [], "msg": "is longer than 1 MiB"}]}
        ]


@pytest.mark.parametrize("path", ["/v1/notifications", "/v1/notifications/bulk", "/v1/recipients"])
async def test_a_client_that_leaves_is_no_failure_of_ours(api: ApiUnderTest, path: str) -> None:
    async def cut_off() -> AsyncIterator[bytes]:
        yield b"{"
        raise ClientDisconnect

    with capture_logs() as logs:
        await api.http.post(path, content=cut_off(), headers={"content-type": "application/json"})
    assert [each for each in logs if each["log_level"] == "error"] == []
    labels = {"method": "POST", "route": path, "status": "400"}
    assert api.api.registry.get_sample_value("hermodr_http_request_seconds_count", labels) == 1
