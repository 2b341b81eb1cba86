"""One round of the scheduler: what it announces, what it settles, and how long it may sleep."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.ladder import Step
from hermodr_contracts.vocabulary import Channel, DeliveryState, JobState, OnUnknown, Priority
from hermodr_ledger.deliveries.attempts import Attempt, Outcome, Recorded, Settlement
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.upkeep.due import DueDelivery, DueJob, ExpiredClaim
from hermodr_scheduler.backlog import Backlog
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_scheduler.service import (
    BROKER_AWAY_SECONDS,
    LONGEST_REST_SECONDS,
    LONGEST_SLEEP_SECONDS,
    SETTLING_IN_SECONDS,
    Scheduling,
)
from hermodr_servicekit.ids import child_id, job_of, new_job_id
from hermodr_servicekit.periodic import REST
from tests.support.clocks import FakeClock
from tests.support.topologies import email_topology

BATCH = 3
TOPOLOGY = email_topology(ladder="10s,60s")


class FakeLedger:
    """What is due and what is recorded, with the ledger `away` or not."""

    def __init__(self) -> None:
        self.jobs: list[DueJob] = []
        self.deliveries: list[DueDelivery] = []
        self.expired: list[ExpiredClaim] = []
        self.next: float | None = None
        self.away = False
        self.recorded: list[tuple[Attempt, Settlement]] = []

    async def take_jobs(self, limit: int) -> list[DueJob]:
        self._answer()
        taken, self.jobs = self.jobs[:limit], self.jobs[limit:]
        return taken

    async def take_deliveries(
        self, limit: int, crowded: Collection[tuple[Channel, Priority]]
    ) -> list[DueDelivery]:
        self._answer()
        taken, self.deliveries = self.deliveries[:limit], self.deliveries[limit:]
        return [each for each in taken if (each.channel, each.priority) not in crowded]

    async def expired_claims(self, limit: int) -> list[ExpiredClaim]:
        self._answer()
        return self.expired[:limit]

    async def seconds_until_due(self) -> float | None:
        self._answer()
        return self.next

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
                JobState.RETRYING,
            )
            for attempt, settlement in results
        ]

    def _answer(self) -> None:
        if self.away:
            raise LedgerUnavailable("away")


class FakeBell:
    def __init__(self) -> None:
        self.reachable = True
        self.rung: dict[object, list[UUID]] = {}

    def jobs(self, priority: Priority, ids: Iterable[UUID]) -> None:
        self.rung.setdefault(priority, []).extend(ids)

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
        self.backlog = Backlog(TOPOLOGY)
        self.scheduling = Scheduling(
            self.ledger,
            self.ledger,
            self.bell,
            self.backlog,
            self.clock,
            SchedulerMetrics(self.registry),
            topology=TOPOLOGY,
            batch=BATCH,
        )

    async def settled_in(self) -> None:
        """The ledger has answered for long enough."""
        await self.scheduling.tick()
        self.clock.advance(SETTLING_IN_SECONDS)

    def reannounced(self, reason: str) -> float:
        return self.registry.get_sample_value("hermodr_reannounced_total", {"reason": reason}) or 0.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


def due_job(priority: Priority = Priority.NORMAL, *, scheduled: bool = True) -> DueJob:
    return DueJob(new_job_id(), priority, scheduled, 0.02)


def due_delivery(priority: Priority = Priority.NORMAL, *, retry: bool = False) -> DueDelivery:
    return DueDelivery(child_id(new_job_id(), 1), Channel.EMAIL, priority, retry)


def expired(on_unknown: OnUnknown = OnUnknown.RESEND, attempt: int = 1) -> ExpiredClaim:
    now = datetime.now(UTC)
    return ExpiredClaim(
        child_id(new_job_id(), 1), Channel.EMAIL, Priority.NORMAL, attempt, 3, on_unknown, "ghost", now, now
    )


@pytest.mark.parametrize(
    ("until_due", "expected"),
    [(None, LONGEST_SLEEP_SECONDS), (0.3, 0.3), (100.0, LONGEST_SLEEP_SECONDS), (0.0, 0.01), (-5.0, 0.01)],
)
async def test_it_sleeps_until_the_next_row_is_due_but_never_long_and_never_not_at_all(
    bench: Bench, until_due: float | None, expected: float
) -> None:
    bench.ledger.next = until_due
    assert await bench.scheduling.tick() == expected


async def test_what_is_due_is_announced_by_lane(bench: Bench) -> None:
    urgent, normal, low = due_job(Priority.URGENT), due_job(), due_delivery(Priority.LOW)
    bench.ledger.jobs, bench.ledger.deliveries = [urgent, normal], [low]
    await bench.scheduling.tick()
    assert bench.bell.rung == {
        Priority.URGENT: [urgent.id],
        Priority.NORMAL: [normal.id],
        (Channel.EMAIL, Priority.LOW): [low.id],
    }


async def test_what_waits_in_a_full_queue_is_not_announced(bench: Bench) -> None:
    waiting, urgent = due_delivery(), due_delivery(Priority.URGENT)
    bench.ledger.deliveries = [waiting, urgent]
    bench.backlog.seen({"email.urgent": 0, "email.normal": 3, "jobs.urgent": 7})
    await bench.scheduling.tick()
    assert bench.bell.rung == {(Channel.EMAIL, Priority.URGENT): [urgent.id]}
    bench.backlog.seen({"email.urgent": 0, "email.normal": 0})
    bench.ledger.deliveries = [waiting]
    await bench.scheduling.tick()
    assert bench.bell.rung[Channel.EMAIL, Priority.NORMAL] == [waiting.id]


def test_lanes_are_told_by_their_queues() -> None:
    backlog = Backlog(TOPOLOGY)
    assert backlog.lanes == set()
    backlog.seen({"email.low": 1, "email.normal": 0, "email.dead": 5, "jobs.normal": 2})
    assert backlog.lanes == {(Channel.EMAIL, Priority.LOW)}
    backlog.seen({})
    assert backlog.lanes == set()


async def test_what_is_late_and_what_is_repeated_is_counted_apart(bench: Bench) -> None:
    bench.ledger.jobs = [due_job(), due_job(scheduled=False)]
    bench.ledger.deliveries = [due_delivery(), due_delivery(retry=True)]
    await bench.scheduling.tick()
    assert bench.registry.get_sample_value("hermodr_schedule_lateness_seconds_count") == 1
    assert [bench.reannounced(f"{each}_overdue") for each in ("job", "delivery", "retry")] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["jobs", "deliveries", "expired"])
async def test_after_a_full_batch_it_goes_on_at_once(bench: Bench, kind: str) -> None:
    await bench.settled_in()
    crowds: dict[str, list[object]] = {
        "jobs": [due_job() for _ in range(BATCH)],
        "deliveries": [due_delivery() for _ in range(BATCH)],
        "expired": [expired() for _ in range(BATCH)],
    }
    setattr(bench.ledger, kind, crowds[kind])
    assert await bench.scheduling.tick() == 0.0
    assert await bench.scheduling.tick() == LONGEST_SLEEP_SECONDS


async def test_with_the_broker_away_rows_are_left_where_they_are_and_claims_settled_all_the_same(
    bench: Bench,
) -> None:
    await bench.settled_in()
    bench.bell.reachable = False
    bench.ledger.jobs, bench.ledger.deliveries, bench.ledger.expired = (
        [due_job()],
        [due_delivery()],
        [expired()],
    )
    assert await bench.scheduling.tick() == BROKER_AWAY_SECONDS
    assert bench.bell.rung == {}
    assert len(bench.ledger.jobs) == len(bench.ledger.deliveries) == len(bench.ledger.recorded) == 1
    bench.bell.reachable = True
    await bench.scheduling.tick()
    assert len(bench.bell.rung) == 2


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
    await bench.scheduling.tick()
    ((attempt, settlement),) = bench.ledger.recorded
    assert (attempt.delivery_id, attempt.number, attempt.outcome) == (
        claim.id,
        claim.attempt,
        Outcome.UNKNOWN,
    )
    assert (attempt.claimed_by, attempt.code) == ("ghost", "lease_expired")
    assert (settlement.state, settlement.dead) == (state, dead)
    assert bench.reannounced("lease_expired") == 1
    waiting = (claim.channel, claim.priority, settlement.step.label) if settlement.step else None
    assert bench.bell.rung == ({waiting: [claim.id]} if waiting else {})


async def test_after_an_outage_of_the_database_senders_come_before_the_verdict(bench: Bench) -> None:
    bench.ledger.expired = [expired()]
    await bench.scheduling.tick()
    bench.clock.advance(SETTLING_IN_SECONDS - 0.1)
    await bench.scheduling.tick()
    assert bench.ledger.recorded == []
    bench.ledger.away = True
    with pytest.raises(LedgerUnavailable):
        await bench.scheduling.tick()
    bench.ledger.away = False
    bench.clock.advance(60)
    await bench.scheduling.tick()
    bench.clock.advance(SETTLING_IN_SECONDS - 0.1)
    await bench.scheduling.tick()
    assert bench.ledger.recorded == []
    bench.clock.advance(0.1)
    await bench.scheduling.tick()
    assert len(bench.ledger.recorded) == 1


@pytest.mark.parametrize(("found", "pause"), [(0, 0.5 * REST), (BATCH, 0.0)])
async def test_what_is_due_does_not_wait_for_a_laborious_search_each_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, found: int, pause: float
) -> None:
    searches: list[float] = []

    async def laboriously(limit: int) -> list[ExpiredClaim]:
        searches.append(bench.clock.monotonic())
        bench.clock.advance(0.5)
        return [expired() for _ in range(found)]

    await bench.settled_in()
    monkeypatch.setattr(bench.ledger, "expired_claims", laboriously)
    for _ in range(100):
        await bench.scheduling.tick()
        bench.clock.advance(0.25)
    between = [later - earlier - 0.5 for earlier, later in pairwise(searches)]
    assert len(between) > 1
    assert all(pause <= each <= pause + 0.25 for each in between)


async def test_a_database_that_stood_still_does_not_put_off_the_search_for_long(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def laboriously(limit: int) -> list[ExpiredClaim]:
        bench.clock.advance(25.0)
        return []

    await bench.settled_in()
    with monkeypatch.context() as still:
        still.setattr(bench.ledger, "expired_claims", laboriously)
        await bench.scheduling.tick()
    bench.ledger.expired = [expired()]
    bench.clock.advance(LONGEST_REST_SECONDS)
    await bench.scheduling.tick()
    assert len(bench.ledger.recorded) == 1


async def test_no_duty_of_a_round_depends_on_another(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> list[DueJob]:
        raise ArithmeticError

    monkeypatch.setattr(bench.ledger, "take_jobs", broken)
    waiting = due_delivery()
    bench.ledger.deliveries = [waiting]
    with pytest.raises(ArithmeticError):
        await bench.scheduling.tick()
    assert bench.bell.rung == {(Channel.EMAIL, Priority.NORMAL): [waiting.id]}
    bench.clock.advance(SETTLING_IN_SECONDS)
    bench.ledger.expired = [expired()]
    with pytest.raises(ArithmeticError):
        await bench.scheduling.tick()
    assert len(bench.ledger.recorded) == 1
