"""JSON values that are kept exactly, and what is wrong with those that cannot be (`limits`)."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from hermodr_contracts.limits import DEEPEST, MOST_DIGITS, WHOLE_FROM

Path = tuple[str | int, ...]

TOO_DEEP = f"is nested more than {DEEPEST} levels deep"
TOO_LONG = f"is a whole number of more than {MOST_DIGITS} digits"
BEYOND = "is beyond the numbers of IEEE double precision"
TOO_FINE = "has more digits than a number with a fraction keeps (IEEE double precision); give it as a text"
NUL = "must not contain a null byte (U+0000)"
SURROGATE = "holds half of a surrogate pair, as of a cut emoji, which is no character"
TWICE = "is given twice"

_SURELY_KEPT = 16
"""Characters of a literal without an exponent: at most 15 digits, which every double holds (DBL_DIG of IEEE 754)."""


@dataclass(frozen=True, slots=True)
class Unkeepable:
    """Stands for a value that cannot be kept; `below` is the rest of the path to it."""

    reason: str
    below: Path = ()


def read(text: str) -> Any:
    """The document, with `Unkeepable` for what cannot be kept. Raises `ValueError`, `json.JSONDecodeError` with a
    position."""
    try:
        return json.loads(
            text,
            parse_int=_whole,
            parse_float=number,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except RecursionError:
        return Unkeepable(TOO_DEEP)


def number(literal: str) -> int | float | Unkeepable:
    """The exact number for a literal with a fraction or an exponent, or `Unkeepable`."""
    value = float(literal)
    if len(literal) <= _SURELY_KEPT and "e" not in literal and "E" not in literal:
        return value
    if math.isinf(value):
        return Unkeepable(BEYOND)
    try:
        exact = Decimal(literal) if len(literal) <= MOST_DIGITS else None
    except InvalidOperation:  # an absurd exponent
        exact = None
    if exact is None or Decimal(repr(value)) != exact:
        return Unkeepable(TOO_FINE)
    return int(exact) if abs(value) >= WHOLE_FROM else value


def settle(
    document: object, literals: type | None = None, *, texts: bool = True, most: int = 100
) -> list[tuple[Path, str]]:
    """Paths and reasons of the first `most` values that cannot be kept. `literals`: a reader's type for numbers left as
    written, which are replaced. `texts=False` skips texts. `DEEPEST` counts below the document."""
    if _sound(document, 0, literals, texts):
        return []
    return list(itertools.islice(_look(document, (), 0), most))


def flaw_of_text(text: str) -> str | None:
    """Why a text cannot be kept, else `None`."""
    if "\0" in text:
        return NUL
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return SURROGATE
    return None


def _sound(value: Any, depth: int, literals: type | None, texts: bool) -> bool:
    """Whether all of it can be kept: the fast check. Turns literals into numbers."""
    kind = type(value)
    if kind is dict:
        if texts and not all(flaw_of_text(key) is None for key in value):
            return False
        members = value.items()
    elif kind is list:
        members = enumerate(value)
    else:
        return kind is not Unkeepable and (kind is not str or flaw_of_text(value) is None)
    sound = depth <= DEEPEST
    for key, inner in members if sound else ():
        kind = type(inner)
        if kind is str:
            if texts and flaw_of_text(inner) is not None:
                sound = False
        elif kind is dict or kind is list:
            sound = _sound(inner, depth + 1, literals, texts) and sound
        elif kind is literals:
            value[key] = made = number(str(inner))
            sound = sound and type(made) is not Unkeepable
        elif kind is Unkeepable:
            sound = False
    return sound


def _look(value: Any, at: Path, depth: int) -> Iterator[tuple[Path, str]]:
    if isinstance(value, Unkeepable):
        yield (*at, *value.below), value.reason
    elif isinstance(value, str):
        if reason := flaw_of_text(value):
            yield at, reason
    elif isinstance(value, dict | list) and depth > DEEPEST:
        yield at[:1], TOO_DEEP  # a path of a hundred steps is of no use
    elif isinstance(value, dict):
        for key, inner in value.items():
            if reason := flaw_of_text(key):
                yield (*at, key), reason
            yield from _look(inner, (*at, key), depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _look(inner, (*at, index), depth + 1)


def _whole(literal: str) -> int | Unkeepable:
    return int(literal) if len(literal.lstrip("-")) <= MOST_DIGITS else Unkeepable(TOO_LONG)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any] | Unkeepable:
    made = dict(members)
    if len(made) == len(members):
        return made
    seen: set[str] = set()
    twice = next(name for name, _ in members if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return Unkeepable(TWICE, (twice,))
