from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.attack import Attack
from tests.chaos.faults import Fault
from tests.chaos.lags import Late
from tests.support.invariants import TERMINAL, Answer, Facts, Violation, violations

RECOVERY_SECONDS = 60.0
"""How long a new mail is waited for after a fault."""
STUCK = {"stuck"}
LOST = {"lost", "an accepted job that does not exist", "accepted jobs that do not exist"}
DOUBLED = {"doubled", "sent more often than attempts were unknown", "two jobs from one request"}


class Verdict(StrEnum):
    SOUND = "sound"
    UNSOUND = "unsound"
    STARVED = "no verdict: starved"
    """Something was late or used up its attempts, and the harness was late too. Nothing was lost or doubled."""


@dataclass(frozen=True, slots=True)
class Felt:
    """A fault: when it began (seconds after the start), how long it lasted, and how long after that a new mail
    took (None: too long). `alone`: no other fault at that time."""

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
    """`unknown` counts attempts with an unknown outcome by what the ledger says."""

    seed: int
    seconds: float = 0.0
    facts: Facts = field(default_factory=lambda: Facts(()))
    felt: list[Felt] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    late: dict[str, Late] = field(default_factory=dict)
    """By process of the harness."""
    attack: Attack | None = None
    """No part of the verdict: how long others' mails take depends on how much of the machine is left to them."""
    drained: float = 0.0
    """Seconds from the end of the last fault to the end of the last job."""

    @property
    def violations(self) -> list[Violation]:
        return violations(self.facts)

    @property
    def verdict(self) -> Verdict:
        kinds = {each.what for each in self.violations}
        if not kinds and not self.complaints:
            return Verdict.SOUND
        starved = any(late.starved(self.seconds) for late in self.late.values())
        excused = all(kind in STUCK or kind.startswith("ended ") for kind in kinds)
        return Verdict.STARVED if starved and excused else Verdict.UNSOUND

    def counts(self) -> dict[str, int]:
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


def document(report: Report) -> dict[str, Any]:
    return {
        "seed": report.seed,
        "verdict": report.verdict,
        "seconds": round(report.seconds, 1),
        "counts": report.counts(),
        "unknown_attempts": dict(report.unknown),
        "drained_seconds": round(report.drained, 1),
        "late_seconds": {name: asdict(late) for name, late in report.late.items()},
        "faults": [
            {
                **asdict(each.fault),
                "began": each.began,
                "lasted": each.lasted,
                "recovered": each.recovered,
                "alone": each.alone,
            }
            for each in report.felt
        ],
        "violations": [asdict(each) for each in report.violations],
        "complaints": report.complaints,
        "attack": None
        if report.attack is None
        else {
            "held": report.attack.held,
            "mails": len(report.attack.seconds),
            "p99_seconds": round(report.attack.p99, 3),
            "answers": dict(report.attack.answers),
        },
    }


def show(console: Console, report: Report) -> None:
    console.print(_counts(report))
    console.print(_recoveries(report.felt))
    if report.attack is not None:
        console.print(str(report.attack), markup=False, style=None if report.attack.held else "bold yellow")
    late = ", ".join(f"{name} {each.worst:.2f} s at most" for name, each in report.late.items())
    console.print(
        f"everything ended {report.drained:.1f} s after the last fault; late were {late}", highlight=False
    )


def _counts(report: Report) -> Table:
    title = f"chaos, seed {report.seed}: {len(report.felt)} faults in {report.seconds:.0f} s"
    lines = Table("mails", "", title=title, title_justify="left")
    lines.columns[1].justify = "right"
    for name, number in report.counts().items():
        style = "bold red" if name in (*_WRONG, "otherwise wrong") and number else None
        lines.add_row(name, f"{number:,}", style=style)
        if name == "unknown attempts":
            for what, count in report.unknown.most_common():
                lines.add_row(f"    {what[:88]}", f"{count:,}", style="dim")
    return lines


def _recoveries(felt: Sequence[Felt]) -> Table:
    lines = Table("fault", "how often", "median", "worst", title="time to recover, s", title_justify="left")
    for column in lines.columns[1:]:
        column.justify = "right"
    by_kind: defaultdict[str, list[float | None]] = defaultdict(list)
    for each in felt:
        by_kind[each.fault.kind].append(each.recovered)
    for kind, times in sorted(by_kind.items()):
        known = [each for each in times if each is not None]
        worst = f"> {RECOVERY_SECONDS:g}" if None in times else f"{max(known):.2f}"
        lines.add_row(kind, str(len(times)), f"{median(known):.2f}" if known else "–", worst)
    return lines
