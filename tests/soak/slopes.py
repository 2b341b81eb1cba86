from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import median

WARM_UP = 0.5
"""The part of a run that does not count: caches fill, pools open."""
LEAST = 6
"""Measurements after warming up that are needed."""
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """How much a kind may grow in an hour: so many units, or such a share of its median, whichever is more.
    `judged` False: shown only."""

    name: str
    unit: str
    absolute: float
    share: float = 0.05
    judged: bool = True


@dataclass
class Series:
    """Seconds since the start, and values."""

    kind: Kind
    of: str
    points: list[tuple[float, float]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.kind.name}, {self.of}"

    def slope(self) -> "Slope | None":
        """Of the run after its warming up; None if that is too little."""
        if not self.points:
            return None
        begin = self.points[0][0] + (self.points[-1][0] - self.points[0][0]) * WARM_UP
        late = [point for point in self.points if point[0] >= begin]
        if len(late) < LEAST:
            return None
        values = [value for _, value in late]
        return Slope(self, self.points[0][1], median(values), values[-1], max(values), steepness(late) * HOUR)


@dataclass(frozen=True, slots=True)
class Slope:
    """`first` is of the whole run, everything else of its judged part. `per_hour` in the kind's unit."""

    series: Series
    first: float
    middle: float
    last: float
    most: float
    per_hour: float

    @property
    def allowed(self) -> float:
        """Growth in an hour that counts as flat."""
        return max(self.series.kind.absolute, self.middle * self.series.kind.share)

    @property
    def flat(self) -> bool:
        """Falling is flat, too."""
        return self.per_hour <= self.allowed


def steepness(points: Sequence[tuple[float, float]]) -> float:
    """Per second: the median of the slopes between any two points (Theil 1950, Sen 1968). Up to 29 % of the points
    may be outliers."""
    found = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if b[0] > a[0]]
    return median(found) if found else 0.0
