"""Meta's Cloud API, pretended: the real provider meets it as it would meet the real one, and the api believes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hermodr_api.receipts.signatures import MetaSignature
from hermodr_contracts.approved_templates import ApprovedTemplate
from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    TransientError,
)
from hermodr_delivery.provider import Accepted
from hermodr_sandbox.protocols.whatsapp_callbacks import SECRET, WhatsAppCallbacks
from hermodr_sandbox.routes.application import application
from hermodr_servicekit.web import serve
from hermodr_sms_sender.domain import OutgoingWhatsApp
from hermodr_sms_sender.providers.dsns import build_all
from tests.support.smtp_dialogue import House
from tests.support.texts import PHONE, whatsapp
from tests.support.waiting import wait_until

NUMBER = "100000000000001"
READY: dict[str, Any] = {
    "name": "order_ready",
    "language": "de",
    "body": "Hallo {{1}}, {{2}} ist fertig.",
    "buttons": ["https://shop.example/{{1}}"],
}
FILLED = ApprovedTemplate("order_ready", "de", ("Ada", "17"), None, ("x1",))


class Webhook:
    """Believes what is signed, and remembers it."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.app = Starlette(
            routes=[Route("/events", self.take, methods=["POST"]), Route("/events", self.ask)]
        )

    async def take(self, request: Request) -> Response:
        body = await request.body()
        MetaSignature(SECRET).verify(request.headers, body, 0.0)
        (entry,) = (await request.json())["entry"]
        self.told += [change["value"] for change in entry["changes"]]
        return Response()

    async def ask(self, request: Request) -> Response:
        known = request.query_params["hub.verify_token"] == "a-word"
        return PlainTextResponse(request.query_params["hub.challenge"] if known else "no")

    def statuses(self) -> list[tuple[str, list[int]]]:
        found = [each for value in self.told for each in value.get("statuses", ())]
        return [(each["status"], [error["code"] for error in each.get("errors", ())]) for each in found]


@pytest.fixture
def webhook() -> Webhook:
    return Webhook()


@pytest_asyncio.fixture
async def base(house: House, webhook: Webhook) -> AsyncIterator[str]:
    """The sandbox's address, over a real server."""
    async with serve(webhook.app, "127.0.0.1", 0, grace=1) as told:
        callbacks = WhatsAppCallbacks(f"http://127.0.0.1:{told}/events", SECRET, house.sandbox.clock)
        app = application(house.sandbox, {}, hosts=frozenset({"127.0.0.1"}), whatsapp=callbacks)
        async with serve(app, "127.0.0.1", 0, grace=1) as port:
            yield f"127.0.0.1:{port}"
        await callbacks.close()


async def outcome(base: str, message: OutgoingWhatsApp, token: str = "token") -> Accepted | DeliveryFailure:
    (provider,) = build_all(
        f"whatsapp://{NUMBER}:{token}@{base}?tls=off&timeout=2", production=False
    ).whatsapp
    try:
        return await provider.prepare(message)()
    except DeliveryFailure as failure:
        return failure
    finally:
        await provider.close()


