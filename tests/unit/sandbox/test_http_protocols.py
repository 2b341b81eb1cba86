"""Resend and SendGrid, pretended: the real providers meet them as they would meet the real ones."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import pytest_asyncio

from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    TransientError,
)
from hermodr_delivery.provider import Accepted, LooksUp, Seen, Sighting
from hermodr_email_sender.domain import Attachment, Mailbox, OutgoingEmail
from hermodr_email_sender.providers.dsns import EmailProvider, build_providers
from hermodr_sandbox.routes.application import application
from hermodr_servicekit.web import serve
from tests.support.mails import SENDER, mail
from tests.support.smtp_dialogue import House

SCHEMES = ["resend", "sendgrid"]
FULL = mail(
    to_address="jane@example.org",
    to_name='Jane "JD" Doe, Dr.',
    subject="Grüße",
    text="Hello\n",
    html="<p>Hello</p>\n",
    reply_to=(Mailbox("help@example.com", "Help"),),
    headers={"X-Shop": "7"},
    cc=("max@example.org",),
    bcc=("eve@example.org",),
    attachments=(
        Attachment("logo.png", "image/png", b"PNG", "logo"),
        Attachment("Grüße.ics", 'text/calendar; method="REQUEST"', b"BEGIN"),
    ),
)


@pytest_asyncio.fixture
async def base(house: House) -> AsyncIterator[str]:
    """The sandbox's address, over a real server."""
    app = application(house.sandbox, {}, hosts=frozenset({"127.0.0.1"}))
    async with serve(app, "127.0.0.1", 0, grace=1) as port:
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def provider_at(scheme: str, base: str, *, timeout: float = 20) -> AsyncIterator[EmailProvider]:
    dsn = f"{scheme}://KEY@{base}?tls=off&timeout={timeout}"
    (provider,) = build_providers(dsn, sender=SENDER, production=False)
    try:
        yield provider
    finally:
        await provider.close()


async def send(
    scheme: str, base: str, message: OutgoingEmail, **options: float
) -> Accepted | DeliveryFailure:
    async with provider_at(scheme, base, **options) as provider:
        try:
            return await provider.prepare(message)()
        except DeliveryFailure as failure:
            return failure


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_mail_arrives_as_it_was(house: House, base: str, scheme: str) -> None:
    accepted = await send(scheme, base, FULL)
    assert isinstance(accepted, Accepted)
    assert accepted.provider_message_id
    got = (await house.http.get("/v1/mails/1")).json()
    assert got["message_id"] == FULL.message_id
    assert (got["envelope_from"], got["envelope_to"]) == (
        SENDER.address,
        ["jane@example.org", "max@example.org", "eve@example.org"],
    )
    assert (got["subject"], got["text"].strip(), got["html"].strip()) == ("Grüße", "Hello", "<p>Hello</p>")
    assert got["to"] == '"Jane \\"JD\\" Doe, Dr." <jane@example.org>'
    headers = dict(got["headers"])
    assert headers["Reply-To"] == '"Help" <help@example.com>'
    assert headers["Cc"] == "max@example.org"
    assert "eve@" not in (await house.http.get("/v1/mails/1/source")).text
    assert [(each["filename"], each["content_type"], each["content_id"]) for each in got["attachments"]] == [
        ("logo.png", "image/png", "logo"),
        ("Grüße.ics", "text/calendar", ""),
    ]
    assert (await house.http.get("/v1/mails/1/attachments/1")).content == b"BEGIN"
    assert (headers["X-Shop"], headers["Auto-Submitted"]) == ("7", "auto-generated")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_the_key_is_checked_by_asking_for_it(base: str, scheme: str) -> None:
    async with provider_at(scheme, base) as provider:
        assert await provider.check() == "the key is known"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("550", PermanentError),
        ("554", PermanentError),
        ("451", TransientError),
        ("503", TransientError),
        ("500", OutcomeUnknown),
        ("drop", OutcomeUnknown),
        ("dropafter", OutcomeUnknown),
        ("429", Refused),
        ("throttle", Refused),
        ("401", Refused),
    ],
)
async def test_an_address_tag_means_the_same_whichever_way_a_mail_comes(
    house: House, base: str, scheme: str, tag: str, expected: type[DeliveryFailure]
) -> None:
    failure = await send(scheme, base, mail(to_address=f"ann+{tag}@example.org"))
    assert type(failure) is expected
    if isinstance(failure, PermanentError):
        assert failure.bounced is (tag == "550")
    if isinstance(failure, Refused):
        assert failure.cause is (Cause.ACCESS if tag == "401" else Cause.PACE)
        assert failure.retry_after == (None if tag == "401" else 1.0)
    assert house.sandbox.mailbox.totals.mails == (tag == "dropafter")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_slow_answer_is_one_that_never_came(house: House, base: str, scheme: str) -> None:
    await house.fault(stage="after_data", action={"kind": "delay", "seconds": 30})
    assert isinstance(await send(scheme, base, mail(), timeout=0.5), OutcomeUnknown)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_while_it_refuses_connections_nothing_comes(house: House, base: str, scheme: str) -> None:
    await house.fault(action={"kind": "refuse"})
    assert isinstance(await send(scheme, base, mail()), DeliveryFailure)
    await house.http.delete("/v1/faults")
    assert isinstance(await send(scheme, base, mail()), Accepted)
    assert house.sandbox.mailbox.totals.mails == 1


