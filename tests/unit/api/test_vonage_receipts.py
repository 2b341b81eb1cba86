"""What Vonage tells is believed if it is signed, and read for what it says."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jwt
import pytest
from starlette.datastructures import Headers

from hermodr_api.receipts import vonage
from hermodr_api.receipts.reports import Answered, Report, Unreadable
from hermodr_api.receipts.signatures import TOLERANCE_SECONDS, Unsigned, VonageSignature
from hermodr_api.receipts.sources import sources_of
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.receipts import ReceiptKind
from hermodr_servicekit.dsn import ProviderConfigError
from hermodr_servicekit.ids import child_id
from tests.support.receipts import of_vonage, vonage_status
from tests.support.texts import PHONE, VONAGE_KEY, VONAGE_SIGNATURE

NOW = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
AT = NOW.timestamp()
JOB = UUID("01a22885-e635-7098-8cd6-64e63e990000")
DELIVERY = child_id(JOB, 1)
BODY = json.dumps(vonage_status(DELIVERY, "delivered")).encode()


def signed(body: bytes = BODY, **claims: Any) -> dict[str, str]:
    return of_vonage(body, VONAGE_SIGNATURE, VONAGE_KEY, AT, **claims)


def why_not(headers: dict[str, str], body: bytes = BODY, now: float = AT) -> str | None:
    """Why it is not believed; `None`: it is."""
    try:
        VonageSignature(VONAGE_SIGNATURE, VONAGE_KEY).verify(Headers(headers), body, now)
    except Unsigned as error:
        return str(error)
    return None


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def test_what_pyjwt_signs_is_believed() -> None:
    assert why_not(signed()) is None
    assert why_not(signed(b"\xff any bytes"), b"\xff any bytes") is None
    assert why_not(signed(exp=int(AT) - 9, nbf=int(AT) + 9, aud="somebody")) is None
    lower = {"authorization": signed()["authorization"].replace("Bearer", "bearer")}
    assert why_not(lower) is None


@pytest.mark.parametrize("late", [0, TOLERANCE_SECONDS, -TOLERANCE_SECONDS])
def test_it_is_believed_for_a_while(late: float) -> None:
    assert why_not(signed(), now=AT + late) is None


@pytest.mark.parametrize("late", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1, 86400])
def test_what_was_signed_long_ago_or_will_be_is_not_believed(late: float) -> None:
    assert "within 5 minutes" in (why_not(signed(), now=AT + late) or "")


@pytest.mark.parametrize("iat", [None, "x", str(int(AT)), -1, 1e300, float("nan"), True, [1]], ids=str)
def test_a_time_that_is_none_is_not_believed(iat: object) -> None:
    assert why_not(signed(iat=iat)) is not None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"payload_hash": "0" * 64}, "the body is not what was signed"),
        ({"payload_hash": None}, "the body is not what was signed"),
        ({"payload_hash": "\ud800"}, "the body is not what was signed"),
        ({"api_key": "another0"}, "it is signed for another API key"),
        ({"api_key": None}, "it is signed for another API key"),
    ],
)
def test_claims_that_do_not_fit_are_not_believed(changed: dict[str, Any], reason: str) -> None:
    assert why_not(signed(**changed)) == reason


def test_the_very_bytes_of_the_body_count() -> None:
    assert why_not(signed(), BODY + b" ") == "the body is not what was signed"
    assert why_not(signed(), BODY.replace(b"delivered", b"rejected_")) == "the body is not what was signed"


def test_nothing_else_is_a_signature() -> None:
    claims = jwt.decode(signed()["authorization"].partition(" ")[2], options={"verify_signature": False})
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    for headers in (
        of_vonage(BODY, VONAGE_SIGNATURE[::-1], VONAGE_KEY, AT),
        bearer(f"{head}.{payload}."),
        bearer(jwt.encode(claims, VONAGE_SIGNATURE * 2, algorithm="HS512")),
        bearer(jwt.encode(claims, VONAGE_SIGNATURE, algorithm="HS384")),
        bearer(signed()["authorization"].partition(" ")[2][:-2]),
        bearer(""),
        bearer("x.y.z"),
        bearer("Ä"),
        bearer("x" * 3000),
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer"},
    ):
        assert why_not(headers) is not None


def test_what_was_left_unsigned_may_come_again() -> None:
    with pytest.raises(Unsigned) as missing:
        VonageSignature(VONAGE_SIGNATURE, VONAGE_KEY).verify(Headers({}), BODY, AT)
    assert missing.value.again
    with pytest.raises(Unsigned) as wrong:
        VonageSignature(VONAGE_SIGNATURE, VONAGE_KEY).verify(Headers(bearer("x")), BODY, AT)
    assert not wrong.value.again


def read(document: Any) -> Report | Answered | None:
    (found,) = vonage.read(document, NOW)
    return found


@pytest.mark.parametrize(
    ("status", "code", "kind", "lasting", "said"),
    [
        ("accepted", None, ReceiptKind.QUEUED, False, None),
        ("buffered", None, ReceiptKind.QUEUED, False, None),
        ("submitted", None, ReceiptKind.SENT, False, None),
        ("unknown", None, ReceiptKind.SENT, False, None),
        ("delivered", None, ReceiptKind.DELIVERED, False, None),
        ("read", None, ReceiptKind.OPENED, False, None),
        ("undeliverable", None, ReceiptKind.BOUNCED, False, "vonage_undeliverable"),
        ("expired", None, ReceiptKind.BOUNCED, False, "vonage_expired"),
        ("failed", None, ReceiptKind.BOUNCED, False, "vonage_failed"),
        ("rejected", None, ReceiptKind.BOUNCED, False, "vonage_rejected"),
        ("rejected", "1170", ReceiptKind.BOUNCED, True, "vonage_1170"),
        ("rejected", "1190", ReceiptKind.BOUNCED, True, "vonage_1190"),
        ("rejected", "1180", ReceiptKind.BOUNCED, False, "vonage_1180"),
        ("rejected", "1240", ReceiptKind.BOUNCED, False, "vonage_1240"),
        ("rejected", "x" * 50, ReceiptKind.BOUNCED, False, "vonage_rejected"),
    ],
)
def test_each_status_is_read(
    status: str, code: str | None, kind: ReceiptKind, lasting: bool, said: str | None
) -> None:
    told = vonage_status(DELIVERY, status, code)
    report = read(told)
    assert isinstance(report, Report)
    assert (report.job, report.channel, report.at) == (JOB, Channel.SMS, NOW)
    assert (report.kind, report.lasting, report.code) == (kind, lasting, said)
    assert report == read(told)
    assert report.event_id != read(told | {"message_uuid": "another"}).event_id  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "error",
    [
        {"type": "https://developer.nexmo.com/api-errors/messages-olympus#1190", "title": 1000},
        {"type": "about:blank", "title": 1190},
        {"title": "1190"},
        {"code": 1190, "reason": "Absent Subscriber Permanent"},
    ],
    ids=str,
)
def test_the_code_stands_where_versions_put_it(error: dict[str, Any]) -> None:
    report = read(vonage_status(DELIVERY, "rejected", error=error))
    assert isinstance(report, Report)
    assert (report.code, report.lasting) == ("vonage_1190", True)


@pytest.mark.parametrize("named", [None, "", "x", 7, str(DELIVERY).upper(), f"{{{DELIVERY}}}"])
def test_a_text_that_is_not_ours_has_no_job(named: object) -> None:
    report = read(vonage_status(DELIVERY, "submitted", client_ref=named))
    assert isinstance(report, Report)
    assert report.job is None


INBOUND = {
    "message_uuid": "bbbbbbbb-bbbb-cccc-dddd-0123456789ab",
    "to": "12345",
    "from": PHONE[1:],
    "timestamp": "2026-11-29T10:00:00Z",
    "channel": "sms",
    "message_type": "text",
    "text": "STOP",
    "sms": {"num_messages": "1", "keyword": "STOP"},
}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, Answered(PHONE, True)),
        ({"from": PHONE}, Answered(PHONE, True)),
        ({"text": "Arrêt"}, Answered(PHONE, True)),
        ({"text": "start"}, Answered(PHONE, False)),
        ({"text": "Thanks!"}, None),
        ({"text": 7}, None),
        ({"text": None, "message_type": "image"}, None),
        ({"channel": "whatsapp"}, None),
        ({"from": "12345"}, None),
        ({"from": None}, None),
        ({"from": {"number": PHONE}}, None),
    ],
    ids=str,
)
def test_an_answer_is_read(changed: dict[str, Any], answer: Answered | None) -> None:
    assert read(INBOUND | changed) == answer


def test_what_tells_nothing_is_ignored_and_what_makes_no_sense_refused() -> None:
    assert read(vonage_status(DELIVERY, "pondered")) is None
    assert read({"status": 7}) is None
    nonsense: list[Any] = [[], 7, None, {}, {"from": PHONE}, {"status": "submitted"}]
    for bad in nonsense:
        with pytest.raises(Unreadable):
            read(bad)
    with pytest.raises(Unreadable):
        read(vonage_status(DELIVERY, "submitted", message_uuid="x" * 99))


EMAIL = "smtp://127.0.0.1:1025"
DSN = f"vonage://{VONAGE_KEY}:SECRET@default?from=12345"
EVENTS = f"events={VONAGE_SIGNATURE.replace(' ', '%20')}"


def test_it_reports_if_its_signature_can_be_checked() -> None:
    sources = sources_of(EMAIL, f"{DSN} {DSN}&name=second&{EVENTS}", "https://mail.example/")
    assert sources["vonage"].signature is None
    assert isinstance(sources["second"].signature, VonageSignature)
    assert not sources["second"].takes_forms
    assert not sources["second"].takes_mail


@pytest.mark.parametrize(
    ("dsn", "complaint"),
    [
        (f"{DSN}&events=short", "has an events secret that has fewer than 16 bytes"),
        (f"vonage://default?{EVENTS}", "has no API key"),
    ],
)
def test_wrong_secrets_are_named_without_them(dsn: str, complaint: str) -> None:
    with pytest.raises(ProviderConfigError) as refused:
        sources_of(EMAIL, dsn)
    assert complaint in str(refused.value)
    assert "short" not in str(refused.value)
