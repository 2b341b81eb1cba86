"""Three nodes of RabbitMQ under load: the one that leads all queues is killed, then one that leads them since is cut
off from the others. Nothing is lost, and services come back by an address that leads to whoever answers."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hermodr_devkit.backing import EmbeddedPostgres
from hermodr_ledger import migrate
from tests.support import servers
from tests.support.clusters import Member, cluster
from tests.support.installation import Installation, installed
from tests.support.load import Load, steadily
from tests.support.proxies import proxied
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

MORE = 200
PATIENCE = 90


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    with servers.private_postgres() as server:
        migrate.upgrade(server.url())
        yield server


@pytest.fixture(scope="module")
def members() -> Iterator[list[Member]]:
    with cluster() as nodes:
        yield nodes


async def whole(node: Member) -> None:
    async def is_whole() -> Any:
        return await asyncio.to_thread(node.whole)

    await wait_until(is_whole, PATIENCE, "three nodes in every queue", interval=0.5)


async def goes_on(installation: Installation) -> None:
    """Mails arrive that were asked for just now."""
    already = await installation.arrived()

    async def more() -> Any:
        return await installation.arrived() >= already + MORE

    await wait_until(more, PATIENCE, f"{MORE} more mails than {already}", interval=0.2)


async def test_a_leader_killed_and_a_minority_cut_off(
    postgres: EmbeddedPostgres, members: list[Member], tmp_path: Path
) -> None:
    first, second, third = members
    async with proxied(first.url) as (address, url):
        address.lead_to(*(member.ports.amqp for member in members))
        async with installed(
            tmp_path, database_url=postgres.url(), amqp_url=url, management_url=first.management_url
        ) as installation:
            await whole(third)
            assert first.leads()
            async with steadily(Load(installation, "cluster"), 50) as load:
                await goes_on(installation)
                await asyncio.to_thread(first.kill)
                await goes_on(installation)
                await asyncio.to_thread(first.start)
                await whole(third)
                await goes_on(installation)
                cut = next(each for each in (second, third) if each.leads())
                others = [each for each in members if each is not cut]
                await asyncio.to_thread(cut.cut_off, others)
                await goes_on(installation)
                await asyncio.to_thread(cut.heal, others)
                await whole(first)
                await goes_on(installation)
            assert set(load.answers) == {"202"}
            await installation.fleet.wait_ready()
            await installation.sound()
            assert all(service.starts == 1 for service in installation.fleet.services.values())