async def test_resend_sends_once_under_one_idempotency_key(house: House, base: str) -> None:
    first, again = [await send("resend", base, FULL) for _ in range(2)]
    assert first == again
    other = await send("resend", base, FULL._replace(subject="Another"))
    assert isinstance(other, OutcomeUnknown)
    assert other.code == "resend_invalid_idempotent_request"
    assert house.sandbox.mailbox.totals.mails == 1


async def test_after_an_unknown_outcome_a_repeat_to_resend_makes_no_second_mail(
    house: House, base: str
) -> None:
    await house.fault(stage="after_data", action={"kind": "drop_after_data"}, times=1)
    assert isinstance(await send("resend", base, FULL), OutcomeUnknown)
    assert isinstance(await send("resend", base, FULL), Accepted)
    assert house.sandbox.mailbox.totals.mails == 1


async def test_a_repeat_while_the_first_request_is_running_leaves_the_outcome_open(
    house: House, base: str
) -> None:
    await house.fault(stage="after_data", action={"kind": "delay", "seconds": 30}, times=1)
    assert isinstance(await send("resend", base, FULL, timeout=0.5), OutcomeUnknown)
    again = await send("resend", base, FULL)
    assert isinstance(again, OutcomeUnknown)  # the first may still be accepted
    assert again.code == "resend_concurrent_idempotent_requests"
    assert house.sandbox.mailbox.totals.mails == 0


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_lie_stores_the_mail_and_leaves_the_outcome_open(
    house: House, base: str, scheme: str
) -> None:
    assert isinstance(await send(scheme, base, mail(to_address="ada+liex1@example.org")), OutcomeUnknown)
    await house.fault(action={"kind": "lie"}, times=1)
    other = mail(to_address="bob@example.org", message_id="<2@example.com>")
    assert isinstance(await send(scheme, base, other), OutcomeUnknown)
    assert house.sandbox.mailbox.totals.mails == 2


@pytest.mark.parametrize(("scheme", "other"), [("resend", "sendgrid"), ("sendgrid", "resend")])
@pytest.mark.parametrize("action", [{"kind": "refuse"}, {"kind": "reply", "code": 503}])
async def test_a_fault_of_one_provider_leaves_the_others_alone(
    house: House, base: str, scheme: str, other: str, action: dict[str, object]
) -> None:
    await house.fault(action=action, provider=scheme)
    assert isinstance(await send(scheme, base, mail()), DeliveryFailure)
    assert isinstance(await send(other, base, mail()), Accepted)
    assert (await (await house.connect()).send("b@x.org")).startswith("250 ")


PNG = base64.b64encode(b"\x89PNG").decode()
RESEND = {"from": "Shop <s@example.com>", "to": ["a@example.org"], "subject": "S", "text": "T"}
SENDGRID = {
    "personalizations": [{"to": [{"email": "a@example.org"}], "cc": [{"email": "c@example.org"}]}],
    "from": {"email": "s@example.com", "name": "Shop"},
    "subject": "S",
    "content": [{"type": "text/plain", "value": "T"}],
    "attachments": [{"content": PNG, "filename": "a.png", "type": "image/png", "content_id": "logo"}],
}


async def test_copies_and_attachments(house: House, base: str) -> None:
    attachment = {"content": PNG, "filename": "a.png", "content_type": "image/png", "content_id": "logo"}
    resend = RESEND | {"cc": ["c@example.org"], "bcc": ["b@example.org"], "attachments": [attachment]}
    assert (await post(base, "/emails", resend)).status_code == 200
    assert (await post(base, "/v3/mail/send", SENDGRID)).status_code == 202
    for number, recipients in (("1", ["a", "c", "b"]), ("2", ["a", "c"])):
        got = (await house.http.get(f"/v1/mails/{number}")).json()
        assert got["envelope_to"] == [f"{each}@example.org" for each in recipients]
        (part,) = got["attachments"]
        assert (part["filename"], part["content_type"], part["content_id"]) == ("a.png", "image/png", "logo")


