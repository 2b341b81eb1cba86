"""The broker and the database struck dead under load. Their servers are this module's own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from hermodr_devkit import processes
from hermodr_devkit.backing import EmbeddedPostgres, EmbeddedRabbit
from hermodr_ledger import migrate
from tests.support import servers
from tests.support.installation import Installation, installed
from tests.support.load import Load, answered, reached, under
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    with servers.private_postgres() as server:
        migrate.upgrade(server.url())
        yield server


@pytest.fixture(scope="module")
def rabbit() -> Iterator[EmbeddedRabbit]:
    with servers.private_rabbit() as node:
        yield node


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def alone(
    postgres: EmbeddedPostgres, rabbit: EmbeddedRabbit, logs: Path
) -> AsyncIterator[Installation]:
    async with installed(
        logs, database_url=postgres.url(), amqp_url=rabbit.url, management_url=rabbit.management_url
    ) as installation:
        yield installation
        await installation.sound()
        assert installation.text_in_logs(["example.org", "link.example", "Letter ", installation.key]) == []
        assert all(service.starts == 1 for service in installation.fleet.services.values())


async def test_the_broker_killed_and_started_again(alone: Installation, rabbit: EmbeddedRabbit) -> None:
    await wait_until(rabbit.settled, 30, "the broker's queues on disk")
    async with under(Load(alone, "brokerless"), 900, 300) as load:
        await reached(load, 300)
        await asyncio.to_thread(rabbit.kill)
        before = load.requested
        await reached(load, before + 300)
        assert set(load.answers) == {"202"}
        health = (await alone.api.get("/health")).json()
        assert (health["status"], health["broker"]["connected"]) == ("degraded", False)
        await asyncio.to_thread(rabbit.start)
    assert load.answers == {"202": load.answers.total()}
    await alone.fleet.wait_ready()
    await alone.sound()


async def test_postgres_shut_down_at_once_and_started_again(
    alone: Installation, postgres: EmbeddedPostgres
) -> None:
    """With careful producers, and with careless ones, who never learn what became of some requests. All have an
    answer in time."""
    for name, careful in (("ledgerless", True), ("careless", False)):
        async with under(Load(alone, name, careful=careful), 900, 300) as load:
            await reached(load, 400)
            await asyncio.to_thread(end_immediately, postgres)
            await answered(load, "503", 20)
            await asyncio.to_thread(postgres.start)
        print(name, load.answers, f"slowest {load.slowest:.2f} s")
        assert set(load.answers) <= {"202", "503", "409"}
        assert load.without_retry_after == 0
        await alone.fleet.wait_ready()
        await alone.sound()


def end_immediately(server: EmbeddedPostgres) -> None:
    postmaster = server.process()
    assert postmaster is not None
    os.kill(postmaster.pid, signal.SIGQUIT)
    assert processes.wait_gone([postmaster], 30) == []
