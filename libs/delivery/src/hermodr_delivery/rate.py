"""Rates: their one grammar, and what they mean for claims."""

from collections.abc import Iterable

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
LARGEST_WINDOW = 400
"""Deliveries that a lane claims ahead at most."""


def per_second(text: str) -> float:
    """Messages a second of `50/s`, `3000/m` or `100000/h`. Raises `ValueError`."""
    count, _, unit = text.partition("/")
    if unit not in _SECONDS or not count.isdecimal() or not int(count):
        raise ValueError("not of the form 50/s, 3000/m or 100000/h")
    return int(count) / _SECONDS[unit]


def window(rates: Iterable[float | None], *, lease_seconds: float, lanes: int) -> int:
    """How many deliveries a lane may claim ahead: all lanes together no more than the slowest provider sends in a
    quarter of a lease. Below 1 the rate is too slow: a claim that waits for its turn longer than its lease is sent
    twice."""
    limits = [each for each in rates if each is not None]
    if not limits:
        return LARGEST_WINDOW
    return min(LARGEST_WINDOW, int(min(limits) * lease_seconds / 4 / lanes))
