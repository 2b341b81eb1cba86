"""How long messages took, as a picture: percentiles by minute, on a scale of decades."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor, log10

from hermodr_ledger.jobs.metrics import percentile_of
from hermodr_ledger.jobs.over_time import Accepted

SHARES: Mapping[str, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
WIDTH = 10
"""Of a span, in the units of the picture; its height is 100."""
_TOP, _BOTTOM = 14.0, 92.0


@dataclass(frozen=True, slots=True)
class Spread:
    """Of the messages accepted in a span: milliseconds by percentile. Without messages, none."""

    at: datetime
    messages: int
    ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Latency:
    """`whole`: over all spans. `paths`: what to draw, by percentile. `rules`: lines at decades, each with its height
    and milliseconds."""

    whole: Spread
    spreads: Sequence[Spread]
    paths: Mapping[str, str]
    rules: Sequence[tuple[float, float]]


def latency(accepted: Sequence[Accepted], last: datetime, span: timedelta, spans: int) -> Latency:
    """Of the `spans` that end with the one that begins at `last`."""
    timed: dict[datetime, list[tuple[float, int]]] = {last - nth * span: [] for nth in reversed(range(spans))}
    for each in accepted:
        if each.ms is not None and each.at in timed:
            timed[each.at].append((each.ms, each.jobs))
    spreads = [_spread(at, classes) for at, classes in timed.items()]
    whole = _spread(last, [each for classes in timed.values() for each in classes])
    values = [max(value, 1.0) for each in spreads for value in each.ms.values()]
    low, high = (floor(log10(min(values))), ceil(log10(max(values)))) if values else (0, 1)
    high = max(high, low + 1)

    def height(ms: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * (log10(max(ms, 1.0)) - low) / (high - low), 2)

    paths = {name: _path([height(each.ms[name]) if each.ms else None for each in spreads]) for name in SHARES}
    return Latency(whole, spreads, paths, [(height(10.0**each), 10.0**each) for each in range(low, high + 1)])


def _spread(at: datetime, classes: Sequence[tuple[float, int]]) -> Spread:
    ordered = sorted(classes)
    found = {name: percentile_of(ordered, share) for name, share in SHARES.items()}
    ms = {name: value for name, value in found.items() if value is not None}
    return Spread(at, sum(n for _, n in classes), ms)


def _path(heights: Sequence[float | None]) -> str:
    """A line through what is next to each other; what stands alone is a dot."""
    parts, drawing = [], False
    for nth, height in enumerate(heights):
        if height is not None:
            x = nth * WIDTH + WIDTH / 2
            parts.append(f"L{x:g} {height:g}" if drawing else f"M{x:g} {height:g}h.01")
        drawing = height is not None
    return "".join(parts)
