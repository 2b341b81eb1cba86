"""WhatsApp passes what every provider has to, chooses between text and template, and reads each documented code."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import pytest

from hermodr_contracts.approved_templates import ApprovedTemplate
from hermodr_delivery.dsn import ProviderConfigError
from hermodr_delivery.failures import DeliveryFailure, PermanentError, Refused, TransientError
from hermodr_delivery.http_api import MAX_ANSWER, Verdict
from hermodr_delivery.provider import LooksUp, Provider
from hermodr_delivery.testing import Answer, ProviderContract, ScriptedServer
from hermodr_delivery.testing.contract import CONCURRENCY
from hermodr_delivery.testing.server import RETRY_AFTER
from hermodr_sms_sender.domain import OutgoingWhatsApp
from hermodr_sms_sender.providers import whatsapp as cloud
from hermodr_sms_sender.providers.dsns import DEVELOPMENT_WHATSAPP, build_all
from hermodr_sms_sender.providers.whatsapp import WhatsApp
from tests.support.scripted_http import Reply, Request, Script, ScriptedHttp
from tests.support.texts import ACCOUNT, PHONE, verdict_of, whatsapp

TOKEN = "EAAs3cret4horse"
NUMBER = "106540352242922"
PATH = f"/v23.0/{NUMBER}"
CHECK = f"{PATH}?fields=verified_name,quality_rating"
READY = ApprovedTemplate("order_ready", "de", ("Ada", "17"), "Shop", (None, "4711"))


def error(code: int, status: int = 400, message: str = "no", **more: object) -> Reply:
    said = {
        "message": f"(#{code}) {message}",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "A1",
        **more,
    }
    return Reply(status, {"error": said})


def taken(number: str = "wamid.HBgL") -> Reply:
    messages = [{"id": number, "message_status": "accepted"}]
    return Reply(200, {"messaging_product": "whatsapp", "messages": messages}, taken=True)


SCRIPT: Script = {
    Answer.ACCEPT: taken(),
    Answer.BAD_ADDRESS: error(131026, message=f"Message undeliverable to {PHONE}"),
    Answer.BAD_MESSAGE: error(132001, 404, f"Template name does not exist for {PHONE}"),
    Answer.NOT_NOW: error(131016, 503),
    Answer.THROTTLE: error(130429, 429)._replace(headers={"retry-after": f"{RETRY_AFTER:.0f}"}),
    Answer.NONSENSE: Reply(200, b"<html>your network's login page</html>", taken=True),
    Answer.WRONG_CREDENTIALS: error(190, 401, f"Invalid OAuth access token {TOKEN}"),
    Answer.TOO_MUCH: error(80007),
}


def server() -> ScriptedHttp:
    return ScriptedHttp(
        SCRIPT,
        key=lambda request: str(request.json["biz_opaque_callback_data"]),
        sends=lambda request: request.method == "POST",
        others={CHECK: Reply(200, {"id": NUMBER, "quality_rating": "GREEN"})},
    )


def provider_at(port: int, options: str = "", **more: Any) -> WhatsApp:
    dsn = f"whatsapp://{NUMBER}:{TOKEN}@127.0.0.1:{port}?tls=off&events=the-app-secret-of-ours&{options}"
    (provider,) = build_all(dsn, production=False, **more).whatsapp
    return provider


class TestWhatsApp(ProviderContract[OutgoingWhatsApp]):
    secrets = (TOKEN, PHONE, PHONE[1:], "code is 4711")
    knows_what_was_read = False
    names_bad_addresses = False

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedServer]:
        async with server().running() as running:
            yield running

    def provider(self, server: ScriptedServer, *, patience: float) -> Provider[OutgoingWhatsApp]:
        port = cast("ScriptedHttp", server).port
        return provider_at(port, f"timeout={patience}&concurrency={CONCURRENCY}")

    def message(self, number: int) -> OutgoingWhatsApp:
        return whatsapp(delivery_id=UUID(int=number + 1))

    def unsendable(self) -> OutgoingWhatsApp:
        return whatsapp("\ud800")

    def key(self, message: OutgoingWhatsApp) -> str:
        return str(message.delivery_id)


async def sent(message: OutgoingWhatsApp, reply: Reply | None = None, **more: Any) -> tuple[Request, Any]:
    """The request, and the acceptance or failure."""
    scripted = server()
    if reply is not None:
        scripted.script = {**SCRIPT, Answer.ACCEPT: reply}
    async with scripted.running():
        provider = provider_at(scripted.port, **more)
        try:
            outcome: Any = await provider.prepare(message)()
        except DeliveryFailure as failure:
            outcome = failure
        finally:
            await provider.close()
    return scripted.requests[0], outcome


@pytest.mark.parametrize("code", [each for each in cloud.CODES if each != cloud.OUTSIDE_WINDOW])
async def test_each_documented_code_is_read_for_what_it_says(code: int) -> None:
    _, failure = await sent(whatsapp(), error(code))
    assert verdict_of(failure) is cloud.CODES[code]
    assert failure.code == f"whatsapp_{code}"


@pytest.mark.parametrize(
    ("reply", "verdict", "code"),
    [
        (error(250), Verdict.ACCESS, "whatsapp_250"),
        (error(100, error_subcode=33), Verdict.ACCESS, "whatsapp_100"),
        (error(999999), Verdict.MESSAGE, "http_400"),
        (Reply(400, {"error": "no"}), Verdict.MESSAGE, "http_400"),
        (Reply(400, {"error": {"code": True}}), Verdict.MESSAGE, "http_400"),
        (Reply(502, b"<html>Bad gateway</html>"), Verdict.UNKNOWN, "http_502"),
        (Reply(301, headers={"location": "http://127.0.0.1:1/"}), Verdict.UNKNOWN, "http_301"),
        (Reply(200, b"x" * (2 * MAX_ANSWER)), Verdict.UNKNOWN, "whatsapp_no_id"),
        (Reply(200, {"messages": []}), Verdict.UNKNOWN, "whatsapp_no_id"),
        (Reply(200, {"messages": [{"id": 7}]}), Verdict.UNKNOWN, "whatsapp_no_id"),
    ],
    ids=str,
)
async def test_what_no_document_names_is_read_by_its_status(
    reply: Reply, verdict: Verdict, code: str
) -> None:
    _, failure = await sent(whatsapp(), reply)
    assert (verdict_of(failure), failure.code) == (verdict, code)


async def test_too_many_to_one_person_wait_for_six_seconds() -> None:
    _, failure = await sent(whatsapp(), error(131056))
    assert isinstance(failure, TransientError)
    assert failure.retry_after == 6.0


async def test_within_the_window_a_text_is_sent() -> None:
    message = whatsapp("Grüße & 5 €", approved=READY)
    request, accepted = await sent(message)
    assert (request.method, request.path) == ("POST", f"{PATH}/messages")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": PHONE,
        "biz_opaque_callback_data": str(message.delivery_id),
        "type": "text",
        "text": {"preview_url": False, "body": "Grüße & 5 €"},
    }
    assert accepted.provider_message_id == "wamid.HBgL"
    told = {"sent_as": "text", "because": "the window is open", "country": "US"}
    assert json.loads(accepted.measured) == told


@pytest.mark.parametrize("open_with", [frozenset(), frozenset({"another"})], ids=["closed", "of-another"])
async def test_outside_the_window_the_approved_template_is_sent(open_with: frozenset[str]) -> None:
    request, accepted = await sent(whatsapp("Hello", approved=READY, open_with=open_with))
    assert (request.json["type"], "text" in request.json) == ("template", False)
    assert request.json["template"] == {
        "name": "order_ready",
        "language": {"code": "de"},
        "components": [
            {"type": "header", "parameters": [{"type": "text", "text": "Shop"}]},
            {
                "type": "body",
                "parameters": [{"type": "text", "text": "Ada"}, {"type": "text", "text": "17"}],
            },
            {
                "type": "button",
                "sub_type": "url",
                "index": "1",
                "parameters": [{"type": "text", "text": "4711"}],
            },
        ],
    }
    assert json.loads(accepted.measured) == {
        "sent_as": "template",
        "because": "the window is closed",
        "approved": "order_ready",
        "language": "de",
        "country": "US",
    }


async def test_a_template_without_a_text_is_sent_within_the_window_too() -> None:
    request, accepted = await sent(whatsapp(None, approved=ApprovedTemplate("hello_world", "en_US")))
    assert request.json["template"] == {"name": "hello_world", "language": {"code": "en_US"}}
    assert json.loads(accepted.measured)["because"] == "it has no text"


async def test_outside_the_window_without_a_template_nothing_is_sent() -> None:
    (provider,) = build_all(DEVELOPMENT_WHATSAPP, production=False).whatsapp
    with pytest.raises(PermanentError) as refused:
        provider.prepare(whatsapp(open_with=frozenset()))
    assert refused.value.code == "outside_window"
    await provider.close()


@pytest.mark.parametrize("approved", [None, READY], ids=["without-a-template", "with-one"])
async def test_a_window_that_closed_meanwhile_is_closed_here_too(approved: ApprovedTemplate | None) -> None:
    closed: list[tuple[str, str]] = []

    async def close(provider: str, phone: str) -> None:
        closed.append((provider, phone))

    _, failure = await sent(
        whatsapp(approved=approved), error(131047, message="Re-engagement message"), closed=close
    )
    assert type(failure) is (PermanentError if approved is None else TransientError)
    assert failure.code == "outside_window"
    assert closed == [("whatsapp", PHONE)]


async def test_that_a_window_cannot_be_closed_is_no_reason_to_send_twice() -> None:
    async def fail(provider: str, phone: str) -> None:
        raise OSError(provider, phone)

    _, failure = await sent(whatsapp(approved=READY), error(131047), closed=fail)
    assert isinstance(failure, TransientError)


async def test_the_check_reads_the_number_and_says_what_is_missing() -> None:
    async with server().running() as running:
        provider = provider_at(running.port)
        assert await provider.check() == "the number is known, quality green"
        await provider.close()
        dsn = f"whatsapp://{NUMBER}:{TOKEN}@127.0.0.1:{running.port}?tls=off"
        (silent,) = build_all(dsn, production=False).whatsapp
        assert "no reports without events=" in await silent.check()
        await silent.close()
    assert not isinstance(provider, LooksUp)
    scripted = server()
    scripted.others = {CHECK: error(190, 401)}
    async with scripted.running():
        provider = provider_at(scripted.port)
        with pytest.raises(Refused) as refused:
            await provider.check()
        await provider.close()
    assert refused.value.code == "whatsapp_190"


BAD_DSNS = {
    "whatsapp://default": "is not of the form whatsapp://PHONE_NUMBER_ID:ACCESS_TOKEN@default",
    f"whatsapp://{NUMBER}@default": "is not of the form",
    f"whatsapp://%2B15550100:{TOKEN}@default": "is not of the form",
    f"whatsapp://{NUMBER}:{TOKEN}%0A@default": "has a token that no header could carry",
    f"whatsapp://{NUMBER}:{TOKEN}@default?version=latest": "has a version that is not like v23.0",
    f"whatsapp://{NUMBER}:{TOKEN}@default?from=%2B15550100": "has a from",
    f"whatsapp://{NUMBER}:{TOKEN}@default?what=1": "has an unknown option 'what'",
    f"whatsapp://{NUMBER}:{TOKEN}@default?tls=off": "has tls=off, which production refuses",
}


@pytest.mark.parametrize("dsn", BAD_DSNS)
def test_a_dsn_that_cannot_be_used_is_refused_without_its_secrets(dsn: str) -> None:
    with pytest.raises(ProviderConfigError) as refused:
        build_all(dsn, production=True)
    assert BAD_DSNS[dsn] in str(refused.value)
    assert TOKEN not in str(refused.value)


def test_one_variable_has_the_providers_of_texts_and_of_whatsapp() -> None:
    dsns = (
        f"whatsapp://{NUMBER}:{TOKEN}@default?verify=v twilio://{ACCOUNT}:x@default?from=12345 "
        f"whatsapp://{NUMBER}1:{TOKEN}@default"
    )
    built = build_all(dsns, production=True)
    assert [each.name for each in built.texts] == ["twilio"]
    assert [each.name for each in built.whatsapp] == ["whatsapp", "whatsapp-2"]
    assert built.whatsapp[0].place == "graph.facebook.com:443"
