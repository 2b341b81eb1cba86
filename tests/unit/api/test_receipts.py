import base64
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson
import pytest
from starlette.datastructures import Headers

from hermodr_api.receipts import resend, sendgrid
from hermodr_api.receipts.reports import Report, Unreadable
from hermodr_api.receipts.signatures import (
    SendGridSignature,
    SharedSecret,
    StandardWebhooksSignature,
    Unsigned,
)
from hermodr_api.receipts.sources import sources_of
from hermodr_contracts.providers import EMAIL_PROVIDERS
from hermodr_ledger.deliveries.receipts import ReceiptKind
from hermodr_servicekit.dsn import ProviderConfigError
from hermodr_servicekit.ids import child_id, job_in
from tests.support.receipts import (
    RESEND_SECRET,
    SENDGRID_PUBLIC,
    of_resend,
    of_sendgrid,
    resend_event,
    sendgrid_event,
)

NOW = 1_800_000_000.0
BODY = b'[{"event": "open"}]'
JOB = UUID("01a2018c-e359-7702-8eb3-8dd0fbf20000")
FOR_GOOD, FULL = ({"bounce": {"type": kind}} for kind in ("Permanent", "Transient"))
SIGNERS: dict[str, Any] = {
    "sendgrid": (SendGridSignature(SENDGRID_PUBLIC), of_sendgrid),
    "resend": (StandardWebhooksSignature(RESEND_SECRET), lambda body, at: of_resend(body, "msg_1", at)),
}


@pytest.mark.parametrize("provider", SIGNERS)
def test_what_the_provider_signed_is_believed_for_five_minutes(provider: str) -> None:
    signature, sign = SIGNERS[provider]
    for late in (-299.0, 0.0, 299.0):
        signature.verify(Headers(sign(BODY, NOW)), BODY, NOW + late)
    for late in (-302.0, 302.0):
        with pytest.raises(Unsigned, match="timestamp"):
            signature.verify(Headers(sign(BODY, NOW)), BODY, NOW + late)


@pytest.mark.parametrize("provider", SIGNERS)
def test_anything_else_is_not(provider: str) -> None:
    signature, sign = SIGNERS[provider]
    given = sign(BODY, NOW)
    names = [name for name in given if name != "content-type"]
    with pytest.raises(Unsigned, match="does not fit"):
        signature.verify(Headers(given), BODY + b" ", NOW)
    for name in names:
        others: list[tuple[bytes, bytes]] = [
            (key.encode(), value.encode()) for key, value in given.items() if key != name
        ]
        for value in ([], [b""], [b"x" * 3000], [b"\xff"], [given[name].encode()] * 2, [b"1e9"], [b"v1,"]):
            with pytest.raises(Unsigned):
                signature.verify(Headers(raw=others + [(name.encode(), each) for each in value]), BODY, NOW)
    another = sign(b"another", NOW)
    with pytest.raises(Unsigned):
        signature.verify(Headers(given | {names[-1]: another[names[-1]]}), b"a third", NOW)


def test_one_of_several_signatures_is_enough_while_a_secret_is_changed() -> None:
    signature, sign = SIGNERS["resend"]
    given = sign(BODY, NOW)
    old = "v1," + base64.b64encode(b"\0" * 32).decode()
    signature.verify(Headers(given | {"svix-signature": f"{old} v1a,x {given['svix-signature']}"}), BODY, NOW)
    renamed = {name.replace("svix", "webhook"): value for name, value in given.items()}
    signature.verify(Headers(renamed), BODY, NOW)


def test_secrets_come_from_the_providers_dsns() -> None:
    dsns = (
        f"smtp://127.0.0.1:1025 resend://KEY@default?events={RESEND_SECRET.replace('=', '%3D')}&rate=5/s"
        f" sendgrid://KEY@default?name=bulk&events={quote(SENDGRID_PUBLIC, safe='')}"
        " resend://KEY@default"
    )
    found = sources_of(dsns)
    assert list(found) == ["smtp", "resend", "bulk", "resend-2"]
    assert [each.signature is not None for each in found.values()] == [False, True, True, False]


def test_the_api_takes_every_dsn_that_senders_take() -> None:
    dsns = (
        "smtp://h smtp+starttls://u:p@h:587?rate=50/s smtps://h resend://KEY@default sendgrid://KEY@default"
    )
    assert list(sources_of(dsns)) == ["smtp", "smtp-2", "smtp-3", "resend", "sendgrid"]
    assert len(dsns.split()) == len(EMAIL_PROVIDERS)


@pytest.mark.parametrize(
    ("dsn", "told"),
    [
        ("resend://KEY@default?events=whsec_%21", "has an events secret that is no secret such as whsec_"),
        ("resend://KEY@default?events=whsec_YWJj", "has an events secret that has fewer than 16 bytes"),
        ("resend://KEY@default?events=", "has an events secret that has fewer than 16 bytes"),
        ("sendgrid://KEY@default?events=secret", "has an events secret that is no public key"),
        ("smtp://127.0.0.1?events=YWJj", "has an events secret that has fewer than 16 characters"),
        (
            "smtps://h?events=seventeen%20of%20them",
            "has an events secret that has other characters than visible",
        ),
    ],
)
def test_an_unusable_secret_is_named_but_not_shown(dsn: str, told: str) -> None:
    with pytest.raises(ProviderConfigError) as error:
        sources_of(f"smtp://127.0.0.1 {dsn}")
    assert f"HERMODR_EMAIL_PROVIDERS: entry 2 {told}" in str(error.value)
    assert "YWJj" not in str(error.value)


