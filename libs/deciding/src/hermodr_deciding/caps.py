"""How many notifications somebody gets within a time, and what becomes of those above. Pure.

A cap holds over every span of its length: no `most` + 1 of the notifications it counts are let through within one.
What is put off has its place reserved, so that several that wait are sent one after another; those that are gathered
have one for their message. Urgent ones and those of
critical templates pass, and are not counted: they hold nothing else back.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hermodr_contracts.spans import seconds_of
from hermodr_contracts.vocabulary import JobState, Priority
from hermodr_deciding.postponing import waiting
from hermodr_ledger.jobs.capping import Place
from hermodr_ledger.jobs.decisions import Decision, Joining, Note, PublishedTemplate, RequestedJob

CAP = "cap"
"""Why a job waits for a free place."""
CAPPED = "capped"
"""Why a job was skipped."""
_OVERFLOWS = ("skip", "digest", "defer")
"""Of several full caps the first of these decides."""


class Cap(NamedTuple):
    """`types`: those it counts and holds back; `None`: all. `said`: for the timeline, as `because`: why it puts off
    what it should gather."""

    most: int
    per: timedelta
    types: frozenset[str] | None
    overflow: str
    said: Mapping[str, Any]
    because: str | None = None

    def counts(self, type_name: str | None) -> bool:
        return self.types is None or type_name in self.types


def applying(job: RequestedJob, template: PublishedTemplate | None) -> tuple[Cap, ...]:
    """The recipient's and the project's caps that count the job. What makes no sense, written by SQL, caps nothing."""
    if job.recipient is None or job.priority is Priority.URGENT or not job.caps:
        return ()
    if template is not None and template.critical:
        return ()
    alone = _alone(job, template)
    caps = [_read(stored, of, alone) for of, stored in job.caps]
    return tuple(cap for cap in caps if cap is not None and cap.counts(job.type))


def _alone(job: RequestedJob, template: PublishedTemplate | None) -> str | None:
    """Why it cannot stand with others in one message: that would show one of them only."""
    if job.gathered:
        return None
    if job.escalation is not None:
        return "escalates"
    if job.has_content:
        return "content_given"
    return None if template is not None and template.reads_items else "template_without_items"


def _read(stored: object, of: str, alone: str | None) -> Cap | None:
    try:
        if not isinstance(stored, dict):
            return None
        most, types, overflow = stored["max"], stored.get("types"), stored.get("overflow", "defer")
        per = timedelta(seconds=seconds_of(stored["per"]))
        if not isinstance(most, int) or isinstance(most, bool) or most < 1 or overflow not in _OVERFLOWS:
            return None
        chosen = frozenset(str(each) for each in types) if isinstance(types, list) else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    said = {"of": of, **stored}
    if overflow == "digest" and alone is not None:
        return Cap(most, per, chosen, "defer", said, alone)
    return Cap(most, per, chosen, overflow, said)


def longest(caps: Sequence[Cap]) -> timedelta:
    """How far back places count."""
    return max(each.per for each in caps)


def placed(
    decision: Decision, caps: Sequence[Cap], others: Sequence[Place], now: datetime
) -> tuple[Decision, datetime | None]:
    """What becomes of a job that would be sent at `now`, and the moment at which it takes a place (`None`: it takes
    none). `others`: the places of the recipient's other jobs, those reserved for later too."""
    full = [cap for cap in caps if not _free(cap, others, now)]
    if not full:
        return decision, now
    overflow = min((cap.overflow for cap in full), key=_OVERFLOWS.index)
    if overflow == "skip":
        cap = next(each for each in full if each.overflow == "skip")
        note = Note("not_sent", {"reason": CAPPED, "cap": dict(cap.said)})
        return Decision(decision.job, JobState.SKIPPED, notes=(note,), error=CAPPED), None
    until = _first_free(caps, others, now)
    job = decision.job
    if overflow == "digest" and not job.gathered:
        window = max(1.0, (until - now).total_seconds())
        held = any(each.gathers and each.type == job.type for each in others)
        return decision._replace(joining=Joining(CAP, window, cause="cap")), None if held else until
    why = next((each for each in full if each.because is not None), full[0])
    told = {"because": why.because} if why.because is not None else {}
    put_off = waiting(job, CAP, until, {"cap": dict(why.said), **told})
    return put_off, until if put_off.until is not None else None


def _within(cap: Cap, others: Sequence[Place], moment: datetime) -> list[datetime]:
    return [each.at for each in others if cap.counts(each.type) and moment - cap.per < each.at <= moment]


def _free(cap: Cap, others: Sequence[Place], moment: datetime) -> bool:
    return len(_within(cap, others, moment)) < cap.most


def _first_free(caps: Sequence[Cap], others: Sequence[Place], now: datetime) -> datetime:
    """The first moment at which all of them have a free place."""
    moment = now
    while True:
        full = [cap for cap in caps if not _free(cap, others, moment)]
        if not full:
            return moment
        moment = max(min(_within(cap, others, moment)) + cap.per for cap in full)
