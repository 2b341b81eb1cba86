"""What Twilio tells is believed if it is signed, and read for what it says."""

from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from twilio.request_validator import RequestValidator

from hermodr_api.receipts import opt_outs, twilio
from hermodr_api.receipts.reports import Answered, Report, Unreadable
from hermodr_api.receipts.signatures import TwilioSignature, Unsigned
from hermodr_api.receipts.sources import sources_of
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.receipts import ReceiptKind
from hermodr_servicekit.dsn import ProviderConfigError
from hermodr_servicekit.ids import child_id
from tests.support.texts import ACCOUNT, PHONE

TOKEN = "the-account-token"
URL = "https://mail.example/v1/providers/twilio/events"
NOW = datetime(2026, 11, 29, 10, 0, tzinfo=UTC)
JOB = UUID("01a22885-e635-7098-8cd6-64e63e990000")
DELIVERY = child_id(JOB, 1)
FIELDS = st.dictionaries(st.text(min_size=1, max_size=10), st.text(max_size=20), max_size=6)


def verified(form: dict[str, str], query: str, given: str | None, *, token: str = TOKEN) -> bool:
    headers = Headers({"x-twilio-signature": given} if given is not None else {})
    try:
        TwilioSignature(token, URL).verify(headers, urlencode(form).encode(), 0.0, query)
    except Unsigned:
        return False
    return True


@given(FIELDS, st.sampled_from(["", f"delivery={DELIVERY}"]))
def test_what_twilios_library_signs_is_believed(form: dict[str, str], query: str) -> None:
    url = f"{URL}?{query}" if query else URL
    assert verified(form, query, RequestValidator(TOKEN).compute_signature(url, form))


def test_nothing_else_is_believed() -> None:
    form = {"MessageStatus": "delivered", "MessageSid": "SM1"}
    given = RequestValidator(TOKEN).compute_signature(f"{URL}?delivery={DELIVERY}", form)
    assert verified(form, f"delivery={DELIVERY}", given)
    assert not verified(form, f"delivery={child_id(JOB, 2)}", given)
    assert not verified(form, "", given)
    assert not verified(form | {"MessageStatus": "failed"}, f"delivery={DELIVERY}", given)
    assert not verified(form | {"More": ""}, f"delivery={DELIVERY}", given)
    assert not verified(form, f"delivery={DELIVERY}", given, token="another")
    assert not verified(form, f"delivery={DELIVERY}", None)
    assert not verified(form, f"delivery={DELIVERY}", "")
    assert not verified(form, f"delivery={DELIVERY}", "Ä")


@pytest.mark.parametrize("body", [b"\xff", b"a=%ff", b"&".join([b"a=1"] * 500)])
def test_what_is_no_form_was_signed_by_nobody(body: bytes) -> None:
    with pytest.raises(Unsigned):
        TwilioSignature(TOKEN, URL).verify(Headers({"x-twilio-signature": "x"}), body, 0.0)


def read(form: dict[str, str], named: str | None = str(DELIVERY)) -> Report | Answered | None:
    (found,) = twilio.read(twilio.Told(form, named, NOW))
    return found


@pytest.mark.parametrize(
    ("status", "code", "kind", "lasting", "said"),
    [
        ("queued", None, ReceiptKind.QUEUED, False, None),
        ("sending", None, ReceiptKind.QUEUED, False, None),
        ("sent", None, ReceiptKind.SENT, False, None),
        ("delivered", None, ReceiptKind.DELIVERED, False, None),
        ("read", None, ReceiptKind.OPENED, False, None),
        ("undelivered", "30003", ReceiptKind.BOUNCED, False, "twilio_30003"),
        ("undelivered", "30005", ReceiptKind.BOUNCED, True, "twilio_30005"),
        ("failed", "30006", ReceiptKind.BOUNCED, True, "twilio_30006"),
        ("failed", "30007", ReceiptKind.BOUNCED, False, "twilio_30007"),
        ("failed", "x" * 50, ReceiptKind.BOUNCED, False, "twilio_failed"),
        ("undelivered", None, ReceiptKind.BOUNCED, False, "twilio_undelivered"),
    ],
)
def test_each_status_is_read(
    status: str, code: str | None, kind: ReceiptKind, lasting: bool, said: str | None
) -> None:
    form = {"MessageStatus": status, "MessageSid": "SM1"} | ({"ErrorCode": code} if code else {})
    report = read(form)
    assert isinstance(report, Report)
    assert (report.job, report.channel, report.at) == (JOB, Channel.SMS, NOW)
    assert (report.kind, report.lasting, report.code) == (kind, lasting, said)
    assert report == read(form)
    assert report.event_id != read(form | {"MessageSid": "SM2"}).event_id  # type: ignore[union-attr]


