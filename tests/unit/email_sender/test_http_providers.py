"""The providers with an HTTP API pass what every provider has to, and read each documented code for what it says."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar, cast

import pytest

from hermodr_contracts.providers import SENDGRID_MESSAGE_ID
from hermodr_delivery.dsn import ProviderConfigError
from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    TransientError,
)
from hermodr_delivery.http_api import MAX_ANSWER, Verdict
from hermodr_delivery.provider import Accepted, Provider
from hermodr_delivery.testing import Answer, ScriptedServer
from hermodr_delivery.testing.contract import CONCURRENCY
from hermodr_delivery.testing.server import RETRY_AFTER
from hermodr_email_sender.domain import Attachment, Mailbox, OutgoingEmail
from hermodr_email_sender.providers import resend, sendgrid
from hermodr_email_sender.providers.dsns import EmailProvider, build_providers
from tests.support.email_contract import ADDRESS, WORDS, EmailContract
from tests.support.mails import SENDER, mail
from tests.support.scripted_http import Reply, Request, Script, ScriptedHttp

KEY = "re_s3cret4horse"


def resend_error(status: int, name: str, message: str = "no") -> Reply:
    return Reply(status, {"statusCode": status, "name": name, "message": message})


def sendgrid_error(status: int, message: str = "no", field: str | None = None) -> Reply:
    return Reply(status, {"errors": [{"message": message, "field": field, "help": None}]})


RESEND: Script = {
    Answer.ACCEPT: Reply(200, {"id": "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}, taken=True),
    Answer.BAD_ADDRESS: resend_error(
        422, "validation_error", f"Invalid `to` field: {ADDRESS} is no address."
    ),
    Answer.BAD_MESSAGE: resend_error(422, "missing_required_field", "Missing `subject` field."),
    Answer.NOT_NOW: Reply(503, b"<html>maintenance</html>"),
    Answer.THROTTLE: resend_error(429, "rate_limit_exceeded", "Too many requests.")._replace(
        headers={"retry-after": f"{RETRY_AFTER:.0f}"}
    ),
    Answer.NONSENSE: Reply(200, b"<html>your network's login page</html>", taken=True),
    Answer.WRONG_CREDENTIALS: resend_error(403, "invalid_api_key", f"API key {KEY} is invalid"),
    Answer.TOO_MUCH: resend_error(429, "daily_quota_exceeded", "You have reached your daily quota."),
}
SENDGRID: Script = {
    Answer.ACCEPT: Reply(202, headers={"x-message-id": "XBg2anf2TqCy6WXKQFhieQ"}, taken=True),
    Answer.BAD_ADDRESS: sendgrid_error(
        400, f"{ADDRESS} is no valid address.", "personalizations.0.to.0.email"
    ),
    Answer.BAD_MESSAGE: sendgrid_error(400, "The subject is required.", "subject"),
    Answer.NOT_NOW: Reply(503),
    Answer.THROTTLE: sendgrid_error(429, "too many requests")._replace(
        headers={
            "date": "Sun, 29 Nov 2026 10:00:00 GMT",
            "x-ratelimit-reset": str(1795946400 + int(RETRY_AFTER)),
        }
    ),
    Answer.NONSENSE: Reply(200, b"<html>your network's login page</html>", taken=True),
    Answer.WRONG_CREDENTIALS: sendgrid_error(401, f"The provided authorization grant {KEY} is invalid"),
    Answer.TOO_MUCH: sendgrid_error(429, "too many requests"),
}


class HttpProviderContract(EmailContract):
    __test__ = False
    secrets = (KEY, *WORDS)
    knows_what_was_read = False
    scheme: ClassVar[str]

    @abstractmethod
    def server(self) -> ScriptedHttp: ...

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedServer]:
        async with self.server().running() as server:
            yield server

    def provider(self, server: ScriptedServer, *, patience: float) -> Provider[OutgoingEmail]:
        return provider_at(
            self.scheme, cast("ScriptedHttp", server), f"timeout={patience}&concurrency={CONCURRENCY}"
        )

    async def test_each_documented_code_is_read_for_what_it_says(self) -> None:
        for reply, verdict in self.documented():
            server = self.server()
            server.script = {**server.script, Answer.BAD_MESSAGE: reply}
            async with server.running():
                server.answer(Answer.BAD_MESSAGE)
                failure = await failure_of(provider_at(self.scheme, server), self.message(1))
            assert meaning(failure) is verdict, reply
            assert failure.code.startswith(self.scheme), reply

    @abstractmethod
    def documented(self) -> list[tuple[Reply, Verdict]]: ...


class TestResend(HttpProviderContract):
    __test__ = True
    scheme = "resend"

    def server(self) -> ScriptedHttp:
        return ScriptedHttp(
            RESEND,
            key=lambda request: request.json["headers"]["Message-ID"],
            sends=lambda request: request.path == "/emails",
        )

    def documented(self) -> list[tuple[Reply, Verdict]]:
        return [(resend_error(*each), verdict) for each, verdict in resend.CODES.items()]

    async def test_the_idempotency_key_is_the_same_for_the_same_mail(self) -> None:
        async with self.server().running() as server:
            provider = provider_at("resend", server)
            for _ in range(2):
                await provider.prepare(self.message(1))()
            await provider.close()
        assert [each.headers["idempotency-key"] for each in server.requests] == ["1@hermodr.example"] * 2

    async def test_a_key_that_may_only_send_is_a_good_one(self) -> None:
        server = self.server()
        server.script = {**RESEND, Answer.ACCEPT: resend_error(401, "restricted_api_key")}
        async with server.running():
            provider = provider_at("resend", server)
            assert await provider.check() == "the key is known"
            await provider.close()


class TestSendGrid(HttpProviderContract):
    __test__ = True
    scheme = "sendgrid"

    def server(self) -> ScriptedHttp:
        scopes = Reply(200, {"scopes": ["mail.send"]})
        return ScriptedHttp(
            SENDGRID,
            key=lambda request: request.json["custom_args"][SENDGRID_MESSAGE_ID],
            sends=lambda request: request.path == "/v3/mail/send",
            others={"/v3/scopes": scopes},
        )

    def documented(self) -> list[tuple[Reply, Verdict]]:
        return [(sendgrid_error(each), verdict) for each, verdict in sendgrid.CODES.items()]

    async def test_a_key_that_may_not_send_is_found_by_the_check(self) -> None:
        server = self.server()
        server.others = {"/v3/scopes": Reply(200, {"scopes": ["stats.read"]})}
        async with server.running():
            provider = provider_at("sendgrid", server)
            with pytest.raises(Refused) as refused:
                await provider.check()
            await provider.close()
        assert (refused.value.cause, refused.value.code) == (Cause.ACCESS, "sendgrid_scope")


SERVERS = {"resend": TestResend, "sendgrid": TestSendGrid}
FULL = mail(
    to_address="jane@müller.example",
    to_name='Jane "JD" Doe, Dr.',
    subject="Grüße",
    text="Hello\n",
    html="<p>Hello</p>",
    sender=Mailbox("shop@example.com", "Shop"),
    reply_to=(Mailbox("help@example.com", "Help"),),
    headers={"X-Shop": "7"},
)
HEADERS = {"Message-ID": FULL.message_id, "Auto-Submitted": "auto-generated", "X-Shop": "7"}


COPIED = mail(
    cc=("max@müller.example",),
    bcc=("eve@example.org",),
    reply_to=(Mailbox("help@example.com"), Mailbox("more@example.com")),
    attachments=(
        Attachment("logo.png", "image/png", b"PNG", "logo"),
        Attachment("a;b.ics", "text/calendar; method=REQUEST", b"BEGIN"),
    ),
)


async def test_resend_gets_copies_and_files() -> None:
    body = (await request_for("resend", COPIED)).json
    assert (body["cc"], body["bcc"]) == (["max@xn--mller-kva.example"], ["eve@example.org"])
    assert body["reply_to"] == ["help@example.com", "more@example.com"]
    assert body["attachments"] == [
        {"filename": "logo.png", "content": "UE5H", "content_type": "image/png", "content_id": "logo"},
        {"filename": "a;b.ics", "content": "QkVHSU4=", "content_type": "text/calendar; method=REQUEST"},
    ]


async def test_sendgrid_gets_copies_and_files() -> None:
    body = (await request_for("sendgrid", COPIED)).json
    (personalization,) = body["personalizations"]
    assert personalization["cc"] == [{"email": "max@xn--mller-kva.example"}]
    assert personalization["bcc"] == [{"email": "eve@example.org"}]
    assert body["reply_to_list"] == [{"email": "help@example.com"}, {"email": "more@example.com"}]
    assert "reply_to" not in body
    assert body["attachments"] == [
        {
            "filename": "logo.png",
            "content": "UE5H",
            "type": "image/png",
            "disposition": "inline",
            "content_id": "logo",
        },
        {"filename": "a_b.ics", "content": "QkVHSU4=", "type": "text/calendar", "disposition": "attachment"},
    ]


async def test_resend_gets_the_whole_mail() -> None:
    assert (await request_for("resend", FULL)).json == {
        "from": "Shop <shop@example.com>",
        "to": ['"Jane \\"JD\\" Doe, Dr." <jane@xn--mller-kva.example>'],
        "subject": "Grüße",
        "text": "Hello\n",
        "html": "<p>Hello</p>",
        "reply_to": ["Help <help@example.com>"],
        "headers": HEADERS,
        "tags": [{"name": "hermodr_job", "value": FULL.message_id[1:].partition("@")[0]}],
    }


async def test_sendgrid_gets_the_whole_mail() -> None:
    assert (await request_for("sendgrid", FULL)).json == {
        "personalizations": [{"to": [{"email": "jane@xn--mller-kva.example", "name": 'Jane "JD" Doe, Dr.'}]}],
        "from": {"email": "shop@example.com", "name": "Shop"},
        "reply_to": {"email": "help@example.com", "name": "Help"},
        "subject": "Grüße",
        "content": [
            {"type": "text/plain", "value": "Hello\n"},
            {"type": "text/html", "value": "<p>Hello</p>"},
        ],
        "headers": HEADERS,
        "custom_args": {"hermodr_message_id": FULL.message_id},
    }


@pytest.mark.parametrize("scheme", SERVERS)
@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (Reply(301, headers={"location": "http://127.0.0.1:1/"}), Verdict.UNKNOWN),
        (Reply(204), Verdict.UNKNOWN),
        (Reply(407), Verdict.ACCESS),
        (Reply(408), Verdict.LATER),
        (Reply(418, b"{"), Verdict.MESSAGE),
        (Reply(502, b"<html>Bad gateway</html>"), Verdict.UNKNOWN),
        (Reply(504), Verdict.UNKNOWN),
        (Reply(503, b"x" * (2 * MAX_ANSWER)), Verdict.LATER),
        (Reply(500, ["not", "an", "object"]), Verdict.UNKNOWN),
        (Reply(422, {"name": 7, "message": None, "errors": [7, {"field": 7}]}), Verdict.MESSAGE),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else value.name,
)
async def test_what_no_document_names_is_read_by_its_status(
    scheme: str, reply: Reply, verdict: Verdict
) -> None:
    server = SERVERS[scheme]().server()
    server.script = {**server.script, Answer.ACCEPT: reply}
    async with server.running():
        failure = await failure_of(provider_at(scheme, server), mail())
    assert meaning(failure) is verdict


@pytest.mark.parametrize("scheme", SERVERS)
async def test_a_wish_for_patience_may_be_a_date(scheme: str) -> None:
    headers = {"date": "Sun, 29 Nov 2026 10:00:00 GMT", "retry-after": "Sun, 29 Nov 2026 10:01:30 GMT"}
    server = SERVERS[scheme]().server()
    server.script = {**server.script, Answer.ACCEPT: Reply(503, headers=headers)}
    async with server.running():
        failure = await failure_of(provider_at(scheme, server), mail())
    assert failure.retry_after == 90.0


BAD_DSNS = {
    "resend://default": "is not of the form resend://KEY@default",
    "sendgrid://user:password@default": "is not of the form sendgrid://KEY@default",
    "resend://a%0Ab@default": "has an API key that no header could carry",
    "resend://KEY@default?tls=off": "has tls=off for a host that is not this machine",
    "resend://KEY@default?tls=maybe": "has a tls option other than on or off",
    "resend://KEY@default?timeout=0": "has a timeout that is not a number of seconds up to 600",
    "resend://KEY@default?rate=fast": "has a rate that must be such as 600/m",
    "resend://KEY@default?colour=red": "has an unknown option 'colour'",
    "resend://KEY@default?name=Bad%20Name": "has a name that is not 1 to 40",
    "resend://KEY@default?name=one sendgrid://KEY@default?name=one": "entry 2 has the name one, which an earlier",
    "resend://KEY@default?ca=/nowhere.pem": "names a ca file that cannot be read",
    "resend://KEY@default?from=nobody": "has a from that",
}


@pytest.mark.parametrize(("dsns", "words"), BAD_DSNS.items(), ids=BAD_DSNS)
def test_a_dsn_that_cannot_be_is_refused_by_name_and_without_its_key(dsns: str, words: str) -> None:
    with pytest.raises(ProviderConfigError) as refused:
        build(dsns)
    assert words in str(refused.value)
    assert "HERMODR_EMAIL_PROVIDERS: entry" in str(refused.value)
    assert "KEY@" not in str(refused.value).replace("://KEY@default", "")


def test_plain_http_is_refused_in_production() -> None:
    with pytest.raises(ProviderConfigError, match="entry 1 has tls=off, which production refuses"):
        build("sendgrid://KEY@127.0.0.1:8025?tls=off", production=True)


def test_what_a_dsn_leaves_out() -> None:
    (given,) = build("sendgrid://KEY@default")
    assert (given.name, given.place) == ("sendgrid", "api.sendgrid.com:443")
    assert (given.options.rate, given.options.concurrency) == (50.0, 80)


def test_a_rate_of_projects_has_the_grammar_of_rates() -> None:
    dsns = "smtp://h?project_rate=600/m,burst=7 smtp://h?project_rate=5/s smtp://h?project_rate=off smtp://h"
    given = [(each.options.project_rate, each.options.project_burst) for each in build(dsns)]
    assert given == [(10.0, 7), (5.0, None), (None, None), (None, None)]
    with pytest.raises(ProviderConfigError, match="entry 1 has a project_rate that must be such as 600/m"):
        build("resend://KEY@default?project_rate=5")


def test_names_are_given_or_numbered() -> None:
    dsns = "resend://a@default resend://b@default?name=backup resend://c@default?rate=off smtp://127.0.0.1"
    providers = build(dsns)
    assert [each.name for each in providers] == ["resend", "backup", "resend-2", "smtp"]
    assert [each.options.rate for each in providers] == [50.0, 50.0, None, None]


def build(dsns: str, *, production: bool = False) -> list[EmailProvider]:
    return build_providers(dsns, sender=SENDER, production=production)


def provider_at(scheme: str, server: ScriptedHttp, options: str = "timeout=20") -> EmailProvider:
    (provider,) = build(f"{scheme}://{KEY}@127.0.0.1:{server.port}?tls=off&{options}")
    return provider


async def failure_of(provider: EmailProvider, message: OutgoingEmail) -> DeliveryFailure:
    outcome: Accepted | None = None
    try:
        outcome = await provider.prepare(message)()
    except DeliveryFailure as failure:
        return failure
    finally:
        await provider.close()
    raise AssertionError(f"it was accepted: {outcome}")


async def request_for(scheme: str, message: OutgoingEmail) -> Request:
    async with SERVERS[scheme]().server().running() as server:
        provider = provider_at(scheme, server)
        await provider.prepare(message)()
        await provider.close()
    (request,) = server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"
    return request


def meaning(failure: DeliveryFailure) -> Verdict:
    match failure:
        case PermanentError():
            return Verdict.ADDRESS if failure.bounced else Verdict.MESSAGE
        case TransientError():
            return Verdict.LATER
        case OutcomeUnknown():
            return Verdict.UNKNOWN
        case Refused(cause=Cause.PACE):
            return Verdict.PACE
        case Refused(cause=Cause.ACCESS):
            return Verdict.ACCESS if failure.certain else Verdict.SENDER
        case _:
            raise AssertionError(failure)
