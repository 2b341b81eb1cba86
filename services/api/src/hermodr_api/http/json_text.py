"""Reads JSON so that every accepted value is kept exactly, and writes it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Any

import jiter
import orjson

from hermodr_api.errors import MALFORMED, MOST_FLAWS, TOO_LARGE, Flaw, Refused, invalid
from hermodr_contracts import json_values

LONGEST_ITEM = 1024 * 1024
"""Octets of one item of many, the same as for a single request."""
_WEIGHED_AT_ONCE = 100
MOST_OF_ONE = 10
"""Flaws reported for one item of many."""
_BOM = b"\xef\xbb\xbf"
_ESCAPE = b"\\u"
"""Without an escape no text can hold U+0000 or a surrogate: neither is valid as raw UTF-8 JSON."""
_WHITE = b" \t\r\n"
_SURELY_BORNE = 64 * 1024
_PIECE = 64 * 1024
_BORNE_ALWAYS = 4 * 1024 * 1024
_BORNE_FOR_EACH = 8
_CAREFULLY = 2
"""Memory of the careful reader, as a multiple of the fast one's: it builds lists of pairs."""
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},"]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Flawed:
    """One item of many that was refused."""

    flaws: Sequence[Flaw]


def bear(text: bytes, times: int = 1) -> None:
    """Raises `Refused` if the values would take far more memory than the text: `[[],[],…` takes thirty times as much.
    `times`: how much more memory than the fast reader is needed."""
    if _heavy(text, times):
        raise Refused(
            TOO_LARGE, "the body has too many values for its length: they would take too much memory"
        )


def _heavy(text: bytes, times: int = 1) -> bool:
    """Estimated from the delimiters; those inside texts are left out if that matters."""
    bearable = (_BORNE_ALWAYS + _BORNE_FOR_EACH * len(text)) // times
    return len(text) > _SURELY_BORNE and _weight(text) > bearable and _weighs_more(text, bearable)


def _weighs_more(text: bytes, bearable: int) -> bool:
    """Whether it does without its texts: in pieces, each split at its quotes, which is a tenth of what it takes to look
    at text after text."""
    text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    weight = within = 0
    for start in range(0, len(text), _PIECE):
        parts = text[start : start + _PIECE].split(b'"')
        weight += _weight(b"".join(parts[within::2]))
        within ^= (len(parts) - 1) % 2
        if weight > bearable:
            return True
    return False


def _weight(text: bytes) -> int:
    return 96 * (text.count(b",") + text.count(b"[") + text.count(b"{")) + 64 * text.count(b":")


def parse(text: bytes) -> Any:
    """Raises `Refused`: malformed with its position, or invalid with every value that cannot be stored exactly."""
    bear(text)
    document = _read(text, 1)
    if flaws := _flaws(document, _ESCAPE in text, ("body",), MOST_FLAWS + 1):
        raise invalid(*flaws[:MOST_FLAWS], more="and more" if len(flaws) > MOST_FLAWS else "")
    return document


def parse_line(text: bytes, line: int = 1) -> object:
    """One item of many, or `Flawed`. `line` is where the text begins in the upload."""
    if len(text) > LONGEST_ITEM:
        return Flawed([_TOO_LONG])
    try:
        document = _read(text, line)
    except Refused as refused:
        return Flawed([Flaw((), refused.detail)])
    flaws = _flaws(document, _ESCAPE in text, (), MOST_OF_ONE)
    return Flawed(flaws) if flaws else document


def parse_lines(text: bytes, most: int) -> list[object]:
    """The items of NDJSON, each parsed or `Flawed`. Raises `Refused` for more than `most`."""
    lines = ((number, line) for number, line in enumerate(BytesIO(text), 1) if not line.isspace())
    some = list(islice(lines, most + 1))
    if len(some) > most:
        raise _too_many(most)
    return [parse_line(line.removesuffix(b"\n"), number) for number, line in some]


