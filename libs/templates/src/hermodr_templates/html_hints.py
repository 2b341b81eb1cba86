"""What attributes and inline styles say about how an element is shown, as far as a text can show it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

_KEPT = 512
"""Characters of the longest style that is cached: mails repeat their styles."""
_NUMBER = re.compile(r"\+?(\d+\.?\d*|\.\d+)([a-z%]*)")
_SHORTHAND = re.compile(r"(?:^|\s)(\d+\.?\d*|\.\d+)(px|pt|r?em|%)?(?=\s|/)")
_NEGATIVE = re.compile(r"-(\d+\.?\d*|\.\d+)([a-z%]*)")
_FAR = 900.0
"""Pixels. Mails are usually 600 wide: an element moved this far is out of sight."""
_NO_COLOUR = re.compile(
    r"(?:rgb|hsl)a?\((?:(?:[^,()]+,){3}|[^,()]+/)\s*0*\.?0+%?\s*\)|#[0-9a-f]{3}0|#[0-9a-f]{6}00"
)
_NO_CLIP = re.compile(r"rect\(\s*([01])(?:px)?(?:[\s,]+\1(?:px)?){3}\s*\)")
_NO_INSET = re.compile(r"inset\(\s*(?:50|100)%\s*\)|circle\(\s*0(?:px|%)?\s*\)")
_FIXED = {"px": 1.0, "pt": 4 / 3, "": 1.0, "rem": 16.0, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78}
_DISPLAYS = (
    dict.fromkeys(
        ("block", "flex", "flow-root", "grid", "list-item", "table", "table-caption", "table-row"), "block"
    )
    | dict.fromkeys(("inline-block", "inline-flex", "inline-grid", "inline-table", "table-cell"), "apart")
    | {"inline": "inline"}
)
_SPACES = {
    "pre": "pre",
    "pre-wrap": "pre",
    "break-spaces": "pre",
    "pre-line": "pre-line",
    "normal": "",
    "nowrap": "",
}
_LIST_STYLES = frozenset(
    (
        "none", "disc", "circle", "square", "decimal", "lower-alpha", "lower-latin", "upper-alpha", "upper-latin",
        "lower-roman", "upper-roman",
    )
)  # fmt: skip


class Hints(NamedTuple):
    """`display`: `block`, `inline`, `apart` (inline, but not part of the word beside it) or empty (the tag decides).
    `tiny`, `invisible`, `clear` (in a colour that cannot be seen) and `space` are inherited when `None`. `space`:
    `pre`, `pre-line` or empty (blanks collapse). `flat`: without margins. `struck`: struck through."""

    hidden: bool = False
    display: str = ""
    tiny: bool | None = None
    invisible: bool | None = None
    space: str | None = None
    flat: bool = False
    list_style: str = ""
    clear: bool | None = None
    struck: bool = False

    def inherited(self, outside: tuple[bool, bool, bool]) -> tuple[bool, bool, bool]:
        if self.tiny is None and self.invisible is None and self.clear is None:
            return outside
        tiny, invisible, clear = outside
        return (
            tiny if self.tiny is None else self.tiny,
            invisible if self.invisible is None else self.invisible,
            clear if self.clear is None else self.clear,
        )


NONE = Hints()
_TELLING = frozenset({"aria-hidden", "hidden", "style"})


def hints(attributes: Mapping[str, str | None]) -> Hints:
    """Of one element. `hidden` and `aria-hidden="true"` hide it; `mso-hide` does not: only Outlook obeys that."""
    if _TELLING.isdisjoint(attributes):
        return NONE
    if "hidden" in attributes or (attributes.get("aria-hidden") or "").strip().lower() == "true":
        return Hints(hidden=True)
    style = attributes.get("style")
    if not style:
        return NONE
    return _remembered(style) if len(style) <= _KEPT else _styled(style)


def _styled(style: str) -> Hints:
    found: dict[str, str] = {}
    for declaration in style.split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            found[name.strip().lower()] = value.lower().replace("!important", "").strip()
    display = found.get("display", "")
    return Hints(
        hidden=display == "none" or _zero(found.get("opacity")) or _clipped(found) or _elsewhere(found),
        display=_DISPLAYS.get(display, ""),
        tiny=_tiny(found),
        invisible={"hidden": True, "collapse": True, "visible": False}.get(found.get("visibility", "")),
        space=_SPACES.get(found.get("white-space", "")),
        flat="margin" in found and all(map(_zero, found["margin"].split())),
        list_style=_list_style(found.get("list-style-type") or found.get("list-style", "")),
        clear=_clear(found.get("color")),
        struck="line-through" in found.get("text-decoration", found.get("text-decoration-line", "")),
    )


_remembered = lru_cache(2048)(_styled)


def _clipped(found: Mapping[str, str]) -> bool:
    if not any(found.get(name, "").startswith("hidden") for name in ("overflow", "overflow-x", "overflow-y")):
        return False
    return any(_zero(found.get(name)) for name in ("max-height", "height", "max-width", "width"))


def _elsewhere(found: Mapping[str, str]) -> bool:
    """Whether it is moved off the page or clipped to nothing, as texts for screen readers and previews are."""
    placed = found.get("position") in ("absolute", "fixed")
    moved = placed or found.get("position") == "relative"
    sides = ("left", "right", "top", "bottom") if moved else ()
    margins = [*found.get("margin", "").split(), found.get("margin-left", ""), found.get("margin-top", "")]
    if any(map(_far, (found.get(name, "") for name in (*sides, "text-indent")))) or any(map(_far, margins)):
        return True
    return (placed and _NO_CLIP.fullmatch(found.get("clip", "")) is not None) or (
        _NO_INSET.fullmatch(found.get("clip-path", "")) is not None
    )


def _far(value: str) -> bool:
    number = _NEGATIVE.fullmatch(value)
    return number is not None and float(number[1]) * _FIXED.get(number[2], 16.0) >= _FAR


def _clear(value: str | None) -> bool | None:
    if value is None or value in ("inherit", "currentcolor", "unset"):
        return None
    return value == "transparent" or _NO_COLOUR.fullmatch(value) is not None


def _zero(value: str | None) -> bool:
    number = _NUMBER.fullmatch(value) if value else None
    return number is not None and not float(number[1])


def _tiny(found: Mapping[str, str]) -> bool | None:
    number = _NUMBER.fullmatch(found.get("font-size", "")) or _SHORTHAND.search(found.get("font", ""))
    if number is None:
        return None if found.get("font-size", "inherit") == "inherit" else False
    size, unit = float(number[1]), number[2] or ""
    if not size:
        return True
    return size * _FIXED[unit] <= 1 if unit in _FIXED else None


def _list_style(value: str) -> str:
    return next((word for word in value.split() if word in _LIST_STYLES), "")
