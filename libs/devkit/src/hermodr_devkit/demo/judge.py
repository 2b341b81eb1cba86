from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from hermodr_devkit.demo.clockwork import MOST_UPDATES, UPDATES
from hermodr_devkit.demo.desk import LEAST_SEEN, NOTES
from hermodr_devkit.demo.facts import KindFacts, RunFacts
from hermodr_devkit.demo.scenario import (
    CROWD,
    FIRST_PROVIDER,
    OVERTAKEN,
    SECOND_PROVIDER,
    SEGMENTS,
    TICK_SECONDS,
    VOUCHER,
    WORST_LATENESS_SECONDS,
    Kind,
    Promise,
)


@dataclass(frozen=True)
class Cell:
    """An observation, and whether it was expected."""

    text: str
    held: bool = True


@dataclass(frozen=True)
class Line:
    """`typical` and `slowest` are seconds from accepted (or due) to sent."""

    kind: Kind
    accepted: Cell
    arrivals: Cell
    attempts: Cell
    state: Cell
    promise: Cell | None
    typical: float | None
    slowest: float | None

    @property
    def wrong(self) -> list[str]:
        cells = {
            "accepted": self.accepted,
            "what arrived exactly once": self.arrivals,
            "attempts": self.attempts,
            "jobs": self.state,
            "promise": self.promise,
        }
        return [
            f"{self.kind.title}: {name}: {cell.text}"
            for name, cell in cells.items()
            if cell and not cell.held
        ]


@dataclass(frozen=True)
class Verdict:
    lines: Sequence[Line]
    wrong: Sequence[str]


def judge(kinds: Iterable[Kind], facts: RunFacts) -> Verdict:
    known = {**facts.kinds, **facts.hooks, **facts.clockwork, **facts.desk}
    lines = [_line(kind, known[kind.key], facts.kinds) for kind in kinds]
    wrong = [text for line in lines for text in line.wrong]
    totals = {
        "duplicate mails": facts.duplicates,
        "stuck jobs": facts.stuck,
        "dead letters": facts.dead_letters,
    }
    wrong += [f"{count} {name}" for name, count in totals.items() if count]
    return Verdict(lines, wrong)


def _line(kind: Kind, facts: KindFacts, everyone: Mapping[str, KindFacts]) -> Line:
    taken = sorted(job.seconds for job in facts.jobs if job.seconds is not None)
    return Line(
        kind,
        accepted=_count(facts.accepted, kind.requests),
        arrivals=_arrivals(kind, facts),
        attempts=_attempts(kind, facts),
        state=_state(kind, facts),
        promise=PROMISES[kind.promise](kind, facts, everyone) if kind.promise in PROMISES else None,
        typical=median(taken) if taken else None,
        slowest=taken[-1] if taken else None,
    )


def _count(seen: int, expected: int) -> Cell:
    return Cell(f"{seen}/{expected}", held=seen == expected)


def _arrivals(kind: Kind, facts: KindFacts) -> Cell:
    """By Message-ID: each expected one once, and no other."""
    by_id = Counter(mail.id for mail in facts.arrivals)
    once = sum(1 for count in by_id.values() if count == 1)
    repeated = len(by_id) - once
    text = f"{once}/{kind.arrivals}" + (f", {repeated} repeated" if repeated else "")
    return Cell(text, held=once == kind.arrivals and not repeated)


def _attempts(kind: Kind, facts: KindFacts) -> Cell:
    seen = sorted({job.attempts for job in facts.jobs})
    span = "?" if not seen else str(seen[0]) if len(seen) == 1 else f"{seen[0]}–{seen[-1]}"
    return Cell(f"{span}/{kind.attempts}", held=seen == [kind.attempts])


def _state(kind: Kind, facts: KindFacts) -> Cell:
    """States of deliveries are shown only when something is wrong."""
    jobs = ", ".join(f"{count} {state}" for state, count in sorted(facts.states.items()))
    deliveries = {state for job in facts.jobs for state in job.deliveries}
    wanted = {kind.delivery} if kind.delivery else set()
    if facts.states == {kind.state: kind.jobs} and deliveries == wanted:
        return Cell(kind.state)
    text = f"{jobs or 'no job'}; {', '.join(sorted(deliveries)) or 'no delivery'}"
    return Cell(f"{text}, not {kind.jobs} {kind.state}, {kind.delivery or 'no delivery'}", held=False)


