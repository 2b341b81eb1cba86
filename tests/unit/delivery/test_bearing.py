"""What a provider bears: cut by refusals, grown while it holds, never above what was configured."""

import itertools

import pytest

from hermodr_delivery.failures import Cause, Refused
from hermodr_delivery.routing.bearing import LONGEST_ASKED_SECONDS, LONGEST_GUESSED_SECONDS, Bearing
from tests.support.clocks import FakeClock


class Provider:
    def __init__(self, *, most: int = 10, rate: float | None = None) -> None:
        self.clock = FakeClock()
        self.bearing = Bearing(self.clock, most=most, rate=rate)

    def refuse(
        self,
        cause: Cause,
        *,
        alive: int | None = None,
        retry_after: float | None = None,
        certain: bool = True,
        began: float | None = None,
    ) -> None:
        refusal = Refused(
            cause, "smtp_421", alive=alive, retry_after=retry_after, named=not certain, certain=certain
        )
        self.bearing.refused(refusal, self.clock.monotonic() if began is None else began)

    def serve(self, count: int = 1, *, every: float = 0.0) -> None:
        for _ in range(count):
            self.clock.advance(every)
            self.bearing.served(self.clock.monotonic())


def test_what_was_configured_holds_until_a_refusal() -> None:
    provider = Provider(most=7, rate=50.0)
    provider.serve(1000, every=0.02)
    bearing = provider.bearing
    assert (bearing.at_once, bearing.rate, bearing.resting, bearing.limited) == (7, 50.0, 0.0, False)


def test_a_refused_connection_leaves_what_is_alive() -> None:
    provider = Provider()
    provider.refuse(Cause.CONNECTIONS, alive=3)
    assert (provider.bearing.at_once, provider.bearing.resting) == (7, 0.0)
    provider.clock.advance(0.1)
    provider.refuse(Cause.CONNECTIONS, alive=3)
    provider.clock.advance(0.1)
    provider.refuse(Cause.CONNECTIONS, alive=3)
    assert provider.bearing.at_once == 3
    provider.clock.advance(0.1)
    provider.refuse(Cause.CONNECTIONS, alive=2)
    assert provider.bearing.at_once == 2


def test_those_refused_together_cut_once() -> None:
    provider = Provider()
    began = provider.clock.monotonic()
    provider.clock.advance(0.1)
    for _ in range(7):
        provider.refuse(Cause.CONNECTIONS, alive=3, began=began)
    assert provider.bearing.at_once == 7


def test_connections_grow_one_by_one_and_ever_more_rarely_where_that_is_refused() -> None:
    provider = Provider(most=4)
    provider.refuse(Cause.CONNECTIONS, alive=2)
    bearing, tried = provider.bearing, []
    for second in range(40):
        provider.clock.advance(1.0)
        provider.serve()
        bearing.grow()
        if bearing.at_once == 3:
            tried.append(second)
            provider.refuse(Cause.CONNECTIONS, alive=2)
    assert bearing.at_once == 2
    assert [later - sooner for sooner, later in itertools.pairwise(tried)] == [2, 4, 8, 16]
    for _ in range(200):
        provider.clock.advance(1.0)
        provider.serve()
        bearing.grow()
    assert (bearing.at_once, bearing.limited, bearing.last) == (4, False, None)


def test_without_a_live_connection_it_is_left_alone_and_then_asked_by_one() -> None:
    provider = Provider()
    rests = []
    for _ in range(8):
        provider.refuse(Cause.CONNECTIONS, alive=0)
        rests.append(round(provider.bearing.resting, 3))
        provider.clock.advance(rests[-1])
        assert (provider.bearing.resting, provider.bearing.at_once) == (0.0, 1)
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]
    provider.serve()
    assert provider.bearing.refusals == 0


def test_a_wrong_password_is_tried_four_times_in_ten_minutes() -> None:
    provider = Provider()
    tries = []
    while provider.clock.monotonic() < 3600:
        tries.append(provider.clock.monotonic())
        provider.refuse(Cause.ACCESS)
        provider.clock.advance(provider.bearing.resting)
    assert len([each for each in tries if each < tries[0] + 600]) == 4
    assert tries[-1] - tries[-2] == 900


def test_the_pace_is_cut_to_a_part_of_what_was_borne() -> None:
    provider = Provider()
    provider.serve(20, every=0.01)
    provider.refuse(Cause.PACE)
    assert (provider.bearing.resting, provider.bearing.at_once) == (0.5, 1)
    provider.clock.advance(0.5)
    provider.serve()
    assert (provider.bearing.rate, provider.bearing.at_once) == (14.0, 10)


def test_the_answer_to_a_call_before_the_refusal_ends_no_rest() -> None:
    provider = Provider()
    began = provider.clock.monotonic()
    provider.clock.advance(0.1)
    provider.refuse(Cause.PACE)
    provider.bearing.served(began)
    assert provider.bearing.resting == 0.5


def test_the_pace_grows_by_small_steps_then_faster_and_is_forgotten() -> None:
    provider = Provider()
    provider.serve(100, every=0.01)
    provider.refuse(Cause.PACE)
    provider.clock.advance(0.5)
    provider.serve()
    assert provider.bearing.rate == 70.0
    provider.serve(100, every=0.02)
    assert provider.bearing.rate == pytest.approx(70 + 2 * 0.04 * 70)
    provider.serve(1000, every=0.02)
    assert provider.bearing.rate is not None
    assert provider.bearing.rate > 150
    provider.clock.advance(600)
    provider.serve()
    assert not provider.bearing.limited


def test_a_pace_nobody_uses_does_not_grow() -> None:
    provider = Provider()
    provider.serve(10, every=0.1)
    provider.refuse(Cause.PACE)
    provider.clock.advance(0.5)
    provider.serve()
    provider.serve(3, every=100.0)
    assert provider.bearing.rate is not None
    assert provider.bearing.rate < 12


def test_the_configured_rate_is_never_exceeded() -> None:
    provider = Provider(rate=10.0)
    provider.serve(20, every=0.1)
    provider.refuse(Cause.PACE)
    provider.clock.advance(0.5)
    provider.serve()
    assert provider.bearing.rate == pytest.approx(7.0)
    provider.serve(5000, every=0.1)
    assert provider.bearing.rate == 10.0


def test_a_hint_is_heeded_within_limits() -> None:
    provider = Provider()
    provider.refuse(Cause.PACE, retry_after=30.0)
    assert provider.bearing.resting == 30.0
    provider.clock.advance(30)
    provider.refuse(Cause.PACE, retry_after=99_999.0)
    assert provider.bearing.resting == LONGEST_ASKED_SECONDS


def test_one_refusal_that_may_be_about_its_message_changes_nothing() -> None:
    provider = Provider()
    for _ in range(20):
        provider.refuse(Cause.PACE, certain=False)
        provider.clock.advance(0.1)
        provider.serve()
    assert not provider.bearing.limited
    for _ in range(20):
        provider.refuse(Cause.PACE, certain=False)
        provider.clock.advance(provider.bearing.resting)
    assert provider.bearing.refusals
    provider.refuse(Cause.PACE, certain=False)
    assert provider.bearing.resting <= LONGEST_GUESSED_SECONDS


def test_an_outage_is_no_limit() -> None:
    provider = Provider()
    provider.refuse(Cause.PACE)
    provider.bearing.away()
    assert (provider.bearing.at_once, provider.bearing.resting) == (10, 0.0)
