"""The grammar of rates, and how many claims a rate allows."""

from collections.abc import Iterable

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_MOST_DIGITS = 9
"""Of a count."""
LARGEST_WINDOW = 400
"""The most deliveries that a lane claims ahead."""


def per_second(text: str) -> float:
    """`50/s`, `3000/m` or `100000/h` as messages a second. Raises `ValueError`."""
    count, _, unit = text.partition("/")
    if unit not in _SECONDS or not count.isdecimal() or len(count) > _MOST_DIGITS or not int(count):
        raise ValueError("not of the form 50/s, 3000/m or 100000/h")
    return int(count) / _SECONDS[unit]


def window(rates: Iterable[float | None], *, lease_seconds: float, lanes: int) -> int:
    """How many deliveries a lane may claim ahead; all lanes together what the slowest provider sends in a quarter of a
    lease. Below 1 the rate is too slow: a claim would outlast its lease."""
    limits = [each for each in rates if each is not None]
    if not limits:
        return LARGEST_WINDOW
    return min(LARGEST_WINDOW, int(min(limits) * lease_seconds / 4 / lanes))
