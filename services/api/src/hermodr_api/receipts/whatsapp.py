"""What Meta tells of WhatsApp: what became of messages, and what people wrote
(https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components). One body may tell of several numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hermodr_api.receipts.opt_outs import meaning
from hermodr_api.receipts.reports import Answered, NoWindow, Report, Unreadable, Wrote, event_id
from hermodr_contracts.phones import phone_number
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.receipts import ReceiptKind
from hermodr_servicekit.ids import job_of

Told = Report | Answered | Wrote | NoWindow | None

_KINDS = {
    "sent": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.OPENED,
    "played": ReceiptKind.OPENED,
    "failed": ReceiptKind.BOUNCED,
}
_NO_WINDOW = 131047
"""https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes"""
OUTSIDE_WINDOW = "outside_window"
_LONGEST = 200
_MOST_CODE = 999_999


def read(document: Any, names: Mapping[str, str], now: datetime) -> Iterator[Told]:
    """Everything it tells; `None` for what tells nothing here. `names`: the providers by the ids of their numbers, of
    those that have the same secret. Raises `Unreadable`."""
    if not isinstance(document, dict) or document.get("object") != "whatsapp_business_account":
        raise Unreadable("must be an object of a whatsapp_business_account")
    for entry in _objects(document, "entry"):
        for change in _objects(entry, "changes"):
            value = change.get("value")
            if change.get("field") != "messages" or not isinstance(value, dict):
                yield None
                continue
            metadata = value.get("metadata")
            number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
            provider = names.get(str(number))
            if provider is None:  # a number of the app that no provider here has
                yield None
                continue
            for status in _objects(value, "statuses"):
                report = _report(status, provider, now)
                yield report
                if report is not None and report.code == OUTSIDE_WINDOW:
                    yield from _no_window(status, provider, report.at)
            for message in _objects(value, "messages"):
                yield from _said(message, provider, now)


def _objects(of: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    given = of.get(name, [])
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise Unreadable(f"has {name} that are no list of objects")
    yield from given


def _report(status: Mapping[str, Any], provider: str, now: datetime) -> Report | None:
    what, number = str(status.get("status")), status.get("id")
    kind = _KINDS.get(what)
    if kind is None:
        return None
    if not isinstance(number, str) or not 0 < len(number) <= _LONGEST:
        return None
    code = _code(status) if kind is ReceiptKind.BOUNCED else None
    return Report(
        job=_job(status.get("biz_opaque_callback_data")),
        event_id=event_id(f"{number} {what}"),
        kind=kind,
        at=_moment(status.get("timestamp"), now),
        code=code,
        channel=Channel.WHATSAPP,
        provider=provider,
    )


def _no_window(status: Mapping[str, Any], provider: str, at: datetime) -> Iterator[NoWindow]:
    with suppress(ValueError):
        yield NoWindow(provider, phone_number(f"+{status.get('recipient_id', '')}"), at)


def _said(message: Mapping[str, Any], provider: str, now: datetime) -> Iterator[Told]:
    """That they wrote, and what a word of theirs means. What WhatsApp itself tells in their name (`system`: they have
    another number now) opens nothing."""
    try:
        phone = phone_number(f"+{message.get('from', '')}")
    except ValueError:
        yield None
        return
    if message.get("type") in ("system", "unsupported", "errors"):
        yield None
        return
    yield Wrote(provider, phone, _moment(message.get("timestamp"), now))
    stop = meaning(_words(message))
    if stop is not None:
        yield Answered(phone, stop, Channel.WHATSAPP, provider)


def _words(message: Mapping[str, Any]) -> str:
    """Of a text, or of the button that was pressed."""
    for kind, name in (("text", "body"), ("button", "text")):
        given = message.get(kind)
        if isinstance(given, dict) and isinstance(given.get(name), str):
            return str(given[name])
    return ""


def _code(status: Mapping[str, Any]) -> str:
    for error in _objects(status, "errors"):
        code = error.get("code")
        if isinstance(code, int) and not isinstance(code, bool) and 0 <= code <= _MOST_CODE:
            return OUTSIDE_WINDOW if code == _NO_WINDOW else f"whatsapp_{code}"
    return "whatsapp_failed"


def _moment(given: object, now: datetime) -> datetime:
    text = str(given)
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        return now
    return min(datetime.fromtimestamp(int(text), UTC), now)


def _job(named: object) -> UUID | None:
    try:
        delivery = UUID(str(named))
    except ValueError:
        return None
    return job_of(delivery) if str(delivery) == named else None
