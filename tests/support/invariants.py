"""The judge: nothing accepted may be lost, doubled or stuck, and nothing else sent.

It gets every request ever made and what the public API and the sandbox say, and names each request that does not fit.
Every request has a recipient of its own.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

TERMINAL = frozenset({"completed", "failed", "cancelled", "skipped"})
MOST_SHOWN = 12


class Answer(StrEnum):
    ACCEPTED = "accepted"
    UNCERTAIN = "uncertain"
    """5xx or a broken connection: accepted or not."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for one mail. A bulk item has no `job_id`. `may_fail`: the fault allows this job to end as
    failed."""

    address: str
    answer: Answer
    job_id: str | None = None
    batch_id: str | None = None
    hold: bool = False
    may_fail: bool = False


@dataclass(frozen=True, slots=True)
class JobFacts:
    """`outcomes` are those of its attempts, in order."""

    id: str
    status: str
    outcomes: tuple[str, ...] = ()
    timeline: tuple[str, ...] = ()

    @property
    def unknown(self) -> int:
        return self.outcomes.count("unknown")


@dataclass(frozen=True, slots=True)
class Facts:
    """`jobs` by id: those requested singly, and those whose mails did not arrive exactly once. `batches`: job
    counts by state. `arrivals`: for each address the job ids of its mails."""

    asked: Sequence[Asked]
    jobs: Mapping[str, JobFacts] = field(default_factory=dict)
    batches: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    arrivals: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Violation:
    what: str
    about: str
    jobs: tuple[str, ...] = ()


def violations(facts: Facts) -> list[Violation]:
    """Empty when all is well."""
    return [*_of_batches(facts), *_of_requests(facts), *_of_strangers(facts)]


def curious(facts: Facts) -> set[str]:
    """The jobs to look at: those whose mails did not arrive exactly once."""
    return {job for jobs in facts.arrivals.values() if len(jobs) != 1 for job in jobs}


def unfinished(facts: Facts) -> list[str]:
    """Jobs and batches that have not ended."""
    jobs = [f"job {job.id}: {job.status}" for job in facts.jobs.values() if job.status not in TERMINAL]
    batches = [
        f"batch {batch}: {dict(counts)}" for batch, counts in facts.batches.items() if set(counts) - TERMINAL
    ]
    return jobs + batches


def table(found: Sequence[Violation], facts: Facts) -> str:
    """The kinds of violation with their numbers, then cases with their jobs' timelines."""
    kinds = Counter(each.what for each in found)
    lines = [f"{sum(kinds.values())} violations of what must always hold"]
    lines += [f"  {number:>6} × {what}" for what, number in kinds.most_common()]
    for each in found[:MOST_SHOWN]:
        lines.append(f"\n{each.what}: {each.about}")
        for job_id in dict.fromkeys(each.jobs):
            job = facts.jobs.get(job_id)
            lines.append(
                f"    job {job_id}: " + (f"{job.status}, attempts {job.outcomes}" if job else "not looked at")
            )
            lines += [f"        {line}" for line in (job.timeline if job else ())]
    if len(found) > MOST_SHOWN:
        lines.append(f"\n… and {len(found) - MOST_SHOWN} more")
    return "\n".join(lines)


def _of_batches(facts: Facts) -> Iterator[Violation]:
    items: dict[str, list[Asked]] = {}
    for each in facts.asked:
        if each.batch_id is not None:
            items.setdefault(each.batch_id, []).append(each)
    for batch, asked in items.items():
        counts = facts.batches.get(batch, {})
        if sum(counts.values()) != len(asked):
            yield Violation(
                "accepted jobs that do not exist", f"batch {batch}: {len(asked)} accepted, {dict(counts)}"
            )
        if open_states := set(counts) - TERMINAL:
            yield Violation("stuck", f"batch {batch}: { ({state: counts[state] for state in open_states}) }")
        undone = sum(counts.get(state, 0) for state in TERMINAL - {"completed"})
        if undone > sum(each.may_fail for each in asked):
            yield Violation("ended undelivered", f"batch {batch}: {dict(counts)}")


def _of_requests(facts: Facts) -> Iterator[Violation]:
    running = {batch for batch, counts in facts.batches.items() if set(counts) - TERMINAL}
    for asked in facts.asked:
        mails = facts.arrivals.get(asked.address, ())
        if not mails and asked.batch_id in running:
            continue  # its mail may be yet to come: the batch is called stuck
        known = (asked.job_id, *mails) if asked.job_id else tuple(mails)
        problem = _problem(asked, mails, facts.jobs)
        if problem is not None:
            yield Violation(problem, f"{asked.address} ({asked.answer}), {len(mails)} mails", known)


def _problem(asked: Asked, mails: Sequence[str], jobs: Mapping[str, JobFacts]) -> str | None:
    if asked.answer is Answer.REFUSED:
        return "sent though refused" if mails else None
    if len(set(mails)) > 1:
        return "two jobs from one request"
    if asked.job_id is not None and set(mails) - {asked.job_id}:
        return "another Message-ID than the answer named"
    job = jobs.get(asked.job_id or (mails[0] if mails else ""))
    if asked.answer is Answer.ACCEPTED and asked.job_id is not None:
        if job is None:
            return "an accepted job that does not exist"
        if job.status not in TERMINAL:
            return "stuck"
        if job.status != "completed" and not (asked.may_fail or (asked.hold and job.unknown)):
            return f"ended as {job.status}"
    most = 1 + (job.unknown if job is not None and not asked.hold else 0)
    if len(mails) > most:
        return "doubled" if most == 1 else "sent more often than attempts were unknown"
    if not mails and asked.answer is Answer.ACCEPTED:
        ended_otherwise = job is not None and job.status != "completed"
        return None if ended_otherwise or (job is None and asked.may_fail) else "lost"
    return None


def _of_strangers(facts: Facts) -> Iterable[Violation]:
    known = {each.address for each in facts.asked}
    for address, jobs in facts.arrivals.items():
        if address not in known:
            yield Violation("sent to someone nobody asked for", f"{address}, {len(jobs)} mails", tuple(jobs))
