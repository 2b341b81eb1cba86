"""Who is next where projects share one process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from hermodr_templates.fair_turns import FairTurns, TooManyWait
from tests.support.clocks import FakeClock


class Line:
    def __init__(self, most: int = 1_000) -> None:
        self.clock = FakeClock()
        self.turns = FairTurns(self.clock.monotonic, most=most)
        self.had: list[str] = []

    async def take(self, project: str, seconds: float = 1.0) -> None:
        async with self.turns.turn(project):
            self.had.append(project)
            await asyncio.sleep(0)
            self.clock.advance(seconds)

    def come(self, projects: str, seconds: float = 1.0) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.take(each, seconds)) for each in projects]


async def ended(*tasks: Awaitable[None]) -> None:
    async with asyncio.timeout(10):
        await asyncio.gather(*tasks)


async def test_a_crowd_of_one_project_delays_another_by_one_turn() -> None:
    line = Line()
    crowd = line.come("a" * 50)
    await asyncio.sleep(0)
    await ended(*line.come("b"))
    assert line.had.index("b") <= 2
    await ended(*crowd)
    assert len(line.had) == 51


async def test_time_is_what_is_shared_not_turns() -> None:
    line = Line()
    heavy, light = line.come("a" * 5, 4.0), line.come("b" * 20, 1.0)
    await ended(*heavy, *light)
    assert "".join(line.had).count("b", 0, 18) >= 12


async def test_nobody_saves_turns_up() -> None:
    line = Line()
    await ended(*line.come("a" * 30))
    late = line.come("b" * 30)
    again = line.come("a" * 30)
    await ended(*late, *again)
    assert "".join(line.had[30:50]).count("a") >= 9


async def test_who_does_not_wait_any_longer_holds_nobody_up() -> None:
    line = Line()
    tasks = line.come("aabbcc")
    await asyncio.sleep(0)
    for gone in (tasks[1], tasks[2], tasks[3]):
        gone.cancel()
    tasks += line.come("d")
    await asyncio.wait(tasks, timeout=10)
    assert sorted(line.had) == ["a", "c", "c", "d"]
    await ended(*line.come("a"))


async def test_a_turn_that_comes_to_somebody_just_leaving_goes_on() -> None:
    line = Line()
    first, second, third = line.come("abc")
    while first.done() is False:
        await asyncio.sleep(0)
    second.cancel()  # its turn has come; it has not begun
    await ended(third)
    assert line.had[-1] == "c"


async def test_an_error_in_a_turn_ends_it() -> None:
    line = Line()
    with pytest.raises(ValueError, match="no"):
        async with line.turns.turn("a"):
            raise ValueError("no")
    await ended(*line.come("b"))


async def test_one_projects_line_has_an_end() -> None:
    line = Line(most=2)
    tasks = line.come("aaa")
    await asyncio.sleep(0)
    with pytest.raises(TooManyWait):
        await line.take("a")
    await ended(*tasks, *line.come("b"))
