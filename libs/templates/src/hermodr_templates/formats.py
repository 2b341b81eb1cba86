"""printf-style formats, `'%.2f'|format(price)`: numbers are formatted by their decimal digits, all else is text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from markupsafe import Markup

from hermodr_templates.decimals import in_full, whole
from hermodr_templates.limits import TemplateLimitExceeded, check_text
from hermodr_templates.mistakes import Mistake
from hermodr_templates.printing import as_text

_WIDE_FORMAT = re.compile(r"\*|\d{4}")
_SPEC = re.compile(
    r"%(?:\((?P<name>[^)]*)\))?(?P<flags>[#0\- +]*)(?P<width>\d*)(?:\.(?P<places>\d*))?[hlL]?(?P<kind>.?)",
    re.DOTALL,
)
_OF_NUMBERS, _OF_TEXT, _OTHER = "diouxXeEfFgG", "rsa", "c"
_DEFAULT_PLACES = 6
_REMEMBERED = 200


class _Spec(NamedTuple):
    """One `%` place. `places` is `None` if not given; `plain` is the same place in Python's format language."""

    name: str | None
    flags: str
    width: int
    places: int | None
    kind: str
    plain: str


def formatted(value: str, *args: object, **kwargs: object) -> str:
    """The filter `format`; named values by keyword, as in Jinja. If the format is safe text, values are escaped."""
    if args and kwargs:
        raise Mistake("the format is given values and named values")
    places = value.count("%")
    for each in (*args, *kwargs.values()):
        if isinstance(each, str):
            check_text(places * len(each))
    kind = Markup if isinstance(value, Markup) else str
    rest = iter(args)
    made: list[str] = []
    length = 0
    for piece in (_parsed if len(value) <= _REMEMBERED else _read)(str(value)):
        made.append(piece if isinstance(piece, str) else _piece(piece, _given(piece, rest, kwargs), kind))
        length += len(made[-1])
        check_text(length)
    if next(rest, rest) is not rest:
        raise Mistake("the format has fewer places than values")
    return kind("".join(made))


def _read(text: str) -> tuple[str | _Spec, ...]:
    if _WIDE_FORMAT.search(text):
        raise TemplateLimitExceeded("too wide a format")
    pieces: list[str | _Spec] = []
    position = 0
    for found in _SPEC.finditer(text):
        pieces.append(text[position : found.start()])
        position = found.end()
        kind = found["kind"]
        if kind == "%":
            pieces.append("%")
        elif kind and kind in _OF_NUMBERS + _OF_TEXT + _OTHER:
            places = None if found["places"] is None else int(found["places"] or 0)
            plain = f"%{found['flags']}{found['width']}{'' if places is None else f'.{places}'}"
            plain += "s" if kind in _OF_TEXT else kind
            pieces.append(_Spec(found["name"], found["flags"], int(found["width"] or 0), places, kind, plain))
        else:
            raise Mistake("what stands after a % of the format is none; write %% for a percent sign")
    return *pieces, text[position:]


_parsed = lru_cache(maxsize=256)(_read)


def _given(spec: _Spec, rest: Iterator[object], named: dict[str, object]) -> object:
    if spec.name is None:
        given = next(rest, rest)
        if given is rest:
            raise Mistake("the format has more places than values")
        return given
    if spec.name not in named:
        raise Mistake(f"the format lacks the value {spec.name if spec.name.isidentifier() else 'of a name'}")
    return named[spec.name]


def _piece(spec: _Spec, value: object, kind: type[str]) -> str:
    if spec.kind in _OF_TEXT:
        return kind(spec.plain) % (as_text(value),)
    if not isinstance(value, int | Decimal):
        text = as_text(value)  # raises if it is missing
        if spec.kind in _OF_NUMBERS:
            raise Mistake(f"%{spec.kind} wants a number, not a text; |float makes one of it")
        value = text
    if spec.kind in "fF" and not isinstance(value, str):
        return _number(spec, in_full(value, _DEFAULT_PLACES if spec.places is None else spec.places))
    try:
        return kind(spec.plain) % (_pythons(value, spec.kind),)
    except (TypeError, OverflowError):
        raise Mistake(f"%{spec.kind} has no form for this value") from None


def _number(spec: _Spec, digits: str) -> str:
    if not spec.flags:
        return digits.rjust(spec.width)
    sign = "-" if digits[0] == "-" else "+" if "+" in spec.flags else " " if " " in spec.flags else ""
    digits = digits.removeprefix("-")
    if "-" in spec.flags:
        return (sign + digits).ljust(spec.width)
    if "0" in spec.flags:
        return sign + digits.rjust(spec.width - len(sign), "0")
    return (sign + digits).rjust(spec.width)


def _pythons(value: Any, form: str) -> Any:
    if form in "eEgG":
        if math.isinf(made := float(value)):  # only for a Decimal: for an int, `float` raises
            raise OverflowError
        return made
    if isinstance(value, Decimal):
        return int(value) if form in "diu" else whole(value)
    return value
