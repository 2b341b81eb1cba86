import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Any

_BOUND = re.compile(r"([<≤≥]) ([\d.,]+)(?: × (\w+))?")
_RELATIONS: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, "≤": operator.le, "≥": operator.ge}


@dataclass(frozen=True)
class Result:
    """One number of ours and the peers' beside it. `target`: bounds such as `< 25`, `≥ 3,000` or, times a peer, `≥
    7 × celery_pg`, with `and` or `or` between. `ratios` taken round by round replace those of the numbers."""

    scenario: str
    metric: str
    unit: str
    hermodr: float
    peers: dict[str, float] = field(default_factory=dict)
    load: float = 0.0
    target: str = ""
    ratios: dict[str, float] = field(default_factory=dict)

    def ratio(self, peer: str) -> float:
        """How many times better we are: more per second, or less of anything else."""
        if peer in self.ratios:
            return self.ratios[peer]
        theirs = self.peers[peer]
        best, other = (self.hermodr, theirs) if self.unit == "1/s" else (theirs, self.hermodr)
        return best / other if other else 0.0

    @property
    def met(self) -> bool | None:
        """`None`: no target, or its peer was not measured."""
        any_of = " or " in self.target
        verdicts = [self._holds(bound) for bound in re.split(" or | and ", self.target) if bound]
        if any_of in verdicts:
            return any_of
        return None if None in verdicts or not verdicts else not any_of

    def _holds(self, bound: str) -> bool | None:
        if (parts := _BOUND.fullmatch(bound)) is None:
            raise ValueError(f"no bound: {bound}")
        relation, number, peer = parts.groups()
        if peer is not None and peer not in self.peers:
            return None
        value = self.hermodr if peer is None else self.ratio(peer)
        return _RELATIONS[relation](value, float(number.replace(",", "")))

    def document(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "metric": self.metric,
            "unit": self.unit,
            "hermodr": round(self.hermodr, 4),
            "peers": {name: round(value, 4) for name, value in self.peers.items()},
            "ratios": {name: round(self.ratio(name), 4) for name in self.peers},
            "load_average": round(self.load, 2),
            "target": self.target,
            "met": self.met,
        }


@dataclass(frozen=True)
class Bulk:
    """A bulk run of one system, in seconds and megabytes."""

    mails: int
    seconds: float
    roles: dict[str, float]
    machine: float
    memory: dict[str, float]
    load: float

    @property
    def rate(self) -> float:
        return self.mails / self.seconds

    @property
    def cost(self) -> float:
        """Processor seconds of all roles but the sink, for a mail."""
        return sum(seconds for role, seconds in self.roles.items() if role != "sink") / self.mails

    @property
    def foreign(self) -> float:
        """Others' share of the machine's work."""
        return max(0.0, 1 - sum(self.roles.values()) / self.machine) if self.machine else 0.0


Rounds = Mapping[str, Sequence[Bulk]]
"""The bulk runs of each system, one for each round; ours first."""


@dataclass(frozen=True)
class Beside:
    """How many times better we were than a peer in the same round, by mails a second and by processor time a mail:
    medians, and of the rate the least and the most."""

    rate: float
    cost: float
    least: float
    most: float

    @classmethod
    def of(cls, ours: Sequence[Bulk], theirs: Sequence[Bulk]) -> "Beside":
        pairs = list(zip(ours, theirs, strict=False))  # a peer may have failed in a later round
        rates = [mine.rate / other.rate for mine, other in pairs]
        costs = [other.cost / mine.cost for mine, other in pairs]
        return cls(median_low(rates), median_low(costs), min(rates), max(rates))


FOREIGN = 0.15
"""With a larger share of others' work, rates and latencies say more about them."""


def disturbed(rounds: Rounds) -> str | None:
    worst = max((middle(runs).foreign for runs in rounds.values()), default=0.0)
    if worst <= FOREIGN:
        return None
    return (
        f"This run was disturbed: up to {worst:.0%} of the machine's work was somebody else's. "
        "Rates and latencies are not to be relied on; compare the processor time."
    )


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def middle(runs: Sequence[Bulk]) -> Bulk:
    """The run with the median rate; of an even number the slower of the two."""
    rate = median_low([run.rate for run in runs])
    return next(run for run in runs if run.rate == rate)
