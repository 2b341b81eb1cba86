"""Reads reports out of a mail. Everything here is what a stranger wrote: whose mail it is about is shown by a signed
return path alone (`hermodr_servicekit.return_paths`)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from hermodr_servicekit.mail_reports.parts import Fields, Found, TooComplex, fields_of, parsed, reports_in
from hermodr_servicekit.mail_reports.statuses import is_lasting, status_of

_MOST_REPORTS = 50
_MOST_ADDRESSES = 10
_LONGEST = 1000
_FEEDBACK = "message/feedback-report"


class ReportKind(StrEnum):
    DELIVERED = "delivered"
    DELAYED = "delayed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class MailKind(StrEnum):
    BOUNCE = "bounce"
    """A delivery status notification."""
    COMPLAINT = "complaint"
    """A feedback report, also one that says that a mail is no spam."""
    AUTO_REPLY = "auto_reply"
    OTHER = "other"


class MailReport(NamedTuple):
    """`addresses`: whom it says it is about, in any form that may be ours. `paths`: texts in which the return path may
    stand; `message_ids`: of the mail that came back. `code`: no personal data."""

    kind: ReportKind
    code: str
    lasting: bool = False
    addresses: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()


class Mail(NamedTuple):
    """`ignored`: how many things it says that tell nothing of a delivery. `number`, `at`: its Message-ID and Date."""

    kind: MailKind
    reports: tuple[MailReport, ...] = ()
    ignored: int = 0
    number: str = ""
    at: datetime | None = None


_ACTIONS = {
    "failed": ReportKind.BOUNCED,
    "delayed": ReportKind.DELAYED,
    "delivered": ReportKind.DELIVERED,
    "relayed": ReportKind.DELIVERED,
    "expanded": ReportKind.DELIVERED,
}
"""RFC 3464 §2.3.3. Relayed: the next server took it, and will not report."""
_COMPLAINTS = frozenset({"abuse", "fraud", "opt-out", "opt-out-list"})
"""RFC 5965 §7.3 and its registry. The others are no wish of a recipient: not-spam, virus, auth-failure, other."""
_ENVELOPE = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc", "resent-to")
_SENDERS = (
    "return-path",
    "original-mail-from",
    "x-postfix-sender",
    "original-envelope-id",
    "sender",
    "x-sender",
)


def read(raw: bytes) -> Mail:
    """Raises nothing, whatever it is given."""
    try:
        return _read(parsed(raw))
    except TooComplex:
        return Mail(MailKind.OTHER, ignored=1)
    except Exception:  # noqa: BLE001 - the standard library's parser raises a dozen of them at garbage
        return Mail(MailKind.OTHER, ignored=1)


def _read(mail: Message) -> Mail:
    headers = fields_of(mail)
    reports: list[MailReport] = []
    ignored, kind = 0, None
    for found in reports_in(mail):
        is_complaint = found.kind == _FEEDBACK
        kind = kind or (MailKind.COMPLAINT if is_complaint else MailKind.BOUNCE)
        told = list(islice(_complaint(found) if is_complaint else _statuses(found), _MOST_REPORTS))
        reports += [each for each in told if each is not None]
        ignored += told.count(None)
        if len(reports) >= _MOST_REPORTS:
            break
    if kind is None:
        kind = MailKind.AUTO_REPLY if _is_auto_reply(headers) else MailKind.OTHER
    return Mail(
        kind,
        tuple(reports[:_MOST_REPORTS]),
        ignored if reports or ignored else 1,
        _first(headers, "message-id")[:_LONGEST],
        _moment(_first(headers, "date")),
    )


def _statuses(found: Found) -> Iterator[MailReport | None]:
    """One for each recipient: the blocks that have an action."""
    paths, numbers = _paths(found), _numbers(found)
    for block in found.blocks:
        if "action" not in block:
            continue
        action = _first(block, "action").partition(" ")[0].lower()
        kind = _ACTIONS.get(action)
        if kind is None:
            yield None
            continue
        diagnostic = _first(block, "diagnostic-code")
        status = status_of(_first(block, "status"), diagnostic)
        yield MailReport(
            kind=kind,
            code=f"dsn_{action}" + (f"_{status}" if status else ""),
            lasting=kind is ReportKind.BOUNCED and is_lasting(status, diagnostic),
            addresses=_addresses(block, "final-recipient", "original-recipient"),
            paths=paths,
            message_ids=numbers,
        )


def _complaint(found: Found) -> Iterator[MailReport | None]:
    fields: Fields = {}
    for block in found.blocks:
        for name, values in block.items():
            fields.setdefault(name, values)
    what = _first(fields, "feedback-type").lower()
    if what not in _COMPLAINTS:
        yield None
        return
    yield MailReport(
        kind=ReportKind.COMPLAINED,
        code="arf_" + what.replace("-", "_"),
        addresses=_addresses(fields, "original-rcpt-to", "removal-recipient"),
        paths=_paths(found),
        message_ids=_numbers(found),
    )


def _paths(found: Found) -> tuple[str, ...]:
    """First what the report says of its mail, then to whom the report went."""
    said = [each for block in found.blocks[:1] for each in _all(block, _SENDERS)]
    said += _all(found.returned, _SENDERS)
    for around in found.around:
        said += _all(around, _ENVELOPE)
    return tuple(each[:_LONGEST] for each in said[:_MOST_REPORTS])


def _numbers(found: Found) -> tuple[str, ...]:
    return tuple(each[:_LONGEST] for each in found.returned.get("message-id", ())[:1])


def _addresses(block: Fields, *names: str) -> tuple[str, ...]:
    """`rfc822; ada@example.com` as the address, and as it is without xtext (RFC 3461 §4)."""
    found: dict[str, None] = {}
    for value in _all(block, names)[:_MOST_ADDRESSES]:
        kind, separator, rest = value[:_LONGEST].partition(";")
        address = (rest if separator and "@" not in kind else value).strip().strip("<>").strip()
        if "@" in address:
            found[address] = None
            found[_XTEXT.sub(lambda each: chr(int(each[1], 16)), address)] = None
            found[_BEYOND_ASCII.sub(_character, address)] = None
    return tuple(found)


_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_BEYOND_ASCII = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
"""RFC 6533 §3: utf-8-addr-xtext."""


def _character(escaped: re.Match[str]) -> str:
    number = int(escaped[1], 16)
    return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else escaped[0]


def _is_auto_reply(headers: Fields) -> bool:
    """RFC 3834 §5, and what was there before it."""
    submitted = _first(headers, "auto-submitted").lower()
    if submitted and not submitted.startswith("no"):
        return True
    precedence = _first(headers, "precedence").lower()
    names = ("x-autoreply", "x-autorespond", "x-vacation")
    return precedence in ("auto_reply", "bulk", "junk") or any(name in headers for name in names)


def _all(fields: Fields, names: tuple[str, ...]) -> list[str]:
    return [value for name in names for value in fields.get(name, ())[:_MOST_ADDRESSES]]


def _first(fields: Fields, name: str) -> str:
    values = fields.get(name)
    return values[0] if values else ""


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text[:_LONGEST])
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
