"""From the code before the newest migration to today's, under load, one service after the other, and back. That code
comes from this clone's history."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from hermodr_devkit.backing import Backing
from tests.support import brokers, upgrades
from tests.support.brokers import Broker
from tests.support.installation import Installation, installed
from tests.support.load import Load, reached, under
from tests.support.upgrades import TODAY, Release, at_once, in_turn, migrated_by

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def broker(backing: Backing) -> Iterator[Broker]:
    yield from brokers.fresh(backing)


@pytest.fixture
def previous(tmp_path: Path) -> Release:
    return upgrades.previous_release(tmp_path / "previous")


@pytest_asyncio.fixture(loop_scope="module")
async def site(
    previous: Release, empty_database_url: str, broker: Broker, tmp_path: Path
) -> AsyncIterator[Installation]:
    previous.migrate(empty_database_url)
    made = ["-m", "hermodr_cli.main", "keys", "create", "--project=upgrade", "--scopes=send,read,manage"]
    key = previous.run(*made, HERMODR_DATABASE_URL=empty_database_url, HERMODR_AMQP_URL=broker.amqp_url)
    async with installed(
        tmp_path / "logs",
        database_url=empty_database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        key=key.split()[-1],
        code=previous.path,
    ) as installation:
        yield installation


async def test_an_upgrade_from_the_code_before_and_the_way_back(
    site: Installation, previous: Release
) -> None:
    services = [name for name in site.fleet.services if name != "sandbox"]
    async with under(Load(site, "previous"), 1200, 50) as load:
        await reached(load, 100)
        await migrated_by(TODAY, site)
        await reached(load, 200)
        await in_turn(TODAY, site, *services)
        (row,) = await site.rows("SELECT usable_from FROM hermodr.schema_version")
        if previous.knows(row["usable_from"]):
            await at_once(previous, site, *services)
        else:  # the newest migration took something away
            await previous.refuses(site, "dispatcher")
            await TODAY.serve(site, "dispatcher")
    await site.sound()
