import asyncio
from uuid import UUID, uuid4

import pytest

from hermodr_api.access.near_limits import BELIEVED_SECONDS, NEAR, NearLimits
from tests.support.clocks import FakeClock

PROJECT = uuid4()


class FakeLedger:
    def __init__(self) -> None:
        self.waiting = 0
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()

    async def count(self, project_id: UUID, most: int) -> int:
        self.asked += 1
        waiting = self.waiting
        await self.open.wait()
        return min(waiting, most)


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def near(ledger: FakeLedger, clock: FakeClock) -> NearLimits:
    return NearLimits(ledger.count, clock)


async def test_nobody_asks_for_projects_that_are_far_from_their_limits(
    near: NearLimits, ledger: FakeLedger
) -> None:
    near.let_in(PROJECT, 5)
    assert await near.waiting(PROJECT, 7, 8 + NEAR) == 7
    assert ledger.asked == 0
    assert await near.waiting(PROJECT, 8, 8 + NEAR) == 0
    assert ledger.asked == 1


async def test_what_this_process_lets_in_counts_until_it_is_read(
    near: NearLimits, ledger: FakeLedger, clock: FakeClock
) -> None:
    ledger.waiting = 3
    assert await near.waiting(PROJECT, 0, 100) == 3
    near.let_in(PROJECT, 4)
    near.let_in(PROJECT, -1)
    assert await near.waiting(PROJECT, 0, 100) == 6
    assert ledger.asked == 1
    ledger.waiting = 5
    clock.advance(BELIEVED_SECONDS * 1.1)
    assert await near.waiting(PROJECT, 0, 100) == 5


async def test_many_share_a_reading_and_what_comes_meanwhile_is_added(
    near: NearLimits, ledger: FakeLedger
) -> None:
    ledger.waiting = 3
    ledger.open.clear()
    askers = [asyncio.create_task(near.waiting(PROJECT, 0, 100)) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    near.let_in(PROJECT, 2)
    ledger.open.set()
    assert await asyncio.gather(*askers) == [5] * 5
    assert ledger.asked == 1


async def test_an_error_is_for_all_who_wait_and_not_for_the_next(
    near: NearLimits, ledger: FakeLedger, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(project_id: UUID, most: int) -> int:
        raise OSError

    failing = NearLimits(fail, clock)
    results = await asyncio.gather(
        *(failing.waiting(PROJECT, 0, 100) for _ in range(2)), return_exceptions=True
    )
    assert [type(each) for each in results] == [OSError, OSError]
    monkeypatch.setattr(failing, "_count", ledger.count)
    assert await failing.waiting(PROJECT, 0, 100) == 0
