"""Digests: a notification made of what its reader has not read."""

import json
from collections.abc import Sequence
from uuid import UUID

from hermodr_contracts.vocabulary import JobState
from hermodr_digesting.data import shown_locale, template_data
from hermodr_dispatcher.kinds.decider import Decider
from hermodr_ledger.digests.choosing import Chosen, Unsendable, choose, write_data
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import Decision, Note, RequestedJob
from hermodr_servicekit.loop_watch import Step


class Digests:
    """Whether and where it is sent is decided as for a notification; only then its updates are chosen."""

    def __init__(self, ledger: Ledger, notifications: Decider) -> None:
        self._ledger = ledger
        self._notifications = notifications

    async def decide(self, jobs: Sequence[RequestedJob], /) -> Sequence[Decision]:
        """A decision for every job, but for those that somebody else has in hand."""
        decisions = await self._notifications.decide(jobs)
        going = [each for each in decisions if each.state is JobState.PROCESSING]
        if not going:
            return decisions
        chosen = await choose(self._ledger.cold, [each.job.id for each in going])
        data: dict[UUID, str] = {}
        decided = [each for each in decisions if each.state is not JobState.PROCESSING]
        decided += [
            _filled(each, found, data) for each in going if (found := chosen.get(each.job.id)) is not None
        ]
        if data:
            await write_data(self._ledger.cold, data)
        return decided


def _filled(decision: Decision, found: Chosen, data: dict[UUID, str]) -> Decision:
    if isinstance(found, Unsendable):
        note = Note("not_sent", {"reason": found.reason})
        return Decision(decision.job, JobState.SKIPPED, notes=(note,), error=found.reason)
    with Step("job_id", decision.job.id):
        data[decision.job.id] = json.dumps(template_data(found, _locale(decision)), ensure_ascii=False)
    note = Note("updates_chosen", {"updates": len(found.updates), "more": found.more})
    return decision._replace(notes=(note, *decision.notes))


def _locale(decision: Decision) -> str | None:
    recipient = decision.job.recipient
    texts = next((each.locale for each in decision.deliveries if each.locale is not None), None)
    return shown_locale(recipient.locale if recipient is not None else None, texts)
