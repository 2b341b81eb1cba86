"""A ledger of attempts in memory, an announcer that remembers, a provider with a gate."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from prometheus_client import CollectorRegistry

from hermodr_contracts.ladder import Step, parse_ladder
from hermodr_contracts.vocabulary import Channel, DeliveryState, JobKind, JobState, OnUnknown, Priority
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.recorder import Recorder, Result
from hermodr_ledger.deliveries.attempts import Attempt, Claim, Outcome, Recorded, Settlement
from hermodr_ledger.engine import Contested, LedgerUnavailable
from hermodr_ledger.engine.locked import RowsLocked
from hermodr_servicekit.ids import child_id, job_of, new_job_id

LADDER = parse_ladder("10s,60s")
PATIENCE = 5.0
ONE_PROJECT = UUID(int=1)


def new_ids(count: int) -> list[UUID]:
    return [child_id(new_job_id(), 1) for _ in range(count)]


def claim_of(delivery_id: UUID, attempt: int = 1) -> Claim:
    return Claim(
        id=delivery_id,
        job_id=job_of(delivery_id),
        project_id=new_job_id(),
        channel=Channel.EMAIL,
        priority=Priority.NORMAL,
        attempt=attempt,
        max_attempts=3,
        on_unknown=OnUnknown.RESEND,
        address="jane@example.org",
        address_name=None,
        template_id=None,
        template_version=None,
        locale=None,
        data="{}",
        content="{}",
        wanted_at=datetime.now(UTC),
    )


def result_of(claim: Claim, outcome: Outcome = Outcome.SENT, retry_after: float | None = None) -> Result:
    now = datetime.now(UTC)
    return Result(claim, Attempt(claim.id, claim.attempt, outcome, now, now, provider="fake"), retry_after)


def _nothing(_: Sequence[UUID]) -> None: ...


class FakeAttempts:
    """Hands out every delivery once. `away` answers that many calls with an outage; `broken` with a defect."""

    def __init__(self) -> None:
        self.claims: list[list[UUID]] = []
        self.claimed: set[UUID] = set()
        self.released: list[UUID] = []
        self.renewed: list[list[tuple[UUID, int]]] = []
        self.lost: set[UUID] = set()
        self.batches: list[list[tuple[Attempt, Settlement]]] = []
        self.recorded: list[UUID] = []
        self.unclaimable: set[UUID] = set()
        self.expires_in: dict[UUID, float] = {}
        self.projects: dict[UUID, UUID] = {}
        self.sorted: list[list[UUID]] = []
        self.before_a_claim: Callable[[Sequence[UUID]], None] = _nothing
        self.stale: set[UUID] = set()
        self.broken: set[UUID] = set()
        self.held: set[UUID] = set()
        self.key_held: set[UUID] = set()
        self.away = 0
        self.recording = asyncio.Event()
        self.recording.set()

    async def claim(self, ids: Sequence[UUID], *, owner: str, lease_seconds: float) -> list[Claim]:
        self.claims.append(list(ids))
        await asyncio.sleep(0)
        self._answer()
        self.before_a_claim(ids)
        taken = [each for each in dict.fromkeys(ids) if each not in self.claimed | self.unclaimable]
        self.claimed |= set(taken)
        made = [claim_of(each)._replace(expires_in=self.expires_in.get(each)) for each in taken]
        return [each._replace(project_id=self.projects.get(each.id, each.project_id)) for each in made]

    async def owners(self, ids: Sequence[UUID]) -> dict[UUID, UUID]:
        self.sorted.append(list(ids))
        await asyncio.sleep(0)
        self._answer()
        return {each: self.projects.get(each, ONE_PROJECT) for each in ids if each not in self.unclaimable}

    async def release(self, claims: Sequence[Claim], *, held_seconds: float | None = None) -> None:
        self._answer()
        self.released += [each.id for each in claims]
        self.claimed -= {each.id for each in claims} if held_seconds is not None else set()

    async def renew(
        self, claims: Sequence[tuple[UUID, int]], *, owner: str, lease_seconds: float
    ) -> set[UUID]:
        self._answer()
        self.renewed.append(list(claims))
        return {delivery_id for delivery_id, _ in claims} - self.lost

    async def record(self, results: Sequence[tuple[Attempt, Settlement]]) -> list[Recorded]:
        self.batches.append(list(results))
        await self.recording.wait()
        self._answer()
        if any(attempt.delivery_id in self.key_held for attempt, _ in results):
            raise Contested("a singleton key")
        if any(attempt.delivery_id in self.broken for attempt, _ in results):
            raise ArithmeticError
        counted = [pair for pair in results if pair[0].delivery_id not in self.stale | self.held]
        self.recorded += [attempt.delivery_id for attempt, _ in counted]
        done = [
            Recorded(
                attempt.delivery_id,
                job_of(attempt.delivery_id),
                Channel.EMAIL,
                Priority.NORMAL,
                settlement.state,
                JobState.COMPLETED if settlement.state is DeliveryState.SENT else JobState.RETRYING,
                JobKind.NOTIFICATION,
            )
            for attempt, settlement in counted
        ]
        if held := self.held & {attempt.delivery_id for attempt, _ in results}:
            raise RowsLocked(held, done)
        return done

    def _answer(self) -> None:
        if self.away:
            self.away -= 1
            raise LedgerUnavailable("away")


class FakeAnnouncer:
    def __init__(self) -> None:
        self.rung: list[tuple[Channel, Priority, list[UUID], Step | None]] = []
        self.drained = 0

    def deliveries(
        self, channel: Channel, priority: Priority, ids: Iterable[UUID], *, after: Step | None = None
    ) -> None:
        self.rung.append((channel, priority, list(ids), after))

    async def drain(self) -> None:
        self.drained += 1


class Provider:
    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.began: list[UUID] = []
        self.under_way = 0
        self.most_under_way = 0
        self.outcomes: dict[UUID, Outcome] = {}
        self.raising: dict[UUID, BaseException] = {}

    async def send(self, claim: Claim) -> Result:
        self.began.append(claim.id)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        if claim.id in self.raising:
            raise self.raising[claim.id]
        return result_of(claim, self.outcomes.get(claim.id, Outcome.SENT))


class Bench:
    def __init__(self, attempts: FakeAttempts | None = None) -> None:
        self.attempts = attempts or FakeAttempts()
        self.announcer = FakeAnnouncer()
        self.registry = CollectorRegistry()
        self.metrics = SenderMetrics(self.registry)
        self.recorder = Recorder(self.attempts, self.announcer, self.metrics, ladder=LADDER)

    def metric(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0
