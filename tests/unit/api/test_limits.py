"""The limit holds over any number of processes and any pattern of requests, within the error it states."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermodr_api.access.limits import SLICE_SECONDS, Limiter
from hermodr_api.errors import Refused
from hermodr_contracts.rates import Limit
from hermodr_ledger.access.rates import BucketRequest, Granted
from tests.support.clocks import FakeClock


class Buckets:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[float, float]] = {}
        self.asked = 0

    async def take(self, requests: Sequence[BucketRequest]) -> Mapping[str, Granted]:
        self.asked += 1
        await asyncio.sleep(0)
        return {each.subject: self._one(each) for each in requests}

    def _one(self, wanted: BucketRequest) -> Granted:
        now, limit = self._clock.monotonic(), wanted.limit
        tokens, at = self._held.get(wanted.subject, (float(limit.burst), now))
        held = min(limit.burst, tokens + wanted.returned + (now - at) * limit.rate)
        granted = min(wanted.wanted, int(held))
        self._held[wanted.subject] = (held - granted, now)
        return Granted(granted, held - granted)


async def passes(limiter: Limiter, limit: Limit) -> bool:
    try:
        await limiter.take("key/1", limit)
    except Refused:
        return False
    return True


PATTERNS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 40), st.sampled_from([0.0, 0.001, 0.03, 0.1, 0.7, 3.0])),
    max_size=60,
)
LIMITS = st.builds(Limit, st.integers(1, 300), st.sampled_from([1, 60]), st.integers(1, 100))


@settings(max_examples=150, deadline=None)
@given(LIMITS, PATTERNS)
async def test_no_window_lets_more_through_than_it_may(
    limit: Limit, pattern: list[tuple[int, int, float]]
) -> None:
    clock = FakeClock()
    buckets = Buckets(clock)
    processes = [Limiter(buckets.take, clock) for _ in range(3)]
    passed: Counter[float] = Counter()
    for process, requests, pause in pattern:
        answers = await asyncio.gather(*(passes(processes[process], limit) for _ in range(requests)))
        passed[clock.monotonic()] += sum(answers)
        clock.advance(pause)
    error = len(processes) * max(1, limit.rate * SLICE_SECONDS)
    for first in passed:
        through = 0
        for last in sorted(moment for moment in passed if moment >= first):
            through += passed[last]
            assert through <= limit.burst + limit.rate * (last - first) + error + 1e-6


@settings(max_examples=100, deadline=None)
@given(LIMITS, st.integers(1, 3))
async def test_who_keeps_to_the_limit_is_never_refused_for_long(limit: Limit, count: int) -> None:
    """Requests at the rate, dealt out to the processes in turn: all but a few pass."""
    clock = FakeClock()
    buckets = Buckets(clock)
    processes = [Limiter(buckets.take, clock) for _ in range(count)]
    refused = 0
    for number in range(200):
        refused += not await passes(processes[number % count], limit)
        clock.advance(1.0001 / limit.rate)
    assert refused <= 2 * count * max(1, limit.rate * SLICE_SECONDS)


async def test_a_flood_hardly_asks_the_ledger() -> None:
    clock = FakeClock()
    buckets = Buckets(clock)
    limiter, limit = Limiter(buckets.take, clock), Limit(1000, 1, 100)
    passed = 0
    for _ in range(1000):
        passed += sum(await asyncio.gather(*(passes(limiter, limit) for _ in range(5))))
        clock.advance(0.001)
    assert 900 <= passed <= 1300
    assert buckets.asked <= 200


async def test_a_refusal_says_when_and_a_pass_says_how_much() -> None:
    clock = FakeClock()
    limiter, limit = Limiter(Buckets(clock).take, clock), Limit(6, 60, 3)
    headers = [await limiter.take("user/x", limit) for _ in range(3)]
    assert [each["ratelimit-remaining"] for each in headers] == ["2", "1", "0"]
    assert {each["ratelimit-limit"] for each in headers} == {"3"}
    assert headers[-1]["ratelimit-reset"] == "30"
    with pytest.raises(Refused) as refused:
        await limiter.take("user/x", limit)
    assert refused.value.kind.status == 429
    assert refused.value.headers["retry-after"] == "10"
    await limiter.take("user/y", limit)
    clock.advance(10)
    await limiter.take("user/x", limit)
