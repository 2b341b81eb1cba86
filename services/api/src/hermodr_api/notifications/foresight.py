"""What would become of jobs if they were made now, by the rules that decide for real; nothing is stored."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from hermodr_api.recipients.caps import LONGEST_SECONDS
from hermodr_contracts.channels import Channels
from hermodr_deciding.caps import Cap, applying, placed
from hermodr_deciding.foreseeing import Foreseen, foresee
from hermodr_ledger.batching.looking import OpenWindows, open_windows
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.jobs.capping import Place
from hermodr_ledger.jobs.capping import places as places_of
from hermodr_ledger.jobs.decisions import Decision, RequestedJob
from hermodr_ledger.jobs.imagining import imagined
from hermodr_ledger.jobs.published import published, template_of
from hermodr_ledger.people.recipients import described

_SLICE = 200
"""Jobs decided upon before other requests get their turn."""


class Foresight:
    """`channels`: those that the installation serves."""

    def __init__(self, ledger: Ledger, channels: Channels) -> None:
        self._ledger = ledger
        self._channels = channels

    async def of(self, jobs: Sequence[NewJob]) -> list[list[Foreseen]]:
        """What would become of each of the jobs (one at least), by channel, if all were made now in that order."""
        requested = await self._read(jobs)
        current = {
            (each.template.id, each.template.version) for each in requested if each.template is not None
        }
        versions = await published(self._ledger, list(current))
        places = await self._places(requested)
        gathered = [each for each in requested if each.joining is not None or each.caps]
        windows = await open_windows(self._ledger, gathered) if gathered else OpenWindows()
        told = []
        for position, (job, read) in enumerate(zip(jobs, requested, strict=True)):
            starts = job.scheduled_for
            if job.delay_seconds is not None:
                starts = read.read_at + timedelta(seconds=job.delay_seconds)
            template = template_of(read, versions)
            capped = _Capping(applying(read, template), places.setdefault(read.recipient_id, []))
            told.append(foresee(read, template, self._channels, starts, capped.of, windows))
            if position % _SLICE == 0:
                await asyncio.sleep(0)
        return told

    async def _places(self, requested: Sequence[RequestedJob]) -> dict[UUID | None, list[Place]]:
        """Under caps, by recipient."""
        people = {each.recipient_id for each in requested if each.caps and each.recipient_id is not None}
        if not people:
            return {}
        since = requested[0].read_at - timedelta(seconds=LONGEST_SECONDS)
        known = await places_of(self._ledger, list(people), since)
        return {person: list(theirs) for person, theirs in known.items()}

    async def _read(self, jobs: Sequence[NewJob]) -> list[RequestedJob]:
        """With what templates read of their recipients."""
        requested = await imagined(self._ledger, jobs)
        people = [each.recipient_id for each in requested if each.recipient_id is not None]
        known = await described(self._ledger, list(dict.fromkeys(people))) if people else {}
        return [
            each if each.recipient_id is None else each._replace(described=known.get(each.recipient_id))
            for each in requested
        ]


class _Capping:
    """A recipient's caps, and the places under them: of real jobs, and of those foreseen before. As for real, a job has
    its place by the first decision if that is about sending it."""

    def __init__(self, caps: Sequence[Cap], taken: list[Place]) -> None:
        self._caps = caps
        self._taken = taken

    def of(self, decision: Decision, moment: datetime) -> Decision:
        if not self._caps:
            return decision
        job = decision.job
        others = [each for each in self._taken if not self._own(job, each)]
        decided, at = placed(decision, self._caps, others, moment)
        if at is not None and moment == job.read_at:
            self._taken.append(Place(job.id, job.type, at, decided.joining is not None))
        return decided

    @staticmethod
    def _own(job: RequestedJob, place: Place) -> bool:
        """The message of a window has the place that one of its events reserved."""
        return place.job_id == job.id or (job.gathered and place.gathers and place.type == job.type)
