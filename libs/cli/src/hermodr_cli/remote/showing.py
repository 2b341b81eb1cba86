"""How times, states and ids look on a terminal, and the terminal itself."""

import sys
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.text import Text

UNSEEN_WIDTH = 140
"""Where there is no terminal to be as wide as."""
_STYLES = {
    "completed": "green", "sent": "green", "delivered": "green",
    "failed": "bold red", "bounced": "bold red", "complained": "bold red", "unknown": "bold magenta",
    "retrying": "yellow", "processing": "cyan", "sending": "cyan", "scheduled": "blue",
    "cancelled": "dim", "skipped": "dim", "suppressed": "dim",
}  # fmt: skip
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def console() -> Console:
    """Standard output; in colour on a terminal."""
    return Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else UNSEEN_WIDTH)


def state(name: str) -> Text:
    """A state in its colour."""
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


def since(moment: datetime | None, now: datetime | None = None) -> str:
    """`3 min ago`, `in 2 h`."""
    if moment is None:
        return ""
    difference = (now or datetime.now(UTC)) - moment
    return f"{span(difference)} ago" if difference >= timedelta() else f"in {span(difference)}"
