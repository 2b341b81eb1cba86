"""How many claims a rate allows."""

from collections.abc import Iterable
from typing import NamedTuple

AHEAD_SECONDS = 0.25
"""Claims of a killed sender have an unknown outcome until their leases end, and whoever comes later waits for them."""
LEAST_AHEAD = 2
LARGEST_WINDOW = 400
"""The most deliveries that a lane claims ahead."""


class Ahead(NamedTuple):
    """At most `most` claims may wait for their calls; `waiting` of them wait for a turn at a provider."""

    most: int
    waiting: int


def most_ahead(rate: float) -> int:
    """How many may be claimed before their calls can begin, at `rate` calls a second."""
    return max(LEAST_AHEAD, int(rate * AHEAD_SECONDS))


def window(rates: Iterable[float | None], *, lease_seconds: float, lanes: int) -> int:
    """How many deliveries a lane may claim ahead; all lanes together what the slowest provider sends in a quarter of a
    lease. Below 1 the rate is too slow: a claim would outlast its lease."""
    limits = [each for each in rates if each is not None]
    if not limits:
        return LARGEST_WINDOW
    return min(LARGEST_WINDOW, int(min(limits) * lease_seconds / 4 / lanes))
