import asyncio

import pytest

from hermodr_devkit.demo.run import ServiceEnded, unless_a_service_ends
from hermodr_devkit.supervisor import Fleet


class FakeService:
    def __init__(self) -> None:
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)


class FakeFleet(Fleet):
    def __init__(self) -> None:
        self.fakes = {"api": FakeService(), "dispatcher": FakeService()}
        self.services = self.fakes  # type: ignore[assignment]

    def log_tail(self, name: str, lines: int = 20) -> str:
        return f"the last line of {name}"


async def test_work_goes_through_while_all_services_run() -> None:
    async def work() -> int:
        return 7

    assert await unless_a_service_ends(FakeFleet(), work()) == 7


async def test_a_dead_service_is_named_with_its_last_lines_and_the_work_is_given_up() -> None:
    fleet = FakeFleet()
    given_up = asyncio.Event()

    async def work() -> None:
        fleet.fakes["dispatcher"].ended.set_result(-9)
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    with pytest.raises(
        ServiceEnded, match=r"dispatcher was killed by signal 9(.|\n)*last line of dispatcher"
    ):
        await unless_a_service_ends(fleet, work())
    assert given_up.is_set()


async def test_a_defect_in_the_work_comes_out() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await unless_a_service_ends(FakeFleet(), work())
