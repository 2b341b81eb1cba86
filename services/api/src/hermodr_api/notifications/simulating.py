"""What would become of notifications: told by the rules that decide for real, and nothing is stored or sent."""

import asyncio
from collections.abc import Mapping, Sequence

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import Flaw, invalid, listed
from hermodr_api.http.bulk_bodies import SLICE
from hermodr_api.notifications.bulk import Bulk
from hermodr_api.notifications.foresight import Foresight
from hermodr_api.notifications.simulated import (
    FlawedView,
    ForeseenView,
    SimulationsView,
    SimulationView,
)
from hermodr_api.notifications.wording import Words
from hermodr_deciding.foreseeing import Foreseen, Verdict
from hermodr_ledger.deliveries import provider_limits
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.jobs.accept import NewJob

MOST = 1_000
"""Notifications of one request."""
_SECONDS = 45.0


class Simulating:
    """The use case of `POST /v1/notifications/simulate`."""

    def __init__(
        self, ledger: Ledger, bulk: Bulk, repeatable: Repeatable, words: Words, foresight: Foresight
    ) -> None:
        self._ledger = ledger
        self._bulk = bulk
        self._repeatable = repeatable
        self._words = words
        self._foresight = foresight

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
        foreseen = await self._foresight.of(jobs)
        providers = await self._providers()
        views = []
        for position, (job, found) in enumerate(zip(jobs, foreseen, strict=True)):
            views.append(SimulationView(channels=[await self._view(job, each, providers) for each in found]))
            if position % SLICE == 0:
                await asyncio.sleep(0)
        return views

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
