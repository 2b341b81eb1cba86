"""Loops that only cancellation ends do end, also when a library swallows it."""

import asyncio
import contextlib

import pytest

from hermodr_contracts.topology import Topology
from hermodr_servicekit import broker
from hermodr_servicekit.periodic import repeat


async def swallows() -> None:
    """What `asyncio.wait_for` does now and then, always."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


class Swallowing:
    """A session that is still opening when it is to end, and then opens, or does not."""

    fails = False

    def __init__(self, *_: object, **__: object) -> None:
        self.lost = asyncio.Event()
        self.reason = ""

    async def open(self) -> None:
        await swallows()
        if self.fails:
            raise ConnectionRefusedError

    async def close(self) -> None:
        self.lost.set()


async def ends(task: asyncio.Task[None]) -> bool:
    await asyncio.sleep(0)  # it has begun
    task.cancel()
    await asyncio.wait([task], timeout=5)
    return task.done() and task.cancelled()


@pytest.mark.parametrize("fails", [True, False])
async def test_a_broker_that_is_told_to_end_while_it_connects_ends(
    monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    monkeypatch.setattr(Swallowing, "fails", fails)
    monkeypatch.setattr(broker, "Session", Swallowing)
    service = broker.Broker("amqp://nowhere", Topology("test"), "test")
    assert await ends(asyncio.create_task(service.run()))


@pytest.mark.parametrize("fails", [True, False])
async def test_what_recurs_ends_when_told_in_the_midst_of_it(fails: bool) -> None:
    async def tick() -> float:
        await swallows()
        if fails:
            raise ConnectionRefusedError
        return 3600.0

    assert await ends(asyncio.create_task(repeat("test", tick)))
