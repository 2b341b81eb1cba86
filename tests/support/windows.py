"""How many events there are in any span of time, against a rate."""

from collections.abc import Sequence


def most_over(moments: Sequence[float], rate: float) -> float:
    """The burst that explains sorted `moments` (seconds): the least `b` so that any span of `t` seconds has at most
    `rate * t + b` of them."""
    most = lowest = 0.0
    for number, moment in enumerate(moments):
        level = number - rate * moment
        lowest = level if number == 0 else min(lowest, level)
        most = max(most, level - lowest + 1)
    return most
