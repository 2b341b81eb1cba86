"""Twilio, pretended: the real provider meets it as it would meet the real one, and Twilio's own library believes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    TransientError,
)
from hermodr_delivery.provider import Accepted, LooksUp, Sighting
from hermodr_sandbox.protocols.text_callbacks import TextCallbacks
from hermodr_sandbox.routes.application import application
from hermodr_servicekit.web import serve
from hermodr_sms_sender.domain import OutgoingText
from hermodr_sms_sender.providers.dsns import TextProvider, build_providers
from tests.support.smtp_dialogue import House
from tests.support.texts import ACCOUNT, PHONE, text
from tests.support.waiting import wait_until

TOKEN = "the-account-token"


@pytest_asyncio.fixture
async def base(house: House) -> AsyncIterator[str]:
    """The sandbox's address, over a real server."""
    callbacks = TextCallbacks()
    app = application(house.sandbox, {}, hosts=frozenset({"127.0.0.1"}), text_callbacks=callbacks)
    async with serve(app, "127.0.0.1", 0, grace=1) as port:
        yield f"127.0.0.1:{port}"
    await callbacks.close()


@asynccontextmanager
async def provider_at(base: str, *, api: str = "http://127.0.0.1:1") -> AsyncIterator[TextProvider]:
    dsn = f"twilio://{ACCOUNT}:{TOKEN}@{base}?tls=off&from=%2B15005550006&from_GB=%2B15005550007&timeout=2"
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
    assert shown["sid"] == accepted.provider_message_id
    assert (shown["body"], shown["other"]) == ("Grüße 🙂 " + "x" * 90, "+15005550006")
    assert (shown["segments"], shown["encoding"], shown["inbound"]) == (2, "UCS-2", False)


@pytest.mark.parametrize(
    ("number", "code", "bounced"),
    [
        ("+15005550001", "twilio_21211", True),
        ("+15005550002", "twilio_21612", False),
        ("+15005550003", "twilio_21408", False),
        ("+15005550004", "twilio_21610", False),
        ("+15005550009", "twilio_21614", True),
        ("+15555774220", "twilio_21612", False),
        ("+15555775500", "twilio_21211", True),
    ],
)
async def test_a_number_that_cannot_be_texted_is_refused_for_good(
    base: str, number: str, code: str, bounced: bool
) -> None:
    failure = await outcome(base, text(to=number))
    assert isinstance(failure, PermanentError)
    assert (failure.code, failure.bounced) == (code, bounced)
    assert await texts_at(base) == []


@pytest.mark.parametrize(
    ("number", "kind", "code", "taken"),
    [
        ("+15555775030", TransientError, "twilio_20503", 0),
        ("+15555774290", Refused, "twilio_20429", 0),
        ("+15555774010", Refused, "twilio_20003", 0),
        ("+15555775000", OutcomeUnknown, "twilio_20500", 0),
        ("+15555770000", OutcomeUnknown, "connection_lost", 0),
        ("+15555770010", OutcomeUnknown, "connection_lost", 1),
        ("+15555770020", OutcomeUnknown, "twilio_20500", 1),
    ],
)
async def test_digits_make_every_kind_of_trouble(
    base: str, number: str, kind: type[DeliveryFailure], code: str, taken: int
) -> None:
    failure = await outcome(base, text(to=number))
    assert isinstance(failure, kind)
    assert failure.code == code
    assert len(await texts_at(base)) == taken


async def test_the_last_digit_says_how_often(base: str) -> None:
    message = text(to="+15555775032")
    kinds = [isinstance(await outcome(base, message), Accepted) for _ in range(3)]
    assert kinds == [False, False, True]


@pytest.mark.parametrize(
    ("action", "kind", "code"),
    [
        ({"kind": "reply", "code": 451}, TransientError, "twilio_20503"),
        ({"kind": "throttle"}, Refused, "twilio_20429"),
        ({"kind": "drop"}, OutcomeUnknown, "connection_lost"),
    ],
)
async def test_fault_rules_hold_for_texts(
    base: str, action: dict[str, Any], kind: type[DeliveryFailure], code: str
) -> None:
    rule = {"stage": "rcpt", "provider": "twilio", "recipient": "+1555*", "action": action, "first": 1}
    async with httpx.AsyncClient(base_url=f"http://{base}") as client:
        (await client.post("/v1/faults", json=rule)).raise_for_status()
    failure = await outcome(base, text())
    assert isinstance(failure, kind)
    assert failure.code == code
    assert isinstance(await outcome(base, text()), Accepted)


async def test_a_wrong_sender_is_the_operators_to_mend(base: str) -> None:
    failure = await outcome(base, text(to="+447400123456"))
    assert isinstance(failure, Refused)
    assert (failure.cause, failure.code) == (Cause.ACCESS, "twilio_21606")


