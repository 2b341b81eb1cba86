"""What waits long for a provider's rate goes to the next one that has room."""

import math
from collections import Counter

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.vocabulary import Priority
from hermodr_delivery.claimed import Message
from hermodr_delivery.failures import Cause, Refused
from hermodr_delivery.lane.lines import Entry, Lines
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.rate import Ahead
from hermodr_delivery.routing.routes import Routes
from tests.support.clocks import FakeClock
from tests.unit.delivery.fakes import claim_of, new_ids
from tests.unit.delivery.test_routing import Named

AFTER_SECONDS = 5.0
AHEAD = 12
"""What may be claimed ahead of a provider of 50 a second."""


class House:
    def __init__(
        self, *providers: Named, after: float | None = AFTER_SECONDS, waited: float = AFTER_SECONDS
    ) -> None:
        self.clock = FakeClock()
        self.registry = CollectorRegistry()
        metrics = SenderMetrics(self.registry)
        self.waited = waited
        self.routes: Routes[Named] = Routes(providers, self.clock, metrics, patience=5.0, overflow=after)
        self.routes.overflow.watch(Priority.NORMAL, lambda: self.waited)

    def chosen(self, number: int, priority: Priority | None = Priority.NORMAL) -> dict[str, int]:
        return dict(Counter(self.routes.choose(new_ids(number), priority).each))


def rated_and_free(**options: float | None) -> House:
    return House(Named("one", rate=50.0), Named("two"), **options)  # type: ignore[arg-type]


def test_what_finds_no_room_at_the_first_goes_to_the_second() -> None:
    house = rated_and_free()
    assert house.chosen(100) == {"one": AHEAD, "two": 100 - AHEAD}
    assert house.registry.get_sample_value("hermodr_overflows_total", {"provider": "one"}) == 100 - AHEAD


@pytest.mark.parametrize(
    "house",
    [rated_and_free(waited=AFTER_SECONDS - 0.1), rated_and_free(after=None), House(Named("one", rate=50.0))],
    ids=["not long enough", "not wanted", "nobody else"],
)
def test_everything_waits_for_the_first(house: House) -> None:
    assert house.chosen(100) == {"one": 100}
    assert house.routes.ahead(Priority.NORMAL) == Ahead(AHEAD, 0)


def test_a_lane_that_does_not_wait_keeps_to_the_first() -> None:
    assert rated_and_free().chosen(100, Priority.URGENT) == {"one": 100}


async def test_a_turn_makes_room_again() -> None:
    house = rated_and_free()
    ids = new_ids(AHEAD)
    house.routes.choose(ids, Priority.NORMAL)
    assert house.chosen(1) == {"two": 1}
    route = house.routes.all[0]
    await route.take(claim_of(ids[0]))
    route.leave()
    assert house.chosen(2) == {"one": 1, "two": 1}


def test_what_never_came_to_its_turn_is_forgotten() -> None:
    house = rated_and_free()
    house.chosen(AHEAD)
    house.clock.advance(2.1)
    assert house.chosen(1) == {"one": 1}


def test_where_nobody_has_room_the_first_is_waited_for() -> None:
    house = House(Named("one", rate=50.0), Named("two", rate=20.0))
    assert house.chosen(100) == {"two": 5, "one": 95}
    assert house.routes.ahead(Priority.NORMAL) == Ahead(17, 0)


def test_a_pace_cut_by_refusals_is_waited_for_as_long_and_no_longer() -> None:
    house = House(Named("one"), Named("two"))
    assert house.chosen(50) == {"one": 50}
    house.clock.advance(3.0)
    bearing = house.routes.all[0].bearing
    bearing.refused(Refused(Cause.PACE, "http_429"), house.clock.monotonic())
    house.clock.advance(1.0)
    bearing.served(house.clock.monotonic())
    assert bearing.rate == 1.0
    assert house.chosen(50) == {"one": 2, "two": 48}


@pytest.mark.parametrize("seconds", [0.0, 11.0], ids=["open", "half-open"])
def test_one_that_may_not_work_takes_nothing_over(seconds: float) -> None:
    house = rated_and_free()
    for _ in range(20):
        house.routes.all[1].breaker.ended(math.inf, failed=True)
    house.clock.advance(seconds)
    assert house.chosen(100) == {"one": 100}


def test_weights_still_draw_the_first_choice() -> None:
    house = House(Named("one", rate=50.0, weight=3), Named("two", rate=500.0, weight=1), Named("three"))
    house.waited = 0.0
    ids = new_ids(400)
    drawn = house.routes.choose(ids, Priority.NORMAL).each
    assert 250 < drawn.count("one") < 350
    house.clock.advance(3.0)
    house.waited = AFTER_SECONDS
    spilled = house.routes.choose(ids, Priority.NORMAL).each
    assert spilled[:AHEAD] == drawn[:AHEAD]
    assert spilled.count("one") == AHEAD
    assert spilled.count("two") == 125
    assert spilled.count("three") == 400 - AHEAD - 125


async def test_the_first_in_line_has_waited_longest_whosever_it_is() -> None:
    lines, ids = Lines(), new_ids(3)
    assert lines.since is None
    for each, since in zip(ids, (7.0, 5.0, 6.0), strict=True):
        lines.put(Entry(each, Message(1, since), claim_of(each).project_id))
    assert lines.since == 5.0
