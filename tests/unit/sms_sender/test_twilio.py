"""Twilio passes what every provider has to, and reads each documented code for what it says."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
import trustme

from hermodr_delivery.dsn import ProviderConfigError
from hermodr_delivery.failures import Cause, DeliveryFailure, PermanentError, Refused
from hermodr_delivery.http_api import MAX_ANSWER, Verdict
from hermodr_delivery.provider import LooksUp, Provider, Sighting
from hermodr_delivery.testing import Answer, ProviderContract, ScriptedServer
from hermodr_delivery.testing.contract import CONCURRENCY
from hermodr_delivery.testing.server import RETRY_AFTER
from hermodr_sms_sender.domain import OutgoingText
from hermodr_sms_sender.providers import twilio
from hermodr_sms_sender.providers.dsns import DEVELOPMENT, TextProvider, build_providers
from tests.support.scripted_http import Reply, Request, Script, ScriptedHttp
from tests.support.texts import ACCOUNT, PHONE, text, verdict_of

TOKEN = "s3cret4horse"
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


def error(code: int, status: int = 400, message: str = "no") -> Reply:
    content = {"code": code, "message": message, "more_info": "https://www.twilio.com/docs", "status": status}
    return Reply(status, content)


SCRIPT: Script = {
    Answer.ACCEPT: Reply(201, {"sid": "SM" + "0" * 32, "status": "queued"}, taken=True),
    Answer.BAD_ADDRESS: error(21211, message=f"Invalid 'To' Phone Number: {PHONE}"),
    Answer.BAD_MESSAGE: error(21617, message="The concatenated message body exceeds 1600 characters"),
    Answer.NOT_NOW: error(20503, 503),
    Answer.THROTTLE: error(20429, 429)._replace(headers={"retry-after": f"{RETRY_AFTER:.0f}"}),
    Answer.NONSENSE: Reply(200, b"<html>your network's login page</html>", taken=True),
    Answer.WRONG_CREDENTIALS: error(20003, 401, f"Authenticate: {TOKEN}"),
    Answer.TOO_MUCH: error(20429, 429),
}


def server() -> ScriptedHttp:
    return ScriptedHttp(
        SCRIPT,
        key=lambda request: parse_qs(urlsplit(request.json["StatusCallback"]).query)["delivery"][0],
        sends=lambda request: request.method == "POST",
        others={f"/2010-04-01/Accounts/{ACCOUNT}.json": Reply(200, {"sid": ACCOUNT, "status": "active"})},
    )


def provider_at(port: int, options: str = "", **more: Any) -> TextProvider:
    dsn = f"twilio://{ACCOUNT}:{TOKEN}@127.0.0.1:{port}?tls=off&from=%2B15005550006&{options}"
    (provider,) = build_providers(dsn, production=False, **more)
    return provider


class TestTwilio(ProviderContract[OutgoingText]):
    secrets = (
        TOKEN,
        base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode(),
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
        return provider_at(port, f"timeout={patience}&concurrency={CONCURRENCY}")

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


@pytest.mark.parametrize("code", twilio.CODES)
async def test_each_documented_code_is_read_for_what_it_says(code: int) -> None:
    failure = await failure_to(error(code), text())
    assert verdict_of(failure) is twilio.CODES[code]
    assert failure.code == f"twilio_{code}"


@pytest.mark.parametrize(
    ("reply", "verdict", "code"),
    [
        (error(99999), Verdict.MESSAGE, "http_400"),
        (Reply(301, headers={"location": "http://127.0.0.1:1/"}), Verdict.UNKNOWN, "http_301"),
        (Reply(502, b"<html>Bad gateway</html>"), Verdict.UNKNOWN, "http_502"),
        (Reply(503, b"x" * (2 * MAX_ANSWER)), Verdict.LATER, "http_503"),
        (Reply(201, b"x" * (2 * MAX_ANSWER)), Verdict.UNKNOWN, "twilio_no_id"),
        (Reply(400, {"code": "21211", "message": None}), Verdict.MESSAGE, "http_400"),
        (Reply(201, {"sid": 7}), Verdict.UNKNOWN, "twilio_no_id"),
    ],
    ids=str,
)
async def test_what_no_document_names_is_read_by_its_status(
    reply: Reply, verdict: Verdict, code: str
) -> None:
    failure = await failure_to(reply, text())
    assert (verdict_of(failure), failure.code) == (verdict, code)


async def sent(message: OutgoingText, options: str = "", **more: Any) -> tuple[Request, Any]:
    async with server().running() as running:
        provider = provider_at(running.port, options, **more)
        accepted = await provider.prepare(message)()
        await provider.close()
    return running.requests[0], accepted


async def test_it_gets_a_form_and_where_to_report_to() -> None:
    message = text("Grüße & 5 € + 1")
    request, accepted = await sent(message, public_url="https://mail.example/")
    assert request.path == MESSAGES
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert (
        base64.b64decode(request.headers["authorization"].removeprefix("Basic "))
        == f"{ACCOUNT}:{TOKEN}".encode()
    )
    callback = f"https://mail.example/v1/providers/twilio/events?delivery={message.delivery_id}"
    assert request.json == {
        "To": PHONE,
        "From": "+15005550006",
        "Body": "Grüße & 5 € + 1",
        "StatusCallback": callback,
    }
    assert json.loads(accepted.measured) == {"segments": 1, "encoding": "GSM-7", "country": "US"}


async def test_a_sender_may_be_of_a_country_or_a_messaging_service() -> None:
    service = "MG" + "a" * 32
    options = f"from_DE=Hermodr&from_GB={service}"
    senders = []
    for to in (PHONE, "+4915112345678", "+447400123456"):
        request, _ = await sent(text(to=to), options)
        senders.append((request.json.get("From"), request.json.get("MessagingServiceSid")))
    assert senders == [("+15005550006", None), ("Hermodr", None), (None, service)]


async def test_without_a_sender_for_the_country_nothing_is_sent() -> None:
    (provider,) = build_providers(f"twilio://{ACCOUNT}:{TOKEN}@default?from_DE=Hermodr", production=True)
    with pytest.raises(PermanentError) as refused:
        provider.prepare(text())
    assert refused.value.code == "no_sender_for_country"
    await provider.close()


async def test_a_provider_on_the_internet_gets_no_address_of_this_machine() -> None:
    (provider,) = build_providers(f"twilio://{ACCOUNT}:{TOKEN}@default?from=12345", production=True)
    assert "127.0.0.1" not in repr(provider.prepare(text()))
    await provider.close()


def listed(*created: str, more: str | None = None) -> Reply:
    found = [{"sid": f"SM{index}", "date_created": each} for index, each in enumerate(created)]
    return Reply(200, {"messages": found, "next_page_uri": more})


EARLIER = format_datetime(datetime(2026, 11, 29, 9, 50, tzinfo=UTC))
SINCE = format_datetime(datetime(2026, 11, 29, 10, 0, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("reply", "sighting"),
    [
        (listed(), Sighting.NOT_FOUND),
        (listed(EARLIER), Sighting.NOT_FOUND),
        (listed(EARLIER, SINCE), Sighting.CANNOT_TELL),
        (listed(EARLIER, more="/2010-04-01/x"), Sighting.CANNOT_TELL),
        (listed("yesterday"), Sighting.CANNOT_TELL),
        (Reply(200, {"messages": [7]}), Sighting.CANNOT_TELL),
        (Reply(200, {}), Sighting.CANNOT_TELL),
        (Reply(200, b"<html>"), Sighting.CANNOT_TELL),
        (error(20003, 401), Sighting.CANNOT_TELL),
    ],
    ids=str,
)
async def test_only_that_there_is_no_text_is_a_proof(reply: Reply, sighting: Sighting) -> None:
    scripted = server()
    scripted.script = {**SCRIPT, Answer.ACCEPT: reply}
    async with scripted.running():
        provider = provider_at(scripted.port)
        assert isinstance(provider, LooksUp)
        seen = await provider.look_up(text())
        await provider.close()
    assert seen.sighting is sighting
    (request,) = scripted.requests
    assert (request.method, urlsplit(request.path).path) == ("GET", MESSAGES)
    assert parse_qs(urlsplit(request.path).query)["To"] == [PHONE]


async def test_a_suspended_account_is_found_by_the_check() -> None:
    scripted = server()
    scripted.others = {f"/2010-04-01/Accounts/{ACCOUNT}.json": Reply(200, {"status": "suspended"})}
    async with scripted.running():
        provider = provider_at(scripted.port)
        with pytest.raises(Refused) as refused:
            await provider.check()
        await provider.close()
    assert (refused.value.cause, refused.value.code) == (Cause.ACCESS, "twilio_account")


async def test_a_certificate_that_nobody_trusts_is_the_operators_to_mend() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    listening = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    (provider,) = build_providers(f"twilio://{ACCOUNT}:{TOKEN}@127.0.0.1:{port}?from=12345", production=True)
    with pytest.raises(Refused) as refused:
        await provider.prepare(text())()
    await provider.close()
    listening.close()
    assert (refused.value.cause, refused.value.code) == (Cause.ACCESS, "tls_failed")


BAD_DSNS = {
    "twilio://default?from=12345": "is not of the form twilio://ACCOUNT_SID:AUTH_TOKEN@default",
    f"twilio://{ACCOUNT}@default?from=12345": "is not of the form",
    f"twilio://SK{'0' * 32}:{TOKEN}@default?from=12345": "is not of the form",
    f"twilio://{ACCOUNT}:{TOKEN}@default": "needs from=, whom texts are from",
    f"twilio://{ACCOUNT}:{TOKEN}@default?from=TwelveLetters": "has a from that is no phone number",
    f"twilio://{ACCOUNT}:{TOKEN}@default?from=%2B1555": "has a from that is no phone number: it is too short",
    f"twilio://{ACCOUNT}:{TOKEN}@default?from=12345&from_DE=%C3%84": "has a from_DE that is no phone number",
    f"twilio://{ACCOUNT}:{TOKEN}@default?from=12345&from_de=12345": "has an unknown option 'from_de'",
    f"twilio://{ACCOUNT}:{TOKEN}@default?from=12345&from_UK=12345": "has an unknown option 'from_UK'",
    f"twilio://{ACCOUNT}:{TOKEN}@default?from=12345&tls=off": "has tls=off, which production refuses",
    f"pigeon://{TOKEN}@default": "has an unknown scheme: known are twilio://",
    "": "HERMODR_SMS_PROVIDERS is empty",
}


@pytest.mark.parametrize("dsn", BAD_DSNS)
def test_a_dsn_that_cannot_be_used_is_refused_without_its_secrets(dsn: str) -> None:
    with pytest.raises(ProviderConfigError) as refused:
        build_providers(dsn, production=True)
    assert BAD_DSNS[dsn] in str(refused.value)
    assert TOKEN not in str(refused.value)


def test_the_default_is_the_sandbox() -> None:
    (provider,) = build_providers(DEVELOPMENT, production=False)
    assert (provider.name, provider.place) == ("twilio", "127.0.0.1:8025")
