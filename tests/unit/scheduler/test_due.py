from collections.abc import Collection, Iterable
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, JobKind, Priority
from hermodr_ledger.engine import Contested, LedgerUnavailable
from hermodr_ledger.upkeep.due import DueDelivery, DueJob
from hermodr_scheduler.duties.backlog import Backlog
from hermodr_scheduler.duties.due import BROKER_AWAY_SECONDS, LONGEST_SLEEP_SECONDS, Due
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.ids import child_id, new_job_id

BATCH = 3


class FakeRows:
    def __init__(self) -> None:
        self.jobs: list[DueJob] = []
        self.deliveries: list[DueDelivery] = []
        self.next: float | None = None
        self.away = False

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

    async def seconds_until_due(self) -> float | None:
        self._answer()
        return self.next

    def _answer(self) -> None:
        if self.away:
            raise LedgerUnavailable("away")


class FakeBell:
    def __init__(self) -> None:
        self.reachable = True
        self.rung: dict[object, list[UUID]] = {}

    def jobs(self, priority: Priority, ids: Iterable[UUID]) -> None:
        self.rung.setdefault(priority, []).extend(ids)

    def deliveries(self, channel: Channel, priority: Priority, ids: Iterable[UUID]) -> None:
        self.rung.setdefault((channel, priority), []).extend(ids)


class Bench:
    def __init__(self) -> None:
        self.rows = FakeRows()
        self.bell = FakeBell()
        self.registry = CollectorRegistry()
        self.backlog = Backlog(Topology())
        self.due = Due(self.rows, self.bell, self.backlog, SchedulerMetrics(self.registry), batch=BATCH)

    def reannounced(self, reason: str) -> float:
        return self.registry.get_sample_value("hermodr_reannounced_total", {"reason": reason}) or 0.0


@pytest.fixture
def bench() -> Bench:
    return Bench()


def due_job(
    priority: Priority = Priority.NORMAL, *, scheduled: bool = True, kind: str = JobKind.NOTIFICATION
) -> DueJob:
    return DueJob(new_job_id(), kind, priority, scheduled, 0.02)


def due_delivery(priority: Priority = Priority.NORMAL, *, retry: bool = False) -> DueDelivery:
    return DueDelivery(child_id(new_job_id(), 1), Channel.EMAIL, priority, retry)


@pytest.mark.parametrize(
    ("until_due", "expected"),
    [(None, LONGEST_SLEEP_SECONDS), (0.3, 0.3), (100.0, LONGEST_SLEEP_SECONDS), (0.0, 0.01), (-5.0, 0.01)],
)
async def test_it_sleeps_until_the_next_row_is_due_but_never_long_and_never_not_at_all(
    bench: Bench, until_due: float | None, expected: float
) -> None:
    bench.rows.next = until_due
    assert await bench.due.tick() == expected


async def test_what_is_due_is_announced_by_lane(bench: Bench) -> None:
    urgent, normal, low = due_job(Priority.URGENT), due_job(), due_delivery(Priority.LOW)
    bench.rows.jobs, bench.rows.deliveries = [urgent, normal], [low]
    await bench.due.tick()
    assert bench.bell.rung == {
        Priority.URGENT: [urgent.id],
        Priority.NORMAL: [normal.id],
        (Channel.EMAIL, Priority.LOW): [low.id],
    }


async def test_a_job_of_a_kind_that_nobody_serves_waits_unannounced(bench: Bench) -> None:
    kind = "parcel"
    served = due_job()
    bench.rows.jobs = [due_job(kind=kind), served, due_job(kind=kind, scheduled=False)]
    assert await bench.due.tick() == 0.0  # a full batch all the same: there may be more behind it
    assert bench.bell.rung == {Priority.NORMAL: [served.id]}
    assert bench.registry.get_sample_value("hermodr_schedule_lateness_seconds_count") == 1
    assert bench.reannounced("job_overdue") == 0


async def test_what_waits_in_a_full_queue_is_not_announced(bench: Bench) -> None:
    waiting, urgent = due_delivery(), due_delivery(Priority.URGENT)
    bench.rows.deliveries = [waiting, urgent]
    bench.backlog.seen({"email.urgent": 0, "email.normal": 3, "jobs.urgent": 7})
    await bench.due.tick()
    assert bench.bell.rung == {(Channel.EMAIL, Priority.URGENT): [urgent.id]}
    bench.backlog.seen({"email.urgent": 0, "email.normal": 0})
    bench.rows.deliveries = [waiting]
    await bench.due.tick()
    assert bench.bell.rung[Channel.EMAIL, Priority.NORMAL] == [waiting.id]


def test_lanes_are_told_by_their_queues() -> None:
    backlog = Backlog(Topology())
    assert backlog.lanes == set()
    backlog.seen({"email.low": 1, "email.normal": 0, "email.dead": 5, "jobs.normal": 2})
    assert backlog.lanes == {(Channel.EMAIL, Priority.LOW)}
    backlog.seen({})
    assert backlog.lanes == set()


async def test_what_is_late_and_what_is_repeated_is_counted_apart(bench: Bench) -> None:
    bench.rows.jobs = [due_job(), due_job(scheduled=False)]
    bench.rows.deliveries = [due_delivery(), due_delivery(retry=True)]
    await bench.due.tick()
    assert bench.registry.get_sample_value("hermodr_schedule_lateness_seconds_count") == 1
    assert [bench.reannounced(f"{each}_overdue") for each in ("job", "delivery", "retry")] == [1, 1, 1]


@pytest.mark.parametrize("kind", ["jobs", "deliveries"])
async def test_after_a_full_batch_it_goes_on_at_once(bench: Bench, kind: str) -> None:
    crowds: dict[str, list[object]] = {
        "jobs": [due_job() for _ in range(BATCH)],
        "deliveries": [due_delivery() for _ in range(BATCH)],
    }
    setattr(bench.rows, kind, crowds[kind])
    assert await bench.due.tick() == 0.0
    assert await bench.due.tick() == LONGEST_SLEEP_SECONDS


async def test_with_the_broker_away_rows_are_left_where_they_are(bench: Bench) -> None:
    bench.bell.reachable = False
    bench.rows.jobs, bench.rows.deliveries = [due_job()], [due_delivery()]
    assert await bench.due.tick() == BROKER_AWAY_SECONDS
    assert bench.bell.rung == {}
    assert len(bench.rows.jobs) == len(bench.rows.deliveries) == 1
    bench.bell.reachable = True
    await bench.due.tick()
    assert len(bench.bell.rung) == 2


@pytest.mark.parametrize("error", [ArithmeticError(), Contested("a lock")])
async def test_deliveries_do_not_depend_on_jobs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def broken(*_: object) -> list[DueJob]:
        raise error

    monkeypatch.setattr(bench.rows, "take_jobs", broken)
    waiting = due_delivery()
    bench.rows.deliveries = [waiting]
    with pytest.raises(type(error)):
        await bench.due.tick()
    assert bench.bell.rung == {(Channel.EMAIL, Priority.NORMAL): [waiting.id]}


async def test_with_the_database_away_it_is_not_asked_a_second_time(bench: Bench) -> None:
    bench.rows.away = True
    with pytest.raises(LedgerUnavailable):
        await bench.due.tick()
    bench.rows.away = False
    bench.rows.deliveries = [due_delivery()]
    await bench.due.tick()
    assert len(bench.bell.rung) == 1
