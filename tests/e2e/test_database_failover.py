"""The database's primary is lost under load, and its standby takes its place: at the same address, as with a floating
one, or as the other of two hosts in the URL. What was accepted is on the standby, because commits wait for it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hermodr_devkit.backing import EmbeddedPostgres, EmbeddedRabbit
from hermodr_ledger import migrate
from tests.support import servers
from tests.support.installation import Installation, installed
from tests.support.load import Load, answered, reached, under
from tests.support.proxies import proxied
from tests.support.standbys import Standby, pair

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSED = {"202", "503", "409"}


@pytest.fixture(scope="module")
def rabbit() -> Iterator[EmbeddedRabbit]:
    with servers.private_rabbit() as node:
        yield node


@pytest.fixture
def primary() -> Iterator[EmbeddedPostgres]:
    with servers.private_postgres() as server:
        migrate.upgrade(server.url())
        yield server


@pytest.fixture
def standby(primary: EmbeddedPostgres) -> Iterator[Standby]:
    with pair(primary) as server:
        yield server


@asynccontextmanager
async def fleet(url: str, rabbit: EmbeddedRabbit, logs: Path) -> AsyncIterator[Installation]:
    async with installed(
        logs, database_url=url, amqp_url=rabbit.url, management_url=rabbit.management_url
    ) as installation:
        yield installation
        await installation.fleet.wait_ready()
        await installation.sound()
        assert all(service.starts == 1 for service in installation.fleet.services.values())


async def test_the_address_follows_the_promoted_standby(
    primary: EmbeddedPostgres, standby: Standby, rabbit: EmbeddedRabbit, tmp_path: Path
) -> None:
    async with (
        proxied(primary.url()) as (address, url),
        fleet(url, rabbit, tmp_path) as installation,
        under(Load(installation, "floating"), 900, 300) as load,
    ):
        await reached(load, 400)
        await asyncio.to_thread(primary.kill)
        await answered(load, "503", 20)
        await asyncio.to_thread(standby.promote)
        address.lead_to(standby.port)
    assert set(load.answers) <= PASSED
    assert load.without_retry_after == 0


async def test_the_other_host_of_the_url_is_promoted(
    primary: EmbeddedPostgres, standby: Standby, rabbit: EmbeddedRabbit, tmp_path: Path
) -> None:
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
    own = urlsplit(primary.url())
    url = own._replace(netloc=f"{own.username}:{own.password}@{hosts}").geturl()
    async with (
        fleet(f"{url}?target_session_attrs=read-write", rabbit, tmp_path) as installation,
        under(Load(installation, "hosts"), 900, 300) as load,
    ):
        await reached(load, 400)
        await asyncio.to_thread(primary.kill)
        await answered(load, "503", 20)
        await asyncio.to_thread(standby.promote)
    assert set(load.answers) <= PASSED
    assert load.without_retry_after == 0
