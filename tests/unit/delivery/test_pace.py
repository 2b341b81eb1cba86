from hermodr_delivery.lane.pace import Pace
from hermodr_delivery.rate import AHEAD_SECONDS
from tests.support.clocks import FakeClock


def test_it_begins_with_the_least() -> None:
    assert Pace(FakeClock(), least=8, most=200).ahead() == 8


def test_a_slow_provider_gets_the_least_and_a_fast_one_what_it_sends_in_the_span() -> None:
    clock = FakeClock()
    pace = Pace(clock, least=8, most=200)
    for per_second, ahead in [(10, 8), (400, 400 * AHEAD_SECONDS), (10_000, 200), (10, 8)]:
        clock.advance(1.0)
        for _ in range(per_second):
            pace.done()
        assert pace.ahead() == ahead


def test_a_moment_is_too_short_to_measure() -> None:
    clock = FakeClock()
    pace = Pace(clock, least=8, most=200)
    pace.done()
    clock.advance(0.001)
    assert pace.ahead() == 8


def test_the_most_may_be_less_than_the_least_wanted() -> None:
    assert Pace(FakeClock(), least=8, most=1).ahead() == 1