def _on_time(kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    due = {job.id: job.due_at for job in facts.jobs}
    late = [(mail.at - due[mail.job_id]).total_seconds() for mail in facts.arrivals if mail.job_id in due]
    early = sum(1 for seconds in late if seconds < 0)
    worst = max(late, default=0.0)
    held = not early and len(late) == kind.arrivals and worst <= WORST_LATENESS_SECONDS
    waited = [(job.dispatched_at - job.due_at).total_seconds() for job in facts.jobs if job.dispatched_at]
    parts = [
        f"{early or 'none'} early (tick: {_spell(TICK_SECONDS)})",
        f"dispatched ≤ {_spell(max(waited, default=0.0))} late",
        f"mail there ≤ {_spell(worst)} late",
    ]
    return Cell("\n  ".join(parts), held)


def _overtakes(_kind: Kind, facts: KindFacts, everyone: Mapping[str, KindFacts]) -> Cell:
    crowd = everyone[CROWD.key].arrivals
    if not facts.arrivals:
        return Cell("never arrived", held=False)
    behind = sum(1 for mail in crowd if mail.at > facts.arrivals[0].at)
    return Cell(f"overtook {behind} of {CROWD.arrivals}", held=behind >= OVERTAKEN * CROWD.arrivals)


def _retried(_kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    arrived = [job for job in facts.jobs if job.state == "completed" and job.attempts == 3]
    return Cell("there at third attempt", held=len(arrived) == len(facts.jobs) > 0)


def _taken_over(_kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    ways = {(job.providers, job.steps) for job in facts.jobs}
    if ways == {((FIRST_PROVIDER, SECOND_PROVIDER), 0)}:
        return Cell(f"{SECOND_PROVIDER} took over at once")
    seen = ", ".join(sorted(f"{' → '.join(providers)} in {steps} steps" for providers, steps in ways))
    return Cell(f"attempts by {seen or 'nobody'}", held=False)


def _suppressed(kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    held = facts.suppressed == kind.arrivals
    return Cell("reported, now suppressed" if held else f"{facts.suppressed} addresses suppressed", held)


def _attached(kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    held = list(facts.files) == [VOUCHER] * kind.arrivals
    return Cell(f"with {VOUCHER}" if held else f"files: {', '.join(facts.files) or 'none'}", held)


def _bounces(_kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    return Cell(
        "bounced, not tried again", held=bool(facts.jobs) and all(job.attempts == 1 for job in facts.jobs)
    )


def _same_answer(_kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    ids = {answer.job_id for answer in facts.answers}
    replayed = [answer.replayed for answer in facts.answers]
    if len(ids) != 1:
        return Cell(f"{len(ids)} different jobs", held=False)
    held = replayed == [False, True]
    return Cell("same job, answer replayed" if held else f"same job, replayed: {replayed}", held)


def _explained(_kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    held = list(facts.reasons) == ["preference"]
    return Cell(f"timeline says: {', '.join(facts.reasons) or 'nothing'}", held)


def _approved(_kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    ways = {way for job in facts.jobs for way in job.sent_as}
    return Cell(f"by {', '.join(sorted(ways)) or 'nothing'}, delivered", held=ways == {"template"})


def _signed(kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    held = set(facts.signatures) == {"valid"}
    came = "there at third attempt\n  " if kind.attempts > 1 else ""
    told = ", ".join(sorted(set(facts.signatures))) or "none"
    return Cell(f"{came}signatures verified" if held else f"signatures: {told}", held)


def _measured(_kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    seen = sorted({job.segments for job in facts.jobs})
    spelled = ", ".join(map(str, seen)) or "no"
    return Cell(f"{spelled} segments each, delivered", held=seen == [SEGMENTS])


def _digested(_kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    told = ", ".join(f"{taken} each, {more} kept" for taken, more in sorted(set(facts.gathered))) or "none"
    return Cell(told, held=set(facts.gathered) == {(MOST_UPDATES, UPDATES - MOST_UPDATES)})


def _gathered(kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    told = ", ".join(str(items) for items, _ in facts.gathered) or "none"
    return Cell(f"{told} in one mail", held=list(facts.gathered) == [(kind.requests, 0)])


def _reminded(kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    phones = {text.recipient for text in facts.arrivals}
    return Cell(f"{len(phones)} of 4 reminded once", held=len(phones) == kind.arrivals)


def _capped(kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    held = list(facts.reasons) == ["capped"] * kind.jobs
    return Cell(f"timeline says: {', '.join(sorted(set(facts.reasons))) or 'nothing'}", held)


def _watched(_kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    *progress, ended = facts.reasons or [""]
    held = len(set(progress)) >= LEAST_SEEN and progress == sorted(progress, key=int) and ended == "completed"
    return Cell(f"seen live: {len(progress)} × progress, {ended or 'no end'}", held)


def _counted(_kind: Kind, facts: KindFacts, _everyone: Mapping[str, KindFacts]) -> Cell:
    told = ", ".join(f"{live} unread told live, {there} there" for live, there in facts.gathered) or "none"
    return Cell(told, held=list(facts.gathered) == [(NOTES + 1, NOTES + 1)])


def _spell(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


Check = Callable[[Kind, KindFacts, Mapping[str, KindFacts]], Cell]
PROMISES: dict[Promise, Check] = {
    Promise.ON_TIME: _on_time,
    Promise.OVERTAKES: _overtakes,
    Promise.RETRIED: _retried,
    Promise.TAKEN_OVER: _taken_over,
    Promise.SUPPRESSED: _suppressed,
    Promise.ATTACHED: _attached,
    Promise.BOUNCES: _bounces,
    Promise.SAME_ANSWER: _same_answer,
    Promise.EXPLAINED: _explained,
    Promise.MEASURED: _measured,
    Promise.SIGNED: _signed,
    Promise.APPROVED: _approved,
    Promise.DIGESTED: _digested,
    Promise.GATHERED: _gathered,
    Promise.REMINDED: _reminded,
    Promise.CAPPED: _capped,
    Promise.WATCHED: _watched,
    Promise.COUNTED: _counted,
}
