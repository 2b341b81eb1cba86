import asyncio

import pytest

from hermodr_api.errors import Refused
from hermodr_api.http import bulk_room
from hermodr_api.http.bulk_room import ROOM_OCTETS, WAITING_OCTETS, BulkRoom
from tests.support.waiting import wait_until

TEN_MIB = 10 * 1024 * 1024


class Crowd:
    def __init__(self) -> None:
        self.room = BulkRoom()
        self.octets = self.most = 0
        self.order: list[int] = []
        self.end = asyncio.Event()

    async def work(self, name: int, octets: int) -> None:
        async with self.room.of(octets):
            self.order.append(name)
            self.octets += octets
            self.most = max(self.most, self.octets)
            await self.end.wait()
            self.octets -= octets


async def test_no_more_is_worked_on_than_there_is_room_for_and_in_order() -> None:
    crowd = Crowd()
    tasks = [asyncio.create_task(crowd.work(name, TEN_MIB)) for name in range(8)]
    tasks.append(asyncio.create_task(crowd.work(8, 1)))  # small, and yet behind those before it
    await wait_until(lambda: len(crowd.order) == 3)
    assert crowd.order == [0, 1, 2]
    crowd.end.set()
    await asyncio.gather(*tasks)
    assert crowd.order == list(range(9))
    assert crowd.most <= ROOM_OCTETS


async def test_who_waits_too_long_is_told_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_room, "PATIENCE_SECONDS", 0.05)
    crowd = Crowd()
    first = asyncio.create_task(crowd.work(0, ROOM_OCTETS))
    await wait_until(lambda: crowd.order == [0])
    with pytest.raises(Refused) as refused:
        await crowd.work(1, TEN_MIB)
    assert (refused.value.kind.status, refused.value.members["cause"]) == (503, "overload")
    assert "retry-after" in refused.value.headers
    crowd.end.set()
    await first
    await crowd.work(2, ROOM_OCTETS)
    assert crowd.order == [0, 2]


async def test_bodies_that_wait_are_bounded_too() -> None:
    crowd = Crowd()
    tasks = [asyncio.create_task(crowd.work(0, ROOM_OCTETS))]
    await wait_until(lambda: crowd.order == [0])
    tasks += [asyncio.create_task(crowd.work(1, WAITING_OCTETS // 4)) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Refused):
        await crowd.work(2, 1)
    crowd.end.set()
    await asyncio.gather(*tasks)
    assert crowd.order == [0, 1, 1, 1, 1]


async def test_who_leaves_the_line_takes_no_room() -> None:
    crowd = Crowd()
    first = asyncio.create_task(crowd.work(0, ROOM_OCTETS))
    await wait_until(lambda: crowd.order == [0])
    gone = [asyncio.create_task(crowd.work(1, WAITING_OCTETS // 2)) for _ in range(2)]
    await asyncio.sleep(0)
    crowd.end.set()  # they are let in in the same round of the loop in which they leave
    for each in gone:
        each.cancel()
    await asyncio.gather(first, *gone, return_exceptions=True)
    await crowd.work(2, ROOM_OCTETS)
    await crowd.work(3, ROOM_OCTETS)
    assert crowd.order[-2:] == [2, 3]
