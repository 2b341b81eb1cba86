"""How values look in a mail. Numbers have no exponent, `null` prints nothing, booleans are printed as in JSON; lists,
objects and values of the template language are refused."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from types import FrameType

from jinja2 import Undefined
from jinja2.runtime import BlockReference, LoopContext, Macro, TemplateReference
from jinja2.utils import Namespace
from markupsafe import Markup

from hermodr_templates.decimals import written
from hermodr_templates.limits import check_size, current
from hermodr_templates.mistakes import Mistake

REMARKABLE = {None: "null is printed as nothing", True: "true is printed", False: "false is printed"}
_LISTS = (list, tuple, set, frozenset, range, Iterator)


def printed(value: object) -> str:
    """Called for every value that goes into the text. Raises `Mistake`."""
    kind = type(value)
    if kind is str or kind is Markup:
        current().text(len(value))  # type: ignore[arg-type]
        return value  # type: ignore[return-value]
    text = as_text(value)
    current().text(len(text))
    return text


def as_text(value: object) -> str:
    """The value as it is printed. Raises `Mistake`; `UndefinedError` if it is missing."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        _remark(REMARKABLE[value])
        return "" if value is None else "true" if value else "false"
    if isinstance(value, int):
        check_size(value)
        return str(value)
    if isinstance(value, Decimal):
        return written(value)
    if isinstance(value, Undefined):
        return str(value)  # raises
    if isinstance(value, float):  # only infinities and NaN: the others are decimals by now
        raise Mistake("not a finite number")
    raise Mistake(_reason(value))


def _reason(value: object) -> str:
    if isinstance(value, dict):
        return "an object cannot be printed: name one of its values, or use |tojson"
    if isinstance(value, _LISTS) and not isinstance(value, LoopContext):
        return "a list cannot be printed: loop over it, or use |join(', ')"
    return unprintable(value) or "a part of the template language cannot be printed"


def unprintable(value: object) -> str | None:
    """Why a function or another object of the template language is no text; its name, never its place in memory."""
    if isinstance(value, LoopContext):
        return "loop cannot be printed: name one of its values, like loop.index"
    if isinstance(value, Macro):
        return f"{value.name} is a macro and cannot be printed: call it by {value.name}()"
    if isinstance(value, TemplateReference):
        return "self cannot be printed: name a block and call it, like self.footer()"
    if isinstance(value, BlockReference):
        return f"self.{value.name} is a block and cannot be printed: call it by self.{value.name}()"
    if isinstance(value, Namespace):
        return "a namespace cannot be printed: name one of its values"
    if callable(value) and (name := getattr(value, "__name__", "").strip("_").lower()):
        return f"{name} is a function and cannot be printed: call it, or give the data a value of that name"
    return None


def _remark(words: str) -> None:
    """Notes what the author may not have meant, and where."""
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
