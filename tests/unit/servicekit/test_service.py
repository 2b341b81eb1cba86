"""The one life of all services."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import ClassVar

import httpx
import pytest

from hermodr_servicekit.service import Service
from hermodr_servicekit.settings import ServiceSettings
from tests.support.waiting import wait_until


class Settings(ServiceSettings):
    service: ClassVar[str] = "test"
    port_offset: ClassVar[int] = 99


class Recorded(Service[Settings]):
    """Writes down what is asked of it, and whether it can be reached by HTTP then."""

    def __init__(self, *, begins: bool = True, stuck: bool = False) -> None:
        super().__init__(Settings(http_port=0, grace_seconds=0.3 if stuck else 20))
        self._begins, self._stuck = begins, stuck
        self.steps: list[str] = []
        self.parts: set[str] = set()

    async def prepare(self) -> None:
        self.steps.append("prepare")

    def always(self) -> Sequence[Awaitable[None]]:
        return (self._part("always"),)

    async def begin(self, stop: asyncio.Event) -> bool:
        await self._step("begin")
        if not self._begins:
            await stop.wait()
        return self._begins

    def work(self) -> Sequence[Awaitable[None]]:
        return (self._part("work"),)

    async def take_no_more(self) -> None:
        await self._step("take no more")

    async def drain(self) -> None:
        await self._step("drain")
        if self._stuck:
            await asyncio.Event().wait()

    async def leave(self) -> None:
        await self._step("leave")

    async def close(self) -> None:
        await self._step("close")

    async def _part(self, name: str) -> None:
        self.parts.add(name)
        try:
            await asyncio.Event().wait()
        finally:
            self.parts.discard(name)

    async def _step(self, name: str) -> None:
        try:
            async with httpx.AsyncClient() as http:
                live = (await http.get(f"http://127.0.0.1:{self.port}/health/live")).is_success
        except httpx.ConnectError:
            live = False
        self.steps.append(" ".join([name, *sorted(self.parts), *["http"] * live]))


class ByHttp(Recorded):
    takes_requests = True


async def lives(service: Recorded) -> list[str]:
    stop = asyncio.Event()
    life = asyncio.create_task(service.run(stop))
    await wait_until(lambda: service.started or (not service._begins and len(service.steps) == 2))
    stop.set()
    await life
    return service.steps


async def test_work_is_refused_before_what_is_in_hand_is_finished_and_health_answers_meanwhile() -> None:
    assert await lives(Recorded()) == [
        "prepare",
        "begin always http",
        "take no more always work http",
        "drain always work http",
        "leave always http",
        "close",
    ]


async def test_a_service_that_takes_requests_drains_when_the_last_one_is_answered() -> None:
    assert (await lives(ByHttp()))[2:] == [
        "take no more always work",
        "drain always work",
        "leave always",
        "close",
    ]


async def test_what_never_began_is_not_drained_and_does_not_sign_off() -> None:
    assert await lives(Recorded(begins=False)) == ["prepare", "begin always http", "close"]


@pytest.mark.parametrize("kind", [Recorded, ByHttp])
async def test_a_drain_that_takes_too_long_is_given_up(kind: type[Recorded]) -> None:
    steps = await lives(kind(stuck=True))
    assert [each.split(" ", 1)[0] for each in steps[-2:]] == ["leave", "close"]
