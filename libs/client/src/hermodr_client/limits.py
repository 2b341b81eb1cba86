"""What Hermodr keeps of a JSON value; a copy of `hermodr_contracts.limits`, which a test holds equal to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

DEEPEST = 100
"""Objects and arrays within one another, below the request's own."""
MOST_DIGITS = 4_300
"""Of a whole number."""

_FIRST_TOO_LONG = 10**MOST_DIGITS


def flaw_of(document: object) -> str | None:
    """Why a request cannot be sent as it is given, with the place: `data.cart.2: …`; `None`: it arrives unaltered.
    What JSON cannot say at all is left to the encoder."""
    found = next(_flaws(document, (), 0), None)
    return None if found is None else ": ".join(filter(None, (".".join(found[0]), found[1])))


def _flaws(value: Any, at: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], str]]:
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
        if depth > DEEPEST:
            yield at, f"is nested more than {DEEPEST} levels deep"
            return
        for name, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
            if isinstance(value, Mapping):
                if not isinstance(name, str):
                    yield at, f"names of members are texts, not {type(name).__name__}"
                elif reason := _flaw_of_text(name):
                    yield at, f"a name {reason}"
            yield from _flaws(inner, (*at, _shown(str(name))), depth + 1)


def _flaw_of_text(text: str) -> str | None:
    if "\0" in text:
        return "holds a null byte (U+0000)"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, as of a cut emoji, which is no character"
    return None


def _shown(name: str) -> str:
    return name[:40].encode("utf-8", "backslashreplace").decode()
