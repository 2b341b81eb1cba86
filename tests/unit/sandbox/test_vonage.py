"""Vonage, pretended: the real provider meets it as it would meet the real one, and PyJWT believes what it signs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    TransientError,
)
from hermodr_delivery.provider import Accepted
from hermodr_sandbox.protocols.vonage_callbacks import VonageCallbacks
from hermodr_sandbox.routes.application import application
from hermodr_servicekit.web import serve
from hermodr_sms_sender.domain import OutgoingText
from hermodr_sms_sender.providers.dsns import TextProvider, build_providers
from tests.support.smtp_dialogue import House
from tests.support.texts import PHONE, VONAGE_KEY, VONAGE_SIGNATURE, text
from tests.support.waiting import wait_until

SECRET = "s3cret4horse"
AUTH = (VONAGE_KEY, SECRET)
GOOD = {"channel": "sms", "message_type": "text", "to": PHONE[1:], "from": "12345", "text": "Hello"}


@pytest_asyncio.fixture
async def base(house: House) -> AsyncIterator[str]:
    """The sandbox's address, over a real server."""
    async with sandbox_at(house, VONAGE_SIGNATURE) as address:
        yield address


@asynccontextmanager
async def sandbox_at(house: House, secret: str | None) -> AsyncIterator[str]:
    callbacks = VonageCallbacks(secret=secret)
    app = application(house.sandbox, {}, hosts=frozenset({"127.0.0.1"}), vonage_callbacks=callbacks)
    async with serve(app, "127.0.0.1", 0, grace=1) as port:
        yield f"127.0.0.1:{port}"
    await callbacks.close()


@asynccontextmanager
async def provider_at(base: str, *, api: str = "http://127.0.0.1:1") -> AsyncIterator[TextProvider]:
    events = VONAGE_SIGNATURE.replace(" ", "%20")
    dsn = f"vonage://{VONAGE_KEY}:{SECRET}@{base}?tls=off&from=%2B15005550006&events={events}&timeout=2"
    (provider,) = build_providers(dsn, production=False, public_url=api)
    try:
        yield provider
    finally:
        await provider.close()


async def outcome(base: str, message: OutgoingText) -> Accepted | DeliveryFailure:
    async with provider_at(base) as provider:
        try:
            return await provider.prepare(message)()
        except DeliveryFailure as failure:
            return failure


async def texts_at(base: str, **query: Any) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=f"http://{base}") as client:
        found = (await client.get("/v1/texts", params=query)).raise_for_status().json()
    return list(found["data"])


async def test_a_text_is_taken_and_shown(base: str) -> None:
    accepted = await outcome(base, text("Grüße 🙂 " + "x" * 90))
    assert isinstance(accepted, Accepted)
    (shown,) = await texts_at(base, to=PHONE)
    assert (shown["sid"], shown["provider"]) == (accepted.provider_message_id, "vonage")
    assert (shown["body"], shown["other"]) == ("Grüße 🙂 " + "x" * 90, "+15005550006")
    assert (shown["segments"], shown["encoding"], shown["inbound"]) == (2, "UCS-2", False)


@pytest.mark.parametrize(
    ("number", "kind", "code", "taken"),
    [
        ("+15555774220", PermanentError, "vonage_1040", 0),
        ("+15555775500", PermanentError, "vonage_1170", 0),
        ("+15555775030", TransientError, "vonage_1100", 0),
        ("+15555774290", Refused, "vonage_1010", 0),
        ("+15555774010", Refused, "vonage_unauthorized", 0),
        ("+15555775000", OutcomeUnknown, "vonage_1030", 0),
        ("+15555770000", OutcomeUnknown, "connection_lost", 0),
        ("+15555770010", OutcomeUnknown, "connection_lost", 1),
        ("+15555770020", OutcomeUnknown, "vonage_1030", 1),
    ],
)
async def test_digits_make_every_kind_of_trouble(
    base: str, number: str, kind: type[DeliveryFailure], code: str, taken: int
) -> None:
    failure = await outcome(base, text(to=number))
    assert isinstance(failure, kind)
    assert failure.code == code
    assert len(await texts_at(base)) == taken


