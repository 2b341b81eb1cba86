"""What Twilio tells: status callbacks (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status) and
answers to texts (https://www.twilio.com/docs/messaging/guides/webhook-request)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from hermodr_api.receipts.opt_outs import meaning
from hermodr_api.receipts.reports import Answered, Report, Unreadable, event_id
from hermodr_contracts.phones import phone_number
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.receipts import ReceiptKind
from hermodr_servicekit.ids import job_of

_KINDS = {
    "accepted": ReceiptKind.QUEUED,
    "scheduled": ReceiptKind.QUEUED,
    "queued": ReceiptKind.QUEUED,
    "sending": ReceiptKind.QUEUED,
    "sent": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.OPENED,
    "undelivered": ReceiptKind.BOUNCED,
    "failed": ReceiptKind.BOUNCED,
}
LASTING = frozenset({"21211", "21214", "21217", "21614", "30005", "30006"})
"""Codes that say that no text will ever arrive there: no such number, or a landline. 30003 is a phone that is off.
https://www.twilio.com/docs/api/errors/<code>"""
_CODE = re.compile(r"[0-9]{5}")
_OPT_OUT_TYPES = {"STOP": True, "START": False}
_LONGEST = 64


class Told(NamedTuple):
    """`named`: the delivery, by the query of the callback's URL."""

    form: Mapping[str, str]
    named: str | None
    at: datetime


def read(told: Told) -> Iterator[Report | Answered | None]:
    """The one report; `None` if it tells nothing. Raises `Unreadable`."""
    form = told.form
    if "MessageStatus" in form:
        yield _report(told)
    elif "Body" in form and "From" in form:
        yield _answer(form)
    else:
        raise Unreadable("must be a form with MessageStatus, or with From and Body")


def _report(told: Told) -> Report | None:
    status, number = told.form["MessageStatus"], told.form.get("MessageSid", "")
    kind = _KINDS.get(status)
    if kind is None:
        return None
    if not number or len(number) > _LONGEST:
        raise Unreadable("has no MessageSid")
    code = told.form.get("ErrorCode", "")
    known = code if kind is ReceiptKind.BOUNCED and _CODE.fullmatch(code) else None
    return Report(
        job=_job(told.named),
        event_id=event_id(f"{number} {status}"),
        kind=kind,
        at=told.at,
        lasting=known in LASTING,
        code=f"twilio_{known}" if known else f"twilio_{status}" if kind is ReceiptKind.BOUNCED else None,
        channel=Channel.SMS,
    )


def _answer(form: Mapping[str, str]) -> Answered | None:
    """Twilio says what it took for an opt-out, if the account has Advanced Opt-Out."""
    stop = _OPT_OUT_TYPES.get(form.get("OptOutType", ""), meaning(form["Body"]))
    if stop is None:
        return None
    try:
        return Answered(phone_number(form["From"]), stop)
    except ValueError:
        return None


def _job(named: str | None) -> UUID | None:
    try:
        delivery = UUID(named or "")
    except ValueError:
        return None
    return job_of(delivery) if str(delivery) == named else None
