"""Many single needs become few flushes, and nobody is left waiting whatever goes wrong."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import uvloop
from hypothesis import given
from hypothesis import strategies as st

from hermodr_servicekit.coalescer import Coalescer
from tests.support.waiting import wait_until

PATIENCE = 5.0


class Flush:
    def __init__(self, fails: Callable[[Sequence[int]], Exception | None] = lambda _: None) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = 0
        self.most_under_way = 0
        self._fails = fails

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        error = self._fails(items)
        if error is not None:
            raise error
        return [item * 2 for item in items]


async def all_of(*futures: asyncio.Future[int]) -> list[int | BaseException]:
    async with asyncio.timeout(PATIENCE):
        return await asyncio.gather(*futures, return_exceptions=True)


async def test_what_is_submitted_in_one_turn_is_flushed_together_in_order() -> None:
    flush = Flush()
    line = Coalescer(flush)
    assert await all_of(*(line.submit(each) for each in range(5))) == [0, 2, 4, 6, 8]
    assert flush.batches == [[0, 1, 2, 3, 4]]


async def test_what_comes_during_a_flush_goes_into_the_next_up_to_the_limit() -> None:
    flush = Flush()
    flush.gate.clear()
    line = Coalescer(flush, max_items=3)
    futures = [line.submit(0)]
    await wait_until(lambda: flush.batches)
    futures += [line.submit(each) for each in range(1, 8)]
    flush.gate.set()
    assert await all_of(*futures) == [each * 2 for each in range(8)]
    assert flush.batches == [[0], [1, 2, 3], [4, 5, 6], [7]]
    assert flush.most_under_way == 1


async def test_with_spacing_a_lone_item_goes_at_once_and_a_crowd_waits_until_a_batch_is_full() -> None:
    flush = Flush()
    line = Coalescer(flush, max_items=3, spacing=3600)
    assert await all_of(line.submit(1)) == [2]
    first = [line.submit(each) for each in (2, 3)]
    assert await all_of(*first, line.submit(4)) == [4, 6, 8]
    assert flush.batches == [[1], [2, 3, 4]]


async def test_with_spacing_what_waits_goes_when_its_time_has_come() -> None:
    flush = Flush()
    line = Coalescer(flush, spacing=0.01)
    await all_of(line.submit(1))
    assert await all_of(line.submit(2), line.submit(3)) == [4, 6]
    assert flush.batches == [[1], [2, 3]]


def test_a_timer_that_rings_a_little_early_has_rung() -> None:
    """Looking at the clock again and again until the last fraction of a millisecond is over keeps the loop busy."""
    moments: list[float] = []

    class Loop(uvloop.Loop):
        def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
            moments.append(when)
            return super().call_at(when, callback, *args, context=context)

    async def scenario() -> None:
        line = Coalescer(Flush(), spacing=0.0053)
        for number in range(50):
            await line.submit(number)

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(scenario())
    assert moments
    assert len(set(moments)) == len(moments), "no moment is waited for twice"


async def test_draining_does_not_wait_for_the_spacing() -> None:
    flush = Flush()
    line = Coalescer(flush, spacing=3600)
    await all_of(line.submit(1))
    waiting = line.submit(2)
    async with asyncio.timeout(PATIENCE):
        await line.drain()
    assert waiting.result() == 4
    assert flush.batches == [[1], [2]]


async def test_as_many_flushes_run_at_once_as_allowed_and_no_more() -> None:
    flush = Flush()
    flush.gate.clear()
    line = Coalescer(flush, max_items=1, concurrency=3)
    futures = [line.submit(each) for each in range(7)]
    await wait_until(lambda: flush.under_way == 3)
    flush.gate.set()
    await all_of(*futures)
    assert flush.most_under_way == 3
    assert flush.batches == [[each] for each in range(7)]


async def test_an_error_reaches_every_caller_of_the_batch_and_none_of_the_next() -> None:
    line = Coalescer(Flush(lambda items: KeyError("away") if 1 in items else None), max_items=2)
    first, second, third = await all_of(*(line.submit(each) for each in range(3)))
    assert isinstance(first, KeyError)
    assert isinstance(second, KeyError)
    assert third == 4


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 5))
def test_with_split_on_a_bad_item_fails_alone(items: list[int], max_items: int) -> None:
    async def scenario() -> list[int | BaseException]:
        flush = Flush(lambda batch: ValueError(min(batch)) if min(batch) < 3 else None)
        line = Coalescer(flush, max_items=max_items, concurrency=2, split_on=(ValueError,))
        return await all_of(*(line.submit(each) for each in items))

    for item, outcome in zip(items, asyncio.run(scenario()), strict=True):
        if item < 3:
            assert isinstance(outcome, ValueError)
            assert outcome.args == (item,)
        else:
            assert outcome == item * 2


async def test_an_error_that_is_not_to_be_split_on_is_not() -> None:
    flush = Flush(lambda _: KeyError("away"))
    line = Coalescer(flush, split_on=(ValueError,))
    outcomes = await all_of(line.submit(1), line.submit(2))
    assert [type(each) for each in outcomes] == [KeyError, KeyError]
    assert flush.batches == [[1, 2]]


async def test_a_cancelled_caller_harms_no_other() -> None:
    flush = Flush()
    flush.gate.clear()
    line = Coalescer(flush)
    one, other = line.submit(1), line.submit(2)

    async def wait() -> int:
        return await one

    caller = asyncio.create_task(wait())
    await wait_until(lambda: flush.under_way)
    caller.cancel()
    flush.gate.set()
    assert await all_of(other) == [4]
    assert one.cancelled()
    assert flush.batches == [[1, 2]]


async def test_a_flush_that_answers_too_little_fails_all_that_it_left_unanswered() -> None:
    async def forgetful(items: Sequence[int]) -> list[int]:
        return [items[0]]

    line: Coalescer[int, int] = Coalescer(forgetful)
    first, second = await all_of(line.submit(1), line.submit(2))
    assert first == 1
    assert isinstance(second, ValueError)


async def test_a_cancelled_flush_leaves_nobody_waiting_even_while_splitting() -> None:
    """Libraries cancel their own futures when a connection is lost."""

    async def flush(items: Sequence[int]) -> list[int]:
        if len(items) > 1:
            raise ValueError
        if items[0] == 1:
            raise asyncio.CancelledError
        return list(items)

    line: Coalescer[int, int] = Coalescer(flush, split_on=(ValueError,))
    outcomes = await all_of(*(line.submit(each) for each in range(3)))
    assert outcomes[0] == 0
    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert isinstance(outcomes[2], asyncio.CancelledError)
    assert await all_of(line.submit(7)) == [7]


async def test_draining_waits_for_all_that_was_submitted() -> None:
    flush = Flush()
    flush.gate.clear()
    line = Coalescer(flush, max_items=2)
    futures = [line.submit(each) for each in range(5)]
    draining = asyncio.create_task(line.drain())
    await wait_until(lambda: flush.under_way)
    assert not draining.done()
    flush.gate.set()
    async with asyncio.timeout(PATIENCE):
        await draining
    assert all(future.done() for future in futures)
    async with asyncio.timeout(PATIENCE):
        await line.drain()  # with nothing to do it returns at once
