"""Channel by channel until somebody looked. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.jobs.decisions import Decision, Note, RequestedJob
from hermodr_ledger.jobs.escalating import LOOKED, NextStep
from hermodr_ledger.upkeep.expiring import EXPIRED

ESCALATE = "escalate"
"""What a channel waits for that is not the first one."""


def steps_left(job: RequestedJob, asked: Sequence[Channel]) -> Iterator[tuple[int, Channel]]:
    """The channels that are still to be decided upon, each with its place from 1: all of them, unless they are steps.
    Those are passed on which a requeued job arrived; when somebody looked, none is left but for a requeued job."""
    escalation = job.escalation
    for ordinal, channel in enumerate(asked, start=1):
        if escalation is None:
            yield ordinal, channel
        elif ordinal > escalation.step and channel not in escalation.reached:
            if escalation.step and escalation.looked:
                return
            yield ordinal, channel


def followed(decision: Decision, asked: Sequence[Channel], now: datetime) -> Decision:
    """With the step that comes after the delivery that it makes, if there is one and somebody could still look."""
    job, escalation = decision.job, decision.job.escalation
    if escalation is None or not decision.open:
        return decision
    step = list(asked).index(decision.open[-1].channel) + 1
    if escalation.looked:
        return decision._replace(notes=(*decision.notes, *_not_sent(asked[step:], LOOKED)))
    if step >= len(asked):
        return decision
    at = now + timedelta(seconds=escalation.seconds(step))
    if job.expires_at is not None and job.expires_at <= at:
        return decision._replace(notes=(*decision.notes, *_not_sent(asked[step:], EXPIRED)))
    told = {"channel": asked[step], "until": at.isoformat().replace("+00:00", "Z"), "unless": LOOKED}
    return decision._replace(
        notes=(*decision.notes, Note("waits_for_look", told)), following=NextStep(step, at)
    )


def looked(job: RequestedJob, asked: Sequence[Channel]) -> Iterator[Note]:
    """Why no step is left, if that is the reason."""
    escalation = job.escalation
    if escalation is not None and escalation.looked:
        yield from _not_sent(asked[escalation.step :], LOOKED)


def _not_sent(channels: Sequence[Channel], reason: str) -> Iterator[Note]:
    return (Note("not_sent", {"channel": each, "reason": reason}) for each in channels)
