from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hermodr_devkit.demo.client import TERMINAL, Accepted, Arrival


@dataclass(frozen=True)
class JobFacts:
    """`due_at` is when it was requested, or for when."""

    id: str
    state: str
    deliveries: tuple[str, ...]
    attempts: int
    due_at: datetime
    sent_at: datetime | None
    dispatched_at: datetime | None = None
    providers: tuple[str, ...] = ()
    """Of its attempts, in order."""
    steps: int = 0
    """Of the ladder that it waited for."""
    segments: int = 0
    """Of texts."""
    sent_as: tuple[str, ...] = ()
    """Of WhatsApp messages: `template` or `text`."""

    @property
    def seconds(self) -> float | None:
        """From accepted (or due) to sent."""
        return (self.sent_at - self.due_at).total_seconds() if self.sent_at else None


@dataclass
class KindFacts:
    """`states` counts every job; `jobs` has those whose ids are known."""

    accepted: int = 0
    answers: list[Accepted] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    jobs: Sequence[JobFacts] = ()
    arrivals: Sequence[Arrival] = ()
    reasons: Sequence[str] = ()
    """Why nothing was sent, by the timeline."""
    files: Sequence[str] = ()
    """Names of the files that came with the mails."""
    signatures: Sequence[str] = ()
    """Of the webhooks that came, refused ones too: `valid`, or not."""
    suppressed: int = 0
    """Of the recipients' addresses."""
    gathered: Sequence[tuple[int, int]] = ()
    """Of digests: how many updates or events each has, and how many were left for the next one."""


@dataclass(frozen=True)
class RunFacts:
    kinds: Mapping[str, KindFacts]
    mails: int
    seconds: float
    busiest_second: int
    duplicates: int
    dead_letters: int
    sample: Sequence[Mapping[str, Any]]
    """The timeline of a job that was refused, taken over and returned."""
    hooks: Mapping[str, KindFacts] = field(default_factory=dict)
    """Kinds of webhooks: their messages are the jobs."""
    clockwork: Mapping[str, KindFacts] = field(default_factory=dict)
    desk: Mapping[str, KindFacts] = field(default_factory=dict)

    @property
    def stuck(self) -> int:
        return sum(
            count
            for kind in self.kinds.values()
            for state, count in kind.states.items()
            if state not in TERMINAL
        )


def job_facts(answer: Mapping[str, Any]) -> JobFacts:
    """From the answer of `GET /v1/jobs/{id}`."""
    job, logs = answer["job"], answer["delivery_logs"]
    sent = [log["finished_at"] for log in logs if log["outcome"] == "sent"]
    return JobFacts(
        id=job["id"],
        state=job["status"],
        deliveries=tuple(delivery["state"] for delivery in answer["deliveries"]),
        attempts=len(logs),
        due_at=datetime.fromisoformat(job["scheduled_for"] or job["created_at"]),
        sent_at=datetime.fromisoformat(sent[-1]) if sent else None,
        dispatched_at=datetime.fromisoformat(job["processed_at"]) if job["processed_at"] else None,
        providers=tuple(log["provider"] for log in logs),
        steps=job["retry_count"],
        sent_as=tuple(log["measured"]["sent_as"] for log in logs if "sent_as" in (log.get("measured") or {})),
        segments=sum(delivery.get("segments") or 0 for delivery in answer["deliveries"]),
    )


def busiest_second(mails: Sequence[Arrival]) -> int:
    """The most mails within one second."""
    times = sorted(mail.at.timestamp() for mail in mails)
    most = first = 0
    for last, time in enumerate(times):
        while time - times[first] > 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most
