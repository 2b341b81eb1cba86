"""What a run showed, counted and as a table."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.chaos.faults import Fault
from tests.support.invariants import TERMINAL, Answer, Facts, Violation, violations

STUCK = {"stuck"}
LOST = {"lost", "an accepted job that does not exist", "accepted jobs that do not exist"}
DOUBLED = {"doubled", "sent more often than attempts were unknown", "two jobs from one request"}


@dataclass(frozen=True, slots=True)
class Felt:
    """A fault that was done: when it began (seconds after the start), how long its cause was there, and how long after
    that a new mail took to be sent (None: longer than anybody waited). `alone`: no other fault was there meanwhile."""

    fault: Fault
    began: float
    lasted: float
    recovered: float | None
    alone: bool

    def __str__(self) -> str:
        after = "not within the time" if self.recovered is None else f"after {self.recovered:5.2f} s"
        name = f"{self.fault.kind} {self.fault.target}"
        return f"{self.began:7.1f} s  {name:<40} {self.lasted:5.1f} s, a new mail sent {after}" + (
            "" if self.alone else "  (not alone)"
        )


@dataclass
class Report:
    """`unknown` counts attempts with an unknown outcome by what the ledger says about them."""

    seed: int
    seconds: float = 0.0
    facts: Facts = field(default_factory=lambda: Facts(()))
    felt: list[Felt] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    drained: float = 0.0
    """Seconds from the end of the last fault to the end of the last job."""

    @property
    def violations(self) -> list[Violation]:
        return violations(self.facts)

    @property
    def sound(self) -> bool:
        return not self.violations and not self.complaints

    def counts(self) -> dict[str, int]:
        """The numbers of the table, by their names."""
        facts = self.facts
        answers = Counter(each.answer for each in facts.asked)
        kinds = Counter(each.what for each in self.violations)
        single = sum(
            facts.jobs[each.job_id].status in TERMINAL
            for each in facts.asked
            if each.job_id is not None and each.job_id in facts.jobs
        )
        in_bulk = sum(counts.get(state, 0) for counts in facts.batches.values() for state in TERMINAL)
        times = Counter(len(facts.arrivals.get(each.address, ())) for each in facts.asked)
        wrong = {name: sum(kinds[each] for each in which) for name, which in _WRONG.items()}
        nothing = sum(
            not facts.arrivals.get(each.address) for each in facts.asked if each.answer is Answer.ACCEPTED
        )
        explained = sum(count for number, count in times.items() if number > 1) - wrong["doubled"]
        return {
            "accepted": answers[Answer.ACCEPTED],
            "uncertain": answers[Answer.UNCERTAIN],
            "terminal": single + in_bulk,
            "delivered once": times[1],
            "undeliverable or held": nothing - wrong["lost"],
            "resent after unknown": explained,
            "unknown attempts": self.unknown.total(),
            **wrong,
            "otherwise wrong": len(self.violations) - sum(wrong.values()) + len(self.complaints),
        }


_WRONG = {"doubled": DOUBLED, "lost": LOST, "stuck": STUCK}


def table(report: Report) -> str:
    """For people."""
    lines = [f"\nchaos, seed {report.seed}: {len(report.felt)} faults in {report.seconds:.0f} s", ""]
    for name, number in report.counts().items():
        lines.append(f"  {name:<22} {number:>7}")
        if name == "unknown attempts":
            lines += [f"      {count:>5} × {what}" for what, count in report.unknown.most_common()]
    lines += ["", f"  everything ended {report.drained:.1f} s after the last fault", ""]
    lines.append(f"  {'time to recover, s':<22} {'faults':>7} {'median':>7} {'worst':>7}")
    lines += _recoveries(report.felt)
    return "\n".join(lines)


def _recoveries(felt: Sequence[Felt]) -> list[str]:
    by_kind: defaultdict[str, list[float | None]] = defaultdict(list)
    for each in felt:
        by_kind[each.fault.kind].append(each.recovered)
    lines = []
    for kind, times in sorted(by_kind.items()):
        known = [each for each in times if each is not None]
        worst = "never" if None in times else f"{max(known):.2f}"
        middle = f"{median(known):.2f}" if known else "–"
        lines.append(f"    {kind:<20} {len(times):>7} {middle:>7} {worst:>7}")
    return lines
