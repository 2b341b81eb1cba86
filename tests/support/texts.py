from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hermodr_contracts.phones import country_of
from hermodr_contracts.segments import segments_of
from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    TransientError,
)
from hermodr_delivery.http_api import Verdict
from hermodr_sms_sender.domain import OutgoingText, OutgoingWhatsApp

ACCOUNT = "AC" + "7f" * 16
VONAGE_KEY = "abcd1234"
VONAGE_SIGNATURE = "a signature secret of tests, which is long enough"
PHONE = "+15550100123"


def text(body: str = "Your code is 4711", **changes: Any) -> OutgoingText:
    to = changes.pop("to", PHONE)
    made = OutgoingText(
        delivery_id=UUID("01900000-0000-7000-8000-000000000001"),
        to=to,
        text=body,
        segments=segments_of(body),
        country=country_of(to),
        wanted_at=datetime(2026, 11, 29, 10, 0, tzinfo=UTC),
    )
    return made._replace(**changes)


def verdict_of(failure: DeliveryFailure) -> Verdict:
    """How a provider must have read the answer."""
    match failure:
        case PermanentError(bounced=True):
            return Verdict.ADDRESS
        case PermanentError():
            return Verdict.MESSAGE
        case Refused(cause=Cause.PACE):
            return Verdict.PACE
        case Refused(certain=False):
            return Verdict.SENDER
        case Refused():
            return Verdict.ACCESS
        case TransientError():
            return Verdict.LATER
        case OutcomeUnknown():
            return Verdict.UNKNOWN
    raise AssertionError(failure)


def whatsapp(body: str | None = "Your code is 4711", **changes: Any) -> OutgoingWhatsApp:
    """By default within the window of the provider `whatsapp`."""
    made = OutgoingWhatsApp(
        delivery_id=UUID("01900000-0000-7000-8000-000000000001"),
        to=PHONE,
        text=body,
        approved=None,
        open_with=frozenset({"whatsapp"}),
        country="US",
    )
    return made._replace(**changes)
