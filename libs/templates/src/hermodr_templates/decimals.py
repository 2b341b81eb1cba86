"""Exact numbers: 0.1 + 0.2 is 0.3. Whole numbers are `int`, all others `Decimal`. Sums, differences and products keep
up to `MOST_DIGITS` digits; quotients keep 28, or ten after the point. Halves round away from zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import Any

from jinja2 import Undefined

from hermodr_contracts.limits import DEEPEST, MOST_DIGITS
from hermodr_templates.limits import TemplateLimitExceeded, check_size
from hermodr_templates.mistakes import Mistake, kind_of

_TRAPS = [InvalidOperation, DivisionByZero, Overflow]
_EXACT = Context(MOST_DIGITS, ROUND_HALF_UP, traps=_TRAPS)
_ROUNDING = Context(3 * MOST_DIGITS, ROUND_HALF_UP, traps=_TRAPS)
_UNEVEN, _PLACES = 28, 10
_METHODS = {"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
_MOST_PLACES = 1000
_WHOLE_FROM = 16  # digits: a number of the data that is this long counts as whole, however it is written


def exact(value: Any, depth: int = 0) -> Any:
    """The data with each `float` as the `Decimal` of its shortest digits; the same object if it holds none."""
    changed: Any = None
    if depth <= DEEPEST:
        for key, each in value.items() if type(value) is dict else enumerate(value):
            kind = type(each)
            if kind is float:
                made = Decimal(repr(each)) if math.isfinite(each) else each
            elif kind is dict or kind is list:
                made = exact(each, depth + 1)
            else:
                continue
            if made is not each:
                changed = value.copy() if changed is None else changed
                changed[key] = made
    return value if changed is None else changed


def written(number: Decimal) -> str:
    """The number without an exponent, with at least one digit after the point and no other trailing zeros."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0")
        text = text + "0" if text[-1] == "." else text
    elif number.adjusted() < _WHOLE_FROM:
        text += ".0"
    return text if number else "0.0"


def in_full(number: int | Decimal, places: int) -> str:
    """The number with exactly `places` digits after the point."""
    exponent = Decimal((0, (1,), -places))
    made = Decimal(number).quantize(exponent, ROUND_HALF_UP, _ROUNDING)
    return format(_ROUNDING.plus(made), "f")  # no minus sign before zeros


def computed(operator: str, left: object, right: object) -> Decimal | None:
    """The result for two numbers; `None` where Python computes with `int`, and for values that are not numbers."""
    if not (isinstance(left, int | Decimal) and isinstance(right, int | Decimal)):
        return None
    whole = not (isinstance(left, Decimal) or isinstance(right, Decimal))
    if operator not in _OPERATORS or (whole and not (operator == "/" or (operator == "**" and right < 0))):
        return None
    if not right and operator in ("/", "//", "%"):
        raise ZeroDivisionError
    return _OPERATORS[operator](Decimal(left), Decimal(right))


def signed(operator: str, value: object) -> Decimal | None:
    """`-value` or `+value`; `None` unless it is a `Decimal`."""
    if not isinstance(value, Decimal):
        return None
    return value.copy_negate() if operator == "-" else value


def number(value: object, what: str) -> int | Decimal:
    """`value`; `what` names who asks for it in the error. Raises `Mistake` if it is no number."""
    if isinstance(value, int | Decimal):
        return value
    if isinstance(value, Undefined):
        str(value)  # raises and names it
    raise Mistake(f"{what} wants a number, not {kind_of(value)}")


def of_text(text: str) -> Decimal | None:
    """The finite number written in `text`, else `None`."""
    try:
        made = Decimal(text)
    except InvalidOperation:
        return None
    return made if made.is_finite() else None


def to_float(value: object, default: object = Decimal("0.0")) -> object:
    """The filter `float`: the number, or the one written in a text, else `default`."""
    made = of_text(value) if isinstance(value, str) else value
    return Decimal(made) if isinstance(made, int | Decimal) else default


def to_int(value: object, default: object = 0, base: int = 10) -> object:
    """The filter `int`: the part before the point, also of a number written in a text, else `default`."""
    made = value
    if isinstance(value, str):
        try:
            return int(value, base)
        except ValueError:
            made = of_text(value)
    if isinstance(made, Decimal):
        check_size(made)
    return int(made) if isinstance(made, int | Decimal) else default


def absolute(value: object) -> int | Decimal:
    given = number(value, "|abs")
    return given.copy_abs() if isinstance(given, Decimal) else abs(given)


def rounded(value: object, precision: object = 0, method: str = "common") -> int | Decimal:
    """The filter `round`; `method` is `common` (half away from zero), `ceil` or `floor`."""
    given, places = number(value, "|round"), int(number(precision, "the precision of |round"))
    if abs(places) > _MOST_PLACES:
        raise TemplateLimitExceeded("too large a number")
    if method not in _METHODS:
        raise Mistake("the method of |round is common, ceil or floor")
    if isinstance(given, int) and places >= 0:
        return given
    made = Decimal(given).quantize(Decimal((0, (1,), -places)), _METHODS[method], _ROUNDING)
    return int(made) if isinstance(given, int) else _ROUNDING.plus(made)


def divisible(value: object, by: object) -> bool:
    left, right = number(value, "`is divisibleby`"), number(by, "`is divisibleby`")
    if not right:
        raise ZeroDivisionError
    return not _modulo(Decimal(left), Decimal(right))


def odd(value: object) -> bool:
    return _modulo(Decimal(number(value, "`is odd`")), Decimal(2)) == 1


def even(value: object) -> bool:
    return not _modulo(Decimal(number(value, "`is even`")), Decimal(2))


def whole(value: object) -> object:
    """An `int` for a `Decimal` without a fraction: places and lengths may be computed."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


def _divided(left: Decimal, right: Decimal) -> Decimal:
    places = left.adjusted() - right.adjusted() + 2 + _PLACES
    digits = max(_UNEVEN, places, len(left.as_tuple().digits))
    return Context(min(digits, MOST_DIGITS), ROUND_HALF_UP, traps=_TRAPS).divide(left, right)


def _modulo(left: Decimal, right: Decimal) -> Decimal:
    """The remainder with the sign of `right`, as with Python's whole numbers."""
    rest = _ROUNDING.remainder(left, right)
    return _EXACT.add(rest, right) if rest and rest.is_signed() != right.is_signed() else rest


def _floored(left: Decimal, right: Decimal) -> Decimal:
    return _ROUNDING.divide_int(_ROUNDING.subtract(left, _modulo(left, right)), right)


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if not base:
        if exponent < 0:
            raise ZeroDivisionError
        return Decimal(0 if exponent else 1)
    if exponent != exponent.to_integral_value():
        if base < 0:
            raise Mistake("a negative number has no such power")
        return Context(_UNEVEN, ROUND_HALF_UP, traps=_TRAPS).power(base, exponent)
    if exponent < 0:
        return _divided(Decimal(1), _power(base, -exponent))
    digits = len(base.as_tuple().digits) * int(exponent)
    return Context(min(max(_UNEVEN, digits), MOST_DIGITS), ROUND_HALF_UP, traps=_TRAPS).power(base, exponent)


_OPERATORS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": _EXACT.add,
    "-": _EXACT.subtract,
    "*": _EXACT.multiply,
    "/": _divided,
    "//": _floored,
    "%": _modulo,
    "**": _power,
}
