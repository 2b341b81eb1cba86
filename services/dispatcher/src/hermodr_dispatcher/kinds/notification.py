"""Notifications: each becomes deliveries on the channels that are possible and wanted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import JobState
from hermodr_deciding.caps import Cap, applying, longest, placed
from hermodr_deciding.notifications import decide, gathered
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.capping import Place, place
from hermodr_ledger.jobs.decisions import (
    Decision,
    Published,
    PublishedTemplate,
    RequestedJob,
)
from hermodr_ledger.jobs.published import published, template_of
from hermodr_ledger.people.recipients import described
from hermodr_servicekit.loop_watch import Step

VERSIONS_REMEMBERED = 10_000
"""Of templates. A version never changes; which one is the current one is read with every job."""


class Notifications:
    """Its time is the ledger's: by a clock behind that, a job would be put off to a moment that is past already."""

    def __init__(self, ledger: Ledger, channels: Channels) -> None:
        self._ledger = ledger
        self._channels = channels
        self._versions: dict[tuple[UUID, int], Published] = {}

    async def decide(self, jobs: Sequence[RequestedJob], /) -> Sequence[Decision]:
        """A decision for every job, by the rules of `domain`."""
        versions = await self._published(jobs)
        templated = [(job, template_of(job, versions)) for job in jobs]
        people = await self._described(templated)
        decisions = [self._decided(job, template, people) for job, template in templated]
        caps = {
            job.id: applying(job, template)
            for (job, template), decision in zip(templated, decisions, strict=True)
            if decision.state is JobState.PROCESSING and decision.joining is None and job.caps
        }
        return await self._placed(decisions, caps) if any(caps.values()) else decisions

    def _decided(
        self, job: RequestedJob, template: PublishedTemplate | None, people: Mapping[UUID, str]
    ) -> Decision:
        with Step("job_id", job.id):
            if job.recipient_id is not None and (known := people.get(job.recipient_id)) is not None:
                job = job._replace(described=known)
            return gathered(decide(job, template, job.read_at, self._channels))

    async def _placed(
        self, decisions: Sequence[Decision], caps: Mapping[UUID, Sequence[Cap]]
    ) -> list[Decision]:
        """Those under caps take their places, or are put off, gathered or skipped."""
        capped = [each for each in decisions if caps.get(each.job.id)]
        back = max(longest(caps[each.job.id]) for each in capped)

        def rule(
            decision: Decision, others: Sequence[Place], now: datetime
        ) -> tuple[Decision, datetime | None]:
            return placed(decision, caps[decision.job.id], others, now)

        free = [each for each in decisions if not caps.get(each.job.id)]
        return free + await place(self._ledger, capped, rule, back)

    async def _described(
        self, jobs: Sequence[tuple[RequestedJob, PublishedTemplate | None]]
    ) -> Mapping[UUID, str]:
        """The recipients of those whose templates read them. Few do: nothing is read for the others."""
        read = {
            job.recipient_id
            for job, template in jobs
            if template is not None and template.reads_recipient and job.recipient_id is not None
        }
        return await described(self._ledger, list(read)) if read else {}

    async def _published(self, jobs: Sequence[RequestedJob]) -> dict[tuple[UUID, int], Published]:
        """The versions of these jobs' templates."""
        wanted = {(job.template.id, job.template.version) for job in jobs if job.template is not None}
        known = {each: self._versions[each] for each in wanted if each in self._versions}
        if unknown := wanted - known.keys():
            known |= await published(self._ledger, list(unknown))
            if len(self._versions) + len(unknown) > VERSIONS_REMEMBERED:
                self._versions.clear()
            self._versions.update(known)
        return known
