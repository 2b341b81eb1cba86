"""SendGrid's events: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers

from hermodr_api.receipts.machines import is_machine
from hermodr_api.receipts.reports import Report, Unreadable, event_id
from hermodr_contracts.providers import SENDGRID_MESSAGE_ID
from hermodr_ledger.deliveries.receipts import ReceiptKind
from hermodr_servicekit.ids import job_in

_KINDS = {
    "delivered": ReceiptKind.DELIVERED,
    "deferred": ReceiptKind.DELAYED,
    "bounce": ReceiptKind.BOUNCED,
    "dropped": ReceiptKind.BOUNCED,
    "open": ReceiptKind.OPENED,
    "click": ReceiptKind.CLICKED,
    "spamreport": ReceiptKind.COMPLAINED,
}
_DROPPED_FOR_GOOD = ("bounced address", "invalid")
"""Why SendGrid drops a mail unsent: it knows the address from an earlier bounce."""
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}|[245]\d\d")


def read(document: Any, _headers: Headers) -> Iterator[Report | None]:
    """A report for each event; `None` for what tells nothing of a delivery. Raises `Unreadable`."""
    if not isinstance(document, list):
        raise Unreadable("must be an array of events")
    for event in document:
        if not isinstance(event, dict):
            raise Unreadable("has an event that is no object")
        yield _report(event)


def _report(event: Mapping[str, Any]) -> Report | None:
    kind = _KINDS.get(str(event.get("event")))
    number, at = event.get("sg_event_id"), event.get("timestamp")
    if kind is None:
        return None
    if not isinstance(number, str) or not isinstance(at, int) or isinstance(at, bool) or not 0 <= at < 2**33:
        raise Unreadable("has an event without sg_event_id or timestamp")
    address = event.get("email")
    return Report(
        job=job_in(event.get(SENDGRID_MESSAGE_ID)),
        event_id=event_id(number),
        kind=kind,
        at=datetime.fromtimestamp(at, UTC),
        address=address if isinstance(address, str) else None,
        lasting=kind is ReceiptKind.BOUNCED and _is_lasting(event),
        automatic=event.get("sg_machine_open") is True or is_machine(event.get("useragent")),
        code=_code(event),
    )


def _is_lasting(event: Mapping[str, Any]) -> bool:
    """`blocked` is a refusal of this mail (reputation, content, a full mailbox), not of the address."""
    if event.get("event") == "dropped":
        return str(event.get("reason", "")).lower().startswith(_DROPPED_FOR_GOOD)
    return event.get("type") != "blocked"


def _code(event: Mapping[str, Any]) -> str | None:
    if event.get("event") == "dropped":
        return "sendgrid_dropped"
    if event.get("event") not in ("bounce", "deferred"):
        return None
    status = _STATUS.match(str(event.get("status", "")))
    kind = "blocked" if event.get("type") == "blocked" else str(event["event"])
    return f"sendgrid_{kind}" + (f"_{status.group()}" if status else "")