@pytest.mark.parametrize("named", [None, "", "x", str(DELIVERY).upper(), f"{{{DELIVERY}}}"])
def test_a_text_that_is_not_ours_has_no_job(named: str | None) -> None:
    report = read({"MessageStatus": "sent", "MessageSid": "SM1"}, named)
    assert isinstance(report, Report)
    assert report.job is None


def test_what_tells_nothing_is_ignored_and_what_makes_no_sense_refused() -> None:
    assert read({"MessageStatus": "canceled", "MessageSid": "SM1"}) is None
    assert read({"From": PHONE, "Body": "Thanks!"}) is None
    assert read({"From": "12345", "Body": "STOP"}) is None
    for bad in (
        {},
        {"From": PHONE},
        {"MessageStatus": "sent"},
        {"MessageStatus": "sent", "MessageSid": "x" * 99},
    ):
        with pytest.raises(Unreadable):
            read(bad)


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("STOP", True),
        (" stop. ", True),
        ("Stop!", True),
        ("Arrêt", True),
        ("ARRET", True),
        ("Désabonner", True),
        ("Abmelden", True),
        ("baja", True),
        ("UNSUBSCRIBE", True),
        ("start", False),
        ("UNSTOP", False),
        ("Don't stop", None),
        ("stop it please, or else I call your boss about it", None),
        ("", None),
        ("🙂", None),
    ],
)
def test_a_whole_answer_means_stop_or_start(text: str, stop: bool | None) -> None:
    assert opt_outs.meaning(text) is stop
    answer = read({"From": PHONE, "Body": text})
    assert answer == (None if stop is None else Answered(PHONE, stop))


def test_what_twilio_took_for_an_opt_out_is_one() -> None:
    assert read({"From": PHONE, "Body": "fuera", "OptOutType": "STOP"}) == Answered(PHONE, True)
    assert read({"From": PHONE, "Body": "hola", "OptOutType": "START"}) == Answered(PHONE, False)
    assert read({"From": PHONE, "Body": "ayuda", "OptOutType": "HELP"}) is None


EMAIL = "smtp://127.0.0.1:1025"


def test_the_senders_of_texts_report_too() -> None:
    dsn = f"twilio://{ACCOUNT}:{TOKEN}@default?from=12345&rate=5/s"
    sources = sources_of(EMAIL, f"{dsn} {dsn}&name=second&events=other", "https://mail.example/")
    assert set(sources) == {"smtp", "twilio", "second"}
    assert sources["second"].signature is not None


@pytest.mark.parametrize(
    ("sms", "complaint"),
    [
        (
            f"twilio://{ACCOUNT}:{TOKEN}@default?name=smtp",
            "the name smtp is one of HERMODR_EMAIL_PROVIDERS, too",
        ),
        (f"twilio://{ACCOUNT}@default", "entry 1 has no token"),
        ("pigeon://x", "unknown scheme"),
    ],
)
def test_wrong_senders_of_texts_are_named_without_their_secrets(sms: str, complaint: str) -> None:
    with pytest.raises(ProviderConfigError) as refused:
        sources_of(EMAIL, sms, "https://mail.example")
    assert complaint in str(refused.value)
    assert TOKEN not in str(refused.value)