async def test_it_knows_its_account_and_no_request_without_it(base: str) -> None:
    async with provider_at(base) as provider:
        assert "known" in await provider.check()
    async with httpx.AsyncClient(base_url=f"http://{base}") as client:
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        assert (await client.post(path, data={"To": PHONE})).json()["code"] == 20003
        for auth in (("AC" + "0" * 32, TOKEN), (ACCOUNT, "")):
            answer = await client.post(path, data={"To": PHONE}, auth=auth)
            assert (answer.status_code, answer.json()["code"]) == (401, 20003)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 21604),
        ({"To": "15550100123"}, 21211),
        ({"To": PHONE}, 21603),
        ({"To": PHONE, "From": "12345"}, 21602),
        ({"To": PHONE, "From": PHONE, "Body": "x"}, 21266),
        ({"To": PHONE, "From": "12345", "Body": "x" * 1601}, 21617),
        ({"To": PHONE, "From": "12345", "Body": "x", "StatusCallback": "nowhere"}, 21609),
        ({"To": PHONE, "From": "12345", "Body": "x" * 70_000}, 21617),
    ],
)
async def test_it_checks_what_twilio_checks(base: str, form: dict[str, str], code: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://{base}", auth=(ACCOUNT, TOKEN)) as client:
        answer = await client.post(f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json", data=form)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (400, code, 400)
    assert answer.json()["more_info"].endswith(str(code))


async def test_a_look_up_proves_that_there_is_no_text(base: str, house: House) -> None:
    now = house.sandbox.clock.now()
    async with provider_at(base) as provider:
        assert isinstance(provider, LooksUp)
        assert (await provider.look_up(text(wanted_at=now))).sighting is Sighting.NOT_FOUND
        await provider.prepare(text())()
        assert (await provider.look_up(text(wanted_at=now))).sighting is Sighting.CANNOT_TELL


class Api:
    """Takes reports as Hermodr's api does; Twilio's own library says whether they are signed."""

    def __init__(self) -> None:
        self.validator = RequestValidator(TOKEN)
        self.forms: list[dict[str, str]] = []
        self.queries: list[str] = []

    async def take(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        given = request.headers["x-twilio-signature"]
        assert self.validator.validate(str(request.url), form, given)
        assert not self.validator.validate(str(request.url) + "x", form, given)
        self.forms.append(form)
        self.queries.append(request.url.query)
        return Response(status_code=204)


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Api, str]]:
    api = Api()
    app = Starlette(routes=[Route("/v1/providers/twilio/events", api.take, methods=["POST"])])
    async with serve(app, "127.0.0.1", 0, grace=1) as port:
        yield api, f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("number", "statuses", "code"),
    [
        (PHONE, ["queued", "sent", "delivered"], None),
        ("+15558830006", ["queued", "sent", "undelivered"], "30006"),
    ],
)
async def test_reports_are_signed_so_that_twilios_library_believes_them(
    base: str, number: str, statuses: Sequence[str], code: str | None
) -> None:
    message = text("Ä & ü = 1+1", to=number)
    async with listening() as (api, url), provider_at(base, api=url) as provider:
        await provider.prepare(message)()
        await wait_until(lambda: len(api.forms) == 3)
    assert [each["MessageStatus"] for each in api.forms] == list(statuses)
    assert api.forms[-1].get("ErrorCode") == code
    assert set(api.queries) == {f"delivery={message.delivery_id}"}


async def test_a_phone_answers_stop_and_is_not_texted_until_it_answers_start(base: str) -> None:
    async with listening() as (api, url), provider_at(base, api=url) as provider:
        await provider.prepare(text())()
        (shown,) = await texts_at(base)
        async with httpx.AsyncClient(base_url=f"http://{base}") as client:
            answer = await client.post(f"/v1/texts/{shown['id']}/reply", json={"body": "Stop"})
            assert (answer.status_code, answer.json()["taken"]) == (201, True)
            with pytest.raises(PermanentError) as refused:
                await provider.prepare(text())()
            assert refused.value.code == "twilio_21610"
            await client.post(f"/v1/texts/{shown['id']}/reply", json={"body": "START"})
            assert isinstance(await provider.prepare(text())(), Accepted)
            for bad in ({"body": ""}, {}, {"body": "x", "more": 1}):
                assert (await client.post(f"/v1/texts/{shown['id']}/reply", json=bad)).status_code == 422
            assert (await client.post("/v1/texts/99/reply", json={"body": "x"})).status_code == 404
    said = [each for each in api.forms if each.get("SmsStatus") == "received"]
    assert [(each["From"], each["To"], each["Body"]) for each in said] == [
        (PHONE, "+15005550006", "Stop"),
        (PHONE, "+15005550006", "START"),
    ]


async def test_nothing_is_reported_to_other_machines(base: str) -> None:
    assert not TextCallbacks().may_call("https://example.com/v1/providers/twilio/events")
    assert TextCallbacks(["example.com"]).may_call("https://example.com/v1/providers/twilio/events")
    async with provider_at(base, api="http://192.0.2.1") as provider:
        await provider.prepare(text())()

    async def ended() -> Any:
        return bool((await texts_at(base))[0]["status"] == "delivered")

    await wait_until(ended)


async def test_texts_have_a_page_of_their_own_and_are_forgotten_with_the_mails(base: str) -> None:
    await outcome(base, text())
    async with httpx.AsyncClient(base_url=f"http://{base}") as client:
        for path in ("/texts", "/assets/texts.css", "/assets/texts.js"):
            answer = await client.get(path)
            assert answer.status_code == 200
            assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert (await client.delete("/v1/mails")).json() == {"deleted": 1}
        assert (await client.get("/v1/texts?x=1")).status_code == 400
    assert await texts_at(base) == []
