"""Notifications: each becomes deliveries on the channels that are possible and wanted."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from hermodr_contracts.channels import Channels
from hermodr_dispatcher.domain import decide
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import Decision, Locales, PublishedTemplate, RequestedJob, locales_of
from hermodr_servicekit.loop_watch import Step

VERSIONS_REMEMBERED = 10_000
"""Of templates. What a version speaks never changes; which version is the current one is read with every job."""


class Notifications:
    """Its time is the ledger's: by a clock behind that, a job would be put off to a moment that is past already."""

    def __init__(self, ledger: Ledger, channels: Channels) -> None:
        self._ledger = ledger
        self._channels = channels
        self._locales: dict[tuple[UUID, int], Locales] = {}

    async def decide(self, jobs: Sequence[RequestedJob], /) -> Sequence[Decision]:
        """A decision for every job, by the rules of `domain`."""
        locales = await self._published(jobs)
        return [self._decided(job, locales) for job in jobs]

    def _decided(self, job: RequestedJob, locales: Mapping[tuple[UUID, int], Locales]) -> Decision:
        with Step("job_id", job.id):
            return decide(job, _template(job, locales), job.read_at, self._channels)

    async def _published(self, jobs: Sequence[RequestedJob]) -> dict[tuple[UUID, int], Locales]:
        """What the versions of these jobs' templates speak."""
        wanted = {(job.template.id, job.template.version) for job in jobs if job.template is not None}
        known = {each: self._locales[each] for each in wanted if each in self._locales}
        if unknown := wanted - known.keys():
            known |= await locales_of(self._ledger, list(unknown))
            if len(self._locales) + len(unknown) > VERSIONS_REMEMBERED:
                self._locales.clear()
            self._locales.update(known)
        return known


def _template(job: RequestedJob, locales: Mapping[tuple[UUID, int], Locales]) -> PublishedTemplate | None:
    current = job.template
    if current is None or (spoken := locales.get((current.id, current.version))) is None:
        return None
    return PublishedTemplate.of(current, spoken)