def parse_array(text: bytes, most: int) -> list[object]:
    """The items of an array, each parsed or `Flawed`. Raises `Refused` if it is no array or has more than `most`."""
    if _heavy(text):
        each = _elements(text, most)
        if each is None:
            bear(text)
        else:  # one by one: the fast reader would block all other threads for up to a second
            return [parse_line(element) for element in each]
    try:
        items = _quickly(text)
    except ValueError:  # probably because of one item
        each = _elements(text, most)
        items = _read(text, 1) if each is None else [parse_line(element) for element in each]
    else:
        if isinstance(items, list) and len(items) > most:
            raise _too_many(most)
        texts = _ESCAPE in text
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if flaws := _flaws(item, texts, (), MOST_OF_ONE):
                items[index] = Flawed(flaws)
        if isinstance(items, list) and len(text) > LONGEST_ITEM:
            _weigh(items)
    if not isinstance(items, list):
        raise invalid(Flaw(("body",), "must be an array of notifications (or NDJSON, with its Content-Type)"))
    return items


def _too_many(most: int) -> Refused:
    return Refused(TOO_LARGE, f"a bulk request has at most {most} items")


_TOO_LONG = Flaw((), "is longer than 1 MiB")


def _weigh(items: list[object]) -> None:
    """Replaces items that are too long by `Flawed`. Measures many at once, because hardly any is."""
    for start in range(0, len(items), _WEIGHED_AT_ONCE):
        some = items[start : start + _WEIGHED_AT_ONCE]
        if len(_written(some, 0)) > LONGEST_ITEM:
            for index, item in enumerate(some, start):
                if not isinstance(item, Flawed) and len(_written(item, 0)) > LONGEST_ITEM:
                    items[index] = Flawed([_TOO_LONG])


def dump(value: object) -> str:
    return _written(value, 0).decode()


def canonical(value: object) -> bytes:
    """Equal bytes for equal values, whatever the order, white space and spelling; but `1.0` is not `1`."""
    return _written(value, orjson.OPT_SORT_KEYS)


def _quickly(text: bytes) -> Any:
    return jiter.from_json(text, allow_inf_nan=False, catch_duplicate_keys=True, float_mode="lossless-float")


def _read(text: bytes, line: int) -> Any:
    try:
        return _quickly(text)
    except ValueError:
        return _carefully(text, line)


def _carefully(text: bytes, line: int) -> Any:
    """For what the fast reader refused: finds the reason, or the values that cannot be stored."""
    bear(text, _CAREFULLY)
    try:
        return json_values.read(text.removeprefix(_BOM).decode())
    except json.JSONDecodeError as error:
        where = f"line {line + error.lineno - 1} column {error.colno}"
        said = error.msg.removesuffix(" at")  # as in "Unterminated string starting at"
        reason = f"{said[:1].lower()}{said[1:]} at {where}" if text.strip() else "the body is empty"
        at: tuple[str | int, ...] = ("body", error.pos)
    except UnicodeDecodeError as error:
        reason, at = f"the text is not UTF-8 at octet {error.start + 1} of line {line}", ("body", error.start)
        if b"\n" in text[: error.start]:
            reason = f"the text is not UTF-8 at octet {error.start + 1}"
    except ValueError as error:
        reason, at = str(error), ("body",)
    raise Refused(MALFORMED, reason, [Flaw(at, reason)])


def _flaws(document: object, texts: bool, at: tuple[str | int, ...], most: int) -> list[Flaw]:
    found = json_values.settle(document, jiter.LosslessFloat, texts=texts, most=most)
    return [Flaw((*at, *where), reason) for where, reason in found] if found else []


def _elements(text: bytes, most: int) -> list[bytes] | None:
    """The texts of an array's elements, unparsed; `None` if it is no array. Raises `Refused` for more than `most`."""
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
            if len(found) > most:
                raise _too_many(most)
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
    if isinstance(value, jiter.LosslessFloat):  # an item that is just a number, and is refused later
        return str(value)
    if isinstance(value, Flawed):
        return [[*map(str, flaw.loc), flaw.msg] for flaw in value.flaws]
    raise TypeError(f"{type(value).__name__} is no JSON")