@asynccontextmanager
async def client(base: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{base}") as http:
        yield http


async def call(base: str, method: str, path: str, expected: int = 200, **content: Any) -> Any:
    async with client(base) as http:
        answer = await http.request(method, path, json=content or None)
    assert answer.status_code == expected, answer.text
    return answer.json()


async def test_a_template_is_filled_in_shown_and_reported(base: str, webhook: Webhook) -> None:
    await call(base, "PUT", "/v1/whatsapp/templates", **READY)
    message = whatsapp(None, approved=FILLED, delivery_id=uuid4())
    accepted = await outcome(base, message)
    assert isinstance(accepted, Accepted)
    (shown,) = (await call(base, "GET", "/v1/texts"))["data"]
    assert shown["sid"] == accepted.provider_message_id
    assert shown["body"] == "Hallo Ada, 17 ist fertig.\nhttps://shop.example/x1"
    assert (shown["channel"], shown["template"], shown["phone"]) == ("whatsapp", "order_ready (de)", PHONE)

    async def all_told() -> Any:
        return len(webhook.told) == 2

    await wait_until(all_told, 10, "both are reported")
    assert webhook.statuses() == [("sent", []), ("delivered", [])]
    assert webhook.told[0]["metadata"]["phone_number_id"] == NUMBER
    assert webhook.told[0]["statuses"][0]["biz_opaque_callback_data"] == str(message.delivery_id)
    read = await call(base, "POST", f"/v1/texts/{shown['id']}/read")
    assert (read["status"], read["taken"]) == ("read", True)
    assert webhook.statuses()[-1] == ("read", [])


async def test_a_text_outside_the_window_is_taken_and_fails(base: str, webhook: Webhook) -> None:
    async def last() -> tuple[str, list[int]] | None:
        return webhook.statuses()[-1] if webhook.statuses() else None

    async def reported(expected: tuple[str, list[int]]) -> None:
        async def now() -> Any:
            return await last() == expected

        await wait_until(now, 10, f"{expected} is reported")

    assert isinstance(await outcome(base, whatsapp("Hello")), Accepted)
    await reported(("failed", [131047]))
    wrote = await call(base, "POST", "/v1/whatsapp/messages", 201, phone=PHONE, body="Are you open?")
    assert wrote["taken"] is True
    (said,) = webhook.told[-1]["messages"]
    assert (said["from"], said["text"]["body"]) == (PHONE[1:], "Are you open?")
    await outcome(base, whatsapp("Yes"))
    await reported(("delivered", []))
    assert (await call(base, "POST", "/v1/whatsapp/close", phone=PHONE)) == {"closed": 1}
    await outcome(base, whatsapp("Hello?"))
    await reported(("failed", [131047]))
    await outcome(base, whatsapp("Hello", to="+155588131026"))
    await reported(("failed", [131026]))


@pytest.mark.parametrize(
    ("registered", "sent", "code"),
    [
        ({}, FILLED, "whatsapp_132001"),
        (READY | {"language": "de_AT"}, FILLED, "whatsapp_132001"),
        (READY | {"status": "PENDING"}, FILLED, "whatsapp_132001"),
        (READY | {"status": "PAUSED"}, FILLED, "whatsapp_132015"),
        (READY | {"status": "DISABLED"}, FILLED, "whatsapp_132016"),
        (READY, ApprovedTemplate("order_ready", "de", ("Ada",), None, ("x1",)), "whatsapp_132000"),
        (READY, ApprovedTemplate("order_ready", "de", ("Ada", "17")), "whatsapp_132000"),
        (READY, ApprovedTemplate("order_ready", "de", ("A\nda", "17"), None, ("x1",)), "whatsapp_132018"),
        (READY | {"header": "{{1}}"}, FILLED, "whatsapp_132000"),
    ],
    ids=range(9),
)
async def test_a_template_that_is_not_as_meta_has_it_is_refused(
    base: str, registered: dict[str, Any], sent: ApprovedTemplate, code: str
) -> None:
    if registered:
        await call(base, "PUT", "/v1/whatsapp/templates", **registered)
    failure = await outcome(base, whatsapp(None, approved=sent))
    assert isinstance(failure, PermanentError)
    assert failure.code == code
    assert (await call(base, "GET", "/v1/texts"))["data"] == []


async def test_faults_are_those_of_texts(base: str) -> None:
    for number, kind in (
        ("+15555775030", TransientError),
        ("+15555774290", Refused),
        ("+15555774010", Refused),
        ("+15555774000", PermanentError),
        ("+15555770000", OutcomeUnknown),
        ("+15555770010", OutcomeUnknown),
        ("+15555770020", OutcomeUnknown),
    ):
        assert isinstance(await outcome(base, whatsapp("Hello", to=number)), kind), number
    rule = {"stage": "auth", "provider": "whatsapp", "action": {"kind": "reply", "code": 535}}
    await call(base, "POST", "/v1/faults", 201, **rule)
    refused = await outcome(base, whatsapp("Hello"))
    assert isinstance(refused, Refused)
    assert (refused.cause, refused.code) == (Cause.ACCESS, "whatsapp_190")


async def test_the_handshake_says_whether_the_word_is_known(base: str) -> None:
    assert await call(base, "POST", "/v1/whatsapp/handshake", verify_token="a-word") == {
        "status": 200,
        "verified": True,
    }
    assert not (await call(base, "POST", "/v1/whatsapp/handshake", verify_token="x"))["verified"]


async def test_what_makes_no_sense_is_refused_in_metas_words(base: str) -> None:
    known = {"messaging_product": "whatsapp", "to": PHONE, "type": "text", "text": {"body": "Hi"}}
    async with client(base) as http:
        http.headers["authorization"] = "Bearer token"
        for wrong, code in (
            ({"messaging_product": "sms"}, 100),
            ({"to": "nobody"}, 131009),
            ({"type": "image"}, 131051),
            ({"text": {"body": " "}}, 131008),
            ({"text": {"body": "x" * 4097}}, 100),
            ({"type": "template", "template": {"name": "x"}}, 131008),
            ({"biz_opaque_callback_data": "x" * 600}, 100),
        ):
            answer = await http.post(f"/v23.0/{NUMBER}/messages", json=known | wrong)
            assert answer.json()["error"]["code"] == code, wrong
        for content in (b"{", b"[]", b"x" * 70_000):
            assert (await http.post(f"/v23.0/{NUMBER}/messages", content=content)).status_code == 400
        assert (await http.get(f"/v23.0/{NUMBER}/messages")).status_code == 400
        assert (await http.get(f"/v23.0/{NUMBER}")).json()["id"] == NUMBER
        del http.headers["authorization"]
        assert (await http.get(f"/v23.0/{NUMBER}")).json()["error"]["code"] == 190


async def test_clearing_forgets_templates_and_windows(base: str) -> None:
    await call(base, "PUT", "/v1/whatsapp/templates", **READY)
    await call(base, "POST", "/v1/whatsapp/messages", 201, phone=PHONE, body="Hi")
    names = [each["name"] for each in (await call(base, "GET", "/v1/whatsapp/templates"))["data"]]
    assert names == ["hello_world", "order_ready"]
    async with client(base) as http:
        assert (await http.delete("/v1/mails")).status_code < 300
    names = [each["name"] for each in (await call(base, "GET", "/v1/whatsapp/templates"))["data"]]
    assert names == ["hello_world"]
    assert (await call(base, "POST", "/v1/whatsapp/close", phone=PHONE)) == {"closed": 0}
    await call(base, "POST", "/v1/whatsapp/messages", 422, phone="nobody", body="Hi")
    await call(base, "POST", "/v1/texts/99/read", 404)
