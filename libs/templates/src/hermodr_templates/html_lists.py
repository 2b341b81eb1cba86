"""The numbers of list items (HTML standard, 4.4.5 and 4.4.8)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from selectolax.lexbor import LexborNode

from hermodr_templates.html_hints import Hints

_DEEPEST_INDENT = 8
_INTEGER = re.compile(r"[ \t\n\f\r]*([+-]?[0-9]{1,9})(?![0-9])")
_TYPES = {"1": "decimal", "a": "lower-alpha", "A": "upper-alpha", "i": "lower-roman", "I": "upper-roman"}
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
Attributes = Mapping[str, str | None]


class Numbering:
    def __init__(self, node: LexborNode, tag: str, attributes: Attributes, hint: Hints) -> None:
        self._style = hint.list_style or _TYPES.get(
            attributes.get("type") or "", "" if tag != "ol" else "decimal"
        )
        self._counts = tag == "ol"
        self._step = -1 if self._counts and "reversed" in attributes else 1
        start = _integer(attributes.get("start"))
        if start is None:
            start = _items(node) if self._step < 0 else 1
        self._next = start

    def marker(self, attributes: Attributes, hint: Hints, depth: int) -> str:
        value = _integer(attributes.get("value")) if self._counts else None
        number = self._next if value is None else value
        self._next = number + self._step
        style = hint.list_style or _TYPES.get(attributes.get("type") or "", self._style)
        indent = "  " * min(depth, _DEEPEST_INDENT)
        if style == "none":
            return indent
        if style in ("", "disc", "circle", "square"):
            return f"{indent}- "
        return f"{indent}{_written(number, style)}. "


def _items(node: LexborNode) -> int:
    count, child = 0, node.first_child
    while child is not None:
        count += child.tag == "li"
        child = child.next
    return count


def _integer(text: str | None) -> int | None:
    found = _INTEGER.match(text) if text else None
    return int(found[1]) if found else None


def _written(number: int, style: str) -> str:
    kind = style.partition("-")
    if number < 1 or not kind[1]:
        return str(number)
    letters = _letters(number) if kind[2] in ("alpha", "latin") else _roman(number)
    return letters.upper() if kind[0] == "upper" else letters


def _letters(number: int) -> str:
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return letters


def _roman(number: int) -> str:
    if number > 3999:
        return str(number)
    letters = ""
    for value, digit in _ROMAN:
        letters += digit * (number // value)
        number %= value
    return letters
