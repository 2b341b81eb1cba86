"""Vonage passes what every provider has to, and reads each documented error for what it says."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import pytest

from hermodr_delivery.dsn import ProviderConfigError
from hermodr_delivery.failures import DeliveryFailure, OutcomeUnknown, PermanentError
from hermodr_delivery.http_api import MAX_ANSWER, Verdict
from hermodr_delivery.provider import LooksUp, Provider, can_be_proven
from hermodr_delivery.testing import Answer, ProviderContract, ScriptedServer
from hermodr_delivery.testing.contract import CONCURRENCY
from hermodr_delivery.testing.server import RETRY_AFTER
from hermodr_sms_sender.domain import OutgoingText
from hermodr_sms_sender.providers import vonage
from hermodr_sms_sender.providers.dsns import TextProvider, build_providers
from tests.support.scripted_http import Reply, Request, Script, ScriptedHttp
from tests.support.texts import PHONE, VONAGE_KEY, VONAGE_SIGNATURE, text, verdict_of

SECRET = "s3cret4horse"
SIGNED = f"events={VONAGE_SIGNATURE.replace(' ', '%20')}"
ERRORS = "https://developer.vonage.com/api-errors/messages"


def error(code: int | str, status: int = 422, detail: str = "no", **more: Any) -> Reply:
    problem = {"type": f"{ERRORS}#{code}", "title": "No", "detail": detail, "instance": "bf0ca0bf927b3b52"}
    return Reply(status, problem | more)


def blamed(*names: str, status: int = 422) -> Reply:
    return error(
        1150, status, invalid_parameters=[{"name": each, "reason": "invalid value"} for each in names]
    )


SCRIPT: Script = {
    Answer.ACCEPT: Reply(202, {"message_uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"}, taken=True),
    Answer.BAD_ADDRESS: error(1170, detail=f"{PHONE} or {PHONE[1:]} is no number"),
    Answer.BAD_MESSAGE: error(1090, detail="The message is too long"),
    Answer.NOT_NOW: error(1100, 503),
    Answer.THROTTLE: error(1010, 429)._replace(headers={"retry-after": f"{RETRY_AFTER:.0f}"}),
    Answer.NONSENSE: Reply(200, b"<html>your network's login page</html>", taken=True),
    Answer.WRONG_CREDENTIALS: error(
        "unauthorized", 401, f"You did not provide correct credentials: {SECRET}"
    ),
    Answer.TOO_MUCH: error(1000, 429),
}


def server() -> ScriptedHttp:
    return ScriptedHttp(
        SCRIPT,
        key=lambda request: str(request.json["client_ref"]),
        sends=lambda request: request.method == "POST",
        others={"/v2/applications?page_size=1": Reply(200, {"total_items": 0})},
    )


def provider_at(port: int, options: str = "", **more: Any) -> TextProvider:
    dsn = f"vonage://{VONAGE_KEY}:{SECRET}@127.0.0.1:{port}?tls=off&from=%2B15005550006&{options}"
    (provider,) = build_providers(dsn, production=False, **more)
    return provider


class TestVonage(ProviderContract[OutgoingText]):
    secrets = (
        SECRET,
        base64.b64encode(f"{VONAGE_KEY}:{SECRET}".encode()).decode(),
        VONAGE_SIGNATURE,
        PHONE,
        PHONE[1:],
        "code is 4711",
    )
    knows_what_was_read = False

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedServer]:
        async with server().running() as running:
            yield running

    def provider(self, server: ScriptedServer, *, patience: float) -> Provider[OutgoingText]:
        port = cast("ScriptedHttp", server).port
        return provider_at(port, f"{SIGNED}&timeout={patience}&concurrency={CONCURRENCY}")

    def message(self, number: int) -> OutgoingText:
        return text(delivery_id=UUID(int=number + 1))

    def unsendable(self) -> OutgoingText:
        return text("\ud800")

    def key(self, message: OutgoingText) -> str:
        return str(message.delivery_id)


async def failure_to(reply: Reply, message: OutgoingText) -> DeliveryFailure:
    scripted = server()
    scripted.script = {**SCRIPT, Answer.ACCEPT: reply}
    async with scripted.running():
        provider = provider_at(scripted.port)
        try:
            await provider.prepare(message)()
        except DeliveryFailure as failure:
            return failure
        finally:
            await provider.close()
    raise AssertionError("it was accepted")


@pytest.mark.parametrize("code", vonage.CODES)
async def test_each_documented_code_is_read_for_what_it_says(code: str) -> None:
    failure = await failure_to(error(code), text())
    assert verdict_of(failure) is vonage.CODES[code]
    assert failure.code == f"vonage_{code.replace('-', '_')}"


@pytest.mark.parametrize(
    ("reply", "verdict", "code"),
    [
        (error(9999), Verdict.MESSAGE, "http_422"),
        (error(1010, 429), Verdict.PACE, "vonage_1010"),
        (error(1150, 401), Verdict.ACCESS, "vonage_1150"),
        (error("low-balance", 402), Verdict.ACCESS, "vonage_low_balance"),
        (Reply(402, {}), Verdict.ACCESS, "http_402"),
        (blamed("to"), Verdict.ADDRESS, "vonage_1150"),
        (blamed("from"), Verdict.SENDER, "vonage_1150"),
        (blamed("sms.encoding_type"), Verdict.MESSAGE, "vonage_1150"),
        (blamed("to", "from"), Verdict.MESSAGE, "vonage_1150"),
        (blamed("to", status=500), Verdict.MESSAGE, "vonage_1150"),
        (error(1150, invalid_parameters=[7]), Verdict.MESSAGE, "vonage_1150"),
        (Reply(422, {"type": 7, "title": None}), Verdict.MESSAGE, "http_422"),
        (Reply(301, headers={"location": "http://127.0.0.1:1/"}), Verdict.UNKNOWN, "http_301"),
        (Reply(502, b"<html>Bad gateway</html>"), Verdict.UNKNOWN, "http_502"),
        (Reply(503, b"x" * (2 * MAX_ANSWER)), Verdict.LATER, "http_503"),
        (Reply(202, b"x" * (2 * MAX_ANSWER)), Verdict.UNKNOWN, "vonage_no_id"),
        (Reply(202, {"message_uuid": 7}), Verdict.UNKNOWN, "vonage_no_id"),
    ],
    ids=str,
)
async def test_what_else_it_says_is_read_too(reply: Reply, verdict: Verdict, code: str) -> None:
    failure = await failure_to(reply, text())
    assert (verdict_of(failure), failure.code) == (verdict, code)


async def sent(message: OutgoingText, options: str = "", **more: Any) -> tuple[Request, Any]:
    async with server().running() as running:
        provider = provider_at(running.port, options, **more)
        accepted = await provider.prepare(message)()
        await provider.close()
    return running.requests[0], accepted


async def test_it_gets_the_text_and_where_to_report_to() -> None:
    message = text("Grüße & 5 € + 1")
    request, accepted = await sent(message, SIGNED, public_url="https://mail.example/")
    assert request.path == "/v1/messages"
    given = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
    assert given == f"{VONAGE_KEY}:{SECRET}"
    assert request.json == {
        "channel": "sms",
        "message_type": "text",
        "to": PHONE[1:],
        "from": "15005550006",
        "text": "Grüße & 5 € + 1",
        "client_ref": str(message.delivery_id),
        "sms": {"encoding_type": "text"},
        "webhook_url": "https://mail.example/v1/providers/vonage/events",
        "webhook_version": "v1",
    }
    assert accepted.provider_message_id == "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
    assert json.loads(accepted.measured) == {"segments": 1, "encoding": "GSM-7", "country": "US"}


async def test_it_is_sent_in_the_alphabet_that_was_counted() -> None:
    request, accepted = await sent(text("Код 4711 🙂"))
    assert request.json["sms"] == {"encoding_type": "unicode"}
    assert json.loads(accepted.measured)["encoding"] == "UCS-2"


async def test_without_a_secret_to_check_them_by_no_reports_are_wanted() -> None:
    request, _ = await sent(text(), public_url="https://mail.example/")
    assert "webhook_url" not in request.json
    (internet,) = build_providers(
        f"vonage://{VONAGE_KEY}:{SECRET}@default?from=12345&{SIGNED}", production=True
    )
    assert b"webhook_url" not in repr(internet.prepare(text())).encode()
    await internet.close()


@pytest.mark.parametrize(
    ("options", "public_url", "said"),
    [
        (
            "",
            "https://mail.example",
            "the account is known; no reports without events=, the signature secret",
        ),
        (SIGNED, "https://mail.example", "the account is known"),
        (SIGNED, None, "the account is known"),
    ],
)
async def test_the_check_says_what_is_missing(options: str, public_url: str | None, said: str) -> None:
    async with server().running() as running:
        provider = provider_at(running.port, options, public_url=public_url)
        assert await provider.check() == said
        await provider.close()


async def test_a_sender_may_be_of_a_country() -> None:
    senders = []
    for to in (PHONE, "+4915112345678", "+447400123456"):
        request, _ = await sent(text(to=to), "from_DE=Hermodr&from_GB=60777")
        senders.append(request.json["from"])
    assert senders == ["15005550006", "Hermodr", "60777"]


@pytest.mark.parametrize(
    ("message", "options", "code"),
    [
        (text(), "from_DE=Hermodr", "no_sender_for_country"),
        (text("x" * 1001), "from=12345", "text_too_long"),
        (text(""), "from=12345", "unsendable"),
        (text(to="15550100123"), "from=12345", "unsendable"),
    ],
    ids=["no sender", "too long", "empty", "no number"],
)
async def test_what_vonage_would_refuse_is_not_sent(message: OutgoingText, options: str, code: str) -> None:
    (provider,) = build_providers(f"vonage://{VONAGE_KEY}:{SECRET}@default?{options}", production=True)
    with pytest.raises(PermanentError) as refused:
        provider.prepare(message)
    assert (refused.value.code, refused.value.bounced) == (code, False)
    await provider.close()


async def test_an_unknown_outcome_tells_what_it_may_have_cost_and_cannot_be_looked_up() -> None:
    failure = await failure_to(Reply(500, {}), text("x" * 200))
    assert isinstance(failure, OutcomeUnknown)
    assert json.loads(failure.measured or "")["segments"] == 2
    provider = provider_at(1)
    assert not isinstance(provider, LooksUp)
    assert not can_be_proven(provider)
    await provider.close()


BAD_DSNS = {
    "vonage://default?from=12345": "is not of the form vonage://API_KEY:API_SECRET@default",
    f"vonage://{VONAGE_KEY}@default?from=12345": "is not of the form",
    f"vonage://{VONAGE_KEY}0:{SECRET}@default?from=12345": "a key is 8 letters and digits",
    f"vonage://{VONAGE_KEY}:{SECRET}%C3%84@default?from=12345": "has a secret that no header could carry",
    f"vonage://{VONAGE_KEY}:{SECRET}@default": "needs from=, whom texts are from",
    f"vonage://{VONAGE_KEY}:{SECRET}@default?from=MG{'a' * 32}": "has a from that is no phone number",
    f"vonage://{VONAGE_KEY}:{SECRET}@default?from=12345&from_UK=12345": "has an unknown option 'from_UK'",
    f"vonage://{VONAGE_KEY}:{SECRET}@default?from=12345&tls=off": "has tls=off, which production refuses",
    f"vonage://{VONAGE_KEY}:{SECRET}@default?from=12345&price=cheap": "has a price that is no price",
    f"vonage://{VONAGE_KEY}:{SECRET}@default?from=12345&price_XX=1": "has an unknown option 'price_XX'",
}


@pytest.mark.parametrize("dsn", BAD_DSNS)
def test_a_dsn_that_cannot_be_used_is_refused_without_its_secrets(dsn: str) -> None:
    with pytest.raises(ProviderConfigError) as refused:
        build_providers(dsn, production=True)
    assert BAD_DSNS[dsn] in str(refused.value)
    assert SECRET not in str(refused.value)


def test_both_providers_stand_side_by_side() -> None:
    twilio = f"twilio://AC{'0' * 32}:{SECRET}@default?from=12345&price=0.0079&currency=USD"
    vonage_dsn = f"vonage://{VONAGE_KEY}:{SECRET}@default?from=12345"
    found = build_providers(
        f"{twilio} {vonage_dsn} {vonage_dsn}&rate=5/s&concurrency=2&price=0.07&price_DE=0.08", production=True
    )
    assert [each.name for each in found] == ["twilio", "vonage", "vonage-2"]
    assert [(each.options.rate, each.options.concurrency) for each in found[1:]] == [(30.0, 30), (5.0, 2)]
