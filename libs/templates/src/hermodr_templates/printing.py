"""How values look in a mail. A reader expects a text or a number; Python's names for things are nothing for readers.

Texts and numbers are printed as they are, numbers without an exponent. `null` prints nothing, as in Liquid, Handlebars
and Mustache; a boolean prints as JSON has it. Lists and objects have no one form that everybody expects, so they are
refused, as is whatever belongs to the template language.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import FrameType

from jinja2 import Undefined
from jinja2.runtime import LoopContext
from markupsafe import Markup

from hermodr_templates.limits import check_size, current

REMARKABLE = {None: "null is printed as nothing", True: "true is printed", False: "false is printed"}
_LISTS = (list, tuple, set, frozenset, range, Iterator)


class Unprintable(Exception):
    """A value that has no form for readers. The message says what to do instead, never the value."""


def printed(value: object) -> str:
    """Called for every value on its way into the text. Raises `Unprintable`."""
    kind = type(value)
    if kind is str or kind is Markup:
        current().text(len(value))  # type: ignore[arg-type]
        return value  # type: ignore[return-value]
    text = as_text(value)
    current().text(len(text))
    return text


def as_text(value: object) -> str:
    """The value as a reader expects it: what is printed, and what filters of text are given. Raises `Unprintable`, and
    `UndefinedError` for what is missing."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        _remark(REMARKABLE[value])
        return "" if value is None else "true" if value else "false"
    if isinstance(value, int):
        check_size(value)
        return str(value)
    if isinstance(value, float):
        return _decimal(value)
    if isinstance(value, Undefined):
        return str(value)  # raises
    raise Unprintable(_reason(value))


def _decimal(number: float) -> str:
    """The shortest digits that mean this number, none of them an exponent."""
    text = repr(number)
    if "e" in text:
        return format(Decimal(text), "f")
    if not math.isfinite(number):
        raise Unprintable("not a finite number")
    return text


def _reason(value: object) -> str:
    if isinstance(value, dict):
        return "an object cannot be printed: name one of its values, or use |tojson"
    if isinstance(value, _LISTS) and not isinstance(value, LoopContext):
        return "a list cannot be printed: loop over it, or use |join(', ')"
    return "a function or another part of the template language cannot be printed"


def formattable(value: object) -> object:
    """For printf-style formats, which take numbers as numbers and all else as text."""
    if isinstance(value, bool):
        return _Flag(value)
    if isinstance(value, float):
        return _Float(value)
    return value if type(value) is int else as_text(value)


class _Flag(int):
    def __str__(self) -> str:
        return as_text(bool(self))


class _Float(float):
    def __str__(self) -> str:
        return as_text(float(self))


_ARITHMETIC: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}


def computed(operator: str, left: object, right: object) -> float | None:
    """What people get who compute with the decimal fractions they see: 0.1 + 0.2 is 0.3. `None` where there are none,
    or no finite ones."""
    if not (isinstance(left, float) or isinstance(right, float)):
        return None
    if not (isinstance(left, int | float) and isinstance(right, int | float)) or operator not in _ARITHMETIC:
        return None
    if not (math.isfinite(left) and math.isfinite(right)) or (operator == "/" and not right):
        return None
    return float(_ARITHMETIC[operator](Decimal(repr(left + 0)), Decimal(repr(right + 0))))


def _remark(words: str) -> None:
    """Notes that somebody may not have meant this, and where, if anybody wants to know."""
    remarks = current().remarks
    if remarks is None:
        return
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if (template := frame.f_globals.get("__jinja_template__")) is not None:
            line = template.get_corresponding_lineno(frame.f_lineno)
            remarks.append(f"{frame.f_code.co_filename}, line {line}: {words}")
            return
        frame = frame.f_back