BAD = [
    ("/emails", b"{", 422, "The body is no JSON."),
    ("/emails", b"[]", 422, "The body is no object."),
    ("/emails", RESEND | {"subject": ""}, 422, "Missing `subject` field."),
    ("/emails", RESEND | {"text": None}, 422, "Missing `html` or `text` field."),
    ("/emails", RESEND | {"to": "nobody"}, 422, "Invalid `to` field"),
    ("/emails", RESEND | {"to": 7}, 422, "Invalid `to` field"),
    ("/emails", RESEND | {"to": ["a@example.org"] * 51}, 422, "more than 50"),
    ("/emails", RESEND | {"from": "nobody"}, 422, "Invalid `from` field"),
    ("/emails", RESEND | {"attachments": [{"filename": "x"}]}, 422, "no content in base64"),
    ("/emails", RESEND | {"subject": "a\nb"}, 422, "cannot be built"),
    ("/v3/mail/send", b"{", 400, "The body is no JSON."),
    ("/v3/mail/send", SENDGRID | {"personalizations": []}, 400, "One personalization is needed."),
    ("/v3/mail/send", SENDGRID | {"personalizations": [{"to": []}]}, 400, "A recipient is needed."),
    ("/v3/mail/send", SENDGRID | {"from": None}, 400, "This is no object with an email."),
    ("/v3/mail/send", SENDGRID | {"subject": None}, 400, "The subject is required."),
    (
        "/v3/mail/send",
        SENDGRID | {"content": [{"type": "text/plain", "value": ""}]},
        400,
        "Each content needs",
    ),
    ("/v3/mail/send", SENDGRID | {"attachments": [7]}, 400, "This is no object."),
]


@pytest.mark.parametrize(("path", "body", "status", "words"), BAD)
async def test_what_the_provider_would_refuse_is_refused_in_its_words(
    house: House, base: str, path: str, body: object, status: int, words: str
) -> None:
    answer = await post(base, path, body)
    assert answer.status_code == status
    document = answer.json()
    assert words in (document["message"] if path == "/emails" else document["errors"][0]["message"])
    assert house.sandbox.mailbox.totals.mails == 0


@pytest.mark.parametrize("path", ["/emails", "/v3/mail/send"])
async def test_without_a_key_nothing_is_taken(base: str, path: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{base}") as client:
        assert (await client.post(path, json=RESEND)).status_code == 401


async def test_a_foreign_host_name_is_refused(base: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{base}") as client:
        assert (
            await client.post("/emails", json=RESEND, headers={"host": "evil.example"})
        ).status_code == 421


async def post(base: str, path: str, body: object) -> httpx.Response:
    content = {"content": body} if isinstance(body, bytes) else {"json": body}
    async with httpx.AsyncClient(
        base_url=f"http://{base}", headers={"authorization": "Bearer KEY"}
    ) as client:
        return await client.post(path, **content)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"attachments": [{"content": "QQ==", "filename": "a", "type": "a/b; c=d"}]}, "attachments.type"),
        (
            {"attachments": [{"content": "QQ==", "filename": "a", "disposition": "inline"}]},
            "attachments.content_id",
        ),
        ({"reply_to": {"email": "a@b.co"}, "reply_to_list": [{"email": "a@b.co"}]}, "reply_to"),
        (
            {"personalizations": [{"to": [{"email": "a@b.co"}], "bcc": [{"email": "A@b.co"}]}]},
            "personalizations.0",
        ),
    ],
)
async def test_sendgrid_refuses_what_the_real_one_refuses(
    base: str, change: dict[str, object], field: str
) -> None:
    body = {
        "personalizations": [{"to": [{"email": "jane@example.org"}]}],
        "from": {"email": "shop@example.com"},
        "subject": "x",
        "content": [{"type": "text/plain", "value": "x"}],
    }
    async with httpx.AsyncClient(base_url=f"http://{base}", headers={"authorization": "Bearer K"}) as http:
        assert (await http.post("/v3/mail/send", json=body)).status_code == 202
        refused = await http.post("/v3/mail/send", json=body | change)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)


async def test_sendgrid_is_asked_whether_it_accepted_a_mail(house: House, base: str) -> None:
    """Also one that it stored and then called broken; not one that it never saw."""
    lied, refused = mail(message_id="<1@example.org>"), mail(message_id="<2@example.org>")
    async with provider_at("sendgrid", base) as provider:
        assert isinstance(provider, LooksUp)
        await house.fault(action={"kind": "lie"}, times=1)
        with pytest.raises(OutcomeUnknown):
            await provider.prepare(lied)()
        assert await provider.look_up(lied) == Seen(Sighting.FOUND, "sandbox-1")
        assert await provider.look_up(refused) == Seen(Sighting.NOT_FOUND)
        await house.fault(stage="auth", action={"kind": "reply", "code": 403}, times=1)
        seen = await provider.look_up(lied)
        assert (seen.sighting, seen.detail) == (Sighting.CANNOT_TELL, "sendgrid_401")


async def test_what_sendgrid_says_by_its_feed_is_believed_after_a_settable_time() -> None:
    dsns = "sendgrid://k@default sendgrid://k@default?look_up=7"
    first, second = build_providers(dsns, sender=SENDER, production=False)
    assert isinstance(first, LooksUp)
    assert isinstance(second, LooksUp)
    assert (first.found_within, second.found_within) == (120, 7)
    (resend,) = build_providers("resend://k@default", sender=SENDER, production=False)
    assert not isinstance(resend, LooksUp)
    assert resend.options.keeps_keys_seconds == 86_400
