import json
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel
from rich.text import Text

from hermodr_cli.screen import Screen
from hermodr_contracts.visible import visible

UNSEEN_WIDTH = 140
"""Of folded text, without a terminal."""
_STYLES = {
    "completed": "green", "sent": "green", "delivered": "green",
    "failed": "bold red", "bounced": "bold red", "complained": "bold red", "unknown": "bold magenta",
    "retrying": "yellow", "processing": "cyan", "sending": "cyan", "scheduled": "blue",
    "cancelled": "dim", "skipped": "dim", "suppressed": "dim",
}  # fmt: skip
_UNSEEN = re.compile(r"[^\n -~]")
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def console(columns: int | None = None) -> Screen:
    """Standard output, as wide as the terminal unless `columns` is given; in colour on a terminal."""
    return Screen(width=columns or width() or UNSEEN_WIDTH)


def width() -> int | None:
    """Of the terminal, or COLUMNS; None in a pipe."""
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given):
        return int(given)
    return Screen().width if sys.stdout.isatty() else None


def show_document(document: BaseModel | Mapping[str, object], *, indent: int | None = None) -> None:
    """One JSON document, on one line unless indented; escaped where the locale's encoding lacks a letter."""
    content = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
    escaped = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    print(in_json(content, indent=indent, ascii_only=escaped), flush=True)


def in_json(content: object, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """JSON in which what a terminal would obey is escaped: its values are exact."""
    text = json.dumps(content, indent=indent, ensure_ascii=ascii_only)
    return text if text.isprintable() else _UNSEEN.sub(_escaped, text)


def plain(text: object) -> Text:
    """Text from outside on one line, its control sequences written down."""
    return Text(visible(str(text)))


def _escaped(found: re.Match[str]) -> str:
    letter = found[0]
    if visible(letter) == letter:
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) <= 0xFFFF else json.dumps(letter)[1:-1]


def state(name: str) -> Text:
    return Text(name, _STYLES.get(name.removeprefix("delivery_"), ""))


def span(duration: timedelta) -> str:
    """`3 min`, in the largest unit that fits."""
    seconds = abs(duration.total_seconds())
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds * 1000:.0f} ms"


def taken(milliseconds: int) -> str:
    """`340 ms`, `10.1 s`, `3 min`: how long something took."""
    if milliseconds < 1000 or milliseconds >= 60_000:
        return span(timedelta(milliseconds=milliseconds))
    return f"{milliseconds / 1000:.1f} s"


def ends(moment: datetime | None) -> str:
    """`ends at 2030-01-01 00:00:00 UTC`, or that it does not."""
    return (
        f"ends at {moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        if moment is not None
        else "does not end by itself"
    )


def since(moment: datetime | None, now: datetime | None = None) -> str:
    """`3 min ago`, `in 2 h`."""
    if moment is None:
        return ""
    difference = (now or datetime.now(UTC)) - moment
    return f"{span(difference)} ago" if difference >= timedelta() else f"in {span(difference)}"
