"""The rate holds over any number of senders and any pattern of calls, and hungry senders use all of it."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermodr_delivery.routing.bearing import Bearing
from hermodr_delivery.routing.budget import BURST, SLICE_SECONDS, Budget
from hermodr_delivery.routing.turns import Turns
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.clock import SystemClock
from tests.support.clocks import FakeClock
from tests.support.waiting import wait_until
from tests.support.windows import most_over


class Reservations:
    """The ledger's row, by a clock of its own that shows another time."""

    def __init__(self, clock: FakeClock, trip: float = 0.0) -> None:
        self._clock = clock
        self._trip = trip
        self._next_at = 0.0
        self.asked = 0
        self.away = False

    async def reserve(self, provider: str, number: int, *, interval: float, earliest: float) -> float:
        del provider
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise LedgerUnavailable("away")
        now = self._clock.monotonic() - 500
        first = max(self._next_at, now + earliest)
        self._next_at = first + number * interval
        answer = first - now
        answers_at = self._clock.monotonic() + self._trip
        while self._clock.monotonic() < answers_at:
            await asyncio.sleep(0)
        return answer


async def turn_of_the_loop() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


class Sender:
    def __init__(self, reservations: Reservations, clock: FakeClock, rate: float, burst: int | None) -> None:
        self._clock = clock
        self._budget = Budget(reservations, "one", clock, lambda: None, rate=rate, burst=burst)
        self.calls: list[float] = []

    def call(self, wanted: int) -> int:
        """Makes as many of the wanted calls as may begin now; returns how many are left."""
        while wanted and self._budget.pause(wanted) == 0:
            self._budget.take()
            self.calls.append(self._clock.monotonic())
            wanted -= 1
        return wanted


PATTERNS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 30), st.sampled_from([0.0, 0.001, 0.02, 0.06, 0.3, 5.0])),
    max_size=80,
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([0.5, 3.0, 50.0, 400.0]),
    st.sampled_from([None, 2, 20]),
    st.sampled_from([0.0, 0.5, 2.0]),
    PATTERNS,
)
async def test_no_window_has_more_calls_than_it_may(
    rate: float, burst: int | None, slowness: float, pattern: list[tuple[int, int, float]]
) -> None:
    clock = FakeClock()
    reservations = Reservations(clock)
    senders = [Sender(reservations, clock, rate, burst) for _ in range(3)]
    allowed = burst or max(BURST, int(rate / 20))
    trip = slowness * (allowed - 1) / rate
    for who, wanted, seconds in pattern:
        senders[who].call(wanted)
        await asyncio.sleep(0)
        clock.advance(trip)
        await turn_of_the_loop()
        senders[who].call(wanted)
        clock.advance(seconds)
    calls = sorted(each for sender in senders for each in sender.calls)
    more = max(0.0, trip * rate - (allowed - 1) / 2)
    assert most_over(calls, rate) <= allowed + more + 1e-6


@pytest.mark.parametrize(
    ("rate", "hungry", "trip"),
    [
        (50.0, 3, 0.003),
        (50.0, 1, 0.06),
        (50.0, 3, 0.06),
        (7.0, 3, 0.003),
        (500.0, 3, 0.003),
        (500.0, 3, 0.06),
    ],
)
async def test_hungry_senders_use_the_whole_rate_with_few_statements(
    rate: float, hungry: int, trip: float
) -> None:
    clock = FakeClock()
    reservations = Reservations(clock, trip)
    senders = [Sender(reservations, clock, rate, None) for _ in range(hungry)]
    began = clock.monotonic()
    while clock.monotonic() < began + 10:
        for each in senders:
            each.call(80)
        await asyncio.sleep(0)
        clock.advance(0.002)
        await turn_of_the_loop()
    made = sum(len(each.calls) for each in senders)
    assert 0.99 * rate * 10 <= made <= rate * 10 + 5 + rate / 20
    assert reservations.asked <= made / max(1, int(rate * SLICE_SECONDS)) * 1.4 + 3 * hungry
    shares = [len(each.calls) for each in senders]
    assert min(shares) >= 0.9 * max(shares)


async def test_a_sender_that_needs_little_leaves_the_rest_to_others() -> None:
    clock = FakeClock()
    reservations = Reservations(clock)
    idle, busy = (Sender(reservations, clock, 50.0, None) for _ in range(2))
    for step in range(10_000):
        if step % 100 == 0:
            idle.call(1)
        busy.call(80)
        clock.advance(0.001)
        await turn_of_the_loop()
        idle.call(1) if step % 100 < 50 and len(idle.calls) <= step // 100 else None
    assert len(idle.calls) + len(busy.calls) >= 0.95 * 50 * 10


async def test_without_a_ledger_calls_are_spaced_by_the_sender_alone() -> None:
    clock = FakeClock()
    reservations = Reservations(clock)
    reservations.away = True
    sender = Sender(reservations, clock, 50.0, None)
    for _ in range(1000):
        sender.call(10)
        clock.advance(0.002)
        await turn_of_the_loop()
    assert 80 <= len(sender.calls) <= 2 * 50 + 5
    reservations.away = False
    before = len(sender.calls)
    for _ in range(1000):
        sender.call(10)
        clock.advance(0.002)
        await turn_of_the_loop()
    assert 95 <= len(sender.calls) - before <= 2 * 50 + 5


async def test_turns_wait_for_the_ledgers_answer_and_urgent_ones_go_first() -> None:
    reservations = Reservations(FakeClock())
    clock = SystemClock()
    bearing = Bearing(clock, most=10, rate=1000.0)
    turns = Turns(
        bearing, clock, lambda changed: Budget(reservations, "one", clock, changed, rate=1000.0, burst=1000)
    )
    order: list[str] = []

    async def one(name: str, *, urgent: bool) -> None:
        await turns.take(urgent=urgent, patience=30.0)
        order.append(name)
        turns.leave()

    tasks = [asyncio.ensure_future(one(name, urgent=name == "urgent")) for name in ("a", "b", "urgent")]
    await wait_until(lambda: len(order) == 3)
    assert order == ["urgent", "a", "b"]
    await asyncio.gather(*tasks)
    await turns.close()
