"""Reading JSON so that whatever is accepted is kept exactly, and writing it again."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jiter
import orjson

from hermodr_api.errors import MALFORMED, Flaw, Refused, invalid
from hermodr_contracts import json_values

MOST_FLAWS = 50
LONGEST_ITEM = 1024 * 1024
"""Octets of one document of many: what a request for it alone could have."""
_WEIGHED_AT_ONCE = 100
_BOM = b"\xef\xbb\xbf"
_ESCAPE = b"\\u"
"""Without one no text holds U+0000 or a surrogate: neither can stand in UTF-8 of JSON as it is."""
_WHITE = b" \t\r\n"
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},"]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Flawed:
    """One of many documents that cannot be taken, and why."""

    flaws: Sequence[Flaw]


def parse(text: bytes) -> Any:
    """The document, all of which can be kept. Raises `Refused`: malformed with its position, or invalid with the place
    of each value that cannot be kept."""
    document = _read(text, 1)
    if flaws := _flaws(document, _ESCAPE in text, ("body",)):
        raise invalid(*flaws)
    return document


def parse_line(text: bytes, line: int = 1) -> object:
    """One document of many: it, or `Flawed`. `line` is where in the upload the text begins."""
    if len(text) > LONGEST_ITEM:
        return Flawed([_TOO_LONG])
    try:
        document = _read(text, line)
    except Refused as refused:
        return Flawed([Flaw((), refused.detail)])
    flaws = _flaws(document, _ESCAPE in text, ())
    return Flawed(flaws) if flaws else document


def parse_array(text: bytes) -> list[object]:
    """The documents of an array, each of them or `Flawed`. Raises `Refused` for what is no array of values."""
    try:
        items = _quickly(text)
    except ValueError:  # because of one of them, most likely
        each = _elements(text)
        items = _read(text, 1) if each is None else [parse_line(element) for element in each]
    else:
        texts = _ESCAPE in text
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if flaws := _flaws(item, texts, ()):
                items[index] = Flawed(flaws)
        if isinstance(items, list) and len(text) > LONGEST_ITEM:
            _weigh(items)
    if not isinstance(items, list):
        raise invalid(Flaw(("body",), "must be an array of notifications (or NDJSON, with its Content-Type)"))
    return items


_TOO_LONG = Flaw((), "is longer than 1 MiB")


def _weigh(items: list[object]) -> None:
    """Puts `Flawed` in the place of those that are too long, written without white space. Many at once: a few hundred
    times nothing is found."""
    for start in range(0, len(items), _WEIGHED_AT_ONCE):
        some = items[start : start + _WEIGHED_AT_ONCE]
        if len(_written(some, 0)) > LONGEST_ITEM:
            for index, item in enumerate(some, start):
                if not isinstance(item, Flawed) and len(_written(item, 0)) > LONGEST_ITEM:
                    items[index] = Flawed([_TOO_LONG])


def dump(value: object) -> str:
    """A value that was parsed here, as JSON."""
    return _written(value, 0).decode()


def canonical(value: object) -> bytes:
    """The same for the same value, whatever the order of its members, the white space and the spelling of numbers and
    texts. `1.0` is not `1`: metadata that is read back shows the difference."""
    return _written(value, orjson.OPT_SORT_KEYS)


def _quickly(text: bytes) -> Any:
    return jiter.from_json(text, allow_inf_nan=False, catch_duplicate_keys=True, float_mode="lossless-float")


def _read(text: bytes, line: int) -> Any:
    try:
        return _quickly(text)
    except ValueError:
        return _carefully(text, line)


def _carefully(text: bytes, line: int) -> Any:
    """What the quick reader cannot read: because it is no JSON, or to say which of its values cannot be kept."""
    try:
        return json_values.read(text.removeprefix(_BOM).decode())
    except json.JSONDecodeError as error:
        where = f"line {line + error.lineno - 1} column {error.colno}"
        said = error.msg.removesuffix(" at")  # as of "Unterminated string starting at"
        reason = f"{said[:1].lower()}{said[1:]} at {where}" if text.strip() else "the body is empty"
        at: tuple[str | int, ...] = ("body", error.pos)
    except UnicodeDecodeError as error:
        reason, at = f"the text is not UTF-8 at octet {error.start + 1} of line {line}", ("body", error.start)
        if b"\n" in text[: error.start]:
            reason = f"the text is not UTF-8 at octet {error.start + 1}"
    except ValueError as error:
        reason, at = str(error), ("body",)
    raise Refused(MALFORMED, reason, [Flaw(at, reason)])


def _flaws(document: object, texts: bool, at: tuple[str | int, ...]) -> list[Flaw]:
    found = json_values.settle(document, jiter.LosslessFloat, texts=texts)
    return [Flaw((*at, *where), reason) for where, reason in found[:MOST_FLAWS]] if found else []


def _elements(text: bytes) -> list[bytes] | None:
    """The texts of an array's elements, without a look at what they are; `None` for what is no array."""
    text = text.removeprefix(_BOM).strip(_WHITE)
    if text[:1] != b"[" or text[-1:] != b"]":
        return None
    found, start, depth = [], 1, 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in (b"[", b"{"):
            depth += 1
        elif mark in (b"]", b"}"):
            depth -= 1
        if mark == b'"' or (depth == 0 and token.end() < len(text)):
            return None
        if depth == 0 or (mark == b"," and depth == 1):
            found.append(text[start : token.start()].strip(_WHITE))
            start = token.end()
    return found if depth == 0 and all(found) else None


def _written(value: object, option: int) -> bytes:
    try:
        return orjson.dumps(value, default=_plain, option=option)
    except orjson.JSONEncodeError:  # whole numbers of more than 64 bits
        return json.dumps(
            value,
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            sort_keys=bool(option),
            default=_plain,
        ).encode()


def _plain(value: object) -> object:
    if isinstance(value, jiter.LosslessFloat):  # an item that is nothing else, and refused for it
        return str(value)
    if isinstance(value, Flawed):
        return [[*map(str, flaw.loc), flaw.msg] for flaw in value.flaws]
    raise TypeError(f"{type(value).__name__} is no JSON")
