"""Log lines: one JSON object each, whatever is put into them, our own and the libraries'."""

import asyncio
import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any, ClassVar, Literal
from uuid import UUID

import httpx
import pytest
import structlog

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_servicekit.logging import configure
from hermodr_servicekit.settings import ServiceSettings


class PostmanSettings(ServiceSettings):
    service: ClassVar[str] = "postman"
    port_offset: ClassVar[int] = 9


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def set_up(form: Literal["console", "json", "auto"], level: Literal["debug", "info"] = "info") -> None:
    configure(PostmanSettings(log_format=form, log_level=level))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_an_object_with_time_level_service_and_what_was_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up("json")
    structlog.get_logger().info("sent", job_id="j", state=DeliveryState.SENT, rows=3)
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "sent",
        "level": "info",
        "service": "postman",
        "job_id": "j",
        "state": "sent",
        "rows": 3,
    }


def test_on_a_terminal_a_line_has_the_time_of_day_and_no_service(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("console")
    structlog.get_logger().info("sent", rows=3)
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert re.match(r"\d\d:\d\d:\d\d \[info", text)
    assert "rows=3" in text
    assert "postman" not in text


def test_libraries_log_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("json")
    logging.getLogger("a.library").warning("no %s left", "paper")
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["service"]) == ("no paper left", "warning", "postman")


def test_nothing_that_is_logged_can_crash_it(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("json")
    log = structlog.get_logger()
    values: list[Any] = [
        UUID(int=1),
        b"\xff",
        {1: {2}},
        object(),
        "\ud800",
        "\0\n",
        float("nan"),
        ValueError("x"),
    ]
    for value in values:
        log.info("odd", value=value)
    try:
        raise ArithmeticError
    except ArithmeticError:
        log.exception("failed")
    found = lines(capsys)
    assert len(found) == len(values) + 1
    assert "ArithmeticError" in found[-1]["exception"]


def test_libraries_that_chatter_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("json")
    for name in ("uvicorn.access", "faststream", "asyncio", "aio_pika", "aiormq"):
        logging.getLogger(name).info("chatter")
    for name in ("aio_pika", "aiormq"):
        logging.getLogger(name).error("chatter")
    assert lines(capsys) == []


def test_the_level_decides(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("json")
    structlog.get_logger().debug("detail")
    set_up("json", "debug")
    structlog.get_logger().debug("wanted")
    assert [line["event"] for line in lines(capsys)] == ["wanted"]


def test_on_a_console_it_is_readable_and_an_exception_no_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("console")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            raise ArithmeticError
        except ArithmeticError:
            structlog.get_logger().exception("failed", job_id="j")
            logging.getLogger("a.library").exception("failed too")
    text = capsys.readouterr().out
    assert "failed" in text
    assert "failed too" in text
    assert text.count("ArithmeticError") >= 2
    assert not text.startswith("{")


def test_off_a_terminal_automatic_means_json(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("auto")
    structlog.get_logger().info("x")
    assert lines(capsys)[0]["event"] == "x"


def test_malformed_requests_do_not_fill_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        set_up("json")
        for _ in range(50):
            logging.getLogger("uvicorn.error").warning("Unsupported upgrade request.")
    assert [each["event"] for each in lines(capsys)] == ["Unsupported upgrade request."]


@pytest.mark.parametrize("level", ["debug", "info"])
async def test_a_call_over_http_logs_no_url_at_any_level(
    capsys: pytest.CaptureFixture[str], level: Literal["debug", "info"]
) -> None:
    set_up("json", level)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient(trust_env=False) as client:
        answered = await client.get(f"http://127.0.0.1:{port}/hook?to=ada@example.com")
    assert answered.status_code == 200
    assert [
        line for line in lines(capsys) if line.get("logger") != "asyncio" and "asyncio" not in str(line)
    ] == []


def test_on_a_terminal_nothing_that_is_logged_is_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("console")
    structlog.get_logger().warning("refused \x1b[2J", reason="\x1b]0;pwned\x07\u202e", names=["\x9b2J"])
    logging.getLogger("a.library").warning("no %s", "\x1b[2J\r")
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        structlog.get_logger().exception("failed")
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert text.count(r"\x1b[2J") >= 3
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
