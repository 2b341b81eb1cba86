"""How many claims a rate allows."""

from collections.abc import Iterable

LARGEST_WINDOW = 400
"""The most deliveries that a lane claims ahead."""


def window(rates: Iterable[float | None], *, lease_seconds: float, lanes: int) -> int:
    """How many deliveries a lane may claim ahead; all lanes together what the slowest provider sends in a quarter of a
    lease. Below 1 the rate is too slow: a claim would outlast its lease."""
    limits = [each for each in rates if each is not None]
    if not limits:
        return LARGEST_WINDOW
    return min(LARGEST_WINDOW, int(min(limits) * lease_seconds / 4 / lanes))
