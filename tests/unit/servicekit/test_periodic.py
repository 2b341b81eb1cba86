"""What recurs goes on recurring, and a dead part ends the whole."""

import asyncio

import pytest

from hermodr_servicekit.periodic import repeat, running
from tests.support.waiting import wait_until

FAR_AWAY = 3600.0


class Ticks:
    def __init__(self, pause: float, *failures: BaseException) -> None:
        self.pause = pause
        self.failures = list(failures)
        self.count = 0

    async def __call__(self) -> float:
        self.count += 1
        if self.failures:
            raise self.failures.pop(0)
        return self.pause


async def test_it_recurs() -> None:
    ticks = Ticks(0.0)
    async with running(repeat("ticks", ticks)):
        await wait_until(lambda: ticks.count >= 5)


async def test_it_sleeps_for_as_long_as_the_tick_says_unless_woken() -> None:
    ticks, wake = Ticks(FAR_AWAY), asyncio.Event()
    async with running(repeat("ticks", ticks, wake=wake)):
        await wait_until(lambda: ticks.count == 1)
        for _ in range(20):
            await asyncio.sleep(0)
        assert ticks.count == 1
        wake.set()
        await wait_until(lambda: ticks.count == 2)
        assert not wake.is_set()


async def test_a_call_during_a_tick_is_not_lost() -> None:
    wake, gate = asyncio.Event(), asyncio.Event()
    count = 0

    async def tick() -> float:
        nonlocal count
        count += 1
        await gate.wait()
        return FAR_AWAY

    async with running(repeat("ticks", tick, wake=wake)):
        await wait_until(lambda: count == 1)
        wake.set()
        gate.set()
        await wait_until(lambda: count == 2)


async def test_an_error_is_not_the_end() -> None:
    ticks = Ticks(FAR_AWAY, ArithmeticError(), OSError())
    async with running(repeat("ticks", ticks, after_error=0.0)):
        await wait_until(lambda: ticks.count == 3)


async def test_the_stray_cancellation_of_a_library_is_not_the_end_either() -> None:
    """In a task group a task that ends cancelled ends unnoticed."""
    ticks = Ticks(FAR_AWAY, asyncio.CancelledError())
    async with running(repeat("ticks", ticks, after_error=0.0)):
        await wait_until(lambda: ticks.count == 2)


async def test_leaving_the_block_ends_all_and_waits_for_their_end() -> None:
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    async with running(work("one"), work("other")):
        await asyncio.sleep(0)
    assert sorted(ended) == ["one", "other"]


async def test_a_part_that_fails_ends_the_block() -> None:
    async def work() -> None:
        raise ArithmeticError

    with pytest.raises(ExceptionGroup) as caught:
        async with running(work(), asyncio.Event().wait()):  # type: ignore[arg-type]  # ends as it should
            await asyncio.Event().wait()
    assert caught.group_contains(ArithmeticError)


async def test_a_part_that_is_cancelled_from_within_ends_the_block_too() -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    with pytest.raises(ExceptionGroup) as caught:
        async with running(work()):
            await asyncio.Event().wait()
    assert caught.group_contains(RuntimeError)
