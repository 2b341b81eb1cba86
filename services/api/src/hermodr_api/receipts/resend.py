"""Resend's events: https://resend.com/docs/dashboard/webhooks/event-types."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers

from hermodr_api.receipts.machines import is_machine
from hermodr_api.receipts.reports import Report, Unreadable, event_id
from hermodr_contracts.providers import RESEND_JOB_TAG
from hermodr_ledger.deliveries.receipts import ReceiptKind
from hermodr_servicekit.ids import job_in

_KINDS = {
    "email.delivered": ReceiptKind.DELIVERED,
    "email.delivery_delayed": ReceiptKind.DELAYED,
    "email.bounced": ReceiptKind.BOUNCED,
    "email.failed": ReceiptKind.BOUNCED,
    "email.suppressed": ReceiptKind.BOUNCED,
    "email.opened": ReceiptKind.OPENED,
    "email.clicked": ReceiptKind.CLICKED,
    "email.complained": ReceiptKind.COMPLAINED,
}


def read(document: Any, headers: Headers) -> Iterator[Report | None]:
    """The one event; `None` if it tells nothing of a delivery. Raises `Unreadable`."""
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise Unreadable("must be an object with data")
    what = str(document.get("type"))
    kind = _KINDS.get(what)
    if kind is None:
        yield None
        return
    number = headers.get("svix-id") or headers.get("webhook-id") or ""
    given = data.get("bounce")
    bounce: Mapping[str, Any] = given if isinstance(given, dict) else {}
    to = data.get("to")
    yield Report(
        job=job_in(_tag(data.get("tags"))),
        event_id=event_id(number),
        kind=kind,
        at=_moment(document.get("created_at")),
        address=to[0] if isinstance(to, list) and len(to) == 1 and isinstance(to[0], str) else None,
        lasting=what == "email.bounced" and str(bounce.get("type", "")).lower() == "permanent",
        automatic=any(is_machine(_agent(data.get(each))) for each in ("open", "click")),
        code=_code(what, bounce),
    )


def _tag(tags: object) -> object:
    """An object in events; a list of `name` and `value` where mails are sent."""
    if isinstance(tags, dict):
        return tags.get(RESEND_JOB_TAG)
    for each in tags if isinstance(tags, list) else ():
        if isinstance(each, dict) and each.get("name") == RESEND_JOB_TAG:
            return each.get("value")
    return None


def _agent(part: object) -> object:
    return part.get("userAgent") if isinstance(part, dict) else None


def _moment(text: object) -> datetime:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("has no created_at") from None


def _code(what: str, bounce: Mapping[str, Any]) -> str | None:
    if what in ("email.failed", "email.suppressed"):
        return what.replace("email.", "resend_")
    kind = str(bounce.get("type", "")).lower()
    if what == "email.bounced":
        return (
            f"resend_bounced_{kind}"
            if kind in ("permanent", "transient", "undetermined")
            else "resend_bounced"
        )
    return None
