import asyncio

import pytest

from hermodr_api.health.counts import MOST_KEPT, OLDEST_SECONDS, Counts
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.periodic import REST
from tests.support.clocks import FakeClock
from tests.support.waiting import wait_until


class Counting:
    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self.calls = 0
        self.free = asyncio.Event()
        self.free.set()
        self.broken = False

    async def __call__(self) -> int:
        self.calls += 1
        mine = self.calls
        await self.free.wait()
        if self.broken:
            raise LedgerUnavailable("away")
        self._clock.advance(self._seconds)
        return mine


async def test_a_small_ledger_is_counted_at_every_call() -> None:
    clock = FakeClock()
    counts, counting = Counts(clock), Counting(clock, 0.001)
    for number in (1, 2, 3):
        assert await counts.of("jobs", counting) == number
        clock.advance(1.0)


async def test_a_large_one_rests_and_is_then_counted_behind_the_back_of_callers() -> None:
    clock = FakeClock()
    counts, counting = Counts(clock), Counting(clock, 1.0)
    assert [await counts.of("jobs", counting) for _ in range(5)] == [1] * 5
    clock.advance(REST + 0.1)
    counting.free.clear()
    assert [await counts.of("jobs", counting) for _ in range(5)] == [1] * 5
    counting.free.set()
    await wait_until(lambda: not counts.busy)
    assert counting.calls == 2
    assert await counts.of("jobs", counting) == 2


@pytest.mark.parametrize("seconds", [1.0, 60.0])
async def test_nobody_is_shown_what_is_too_old(seconds: float) -> None:
    clock = FakeClock()
    counts, counting = Counts(clock), Counting(clock, seconds)
    await counts.of("jobs", counting)
    clock.advance(OLDEST_SECONDS + 1)
    assert await counts.of("jobs", counting) == 2


async def test_callers_at_once_share_a_count() -> None:
    clock = FakeClock()
    counts, counting = Counts(clock), Counting(clock, 1.0)
    assert await asyncio.gather(*(counts.of("jobs", counting) for _ in range(20))) == [1] * 20
    assert counting.calls == 1


async def test_a_count_that_fails_is_told_and_tried_again() -> None:
    clock = FakeClock()
    counts, counting = Counts(clock), Counting(clock, 0.001)
    counting.broken = True
    with pytest.raises(LedgerUnavailable):
        await counts.of("jobs", counting)
    counting.broken = False
    assert await counts.of("jobs", counting) == 2


async def test_what_goes_by_another_name_is_counted_by_itself() -> None:
    clock = FakeClock()
    counts, jobs, letters = Counts(clock), Counting(clock, 1.0), Counting(clock, 1.0)
    await counts.of("jobs", jobs)
    assert await counts.of("jobs", jobs) == 1
    letters.calls = 10
    assert await counts.of("letters", letters) == 11


async def test_a_count_goes_on_when_its_caller_gives_up() -> None:
    clock = FakeClock()
    counts, counting = Counts(clock), Counting(clock, 1.0)
    counting.free.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await counts.of("jobs", counting)
    counting.free.set()
    await wait_until(lambda: not counts.busy)
    assert await counts.of("jobs", counting) == 1


async def test_a_database_that_stood_still_for_once_is_no_large_one() -> None:
    clock = FakeClock()
    counts, counting = Counts(clock), Counting(clock, 0.001)
    await counts.of("jobs", counting)
    counting._seconds = 20.0
    await counts.of("jobs", counting)
    counting._seconds = 0.001
    assert await counts.of("jobs", counting) == 3


async def test_many_names_push_out_only_what_was_counted_longest_ago() -> None:
    clock = FakeClock()
    counts, first, second = Counts(clock), Counting(clock, 0.1), Counting(clock, 0.1)
    await counts.of("first", first)
    await counts.of("second", second)
    clock.advance(REST)
    await counts.of("first", first)
    await wait_until(lambda: not counts.busy)
    for number in range(MOST_KEPT - 1):
        await counts.of(number, Counting(clock, 0.0))
    clock.advance(0.1)
    assert await counts.of("first", first) == 2
    assert await counts.of("second", second) == 2, "counted anew, and waited for"
    assert (first.calls, second.calls) == (2, 2)


async def test_what_is_being_counted_is_given_up_at_the_end() -> None:
    clock = FakeClock()
    counts, counting = Counts(clock), Counting(clock, 1.0)
    counting.free.clear()
    asked = asyncio.create_task(counts.of("jobs", counting))
    await wait_until(lambda: counts.busy)
    await counts.close()
    assert not counts.busy
    with pytest.raises(asyncio.CancelledError):
        await asked
