"""Claims that nobody answered for: when they are settled, and how."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.ladder import Step
from hermodr_contracts.vocabulary import Channel, DeliveryState, JobKind, JobState, OnUnknown, Priority
from hermodr_ledger.deliveries.attempts import Attempt, Outcome, Recorded, Settlement
from hermodr_ledger.engine import Contested, LedgerUnavailable
from hermodr_ledger.upkeep.due import ExpiredClaim
from hermodr_scheduler.duties.claims import (
    LONGEST_REST_SECONDS,
    LOOK_SECONDS,
    SETTLING_IN_SECONDS,
    Claims,
)
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.ids import child_id, job_of, new_job_id
from hermodr_servicekit.periodic import REST
from tests.support.clocks import FakeClock
from tests.support.topologies import email_topology

BATCH = 3


class FakeLedger:
    def __init__(self) -> None:
        self.expired: list[ExpiredClaim] = []
        self.failure: Exception | None = None
        self.recorded: list[tuple[Attempt, Settlement]] = []

    async def expired_claims(self, limit: int) -> list[ExpiredClaim]:
        self._answer()
        return self.expired[:limit]

    async def record(self, results: Sequence[tuple[Attempt, Settlement]]) -> list[Recorded]:
        self._answer()
        self.recorded += results
        settled = {attempt.delivery_id for attempt, _ in results}
        self.expired = [each for each in self.expired if each.id not in settled]
        return [
            Recorded(
                attempt.delivery_id,
                job_of(attempt.delivery_id),
                Channel.EMAIL,
                Priority.NORMAL,
                settlement.state,
                JobState.FAILED if settlement.dead else JobState.RETRYING,
                JobKind.NOTIFICATION,
            )
            for attempt, settlement in results
        ]

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure


class FakeBell:
    def __init__(self) -> None:
        self.reachable = True
        self.rung: dict[object, list[UUID]] = {}

    def deliveries(
        self, channel: Channel, priority: Priority, ids: Iterable[UUID], *, after: Step | None = None
    ) -> None:
        lane = (channel, priority) if after is None else (channel, priority, after.label)
        self.rung.setdefault(lane, []).extend(ids)


class Bench:
    def __init__(self) -> None:
        self.ledger = FakeLedger()
        self.bell = FakeBell()
        self.clock = FakeClock()
        self.registry = CollectorRegistry()
        self.claims = Claims(
            self.ledger,
            self.bell,
            self.clock,
            SchedulerMetrics(self.registry),
            topology=email_topology(ladder="10s,60s"),
            batch=BATCH,
        )

    async def settled_in(self) -> None:
        await self.claims.tick()
        self.clock.advance(SETTLING_IN_SECONDS)

    def reannounced(self, reason: str) -> float:
        return self.registry.get_sample_value("hermodr_reannounced_total", {"reason": reason}) or 0.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


def expired(on_unknown: OnUnknown = OnUnknown.RESEND, attempt: int = 1) -> ExpiredClaim:
    now = datetime.now(UTC)
    return ExpiredClaim(
        child_id(new_job_id(), 1), Channel.EMAIL, Priority.NORMAL, attempt, 3, on_unknown, "ghost", now, now
    )


async def test_after_a_full_batch_it_goes_on_at_once(bench: Bench) -> None:
    await bench.settled_in()
    bench.ledger.expired = [expired() for _ in range(BATCH)]
    assert await bench.claims.tick() == 0.0
    assert await bench.claims.tick() == LOOK_SECONDS


async def test_claims_are_settled_while_the_broker_is_away(bench: Bench) -> None:
    await bench.settled_in()
    bench.bell.reachable = False
    bench.ledger.expired = [expired()]
    await bench.claims.tick()
    assert bench.bell.rung == {}
    assert len(bench.ledger.recorded) == 1


@pytest.mark.parametrize(
    ("claim", "state", "dead"),
    [
        (expired(), DeliveryState.RETRYING, False),
        (expired(attempt=3), DeliveryState.FAILED, True),
        (expired(OnUnknown.HOLD), DeliveryState.UNKNOWN, False),
    ],
)
async def test_a_claim_nobody_answered_for_is_unknown_and_its_policy_applied(
    bench: Bench, claim: ExpiredClaim, state: DeliveryState, dead: bool
) -> None:
    await bench.settled_in()
    bench.ledger.expired = [claim]
    await bench.claims.tick()
    ((attempt, settlement),) = bench.ledger.recorded
    assert (attempt.delivery_id, attempt.number, attempt.outcome) == (
        claim.id,
        claim.attempt,
        Outcome.UNKNOWN,
    )
    assert (attempt.claimed_by, attempt.code) == ("ghost", "lease_expired")
    assert (settlement.state, settlement.dead) == (state, dead)
    assert bench.reannounced("lease_expired") == 1
    ended = {"kind": "notification", "status": "failed"}
    assert bench.registry.get_sample_value("hermodr_jobs_finished_total", ended) == (1 if dead else 0)
    waiting = (claim.channel, claim.priority, settlement.step.label) if settlement.step else None
    assert bench.bell.rung == ({waiting: [claim.id]} if waiting else {})


async def test_after_an_outage_of_the_database_senders_come_before_the_verdict(bench: Bench) -> None:
    bench.ledger.expired = [expired()]
    assert await bench.claims.tick() == LOOK_SECONDS
    bench.clock.advance(SETTLING_IN_SECONDS - 0.25)
    assert await bench.claims.tick() == 0.25
    assert bench.ledger.recorded == []
    bench.ledger.failure = LedgerUnavailable("away")
    with pytest.raises(LedgerUnavailable):
        await bench.claims.tick()
    bench.ledger.failure = None
    bench.clock.advance(60)
    await bench.claims.tick()
    bench.clock.advance(SETTLING_IN_SECONDS - 0.25)
    await bench.claims.tick()
    assert bench.ledger.recorded == []
    bench.clock.advance(0.25)
    await bench.claims.tick()
    assert len(bench.ledger.recorded) == 1


async def test_a_row_that_somebody_has_locked_is_no_outage(bench: Bench) -> None:
    await bench.settled_in()
    bench.ledger.expired, bench.ledger.failure = [expired()], Contested("a lock")
    with pytest.raises(Contested):
        await bench.claims.tick()
    bench.ledger.failure = None
    await bench.claims.tick()
    assert len(bench.ledger.recorded) == 1


@pytest.mark.parametrize(("found", "rest"), [(0, 0.5 * REST), (BATCH, 0.0)])
async def test_a_laborious_search_is_followed_by_a_long_rest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, found: int, rest: float
) -> None:
    async def laboriously(limit: int) -> list[ExpiredClaim]:
        bench.clock.advance(0.5)
        return [expired() for _ in range(found)]

    await bench.settled_in()
    monkeypatch.setattr(bench.ledger, "expired_claims", laboriously)
    assert await bench.claims.tick() == rest


async def test_a_database_that_stood_still_does_not_put_off_the_search_for_long(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def laboriously(limit: int) -> list[ExpiredClaim]:
        bench.clock.advance(25.0)
        return []

    await bench.settled_in()
    monkeypatch.setattr(bench.ledger, "expired_claims", laboriously)
    assert await bench.claims.tick() == LONGEST_REST_SECONDS
