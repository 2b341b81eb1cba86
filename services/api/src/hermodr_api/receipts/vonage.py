"""What Vonage tells: the status of texts and answers to them, as the Messages API words them (version 1).
https://developer.vonage.com/en/messages/concepts/messages-status-callbacks, https://developer.vonage.com/en/api/messages
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from hermodr_api.receipts.opt_outs import meaning
from hermodr_api.receipts.reports import Answered, Report, Unreadable, event_id
from hermodr_contracts.phones import phone_number
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.receipts import ReceiptKind
from hermodr_servicekit.ids import job_of

_KINDS = {
    "accepted": ReceiptKind.QUEUED,
    "buffered": ReceiptKind.QUEUED,
    "submitted": ReceiptKind.SENT,
    "unknown": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.OPENED,
    "undeliverable": ReceiptKind.BOUNCED,
    "rejected": ReceiptKind.BOUNCED,
    "expired": ReceiptKind.BOUNCED,
    "failed": ReceiptKind.BOUNCED,
}
"""`accepted`, `buffered`, `expired`, `failed` and `unknown` (no carrier says what became of it) are the words of its
older receipts: https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts"""
LASTING = frozenset({"1170", "1190"})
"""Codes that say that no text will ever arrive there: no number, or one no longer active. 1180 is a phone that is off.
https://developer.vonage.com/en/api-errors/messages"""
_CODE = re.compile(r"(?:.*#)?([0-9]{4})")
_LONGEST = 64
_LONGEST_TYPE = 200


def read(document: Any, at: datetime) -> Iterator[Report | Answered | None]:
    """The one report; `None` if it tells nothing. Raises `Unreadable`."""
    if not isinstance(document, dict):
        raise Unreadable("must be an object")
    if "status" in document:
        yield _report(document, at)
    elif "from" in document and "message_uuid" in document:
        yield _answer(document)
    else:
        raise Unreadable("must have message_uuid, and status or from")


def _report(document: Mapping[str, Any], at: datetime) -> Report | None:
    status, number = document["status"], document.get("message_uuid")
    kind = _KINDS.get(status) if isinstance(status, str) else None
    if kind is None:
        return None
    if not isinstance(number, str) or not number or len(number) > _LONGEST:
        raise Unreadable("has no message_uuid")
    code = _code(document.get("error")) if kind is ReceiptKind.BOUNCED else None
    return Report(
        job=_job(document.get("client_ref")),
        event_id=event_id(f"{number} {status}"),
        kind=kind,
        at=at,
        lasting=code in LASTING,
        code=f"vonage_{code or status}" if kind is ReceiptKind.BOUNCED else None,
        channel=Channel.SMS,
    )


def _code(error: object) -> str | None:
    """It stands at the end of `type`, in `title`, or in `code`, by the version of the API."""
    if not isinstance(error, dict):
        return None
    for name in ("type", "title", "code"):
        found = _CODE.fullmatch(str(error.get(name, ""))[:_LONGEST_TYPE])
        if found:
            return found[1]
    return None


def _answer(document: Mapping[str, Any]) -> Answered | None:
    text, phone = document.get("text"), document["from"]
    stop = meaning(text) if isinstance(text, str) else None
    if stop is None or document.get("channel", "sms") != "sms":
        return None
    try:
        return Answered(phone_number(f"+{str(phone).removeprefix('+')}"), stop)
    except ValueError:
        return None


def _job(reference: object) -> UUID | None:
    try:
        delivery = UUID(str(reference))
    except ValueError:
        return None
    return job_of(delivery) if str(delivery) == reference else None
