"""Projects take turns at being decided upon."""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID

import pytest

from hermodr_dispatcher.gate import Closed, Gate
from hermodr_ledger.engine import LedgerUnavailable
from tests.support.waiting import wait_until

A, B, C = (UUID(int=number) for number in (1, 2, 3))


class House:
    """A gate for one message at a time; ids say whose they are by their last hexadecimal digit."""

    def __init__(self, most: int = 1) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.gate = Gate(self.owners, most=most)
        self.passed: list[str] = []
        self.open = asyncio.Event()

    async def owners(self, ids: Sequence[UUID]) -> Mapping[UUID, UUID]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return {each: UUID(int=each.int % 16) for each in ids}

    async def message(self, name: str, *projects: UUID) -> None:
        async with self.gate.passing(
            [UUID(int=16 * number + each.int) for number, each in enumerate(projects)]
        ):
            self.passed.append(name)
            await self.open.wait()

    def begin(self, name: str, *projects: UUID) -> asyncio.Task[None]:
        return asyncio.create_task(self.message(name, *projects))


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_few_messages_pass_and_nobody_asks_whose_they_are() -> None:
    house = House(most=3)
    tasks = [house.begin(name, A) for name in "abc"]
    await wait_until(lambda: len(house.passed) == 3)
    house.open.set()
    await asyncio.gather(*tasks)
    assert (house.asked, house.passed) == (0, [*"abc"])


async def test_one_beside_a_crowd_has_the_next_turn_but_one() -> None:
    house = House()
    tasks = [house.begin(f"crowd {number}", A) for number in range(200)]
    await settled()
    tasks.append(house.begin("one", B))
    tasks.append(house.begin("mixed", A, A, C))
    await settled()
    house.open.set()
    await asyncio.gather(*tasks)
    assert house.passed.index("one") <= 3
    assert house.passed.index("mixed") <= 4, "as one of its projects has a turn"
    assert len(house.passed) == len(set(house.passed)) == 202
    crowd = [each for each in house.passed if each.startswith("crowd")]
    assert crowd == [f"crowd {number}" for number in range(200)]


@pytest.mark.parametrize("error", [LedgerUnavailable("away"), ArithmeticError()])
async def test_what_cannot_be_sorted_keeps_its_order(error: Exception) -> None:
    house = House()
    house.error = error
    tasks = [house.begin(str(number), A) for number in range(30)]
    await settled()
    house.open.set()
    await asyncio.gather(*tasks)
    assert house.passed == [str(number) for number in range(30)]


async def test_one_that_is_cancelled_takes_no_turn() -> None:
    house = House()
    first, second, third = (house.begin(name, A) for name in "abc")
    await settled()
    second.cancel()
    house.open.set()
    await asyncio.gather(first, third)
    assert house.passed == ["a", "c"]
    await house.message("d", A)


async def test_a_closed_gate_sends_away_who_waits_and_who_comes() -> None:
    house = House()
    inside = house.begin("a", A)
    waiting = [house.begin("b", A), house.begin("c", B)]
    await settled()
    house.gate.close()
    for task in [*waiting, house.begin("d", A)]:
        with pytest.raises(Closed):
            await task
    house.open.set()
    await inside
    assert house.passed == ["a"]
