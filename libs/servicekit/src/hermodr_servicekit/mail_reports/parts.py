"""Takes a mail of a stranger apart, within limits: the standard library's parser takes quadratic time for many nested
parts and for long parameters."""

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser, HeaderParser
from email.policy import compat32
from typing import NamedTuple

MOST_OCTETS = 128 * 1024
"""What is longer is cut: reports come before the mail they are about (RFC 3462 §1, RFC 5965 §2)."""
_MOST_PARTS = 100
_MOST_DEPTH = 10
_MOST_MARKS = 60
_MOST_OF_A_FIELD = 4096
_MOST_BLOCKS = 50
_MARKS = re.compile(rb"boundary|message/", re.IGNORECASE)
_CONTENT_FIELD = re.compile(
    rb"^content-[a-z-]{1,40}[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE
)
_BLANK_LINE = re.compile(r"\r?\n[ \t]*\r?\n")

REPORTS = frozenset({"message/delivery-status", "message/global-delivery-status", "message/feedback-report"})
_RETURNED = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})

Fields = dict[str, list[str]]
"""Values by names in lower case, unfolded."""


class Found(NamedTuple):
    """A report (`kind`: its media type), its blocks of fields, the headers of the mail that came back, and those of the
    mails around, the innermost first."""

    kind: str
    blocks: list[Fields]
    returned: Fields
    around: list[Fields]


class TooComplex(Exception):
    """A mail that nobody sends in earnest."""


def parsed(raw: bytes) -> Message:
    """Raises `TooComplex`."""
    raw = raw[:MOST_OCTETS]
    marks = _MARKS.finditer(raw)
    if sum(1 for _ in zip(marks, range(_MOST_MARKS + 1), strict=False)) > _MOST_MARKS:
        raise TooComplex
    if any(len(each.group()) > _MOST_OF_A_FIELD for each in _CONTENT_FIELD.finditer(raw)):
        raise TooComplex
    return BytesParser(policy=compat32).parsebytes(raw)


def fields_of(part: Message) -> Fields:
    found: Fields = {}
    for name, value in part.items():
        found.setdefault(str(name).lower(), []).append(" ".join(str(value).split()))
    return found


def reports_in(mail: Message) -> Iterator[Found]:
    """Reports in the mail itself and in mails inside of it; not those in a mail that a report returns."""
    waiting: list[tuple[Message, int, list[Fields]]] = [(mail, 0, [fields_of(mail)])]
    looked_at = 0
    while waiting and looked_at < _MOST_PARTS:
        part, depth, around = waiting.pop(0)
        looked_at += 1
        kind = part.get_content_type()
        if kind in REPORTS:
            yield Found(kind, _blocks(part), {}, around)
            continue
        children = part.get_payload()
        if not isinstance(children, list) or depth == _MOST_DEPTH:
            continue
        inside = [each for each in children if isinstance(each, Message)]
        told = next((each for each in inside if each.get_content_type() in REPORTS), None)
        if part.is_multipart() and told is not None:
            yield Found(told.get_content_type(), _blocks(told), _returned(inside), around)
            continue
        for each in inside[:_MOST_PARTS]:
            is_mail = kind in _RETURNED
            waiting.append((each, depth + 1, [fields_of(each), *around] if is_mail else around))


def _returned(parts: list[Message]) -> Fields:
    for each in parts:
        if each.get_content_type() not in _RETURNED:
            continue
        inside = each.get_payload()
        if isinstance(inside, list):
            return fields_of(inside[0]) if inside and isinstance(inside[0], Message) else {}
        return fields_of(HeaderParser(policy=compat32).parsestr(_text(each).lstrip("\r\n")))
    return {}


def _blocks(part: Message) -> list[Fields]:
    """Groups of fields, which empty lines part. The parser reads them as mails, all in one or each for itself."""
    inside = part.get_payload()
    if not isinstance(inside, list):
        return _split(_text(part))
    blocks: list[Fields] = []
    for each in inside[:_MOST_BLOCKS]:
        if not isinstance(each, Message):
            continue
        if fields := fields_of(each):
            blocks.append(fields)
        rest = each.get_payload()
        if isinstance(rest, str) and rest.strip():
            encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
            if encoding and not fields:
                each["content-transfer-encoding"] = encoding
            blocks += _split(_text(each))
    return blocks[:_MOST_BLOCKS]


def _split(text: str) -> list[Fields]:
    blocks = (block.lstrip("\r\n") for block in _BLANK_LINE.split(text)[:_MOST_BLOCKS])
    found = (fields_of(HeaderParser(policy=compat32).parsestr(each)) for each in blocks)
    return [fields for fields in found if fields]


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
