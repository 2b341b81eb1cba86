"""What would become of a job, told beforehand by the rules that decide for real. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import Channel, JobState
from hermodr_deciding.caps import CAP
from hermodr_deciding.escalating import ESCALATE
from hermodr_deciding.gathering import joined
from hermodr_deciding.notifications import FAILURES, SUPPRESSED, candidates, decide, gathered
from hermodr_ledger.batching.looking import OpenWindows
from hermodr_ledger.jobs.decisions import Decision, NewDelivery, Note, PublishedTemplate, RequestedJob

SCHEDULED = "scheduled"
DIGEST = "digest"
"""It would wait in a window with others like it."""
_MOST_ROUNDS = 50
"""Of being put off: quiet hours that follow each other for ever end here."""


class Verdict(StrEnum):
    SEND = "send"
    DEFER = "defer"
    """It would be sent, but later."""
    SKIP = "skip"
    """It is not wanted."""
    FAIL = "fail"
    """It is not possible."""


class Foreseen(NamedTuple):
    """What happens on a channel (`None`: there is none to speak of). `delivery`, `send_at`: of what would be sent."""

    channel: Channel | None
    verdict: Verdict
    reason: str | None = None
    send_at: datetime | None = None
    delivery: NewDelivery | None = None


Capping = Callable[[Decision, datetime], Decision]
"""What caps make of a decision to send at that moment (`caps.placed`)."""


def foresee(
    job: RequestedJob,
    template: PublishedTemplate | None,
    channels: Channels,
    starts: datetime | None,
    capping: Capping,
    windows: OpenWindows,
) -> list[Foreseen]:
    """By channel. `job` is as it would be read now; `starts`: its `scheduled_for`. As long as the rules put it off it
    is decided upon again at the end of that, with the wishes of now. `windows` are the open ones, and get those that it
    opens. Of steps nobody looks in between."""
    moment, reason = job.read_at, None
    if starts is not None and starts > moment:
        moment, reason = starts, SCHEDULED
    asked: tuple[Channel | None, ...] = tuple(candidates(job, template, channels)) or (None,)
    found: dict[Channel | None, Foreseen] = {}
    notes: tuple[Note, ...] = ()
    while True:
        decision, moment, reason = _settled(job, template, channels, moment, reason, capping, windows)
        found |= {each.channel: _of_delivery(each, moment, reason) for each in decision.deliveries}
        notes += decision.notes
        if decision.following is None or job.escalation is None:
            break
        job = job._replace(escalation=job.escalation._replace(step=decision.following.step))
        moment, reason = decision.following.at, ESCALATE
    return [found.get(each) or _refused(each, decision._replace(notes=notes)) for each in asked]


def _settled(
    job: RequestedJob,
    template: PublishedTemplate | None,
    channels: Channels,
    moment: datetime,
    reason: str | None,
    capping: Capping,
    windows: OpenWindows,
) -> tuple[Decision, datetime, str | None]:
    """The decision that puts it off no more, when it is made, and what it waited for."""
    for _ in range(_MOST_ROUNDS):
        decision = gathered(decide(job, template, moment, channels))
        if decision.state is JobState.PROCESSING and decision.joining is None:
            decision = capping(decision, moment)
        if decision.joining is not None:
            closes = joined(windows, job, decision.joining, moment)
            if closes is not None:
                reason = reason or (CAP if decision.joining.cause == CAP else DIGEST)
                moment = closes
            # from here on, of the message of the window
            job = job._replace(joining=None, gathered=True)
        elif decision.until is not None:
            reason = reason or str(decision.notes[0].detail["reason"])
            moment = decision.until
        else:
            break
    return decision, moment, reason


def _of_delivery(delivery: NewDelivery, moment: datetime, reason: str | None) -> Foreseen:
    if delivery.suppressed is not None:
        return Foreseen(delivery.channel, Verdict.SKIP, SUPPRESSED)
    verdict = Verdict.SEND if reason is None else Verdict.DEFER
    return Foreseen(delivery.channel, verdict, reason, moment, delivery)


def _refused(channel: Channel | None, decision: Decision) -> Foreseen:
    """By the note about the channel, else by that about the job."""
    details: list[Mapping[str, object]] = [each.detail for each in decision.notes if "reason" in each.detail]
    of_channel = [each for each in details if channel is not None and each.get("channel") == channel]
    of_job = [each for each in details if "channel" not in each]
    reason = str((of_channel or of_job or details)[0]["reason"])
    failed = reason in FAILURES or (not of_channel and decision.state is JobState.FAILED)
    return Foreseen(channel, Verdict.FAIL if failed else Verdict.SKIP, reason)
