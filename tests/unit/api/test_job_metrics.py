"""When jobs are counted, and whose count is shown."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from hermodr_api.service.job_metrics import OLDEST_SECONDS, REST, JobMetrics
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.job_metrics import Fared
from tests.support.clocks import FakeClock

PROJECT = uuid4()


class Counting:
    """A ledger's stand-in: counting takes `seconds` of the clock and, if told so, until it is let go."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self.calls = 0
        self.free = asyncio.Event()
        self.free.set()
        self.broken = False

    async def __call__(self, project_id: UUID, hours: int) -> Fared:
        self.calls += 1
        mine = self.calls
        await self.free.wait()
        if self.broken:
            raise LedgerUnavailable("away")
        self._clock.advance(self._seconds)
        moment = datetime(2026, 1, mine, tzinfo=UTC)
        return Fared(moment, moment, {}, None, None, {}, [], 0, 0, None)


async def asked(metrics: JobMetrics) -> int:
    """Which count is shown."""
    return (await metrics.fared(PROJECT, 24)).as_of.day


async def test_a_small_ledger_is_counted_at_every_call() -> None:
    clock = FakeClock()
    metrics = JobMetrics(Counting(clock, 0.001), clock)
    for number in (1, 2, 3):
        assert await asked(metrics) == number
        clock.advance(1.0)


async def test_a_large_one_rests_and_is_then_counted_behind_the_back_of_callers() -> None:
    clock = FakeClock()
    counting = Counting(clock, 1.0)
    metrics = JobMetrics(counting, clock)
    assert [await asked(metrics) for _ in range(5)] == [1] * 5
    clock.advance(REST + 0.1)
    counting.free.clear()
    assert [await asked(metrics) for _ in range(5)] == [1] * 5
    counting.free.set()
    await metrics.drain()
    assert counting.calls == 2
    assert await asked(metrics) == 2


async def test_nobody_is_shown_what_is_too_old() -> None:
    clock = FakeClock()
    metrics = JobMetrics(Counting(clock, 1.0), clock)
    await asked(metrics)
    clock.advance(OLDEST_SECONDS + 1)
    assert await asked(metrics) == 2


async def test_callers_at_once_share_a_count() -> None:
    clock = FakeClock()
    counting = Counting(clock, 1.0)
    metrics = JobMetrics(counting, clock)
    assert await asyncio.gather(*(asked(metrics) for _ in range(20))) == [1] * 20
    assert counting.calls == 1


async def test_a_count_that_fails_is_told_and_tried_again() -> None:
    clock = FakeClock()
    counting = Counting(clock, 0.001)
    metrics = JobMetrics(counting, clock)
    counting.broken = True
    with pytest.raises(LedgerUnavailable):
        await asked(metrics)
    counting.broken = False
    assert await asked(metrics) == 2