@pytest.mark.parametrize(
    ("action", "kind", "code"),
    [
        ({"kind": "reply", "code": 451}, TransientError, "vonage_1100"),
        ({"kind": "throttle"}, Refused, "vonage_1010"),
        ({"kind": "drop"}, OutcomeUnknown, "connection_lost"),
    ],
)
async def test_fault_rules_hold_for_texts(
    base: str, action: dict[str, Any], kind: type[DeliveryFailure], code: str
) -> None:
    rule = {"stage": "rcpt", "provider": "vonage", "recipient": "+1555*", "action": action, "first": 1}
    async with httpx.AsyncClient(base_url=f"http://{base}") as client:
        (await client.post("/v1/faults", json=rule)).raise_for_status()
        late = {"stage": "report", "provider": "vonage", "action": {"kind": "report", "outcomes": []}}
        assert (await client.post("/v1/faults", json=late)).status_code == 422
    failure = await outcome(base, text())
    assert isinstance(failure, kind)
    assert failure.code == code
    assert isinstance(await outcome(base, text()), Accepted)


async def test_it_knows_its_account_and_no_request_without_it(base: str) -> None:
    async with provider_at(base) as provider:
        assert await provider.check() == "the account is known"
    async with httpx.AsyncClient(base_url=f"http://{base}") as client:
        assert (await client.post("/v1/messages", json=GOOD)).status_code == 401
        for auth in (("short", SECRET), (VONAGE_KEY, ""), ("abcd-234", SECRET)):
            answer = await client.post("/v1/messages", json=GOOD, auth=auth)
            assert (answer.status_code, answer.json()["title"]) == (401, "Unauthorized")
            assert answer.headers["content-type"] == "application/problem+json"
    async with provider_at(base.replace("127.0.0.1", "localhost")) as provider:
        with pytest.raises(DeliveryFailure):
            await provider.check()  # misdirected


@pytest.mark.parametrize(
    ("changed", "blamed"),
    [
        ({"to": PHONE}, "to"),
        ({"to": "0155501001"}, "to"),
        ({"to": None}, "to"),
        ({"from": "+15005550006"}, "from"),
        ({"from": "TwelveLetters"}, "from"),
        ({"text": ""}, "text"),
        ({"text": "x" * 1001}, "text"),
        ({"channel": "viber_service"}, "channel"),
        ({"message_type": "image"}, "message_type"),
        ({"client_ref": "x" * 101}, "client_ref"),
        ({"webhook_url": "nowhere"}, "webhook_url"),
        ({"webhook_version": "v2"}, "webhook_version"),
        ({"sms": {"encoding_type": "utf8"}}, "sms.encoding_type"),
        ({"sms": []}, "sms.encoding_type"),
    ],
    ids=str,
)
async def test_it_checks_what_vonage_checks(base: str, changed: dict[str, Any], blamed: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{base}", auth=AUTH) as client:
        answer = await client.post("/v1/messages", json=GOOD | changed)
        assert (await client.post("/v1/messages", json=GOOD)).status_code == 202
    assert answer.status_code == 422
    assert answer.json()["type"] == "https://developer.vonage.com/api-errors/messages#1150"
    assert [each["name"] for each in answer.json()["invalid_parameters"]] == [blamed]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"x" * 70_000], ids=["none", "list", "broken", "large"])
async def test_what_is_no_message_is_refused(base: str, body: bytes) -> None:
    async with httpx.AsyncClient(base_url=f"http://{base}", auth=AUTH) as client:
        assert (await client.post("/v1/messages", content=body)).status_code == 422


