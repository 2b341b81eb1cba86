"""What each project may have of a provider: its mails wait unclaimed, and hold up nobody else's."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from hermodr_delivery.claimed import Message, Withheld
from hermodr_delivery.lane.lines import NEVER_SECONDS, Lines
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.routing.project_rates import ProjectRates
from hermodr_delivery.routing.routes import Routes
from hermodr_delivery.routing.shared import Shared
from tests.support.clocks import FakeClock
from tests.support.waiting import wait_until
from tests.unit.delivery.fakes import claim_of, new_ids
from tests.unit.delivery.lanes import Lane, done
from tests.unit.delivery.test_budget import Reservations, turn_of_the_loop
from tests.unit.delivery.test_routing import Named

A, B = UUID(int=11), UUID(int=12)


class Ledger:
    """Rows of the budgets by name."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.rows: dict[str, Reservations] = {}

    async def reserve(self, provider: str, number: int, *, interval: float, earliest: float) -> float:
        row = self.rows.setdefault(provider, Reservations(self._clock))
        return await row.reserve(provider, number, interval=interval, earliest=earliest)

    async def rest(self, provider: str, seconds: float) -> None: ...

    async def rests(self) -> Mapping[str, float]:
        return {}


class House:
    def __init__(
        self, *providers: Named, ledger: Ledger | None = None, clock: FakeClock | None = None
    ) -> None:
        self.clock = clock or FakeClock()
        self.ledger = ledger or Ledger(self.clock)
        metrics = SenderMetrics(CollectorRegistry())
        self.routes: Routes[Named] = Routes(
            providers, self.clock, metrics, patience=5.0, shared=Shared(self.ledger, metrics)
        )
        self.lines = Lines(self.routes.project_pause if self.routes.limit_projects else None)

    def put(self, project: UUID, number: int) -> None:
        ids = new_ids(number)
        self.lines.add(ids, Message(number, 0.0))
        self.lines.sort(ids, dict.fromkeys(ids, project))

    async def taken_over(self, seconds: float, room: int = 100) -> Counter[UUID | None]:
        """How many of each project are taken."""
        taken: Counter[UUID | None] = Counter()
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            taken.update(each.project for each in self.lines.take(room))
            await turn_of_the_loop()
            self.clock.advance(0.01)
        return taken

    def projects(self, of: int = 0) -> ProjectRates:
        found = self.routes.all[of].projects
        assert found is not None
        return found


async def test_a_project_above_its_rate_waits_and_the_others_do_not() -> None:
    house = House(Named("one", project_rate=10.0))
    house.put(A, 500)
    house.put(B, 60)
    taken = await house.taken_over(10.0)
    assert 95 <= taken[A] <= 106
    assert taken[B] == 60
    assert len(house.lines) == 500 - taken[A]
    assert 0 < house.lines.pause <= NEVER_SECONDS


async def test_those_of_one_project_go_in_order() -> None:
    house = House(Named("one", project_rate=10.0))
    ids = new_ids(20)
    house.lines.add(ids, Message(20, 0.0))
    house.lines.sort(ids, dict.fromkeys(ids, A))
    taken: list[UUID] = []
    while len(taken) < 20:
        taken += [each.id for each in house.lines.take(3)]
        await turn_of_the_loop()
        house.clock.advance(0.05)
    assert taken == ids


async def test_two_senders_share_the_rate_of_a_project() -> None:
    clock = FakeClock()
    ledger = Ledger(clock)
    houses = [House(Named("one", project_rate=20.0), ledger=ledger, clock=clock) for _ in range(2)]
    total = 0
    for each in houses:
        each.put(A, 500)
    for _ in range(1000):
        for each in houses:
            total += len(each.lines.take(100))
            await turn_of_the_loop()
        clock.advance(0.01)
    assert 190 <= total <= 206
    assert set(ledger.rows) == {f"one:{A}"}


async def test_what_is_not_known_to_be_somebodys_waits_until_it_is() -> None:
    house = House(Named("one", project_rate=10.0))
    ids = new_ids(3)
    house.lines.add(ids, Message(3, 0.0))
    assert house.lines.take(10) == []
    assert house.lines.unsorted == ids
    house.lines.sort(ids, dict.fromkeys(ids, A))
    assert sum((await house.taken_over(1.0)).values()) == 3


async def test_projects_held_back_do_not_count_as_waiting_for_the_provider() -> None:
    house = House(Named("one", project_rate=1.0))
    house.put(A, 10)
    await house.taken_over(2.0)
    assert house.lines.since is None


@pytest.mark.parametrize("providers", [[Named("one")], [Named("one", rate=5.0)]])
def test_without_such_a_rate_nothing_is_asked(providers: list[Named]) -> None:
    house = House(*providers)
    assert not house.routes.limit_projects
    assert house.routes.all[0].projects is None


async def test_one_that_was_granted_a_moment_is_admitted_and_another_waits_for_one() -> None:
    house = House(Named("one", project_rate=2.0, project_burst=1))
    granted, other = new_ids(2)
    while house.routes.project_pause(granted, A, 1) > 0:
        await turn_of_the_loop()
    await house.projects().admit(granted, A)
    waiting = asyncio.create_task(house.projects().admit(other, A))
    await asyncio.sleep(0.05)
    assert not waiting.done(), "a moment is good for one alone"
    house.clock.advance(0.5)
    async with asyncio.timeout(5):
        await waiting


async def test_one_whose_moment_is_far_waits_in_the_ledger() -> None:
    house = House(Named("one", project_rate=0.1, project_burst=1))
    await house.ledger.reserve(f"one:{A}", 1, interval=10.0, earliest=0.0)
    with pytest.raises(Withheld) as withheld:
        await house.routes.all[0].take(claim_of(new_ids(1)[0])._replace(project_id=A))
    assert withheld.value.seconds is not None
    assert 5 < withheld.value.seconds <= 10
    assert house.routes.all[0].waiting[claim_of(new_ids(1)[0]).priority] == 0


async def test_a_mail_that_comes_from_elsewhere_needs_a_moment_too() -> None:
    house = House(Named("one"), Named("two", project_rate=50.0))
    route = house.routes.all[1]
    await route.take(claim_of(new_ids(1)[0]))
    route.leave()
    assert list(house.ledger.rows) != []


async def test_a_lane_claims_of_a_project_what_it_may_and_all_of_the_others() -> None:
    allowed: Counter[UUID] = Counter({A: 3})
    asked: list[UUID] = []

    def pause_of(delivery_id: UUID, project_id: UUID, waiting: int) -> float:
        asked.append(delivery_id)
        if project_id == B:
            return 0.0
        allowed[A] -= 1
        return 0.0 if allowed[A] >= 0 else 0.01

    lane = Lane(pause_of=pause_of)
    crowd, others = new_ids(10), new_ids(10)
    lane.attempts.projects = dict.fromkeys(crowd, A) | dict.fromkeys(others, B)
    tasks = [asyncio.create_task(lane.pump.run()), lane.submit(crowd), lane.submit(others)]
    await done(tasks[2])
    await wait_until(lambda: len(lane.provider.began) == 13)
    assert lane.pump.queue.waiting == 7
    allowed[A] = 100
    await done(tasks[1])
    assert Counter(lane.provider.began) == Counter(crowd + others)
    tasks[0].cancel()
    await asyncio.gather(tasks[0], return_exceptions=True)
