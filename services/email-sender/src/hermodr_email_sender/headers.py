"""Header fields as bytes: RFC 5322 fields, RFC 2047 encoded words, folded below 78 columns. A value is encoded so that
parsers get back exactly what was given, or refused; nothing is stripped or replaced."""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from hermodr_email_sender.errors import UnsendableMessage

MAX_LINE = 998
FOLD_AT = 76
# 39 octets are 52 base64 characters; with the encoded word's own 12 and "Reply-To: " that makes 74 columns.
_WORD_OCTETS = 39

# Printable ASCII words with single spaces between: needs no encoding and can be folded at any space.
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_LINE_BREAKERS = re.compile(r"[\r\n\x00]")


def refuse_injection(name: str, value: str) -> None:
    """Raises `UnsendableMessage` if `value` could end its header line."""
    if _LINE_BREAKERS.search(value):
        raise UnsendableMessage("header_injection", f"{name} contains a line break or a null character")


def unstructured(name: str, value: str) -> bytes:
    refuse_injection(name, value)
    line = f"{name}: {value}"
    if "=?" not in value and (not value or _PLAIN.fullmatch(value)):
        if len(line) <= FOLD_AT:
            return line.encode("ascii") + b"\r\n"
        folded = _fold(name, value, FOLD_AT)
        if folded is not None:
            return folded
    return f"{name}: {_encoded_words(value)}\r\n".encode("ascii")


def mailbox(name: str, address: str, display_name: str) -> bytes:
    """`address` must be normalized; UTF-8 if it needs SMTPUTF8."""
    if not display_name:
        return f"{name}: {address}\r\n".encode()
    refuse_injection(name, display_name)
    phrase = _phrase(display_name)
    line = f"{name}: {phrase} <{address}>"
    if len(line) > FOLD_AT:
        line = f"{name}: {phrase}\r\n <{address}>"
    return line.encode() + b"\r\n"


def addresses(name: str, of: Iterable[str]) -> bytes:
    """`of` must be normalized; folded behind the commas."""
    lines = [f"{name}:"]
    for address in of:
        if len(lines[-1]) + len(address) + 2 > FOLD_AT and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {address},"
    return "\r\n".join(lines).removesuffix(",").encode() + b"\r\n"


def structured(name: str, value: str) -> bytes:
    """The field of a header whose value has a syntax that encoded words would break: ASCII only."""
    refuse_injection(name, value)
    if not _PLAIN.fullmatch(value):
        raise UnsendableMessage(
            "bad_header_value", f"{name} must be printable ASCII without outer or double spaces"
        )
    folded = _fold(name, value, MAX_LINE)
    if folded is None:
        raise UnsendableMessage("header_too_long", f"{name} does not fit a line of {MAX_LINE} characters")
    return folded


def message_id(value: str) -> bytes:
    if not _MESSAGE_ID.fullmatch(value):
        raise UnsendableMessage("bad_message_id", "the Message-ID is malformed")
    # RFC 5322 allows folding only around it, and many readers do not expect that.
    line = f"Message-ID: {value}"
    if len(line) > MAX_LINE:
        raise UnsendableMessage("header_too_long", f"Message-ID does not fit a line of {MAX_LINE} characters")
    return line.encode("ascii") + b"\r\n"


def date(value: datetime) -> bytes:
    if value.tzinfo is None:
        raise ValueError("the date of a mail must be aware")
    return _date(value.replace(microsecond=0))


@lru_cache(maxsize=64)
def _date(value: datetime) -> bytes:
    return f"Date: {format_datetime(value)}\r\n".encode("ascii")


def _phrase(display_name: str) -> str:
    """The simplest exact form: atoms, quoted string or encoded words."""
    if len(display_name) <= FOLD_AT - len("Reply-To: ") and "=?" not in display_name:
        if _ATOMS.fullmatch(display_name):
            return display_name
        if _PLAIN.fullmatch(display_name):
            escaped = display_name.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
    return _encoded_words(display_name)


def _fold(name: str, value: str, longest_line: int) -> bytes | None:
    """Folds at single spaces, so that unfolding gives `value` back. `None` if a word does not fit a line."""
    first, *rest = value.split(" ")
    lines: list[str] = []
    line = f"{name}: {first}"
    for word in rest:
        if len(line) + 1 + len(word) > FOLD_AT:
            lines.append(line)
            line = ""
        line = f"{line} {word}"
    lines.append(line)
    if max(map(len, lines)) > longest_line:
        return None
    return "\r\n".join(lines).encode("ascii") + b"\r\n"


def _encoded_words(value: str) -> str:
    return "\r\n ".join(
        f"=?utf-8?b?{b2a_base64(chunk, newline=False).decode('ascii')}?=" for chunk in _chunks(utf8(value))
    )


def _chunks(data: bytes) -> Iterator[bytes]:
    """Pieces of at most `_WORD_OCTETS` octets that never split a character (RFC 2047 §5)."""
    start = 0
    while start < len(data):
        end = min(start + _WORD_OCTETS, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        yield data[start:end]
        start = end


def utf8(value: str) -> bytes:
    """Raises `UnsendableMessage` for what UTF-8 cannot express."""
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise UnsendableMessage("unencodable", "a text contains a lone surrogate") from error
