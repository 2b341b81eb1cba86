"""One host's calls at once."""

import asyncio
import contextlib

import pytest

from hermodr_delivery.claimed import Withheld
from hermodr_webhook_sender import hosts
from hermodr_webhook_sender.hosts import Hosts
from tests.support.clocks import FakeClock
from tests.support.waiting import wait_until

HOST = "hooks.example.com"


class Calls:
    """Calls that last until they are told to end."""

    def __init__(self, clock: FakeClock, most: int = hosts.MOST) -> None:
        self.hosts = Hosts(clock, most)
        self.running = 0
        self._ends: list[asyncio.Event] = []

    async def begin(self, *, answers: bool = True) -> asyncio.Task[None]:
        """Returns when it runs, waits or is withheld."""
        end = asyncio.Event()

        async def call() -> None:
            async with self.hosts.call(HOST) as place:
                self._ends.append(end)
                self.running += 1
                try:
                    await end.wait()
                finally:
                    self.running -= 1
                place.answered = answers

        task = asyncio.create_task(call())
        for _ in range(3):
            await asyncio.sleep(0)
        return task

    async def end(self) -> None:
        """The oldest."""
        self._ends.pop(0).set()
        for _ in range(5):
            await asyncio.sleep(0)


async def withheld(task: asyncio.Task[None]) -> float:
    with pytest.raises(Withheld) as raised:
        await task
    assert raised.value.seconds is not None
    return raised.value.seconds


async def test_a_new_host_gets_two_calls_and_one_more_with_each_answer() -> None:
    calls = Calls(FakeClock())
    tasks = [await calls.begin() for _ in range(12)]
    grown = []
    while calls.running:
        grown.append(calls.running)
        await calls.end()
    assert grown[:5] == [2, 3, 4, 5, 6]
    assert max(grown) <= hosts.MOST
    await asyncio.gather(*tasks)


async def test_a_slow_host_has_one_call_and_its_backlog_comes_back_by_turns() -> None:
    clock = FakeClock()
    calls = Calls(clock)
    first = [await calls.begin(), await calls.begin()]
    clock.advance(15)
    await calls.end()
    await calls.end()
    await asyncio.gather(*first)
    running = await calls.begin()
    waits = [await withheld(await calls.begin()) for _ in range(4)]
    assert waits == [15.0, 30.0, 45.0, 60.0]
    many = [await withheld(await calls.begin()) for _ in range(40)]
    assert max(many) == hosts.LONGEST_WITHHELD_SECONDS
    assert calls.running == 1
    await calls.end()
    await running


async def test_a_call_that_lasts_already_counts_before_it_ends() -> None:
    clock = FakeClock()
    calls = Calls(clock)
    tasks = [await calls.begin(), await calls.begin()]
    clock.advance(3)
    assert await withheld(await calls.begin()) == 1.5
    await calls.end()
    await calls.end()
    await asyncio.gather(*tasks)


async def test_a_host_without_an_answer_has_one_call_until_it_answers_again() -> None:
    calls = Calls(FakeClock())
    tasks = [await calls.begin(answers=False), await calls.begin(answers=False)]
    await calls.end()
    await calls.end()
    tasks += [await calls.begin(), await calls.begin()]
    assert calls.running == 1
    await calls.end()
    tasks.append(await calls.begin())
    assert calls.running == 2
    await calls.end()
    await calls.end()
    await asyncio.gather(*tasks)


async def test_who_waits_in_vain_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "PATIENCE_SECONDS", 0.01)
    calls = Calls(FakeClock(), most=1)
    running = await calls.begin()
    assert await withheld(await calls.begin()) >= 1.0
    await calls.end()
    await running


async def test_who_is_cancelled_while_waiting_leaves_no_place_behind() -> None:
    calls = Calls(FakeClock(), most=1)
    running, waiting = await calls.begin(), await calls.begin()
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    await calls.end()
    await running
    again = await calls.begin()
    assert calls.running == 1
    await calls.end()
    await again


async def test_hosts_are_forgotten_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "_REMEMBERED", 3)
    known = Hosts(FakeClock())
    async with known.call("h0"):
        for number in range(1, 10):
            async with known.call(f"h{number}"):
                pass
    await wait_until(lambda: len(known._known) <= 4)
    assert "h0" in known._known
