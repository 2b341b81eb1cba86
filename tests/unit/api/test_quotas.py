"""The bounds of quotas hold over any number of processes and any pattern of requests."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermodr_api.access.days import HELD_SECONDS, Days
from hermodr_api.access.limits import SLICE_SECONDS
from hermodr_api.access.on_credit import OnCredit
from hermodr_ledger.access.accepted import Slice, SliceRequest
from hermodr_ledger.access.rates import BucketRequest, Granted
from hermodr_ledger.engine import LedgerUnavailable
from tests.support.clocks import FakeClock

PROJECT = UUID(int=1)


class Ledgered:
    """Buckets and days as the ledger keeps them."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[float, float]] = {}
        self.taken: Counter[date] = Counter()
        self.used: Counter[date] = Counter()
        self.asked = 0
        self.away = False

    async def tokens(self, requests: Sequence[BucketRequest]) -> Mapping[str, Granted]:
        await self._answer()
        return {each.subject: self._token(each) for each in requests}

    def _token(self, wanted: BucketRequest) -> Granted:
        now, limit = self._clock.monotonic(), wanted.limit
        tokens, at = self._held.get(wanted.subject, (float(limit.burst), now))
        held = min(limit.burst, tokens + wanted.returned + (now - at) * limit.rate)
        granted = min(wanted.wanted, int(held))
        self._held[wanted.subject] = (held - granted, now)
        return Granted(granted, held - granted)

    async def slices(self, requests: Sequence[SliceRequest]) -> Mapping[UUID, Slice]:
        await self._answer()
        return {each.project_id: self._slice(each) for each in requests}

    def _slice(self, wanted: SliceRequest) -> Slice:
        today = self._clock.now().date()
        held = max(0, self.taken[today] - wanted.returned)
        granted = min(wanted.wanted, max(0, wanted.most - held))
        self.taken[today] = held + granted
        self.used[today] += wanted.used
        return Slice(today, granted)

    async def _answer(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.away:
            raise LedgerUnavailable("away")


PATTERNS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 40), st.sampled_from([0.0, 0.001, 0.03, 0.1, 0.7, 3.0])),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 300), PATTERNS)
async def test_no_window_lets_more_through_than_it_may(
    rate: int, pattern: list[tuple[int, int, float]]
) -> None:
    clock = FakeClock()
    ledger = Ledgered(clock)
    processes = [OnCredit(ledger.tokens, clock) for _ in range(3)]
    passed: Counter[float] = Counter()
    for process, requests, pause in pattern:
        waits = await asyncio.gather(*(processes[process].use("project", rate) for _ in range(requests)))
        passed[clock.monotonic()] += sum(each == 0 for each in waits)
        await processes[process].drain()
        clock.advance(pause)
    error = len(processes) * max(1, rate * SLICE_SECONDS)
    for first in passed:
        through = 0
        for last in sorted(moment for moment in passed if moment >= first):
            through += passed[last]
            assert through <= rate + rate * (last - first) + error + 1e-6


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 300), st.integers(1, 3))
async def test_who_keeps_to_the_rate_is_never_refused_for_long(rate: int, count: int) -> None:
    clock = FakeClock()
    ledger = Ledgered(clock)
    processes = [OnCredit(ledger.tokens, clock) for _ in range(count)]
    refused = 0
    for number in range(200):
        refused += await processes[number % count].use("project", rate) > 0
        await processes[number % count].drain()
        clock.advance(1.0001 / rate)
    assert refused <= 2 * count * max(1, rate * SLICE_SECONDS)


async def test_a_lone_request_does_not_wait_for_the_ledger() -> None:
    clock = FakeClock()
    ledger = Ledgered(clock)
    requests = OnCredit(ledger.tokens, clock)
    for _ in range(50):
        assert await requests.use("project", 2000) == 0
        assert ledger.asked <= 1
    await requests.drain()
    assert requests.passed("project") == 50
    clock.advance(1)
    assert requests.passed("project") == 50
    clock.advance(2)
    assert requests.passed("project") == 0


async def test_without_the_ledger_the_credit_ends() -> None:
    clock = FakeClock()
    ledger = Ledgered(clock)
    ledger.away = True
    requests = OnCredit(ledger.tokens, clock)
    passed = 0
    with contextlib.suppress(LedgerUnavailable):
        for _ in range(1000):
            assert await requests.use("project", 100) == 0
            passed += 1
    assert passed == 100 * SLICE_SECONDS
    with pytest.raises(LedgerUnavailable):
        await requests.use("project", 100)
    ledger.away = False
    assert await requests.use("project", 100) == 0


DOINGS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["take", "take", "take", "tell", "leave", "midnight", "pause"]),
        st.integers(1, 30),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 400), DOINGS)
async def test_a_day_never_has_more_than_its_limit(limit: int, doings: list[tuple[int, str, int]]) -> None:
    clock = FakeClock()
    ledger = Ledgered(clock)
    processes = [Days(ledger.slices, clock) for _ in range(3)]
    accepted: Counter[date] = Counter()
    for process, what, number in doings:
        days = processes[process]
        if what == "take":
            answers = await asyncio.gather(
                *(days.take(PROJECT, 1 + number % 3, limit) for _ in range(number))
            )
            charged = [day for day in answers if day is not None]
            assert set(charged) <= {clock.now().date()}
            kept = charged[1:] if number % 5 == 0 else charged
            for day in charged[len(kept) :]:
                days.give_back(PROJECT, 1 + number % 3, day)
            accepted[clock.now().date()] += len(kept) * (1 + number % 3)
        elif what == "tell":
            await days.tell()
        elif what == "leave":
            await days.tell(all=True)
        elif what == "midnight":
            clock.advance(86_400)
        else:
            clock.advance(0.3)
        assert accepted[clock.now().date()] <= limit
    for days in processes:
        await days.tell(all=True)
    today = clock.now().date()
    assert ledger.used[today] == ledger.taken[today] == accepted[today]


async def test_what_one_process_does_not_use_another_may() -> None:
    clock = FakeClock()
    ledger = Ledgered(clock)
    one, other = Days(ledger.slices, clock), Days(ledger.slices, clock)
    day = await one.take(PROJECT, 4990, 5000)
    assert day is not None
    await one.tell()
    one.give_back(PROJECT, 4990, day)
    one.give_back(PROJECT, 4990, day - timedelta(days=1))
    assert not await other.take(PROJECT, 100, 5000)
    clock.advance(HELD_SECONDS + 1)
    await one.tell()
    assert await other.take(PROJECT, 5000, 5000)
    assert not await one.take(PROJECT, 1, 5000)


async def test_a_lower_limit_counts_at_once() -> None:
    clock = FakeClock()
    days = Days(Ledgered(clock).slices, clock)
    assert await days.take(PROJECT, 1, 1_000_000)
    assert await days.take(PROJECT, 1, 3)
    assert await days.take(PROJECT, 1, 3)
    assert not await days.take(PROJECT, 1, 3)
    clock.advance(86_400)
    assert await days.take(PROJECT, 3, 3)
    assert days.seconds_left <= 86_400
