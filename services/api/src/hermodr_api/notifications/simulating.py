"""What would become of notifications: told by the rules that decide for real, and nothing is stored or sent."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import Flaw, invalid, listed
from hermodr_api.http.bulk_bodies import SLICE
from hermodr_api.notifications.bulk import Bulk
from hermodr_api.notifications.simulated import (
    FlawedView,
    ForeseenView,
    SimulationsView,
    SimulationView,
)
from hermodr_api.notifications.wording import Words
from hermodr_api.recipients.caps import LONGEST_SECONDS
from hermodr_contracts.channels import Channels
from hermodr_deciding.caps import Cap, applying, placed
from hermodr_deciding.foreseeing import Foreseen, Verdict, foresee
from hermodr_ledger.batching.looking import OpenWindows, open_windows
from hermodr_ledger.deliveries import provider_limits
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.jobs.capping import Place
from hermodr_ledger.jobs.capping import places as places_of
from hermodr_ledger.jobs.decisions import Decision, RequestedJob
from hermodr_ledger.jobs.imagining import imagined
from hermodr_ledger.jobs.published import published, template_of
from hermodr_ledger.people.recipients import described

MOST = 1_000
"""Notifications of one request."""
_SECONDS = 45.0


class Simulating:
    """The use case of `POST /v1/notifications/simulate`."""

    def __init__(
        self, ledger: Ledger, bulk: Bulk, repeatable: Repeatable, words: Words, channels: Channels
    ) -> None:
        self._ledger = ledger
        self._bulk = bulk
        self._repeatable = repeatable
        self._words = words
        self._channels = channels

    async def request(
        self, caller: Caller, items: Sequence[object], key: Key | None, *, single: bool
    ) -> Answer:
        """`items` are parsed, not validated. A flawed one refuses no other. Raises `Refused`, for a flawed `single` one
        too, and `LedgerUnavailable`."""
        async with patience(_SECONDS):
            views = await self._simulated(caller, items, single=single)
        if single:
            outcome = Outcome.of(SimulationView, views[0])
        else:
            outcome = Outcome.of(SimulationsView, SimulationsView(data=views))

        async def act(_: Transaction) -> Outcome:
            return outcome

        if key is None:
            return Answer(200, outcome.body)
        return await self._repeatable.run(caller.project_id, key, 200, act)

    async def _simulated(
        self, caller: Caller, items: Sequence[object], *, single: bool
    ) -> list[SimulationView | FlawedView]:
        jobs, rejected = await self._bulk.prepared(caller.project_id, items)
        if single and rejected:
            raise invalid(*(Flaw(("body", *each.loc), each.msg) for each in rejected[0]))
        told = await self._told(list(jobs.values()))
        views = dict(zip(jobs, told, strict=True))
        return [
            views[index] if index in views else FlawedView(errors=listed(rejected[index]))
            for index in range(len(items))
        ]

    async def _told(self, jobs: Sequence[NewJob]) -> list[SimulationView]:
        if not jobs:
            return []
        requested = await self._read(jobs)
        current = {
            (each.template.id, each.template.version) for each in requested if each.template is not None
        }
        versions = await published(self._ledger, list(current))
        providers = await self._providers()
        places = await self._places(requested)
        gathered = [each for each in requested if each.joining is not None or each.caps]
        windows = await open_windows(self._ledger, gathered) if gathered else OpenWindows()
        views = []
        for position, (job, read) in enumerate(zip(jobs, requested, strict=True)):
            starts = job.scheduled_for
            if job.delay_seconds is not None:
                starts = read.read_at + timedelta(seconds=job.delay_seconds)
            template = template_of(read, versions)
            capped = _Capping(applying(read, template), places.setdefault(read.recipient_id, []))
            found = foresee(read, template, self._channels, starts, capped.of, windows)
            views.append(SimulationView(channels=[await self._view(job, each, providers) for each in found]))
            if position % SLICE == 0:
                await asyncio.sleep(0)
        return views

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

    async def _view(self, job: NewJob, of: Foreseen, providers: Mapping[str, str]) -> ForeseenView:
        verdict, reason, send_at = of.verdict, of.reason, of.send_at
        subject = sha256 = provider = None
        if of.delivery is not None:
            wording = await self._words.of(job, of.delivery)
            subject, sha256 = wording.subject, wording.sha256
            provider = providers.get(of.delivery.channel)
            if wording.failed is not None:
                verdict, reason, send_at, provider = Verdict.FAIL, wording.failed, None, None
        return ForeseenView(
            channel=of.channel,
            verdict=verdict.value,
            reason=reason,
            send_at=send_at,
            provider=provider,
            subject=subject,
            body_sha256=sha256,
        )

    async def _providers(self) -> dict[str, str]:
        """The first of each channel."""
        found: dict[str, str] = {}
        for each in sorted(await provider_limits.known(self._ledger), key=lambda known: known.position):
            found.setdefault(each.channel, each.provider)
        return found


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
        others = [each for each in self._taken if each.job_id != job.id]
        decided, at = placed(decision, self._caps, others, moment)
        if at is not None and moment == job.read_at:
            self._taken.append(Place(job.id, job.type, at))
        return decided
