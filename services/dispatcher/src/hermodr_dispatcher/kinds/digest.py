"""Digests: a notification made of what its reader has not read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from hermodr_contracts.vocabulary import JobState
from hermodr_digesting.data import shown_locale, template_data
from hermodr_dispatcher.kinds.decider import Decider
from hermodr_dispatcher.summaries import SECONDS, Asking
from hermodr_ledger.digests.choosing import (
    Answered,
    Chosen,
    Contents,
    Unsendable,
    ask_for_summaries,
    choose,
    write_data,
)
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import Decision, Note, RequestedJob
from hermodr_servicekit.loop_watch import Step

PATIENCE_SECONDS = SECONDS + 5
"""Whoever asks for a summary longer than this has died: the digest goes without one."""


class Digests:
    """Whether and where it is sent is decided as for a notification; only then its updates are chosen. With `asking`
    a summary is asked for beside all other work, and the job decided upon again when it is there."""

    def __init__(self, ledger: Ledger, notifications: Decider, asking: Asking | None = None) -> None:
        self._ledger = ledger
        self._notifications = notifications
        self._asking = asking

    async def decide(self, jobs: Sequence[RequestedJob], /) -> Sequence[Decision]:
        """A decision for every job, but for those that somebody else has in hand, or that wait for their summary."""
        decisions = await self._notifications.decide(jobs)
        going = [each for each in decisions if each.state is JobState.PROCESSING]
        if not going:
            return decisions
        chosen: Mapping[UUID, Chosen] = await choose(self._ledger.cold, [each.job.id for each in going])
        if self._asking is not None:
            chosen = await self._summarized(chosen, self._asking)
        data: dict[UUID, str] = {}
        decided = [each for each in decisions if each.state is not JobState.PROCESSING]
        decided += [
            _filled(each, found, data) for each in going if (found := chosen.get(each.job.id)) is not None
        ]
        if data:
            await write_data(self._ledger.cold, data)
        return decided

    async def _summarized(self, chosen: Mapping[UUID, Chosen], asking: Asking) -> Mapping[UUID, Chosen]:
        """Those that wait for nothing."""
        ready = dict(chosen)
        unasked: dict[UUID, Contents] = {}
        for job_id, found in chosen.items():
            if not isinstance(found, Contents) or found.summary is not None:
                continue
            if found.asked_seconds is None:
                unasked[job_id] = found
            if found.asked_seconds is not None and found.asked_seconds > PATIENCE_SECONDS:
                ready[job_id] = replace(found, summary=Answered(None, "no_answer"))
            else:
                del ready[job_id]
        for job_id in await ask_for_summaries(self._ledger.cold, list(unasked)) if unasked else ():
            asking.begin(job_id, unasked[job_id])
        return ready


def _filled(decision: Decision, found: Chosen, data: dict[UUID, str]) -> Decision:
    if isinstance(found, Unsendable):
        note = Note("not_sent", {"reason": found.reason})
        return Decision(decision.job, JobState.SKIPPED, notes=(note,), error=found.reason)
    with Step("job_id", decision.job.id):
        data[decision.job.id] = json.dumps(template_data(found, _locale(decision)), ensure_ascii=False)
    notes = [Note("updates_chosen", {"updates": len(found.updates), "more": found.more})]
    if found.summary is not None:
        failure = found.summary.failure
        notes.append(Note("summary_missing", {"reason": failure}) if failure else Note("summarized"))
    return decision._replace(notes=(*notes, *decision.notes))


def _locale(decision: Decision) -> str | None:
    recipient = decision.job.recipient
    texts = next((each.locale for each in decision.deliveries if each.locale is not None), None)
    return shown_locale(recipient.locale if recipient is not None else None, texts)
