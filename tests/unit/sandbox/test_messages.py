"""All that came as one list, and the timeline beside each message, as the api tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from hermodr_sandbox.asking import Api
from hermodr_sandbox.domain.hook import Hook
from hermodr_sandbox.domain.mail import Client
from hermodr_sandbox.domain.text import Text
from hermodr_sandbox.routes.application import application
from hermodr_sandbox.timelines import Timelines
from tests.support.smtp_dialogue import House

JOB = "01900000-0000-7000-8000-00000000000a"
OTHER = "01900000-0000-7000-8000-00000000000b"
DELIVERY = "01900000-0000-7000-8000-0000000000d1"
PHONE = "+15550100123"
ENTRY = {"at": "2026-11-22T09:00:00Z", "event": "attempted", "detail": {}, "delivery_id": DELIVERY}


def mail(house: House, subject: str = "Hello", message_id: str = f"<{JOB}@e2e.example>") -> None:
    raw = f"Message-ID: {message_id}\r\nSubject: {subject}\r\n\r\nbody\r\n".encode()
    house.sandbox.accept("me@example.org", ("ada@example.org",), raw, Client("127.0.0.1", "x", tls=False))
    house.clock.advance(1)


def text(house: House, body: str = "Code 4711", **fields: Any) -> None:
    texts = house.sandbox.texts
    number, now = texts.next_number(), house.clock.now()
    texts.keep(Text(number, f"SM{number}", now, "AC1", PHONE, "+15005550006", body, **fields))
    house.clock.advance(1)


def hook(house: House, body: str = f'{{"type": "job.completed", "data": {{"job_id": "{JOB}"}}}}') -> None:
    hooks = house.sandbox.hooks
    hooks.keep(Hook(hooks.next_number(), house.clock.now(), "orders", {}, body, "valid", status=204))
    house.clock.advance(1)


async def listed(house: House, **query: Any) -> dict[str, Any]:
    answer = await house.http.get("/v1/messages", params=query)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def ids(house: House, **query: Any) -> list[str]:
    return [each["id"] for each in (await listed(house, **query))["data"]]


async def test_all_kinds_are_one_list_with_the_newest_first(house: House) -> None:
    mail(house)
    text(house)
    hook(house)
    text(house, "Hi", provider="whatsapp", status="delivered")
    mail(house, "Later")
    assert await ids(house) == ["email-2", "whatsapp-2", "webhook-1", "sms-1", "email-1"]
    first, second, third, *_ = (await listed(house))["data"]
    assert (first["to"], first["title"], first["said"]) == (
        ["ada@example.org"],
        "Later",
        "from me@example.org",
    )
    assert (second["to"], second["title"], second["said"]) == ([PHONE], "Hi", "delivered")
    assert (third["to"], third["title"]) == (["/hooks/orders"], "job.completed")
    assert (third["said"], third["bad"]) == ("answered 204, signature valid", False)


async def test_pages_follow_on_each_other_whatever_comes_between(house: House) -> None:
    for turn in range(4):
        mail(house, f"{turn}")
        text(house)
        hook(house)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await listed(house, limit=5, **({"cursor": cursor} if cursor else {}))
        found += [each["id"] for each in page["data"]]
        cursor = page["next_cursor"]
        text(house, "came between")
    expected = [f"{kind}-{turn}" for turn in (4, 3, 2, 1) for kind in ("webhook", "sms", "email")]
    assert found == expected


async def test_one_channel_and_words(house: House) -> None:
    mail(house, "Your table")
    text(house, "Your code")
    text(house, "Your WhatsApp", provider="whatsapp")
    hook(house)
    assert await ids(house, channel="sms") == ["sms-1"]
    assert await ids(house, channel="whatsapp") == ["whatsapp-2"]
    assert await ids(house, channel="email") == ["email-1"]
    assert await ids(house, channel="webhook") == ["webhook-1"]
    assert await ids(house, q="YOUR") == ["whatsapp-2", "sms-1", "email-1"]
    assert await ids(house, q="your", channel="email") == ["email-1"]
    assert await ids(house, q="job.completed") == ["webhook-1"]
    page = await listed(house, q="your", limit=2)
    assert [each["id"] for each in page["data"]] == ["whatsapp-2", "sms-1"]
    assert await ids(house, q="your", limit=2, cursor=page["next_cursor"]) == ["email-1"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"channel": "fax"}, "channel"),
        ({"cursor": "1.2.3"}, "cursor"),
        ({"limit": "0"}, "limit"),
        ({"x": "1"}, "x"),
    ],
)
async def test_what_is_no_query_is_named(house: House, query: dict[str, str], named: str) -> None:
    answer = await house.http.get("/v1/messages", params=query)
    assert answer.status_code == 400
    assert named in answer.json()["detail"]


async def test_what_went_wrong_is_said_in_the_list(house: House) -> None:
    text(house, status="undelivered", error="30006")
    hooks = house.sandbox.hooks
    hooks.keep(Hook(1, house.clock.now(), "orders", {}, "[1]", "invalid"))
    first, second = sorted((await listed(house))["data"], key=lambda each: str(each["channel"]))
    assert (first["said"], first["bad"]) == ("undelivered 30006", True)
    assert (second["title"], second["said"], second["bad"]) == (
        "(no type)",
        "no answer, signature invalid",
        True,
    )


async def test_texts_and_webhooks_are_counted_and_told_at_once(house: House) -> None:
    changed = house.sandbox.mailbox.changed()
    text(house)
    assert changed.done()
    changed = house.sandbox.mailbox.changed()
    hook(house)
    assert changed.done()
    stats = (await house.http.get("/v1/stats")).json()
    assert (stats["total"], stats["texts"], stats["webhooks"]) == (0, 1, 1)
    await house.http.delete("/v1/mails")
    stats = (await house.http.get("/v1/stats")).json()
    assert (stats["texts"], stats["webhooks"]) == (0, 0)


@asynccontextmanager
async def told_by(
    house: House, answer: Callable[[httpx.Request], httpx.Response]
) -> AsyncIterator[httpx.AsyncClient]:
    """The sandbox, with an api that answers so."""
    api = Api("http://api.test", "a-key", httpx.MockTransport(answer))
    app = application(house.sandbox, {}, timelines=Timelines(api))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
        yield http
    await api.close()


async def timeline(http: httpx.AsyncClient, message: str) -> dict[str, Any]:
    found: dict[str, Any] = (await http.get(f"/v1/messages/{message}/timeline")).raise_for_status().json()
    return found


async def test_the_timeline_of_mails_and_webhooks_is_read_with_the_key(house: House) -> None:
    asked: list[tuple[str, str]] = []

    def api(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, request.headers["authorization"]))
        return httpx.Response(200, json={"job_id": JOB, "status": "completed", "data": [ENTRY]})

    mail(house)
    hook(house)
    async with told_by(house, api) as http:
        for message in ("email-1", "webhook-1"):
            assert await timeline(http, message) == {
                "job_id": JOB,
                "status": "completed",
                "data": [ENTRY],
                "why": None,
            }
    assert asked == [(f"/v1/jobs/{JOB}/timeline", "Bearer a-key")] * 2


@pytest.mark.parametrize(
    "fields",
    [
        {"provider": "vonage", "reference": DELIVERY},
        {"provider": "whatsapp", "reference": DELIVERY},
        {"callback": f"http://127.0.0.1:8000/v1/providers/twilio/events?delivery={DELIVERY}"},
    ],
    ids=["vonage", "whatsapp", "twilio"],
)
async def test_a_text_is_found_by_its_delivery(house: House, fields: dict[str, str]) -> None:
    asked: list[str] = []

    def api(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if request.url.path == "/v1/jobs":
            assert dict(request.url.params)["address"] == PHONE
            return httpx.Response(200, json={"data": [{"id": OTHER}, {"id": JOB}]})
        events = [ENTRY] if JOB in request.url.path else []
        return httpx.Response(200, json={"status": "completed", "data": events})

    text(house, **fields)
    kind = "whatsapp" if fields.get("provider") == "whatsapp" else "sms"
    async with told_by(house, api) as http:
        assert (await timeline(http, f"{kind}-1"))["job_id"] == JOB
        before = len(asked)
        assert (await timeline(http, f"{kind}-1"))["data"] == [ENTRY]
    assert len(asked) == before + 1  # the job is known by now


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(401, json={}), "The api refuses the key"),
        (httpx.Response(404, json={}), "sees no such job"),
        (httpx.Response(500, json={}), "The api answered 500"),
        (httpx.Response(200, content=b"<html>"), "does not answer"),
    ],
    ids=["401", "404", "500", "not-json"],
)
async def test_why_there_is_no_timeline_is_said(house: House, answer: httpx.Response, why: str) -> None:
    mail(house)
    async with told_by(house, lambda _: answer) as http:
        told = await timeline(http, "email-1")
    assert why in told["why"]
    assert (told["job_id"], told["data"]) == (JOB, [])


async def test_an_api_that_is_away_is_said(house: House) -> None:
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    mail(house)
    async with told_by(house, away) as http:
        assert (await timeline(http, "email-1"))["why"] == "The api does not answer."


async def test_without_a_key_the_job_is_named_and_without_a_job_that_is_said(house: House) -> None:
    mail(house)
    mail(house, message_id="<x@example.org>")
    hook(house, '{"data": {"job_id": "../../v1/keys"}}')
    text(house, inbound=True)
    told = await timeline(house.http, "email-1")
    assert told["job_id"] == JOB
    assert "HERMODR_SANDBOX_API_KEY" in told["why"]
    for message in ("email-2", "webhook-1", "sms-1"):
        told = await timeline(house.http, message)
        assert (told["job_id"], told["why"]) == (None, "It names no job of Hermodr's.")


@pytest.mark.parametrize("message", ["email-1", "sms-9", "whatsapp-1", "webhook-1", "fax-1", "email-x"])
async def test_messages_that_are_not_there(house: House, message: str) -> None:
    text(house)
    assert (await house.http.get(f"/v1/messages/{message}/timeline")).status_code == 404
