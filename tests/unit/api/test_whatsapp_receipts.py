"""What Meta tells is believed if it is signed, and read for what it says."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from starlette.datastructures import Headers

from hermodr_api.receipts import whatsapp
from hermodr_api.receipts.reports import Answered, NoWindow, Report, Unreadable, Wrote
from hermodr_api.receipts.signatures import MetaSignature, Unsigned
from hermodr_api.receipts.sources import sources_of
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.receipts import ReceiptKind
from hermodr_servicekit.dsn import ProviderConfigError
from hermodr_servicekit.ids import child_id

SECRET = "the-secret-of-the-app"
NOW = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
JOB = UUID("01a22885-e635-7098-8cd6-64e63e990000")
DELIVERY = child_id(JOB, 1)
FIRST, SECOND = "106540352242922", "106540352242923"
NAMES = {FIRST: "whatsapp", SECOND: "second"}
STAMP = str(int((NOW - timedelta(minutes=1)).timestamp()))
SAID_AT = NOW - timedelta(minutes=1)


def told(*values: dict[str, Any], number: str = FIRST) -> dict[str, Any]:
    changes = [
        {"field": "messages", "value": {"metadata": {"phone_number_id": number}, **value}} for value in values
    ]
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}


def status(what: str, **more: Any) -> dict[str, Any]:
    known = {"id": "wamid.1", "status": what, "timestamp": STAMP, "recipient_id": "15550100123"}
    return {"statuses": [known | {"biz_opaque_callback_data": str(DELIVERY)} | more]}


def message(body: str, sender: str = "15550100123", **more: Any) -> dict[str, Any]:
    said = {"from": sender, "id": "wamid.2", "timestamp": STAMP, "type": "text", "text": {"body": body}}
    return {"messages": [said | more]}


def read(document: Any) -> list[Any]:
    return list(whatsapp.read(document, NAMES, NOW))


def believed(body: bytes, given: str | None, secret: str = SECRET) -> bool:
    headers = Headers({"x-hub-signature-256": given} if given is not None else {})
    try:
        MetaSignature(secret).verify(headers, body, 0.0)
    except Unsigned:
        return False
    return True


def test_what_the_app_signed_is_believed_and_nothing_else() -> None:
    body = '{"text": "Grüße"}'.encode()
    given = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert believed(body, given)
    assert not believed(body + b" ", given)
    assert not believed(body, given.upper())
    assert not believed(body, given.removeprefix("sha256="))
    assert not believed(body, given, secret="another-secret-of-an-app")
    for bad in (None, "", "sha256=", "sha256=Ä", "sha1=x"):
        assert not believed(body, bad)


@pytest.mark.parametrize(
    ("what", "errors", "kind", "code"),
    [
        ("sent", [], ReceiptKind.SENT, None),
        ("delivered", [], ReceiptKind.DELIVERED, None),
        ("read", [], ReceiptKind.OPENED, None),
        ("failed", [{"code": 131026, "title": "undeliverable"}], ReceiptKind.BOUNCED, "whatsapp_131026"),
        ("failed", [{"code": 131047}], ReceiptKind.BOUNCED, "outside_window"),
        ("failed", [{"code": "131026"}, {"code": 131049}], ReceiptKind.BOUNCED, "whatsapp_131049"),
        ("failed", [{"code": -1}, {"code": True}, {"code": 10**9}], ReceiptKind.BOUNCED, "whatsapp_failed"),
        ("failed", [], ReceiptKind.BOUNCED, "whatsapp_failed"),
    ],
)
def test_each_status_is_read(what: str, errors: list[Any], kind: ReceiptKind, code: str | None) -> None:
    report, *rest = read(told(status(what, errors=errors)))
    assert isinstance(report, Report)
    closed = [NoWindow("whatsapp", "+15550100123", SAID_AT)] if code == "outside_window" else []
    assert rest == closed
    assert (report.job, report.channel, report.provider) == (JOB, Channel.WHATSAPP, "whatsapp")
    assert (report.kind, report.code, report.lasting, report.at) == (kind, code, False, SAID_AT)
    assert [report, *closed] == read(told(status(what, errors=errors)))
    assert report.event_id != read(told(status(what, errors=errors, id="wamid.9")))[0].event_id


@pytest.mark.parametrize("named", [None, "", 7, "x", str(DELIVERY).upper(), {"a": 1}])
def test_a_message_that_is_not_ours_has_no_job(named: object) -> None:
    (report,) = read(told(status("sent", biz_opaque_callback_data=named)))
    assert report.job is None


def test_one_body_tells_of_several_numbers() -> None:
    document = told(status("sent"), status("delivered"), message("Hello"))
    document["entry"] += told(message("Hi"), number=SECOND)["entry"]
    document["entry"] += told(status("sent"), message("Hi"), number="999")["entry"]
    found = read(document)
    assert [each.provider for each in found[:4]] == ["whatsapp", "whatsapp", "whatsapp", "second"]
    assert found[2:4] == [Wrote(name, "+15550100123", SAID_AT) for name in ("whatsapp", "second")]
    assert found[4:] == [None, None]


@pytest.mark.parametrize(
    ("given", "stop"),
    [
        (message("STOP"), True),
        (message("Abmelden!"), True),
        (message("start"), False),
        (message("Thanks"), None),
        (message("", type="button", button={"text": "Stop", "payload": "x"}, text=None), True),
        (message("", type="image", text=None, image={"id": "1"}), None),
    ],
)
def test_a_message_opens_the_window_and_a_word_means_stop_or_start(given: Any, stop: bool | None) -> None:
    wrote, *answered = read(told(given))
    assert wrote == Wrote("whatsapp", "+15550100123", SAID_AT)
    expected = [] if stop is None else [Answered("+15550100123", stop, Channel.WHATSAPP, "whatsapp")]
    assert answered == expected


def test_what_tells_nothing_is_ignored() -> None:
    other = told(status("sent"))
    other["entry"][0]["changes"][0]["field"] = "account_update"
    assert read(other) == [None]
    for silent in (
        status("warning"),
        status("sent", id=None),
        status("sent", id="x" * 300),
        message("Hi", sender="abc"),
        message("Hi", sender=""),
        message("", type="system", text=None, system={"body": "changed numbers"}),
    ):
        assert read(told(silent)) == [None]
    assert read(told({})) == []
    assert read({"object": "whatsapp_business_account"}) == []


@pytest.mark.parametrize(
    "document",
    [
        [],
        "x",
        None,
        {},
        {"object": "page", "entry": []},
        {"object": "whatsapp_business_account", "entry": {}},
        {"object": "whatsapp_business_account", "entry": [7]},
        told({"statuses": {"id": 1}}),
        told({"messages": ["x"]}),
    ],
    ids=range(9),
)
def test_what_makes_no_sense_is_refused(document: Any) -> None:
    with pytest.raises(Unreadable):
        read(document)


@pytest.mark.parametrize("stamp", [None, "", "x", "9" * 20, "99999999999", -1])
def test_a_time_that_cannot_be_is_now(stamp: object) -> None:
    (wrote,) = read(told(message("Hi", timestamp=stamp)))
    assert wrote.at == NOW


EMAIL = "smtp://127.0.0.1:1025"


def dsn(number: str = FIRST, **options: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in options.items())
    return f"whatsapp://{number}:token@default?{query}"


def test_providers_with_one_secret_share_a_webhook() -> None:
    sms = f"{dsn(events=SECRET, verify='word')} {dsn(SECOND, events=SECRET, name='second')} {dsn('777')}"
    sources = sources_of(EMAIL, sms)
    assert [each.verify for each in sources.values()] == [None, "word", None, None]
    assert [sources[each].signature is not None for each in ("whatsapp", "second", "whatsapp-2")] == [
        True,
        True,
        False,
    ]
    assert sources["whatsapp"].most == 3 * 1024 * 1024


@pytest.mark.parametrize(
    ("sms", "complaint"),
    [
        (dsn(events=SECRET, verify=""), "has an empty verify token"),
        (dsn(events="short"), "has an events secret that has fewer than 16 characters"),
        (f"{dsn(events=SECRET)} {dsn(events=SECRET, name='b')}", "has the phone number id of whatsapp"),
        (dsn(events=SECRET, name="smtp"), "the name smtp is one of HERMODR_EMAIL_PROVIDERS, too"),
    ],
)
def test_wrong_providers_are_named_without_their_secrets(sms: str, complaint: str) -> None:
    with pytest.raises(ProviderConfigError) as refused:
        sources_of(EMAIL, sms)
    assert complaint in str(refused.value)
    assert SECRET not in str(refused.value)