def read_one(event: dict[str, Any]) -> Report | None:
    (report,) = sendgrid.read([event], Headers())
    return report


@pytest.mark.parametrize(
    ("event", "more", "kind", "lasting", "automatic", "code"),
    [
        ("delivered", {}, ReceiptKind.DELIVERED, False, False, None),
        ("deferred", {"response": "ada@x 450"}, ReceiptKind.DELAYED, False, False, "sendgrid_deferred"),
        ("bounce", {"type": "bounce", "status": "5.1.1"}, ReceiptKind.BOUNCED, True, False, "sendgrid_bounce_5.1.1"),
        ("bounce", {"type": "blocked", "status": "ada@x"}, ReceiptKind.BOUNCED, False, False, "sendgrid_blocked"),
        ("dropped", {"reason": "Bounced Address"}, ReceiptKind.BOUNCED, True, False, "sendgrid_dropped"),
        ("dropped", {"reason": "Unsubscribed Address"}, ReceiptKind.BOUNCED, False, False, "sendgrid_dropped"),
        ("open", {"useragent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"}, ReceiptKind.OPENED, False, False, None),
        ("open", {"sg_machine_open": True}, ReceiptKind.OPENED, False, True, None),
        ("click", {"useragent": "Barracuda Sentinel (EE)", "url": "https://x"}, ReceiptKind.CLICKED, False, True, None),
        ("spamreport", {}, ReceiptKind.COMPLAINED, False, False, None),
    ],
)  # fmt: skip
def test_sendgrid_is_understood(
    event: str, more: dict[str, Any], kind: ReceiptKind, lasting: bool, automatic: bool, code: str | None
) -> None:
    report = read_one(sendgrid_event(JOB, event, email="ada@example.com", **more))
    assert report is not None
    assert (report.job, report.kind, report.lasting) == (JOB, kind, lasting)
    assert (report.automatic, report.code, report.address) == (automatic, code, "ada@example.com")


@pytest.mark.parametrize(
    ("what", "data", "kind", "lasting", "automatic", "code"),
    [
        ("email.delivered", {}, ReceiptKind.DELIVERED, False, False, None),
        ("email.delivery_delayed", {}, ReceiptKind.DELAYED, False, False, None),
        ("email.bounced", FOR_GOOD, ReceiptKind.BOUNCED, True, False, "resend_bounced_permanent"),
        ("email.bounced", FULL, ReceiptKind.BOUNCED, False, False, "resend_bounced_transient"),
        ("email.bounced", {"bounce": 7}, ReceiptKind.BOUNCED, False, False, "resend_bounced"),
        ("email.failed", {}, ReceiptKind.BOUNCED, False, False, "resend_failed"),
        ("email.opened", {}, ReceiptKind.OPENED, False, False, None),
        ("email.clicked", {"click": {"userAgent": "curl/8.5"}}, ReceiptKind.CLICKED, False, True, None),
        ("email.complained", {}, ReceiptKind.COMPLAINED, False, False, None),
    ],
)  # fmt: skip
def test_resend_is_understood(
    what: str, data: dict[str, Any], kind: ReceiptKind, lasting: bool, automatic: bool, code: str | None
) -> None:
    for tags in ({"hermodr_job": str(JOB)}, [{"name": "hermodr_job", "value": str(JOB)}]):
        document = orjson.loads(resend_event(JOB, what, to=["ada@example.com"], tags=tags, **data))
        (report,) = resend.read(document, Headers({"svix-id": "msg_1"}))
        assert report is not None
        assert (report.job, report.kind, report.lasting) == (JOB, kind, lasting)
        assert (report.automatic, report.code, report.address) == (automatic, code, "ada@example.com")


def test_other_events_tell_nothing() -> None:
    assert read_one({"event": "processed"}) is None
    assert read_one({"event": ["open"]}) is None
    assert list(resend.read({"type": "contact.created", "data": {}}, Headers())) == [None]


@pytest.mark.parametrize(
    "document", [None, {}, 7, [7], [{"event": "open"}], [sendgrid_event(JOB, "open", timestamp=True)]]
)
def test_what_is_no_sendgrid_is_named(document: Any) -> None:
    with pytest.raises(Unreadable):
        list(sendgrid.read(document, Headers()))


@pytest.mark.parametrize(
    "document", [None, [], {}, {"type": "email.opened"}, {"type": "email.opened", "data": {}}]
)
def test_what_is_no_resend_is_named(document: Any) -> None:
    with pytest.raises(Unreadable):
        list(resend.read(document, Headers()))


@pytest.mark.parametrize(
    "text",
    [None, 7, "", "<>", "<x@y>", str(JOB).upper(), f"{{{JOB}}}", str(child_id(JOB, 1)), "x" * 400],
)
def test_an_id_that_is_no_job_of_ours_is_none(text: object) -> None:
    assert job_in(text) is None


def test_our_own_message_id_is_found() -> None:
    assert job_in(f"<{JOB}@mail.example>") == job_in(str(JOB)) == JOB


def test_who_hands_in_mails_knows_the_secret() -> None:
    signature = SharedSecret("sixteen-of-them-or-more")
    for scheme in ("Bearer", "bearer"):
        signature.verify(Headers({"authorization": f"{scheme} sixteen-of-them-or-more"}), b"", NOW)
    for wrong in (
        "Bearer",
        "Bearer ",
        "Basic sixteen-of-them-or-more",
        "Bearer sixteen-of-them-or-less",
        "x" * 3000,
    ):
        with pytest.raises(Unsigned):
            signature.verify(Headers({"authorization": wrong}), b"", NOW)
    with pytest.raises(Unsigned):
        signature.verify(Headers({}), b"", NOW)
