"""Reading JSON so that whatever is accepted can be stored: no null bytes, no depth that cannot be written again."""

from typing import Any

import orjson

from hermodr_api.errors import MALFORMED, Flaw, Refused, invalid

_ESCAPED_NUL = b"\\u0000"


def parse(text: bytes, *, refuse_null_bytes: bool = True, line: int = 1) -> Any:
    """The document. Raises `Refused`: malformed with its position, or invalid for null bytes. `line` is where in the
    upload the text begins."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        where = f"line {line + error.lineno - 1} column {error.colno}"
        reason = f"{error.msg} at {where}" if text else "the body is empty"
        raise Refused(MALFORMED, reason, [Flaw(("body", error.pos), reason)]) from None
    if refuse_null_bytes and _ESCAPED_NUL in text:
        flaws = null_bytes(document)
        if flaws:
            raise invalid(*flaws)
    return document


def may_hold_null_bytes(text: bytes) -> bool:
    """Whether looking for them with `null_bytes` is worth the while."""
    return _ESCAPED_NUL in text


def null_bytes(document: object, loc: tuple[str | int, ...] = ("body",)) -> list[Flaw]:
    """A flaw for each string that holds U+0000, which PostgreSQL cannot store."""
    flaws = []
    waiting: list[tuple[tuple[str | int, ...], object]] = [(loc, document)]
    while waiting:  # not recursion: a document may be nested deeper than Python's stack
        where, value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value:
                flaws.append(Flaw(where, "must not contain a null byte"))
        elif isinstance(value, dict):
            waiting.extend(((*where, key.replace("\0", "\\u0000")), inner) for key, inner in value.items())
            waiting.extend(((*where, key.replace("\0", "\\u0000")), key) for key in value if "\0" in key)
        elif isinstance(value, list):
            waiting.extend(((*where, index), inner) for index, inner in enumerate(value))
    return flaws


def dump(value: object) -> str:
    """The value as JSON. Raises `ValueError` for nesting deeper than can be written."""
    try:
        # two levels more than asked for: what is written here must also fit where it is put
        return orjson.dumps([[value]])[2:-2].decode()
    except orjson.JSONEncodeError as error:
        raise ValueError("is nested too deeply") from error
