"""The circuit breaker: when it opens, whom it lets through, when it closes."""

from hypothesis import given
from hypothesis import strategies as st

from hermodr_delivery.breaker import Breaker, BreakerLimits, BreakerState
from tests.support.clocks import FakeClock

CLOSED, HALF_OPEN, OPEN = BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN


class House:
    def __init__(self, limits: BreakerLimits = BreakerLimits()) -> None:  # noqa: B008 - frozen
        self.clock = FakeClock()
        self.breaker = Breaker(self.clock, limits)

    def call(self, ok: bool = True, seconds: float = 0.1) -> BreakerState:
        began = self.clock.monotonic()
        self.clock.advance(seconds)
        self.breaker.ended(began, failed=not ok)
        return self.breaker.state

    def opened(self) -> "House":
        for _ in range(20):
            self.call(ok=False)
        assert self.breaker.state is OPEN
        return self


def test_it_opens_when_half_of_the_last_twenty_failed() -> None:
    house = House()
    states = [house.call(ok=number % 2 == 0) for number in range(20)]
    assert states == [CLOSED] * 19 + [OPEN]
    assert house.breaker.resting == 10.0


def test_fewer_than_half_keep_it_closed() -> None:
    house = House()
    assert {house.call(ok=number % 5 in (0, 2, 4)) for number in range(500)} == {CLOSED}


def test_slow_calls_count_as_failed() -> None:
    house = House(BreakerLimits(slow_seconds=5.0))
    assert {house.call(seconds=4.9) for _ in range(40)} == {CLOSED}
    assert [house.call(seconds=5.0) for _ in range(10)][-1] is OPEN


def test_it_is_half_open_after_ten_seconds_and_closes_after_three_successes() -> None:
    house = House().opened()
    house.clock.advance(9.9)
    assert house.breaker.state is OPEN
    house.clock.advance(0.1)
    assert house.breaker.state is HALF_OPEN
    assert house.breaker.resting == 0.0
    assert [house.call() for _ in range(3)] == [HALF_OPEN, HALF_OPEN, CLOSED]
    assert {house.call(ok=False) for _ in range(19)} == {CLOSED}  # it counts anew


def test_a_failed_probe_opens_it_again() -> None:
    house = House().opened()
    house.clock.advance(10.0)
    assert [house.call(), house.call(), house.call(ok=False)] == [HALF_OPEN, HALF_OPEN, OPEN]
    house.clock.advance(10.0)
    assert [house.call() for _ in range(3)] == [HALF_OPEN, HALF_OPEN, CLOSED]


def test_calls_from_before_it_opened_say_nothing_about_probes() -> None:
    house = House()
    began = house.clock.monotonic()
    house.opened()
    house.clock.advance(10.0)
    house.breaker.ended(began, failed=True)
    assert house.breaker.state is HALF_OPEN
    for _ in range(5):
        house.breaker.ended(began, failed=False)
    assert house.breaker.state is HALF_OPEN


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=200),
    st.integers(1, 10),
    st.integers(1, 4),
)
def test_whatever_happens_it_follows_the_picture(
    calls: list[tuple[bool, int]], window: int, successes: int
) -> None:
    """No way from closed to half-open, none from open to closed, and it always lets a call through in the end."""
    house = House(BreakerLimits(calls=window, successes=successes, slow_seconds=100.0))
    since_opened = 0
    for ok, pause in calls:
        before = house.breaker.state
        if before is not OPEN:
            house.call(ok=ok, seconds=0.0)
            after = house.breaker.state
            assert (before, after) != (CLOSED, HALF_OPEN)
            since_opened = 0 if after is OPEN else since_opened + (before is HALF_OPEN)
            if (before, after) == (HALF_OPEN, CLOSED):
                assert since_opened == successes
                since_opened = 0
        house.clock.advance(pause)
        assert house.breaker.resting <= 10.0
        if before is OPEN:
            assert house.breaker.state is not CLOSED
    house.clock.advance(10.0)
    assert house.breaker.resting == 0.0
