"""Spans of time as users write them: `90s`, `15m`, `24h`, `7d`."""

import re

_SPAN = re.compile(r"([1-9][0-9]{0,8})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
YEAR_SECONDS = 366 * 86_400


def seconds_of(text: str, *, most: int = YEAR_SECONDS) -> int:
    """At least 1. Raises `ValueError` with a sentence for the user."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError("is not a span such as 90s, 15m, 24h or 7d (units s, m, h, d, w)")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > most:
        raise ValueError(f"is longer than {_longest(most)}")
    return seconds


def _longest(seconds: int) -> str:
    days, rest = divmod(seconds, 86_400)
    return f"{seconds} seconds" if rest else f"{days} days"