class Api:
    """Takes reports as Hermodr's api does; PyJWT says whether they are signed."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    async def take(self, request: Request) -> Response:
        body = await request.body()
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, VONAGE_SIGNATURE, algorithms=["HS256"])
        assert claims["payload_hash"] == hashlib.sha256(body).hexdigest()
        assert (claims["api_key"], claims["iss"]) == (VONAGE_KEY, "Vonage")
        self.told.append(json.loads(body))
        return Response(status_code=204)


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Api, str]]:
    api = Api()
    app = Starlette(routes=[Route("/v1/providers/vonage/events", api.take, methods=["POST"])])
    async with serve(app, "127.0.0.1", 0, grace=1) as port:
        yield api, f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("number", "statuses", "code"),
    [
        (PHONE, ["submitted", "delivered"], None),
        ("+15558801190", ["submitted", "rejected"], "1190"),
    ],
)
async def test_reports_are_signed_and_name_our_delivery(
    base: str, number: str, statuses: Sequence[str], code: str | None
) -> None:
    message = text("Ä & ü = 1+1", to=number)
    async with listening() as (api, url), provider_at(base, api=url) as provider:
        accepted = await provider.prepare(message)()
        await wait_until(lambda: len(api.told) == 2)
    assert [each["status"] for each in api.told] == list(statuses)
    assert api.told[-1].get("error", {}).get("title") == code
    assert {each["client_ref"] for each in api.told} == {str(message.delivery_id)}
    assert {each["message_uuid"] for each in api.told} == {accepted.provider_message_id}
    assert (api.told[0]["to"], api.told[0]["from"]) == (number[1:], "15005550006")
    (shown,) = await texts_at(base, to=number)
    assert (shown["status"], shown["error"]) == (statuses[-1], code)


async def test_a_phone_answers_stop_and_gets_none_until_it_answers_start(base: str) -> None:
    async with listening() as (api, url), provider_at(base, api=url) as provider:
        await provider.prepare(text())()
        (shown,) = await texts_at(base)
        async with httpx.AsyncClient(base_url=f"http://{base}") as client:
            reply = f"/v1/texts/{shown['id']}/reply"
            assert (await client.post(reply, json={"body": "Stop"})).json()["taken"] is True
            await provider.prepare(text())()  # taken, and rejected afterwards
            await wait_until(lambda: api.told[-1].get("error", {}).get("title") == "1240")
            await client.post(reply, json={"body": "START"})
            await provider.prepare(text())()
            await wait_until(lambda: api.told[-1].get("status") == "delivered")
            assert (await client.post(reply, json={"body": " "})).status_code == 201
    said = [each for each in api.told if "status" not in each]
    assert [(each["from"], each["to"], each["text"]) for each in said] == [
        (PHONE[1:], "15005550006", "Stop"),
        (PHONE[1:], "15005550006", "START"),
        (PHONE[1:], "15005550006", " "),
    ]
    assert said[0]["sms"]["keyword"] == "STOP"


@pytest.mark.parametrize("secret", [None, VONAGE_SIGNATURE])
async def test_nothing_is_reported_unsigned_or_to_other_machines(house: House, secret: str | None) -> None:
    async with listening() as (api, url), sandbox_at(house, secret) as base:
        async with provider_at(base, api="http://192.0.2.1" if secret else url) as provider:
            await provider.prepare(text())()

        async def ended() -> Any:
            return bool((await texts_at(base))[0]["status"] == "delivered")

        await wait_until(ended)
        (shown,) = await texts_at(base)
        async with httpx.AsyncClient(base_url=f"http://{base}") as client:
            answer = await client.post(f"/v1/texts/{shown['id']}/reply", json={"body": "STOP"})
    assert (answer.json()["taken"], api.told) == (False, [])


async def test_a_key_that_is_refused_is_the_operators_to_mend(base: str) -> None:
    rule = {"stage": "auth", "provider": "vonage", "action": {"kind": "reply", "code": 401}, "first": 1}
    async with httpx.AsyncClient(base_url=f"http://{base}") as client:
        (await client.post("/v1/faults", json=rule)).raise_for_status()
    failure = await outcome(base, text())
    assert isinstance(failure, Refused)
    assert (failure.cause, failure.code) == (Cause.ACCESS, "vonage_unauthorized")
