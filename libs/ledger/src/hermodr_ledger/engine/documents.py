"""JSON of a row as Python values. Odd JSON, written by SQL by hand, is shown as well as possible."""

import json
import math
from typing import Any

from hermodr_contracts.json_values import settle
from hermodr_contracts.limits import DEEPEST, MOST_DIGITS

Object = dict[str, Any]


def value_of(text: str | None) -> Any:
    """Numbers beyond our limits become texts; `None` for what is nested too deeply."""
    if text is None:
        return None
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_fraction)
    except RecursionError:
        return None
    return None if text.count("[") + text.count("{") > DEEPEST and settle(value, texts=False) else value


def object_of(text: str | None) -> Object:
    """An empty object for anything else."""
    value = value_of(text)
    return value if isinstance(value, dict) else {}


def objects_of(text: str | None) -> list[Object]:
    value = value_of(text)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _whole(literal: str) -> int | str:
    return int(literal) if len(literal.lstrip("-")) <= MOST_DIGITS else literal


def _fraction(literal: str) -> float | str:
    value = float(literal)
    return value if math.isfinite(value) else literal
