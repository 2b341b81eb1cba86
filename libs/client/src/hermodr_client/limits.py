"""Limits of JSON values; a copy of `hermodr_contracts.limits`, held equal by a test."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

DEEPEST = 100
"""Levels of objects and arrays, below the request's own."""
MOST_DIGITS = 4_300
"""In a whole number."""

_MOST_NAMES = 10
_FIRST_TOO_LONG = 10**MOST_DIGITS


def flaw_of(document: object) -> str | None:
    """Why a request cannot be sent unaltered, with the place: `data.cart.2: …`; `None` if it can."""
    found = next(_flaws(document, (), ()), None)
    return None if found is None else ": ".join(filter(None, (_place(found[0]), found[1])))


def _flaws(value: Any, at: tuple[str, ...], within: tuple[int, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        if reason := _flaw_of_text(value):
            yield at, reason
    elif isinstance(value, int):
        if not -_FIRST_TOO_LONG < value < _FIRST_TOO_LONG:
            yield at, f"is a whole number of more than {MOST_DIGITS} digits"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield at, "is no number that JSON has"
    elif isinstance(value, Mapping | list | tuple):
        if id(value) in within:
            yield at, "contains itself"
            return
        if len(within) > DEEPEST:
            yield at, f"is nested more than {DEEPEST} levels deep"
            return
        for name, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            if isinstance(value, Mapping):
                if not isinstance(name, str):
                    yield at, f"names of members are texts, not {type(name).__name__}"
                elif reason := _flaw_of_text(name):
                    yield at, f"a name {reason}"
            yield from _flaws(inner, (*at, _shown(str(name))), (*within, id(value)))
    elif isinstance(value, datetime):
        if value.utcoffset() is None:
            yield at, "a moment needs its UTC offset: datetime.now(UTC), or replace(tzinfo=…)"
    elif value is not None and not isinstance(value, UUID):
        yield at, f"{type(value).__name__} cannot be said in JSON: make it a text, a number, a list or a dict"


def _flaw_of_text(text: str) -> str | None:
    if "\0" in text:
        return "holds a null byte (U+0000)"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, as of a cut emoji, which is no character"
    return None


def _place(at: tuple[str, ...]) -> str:
    names = at if len(at) <= _MOST_NAMES else (*at[:_MOST_NAMES], "…")
    return ".".join(names)


def _shown(name: str) -> str:
    return name[:40].encode("utf-8", "backslashreplace").decode()
