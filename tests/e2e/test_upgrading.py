"""The next release is brought in under load, and taken back: services of today run, and start, on its schema, until
one takes something away."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support import upgrades
from tests.support.brokers import Broker
from tests.support.installation import Installation, installed
from tests.support.load import Load, reached, under
from tests.support.upgrades import TODAY, at_once, in_turn, migrated_by

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long]

MIGRATED = "the schema is newer than this code, which may run on it"


@pytest_asyncio.fixture(loop_scope="module")
async def site(empty_database_url: str, broker: Broker, tmp_path: Path) -> AsyncIterator[Installation]:
    TODAY.migrate(empty_database_url)
    async with installed(
        tmp_path / "logs",
        database_url=empty_database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
    ) as installation:
        yield installation


async def test_the_next_release_and_the_way_back_under_load(site: Installation, tmp_path: Path) -> None:
    coming = upgrades.next_release(tmp_path / "next")
    services = [name for name in site.fleet.services if name != "sandbox"]
    async with under(Load(site, "upgrade"), 1200, 50) as load:
        await reached(load, 100)
        await migrated_by(coming, site)
        await TODAY.serve(site, "dispatcher")  # as after a crash, before its turn has come
        assert site.logged("dispatcher", MIGRATED) == 1
        await in_turn(coming, site, *services)
        assert site.logged("dispatcher", MIGRATED) == 1
        await at_once(TODAY, site, *services)
        await migrated_by(TODAY, site)
    assert [site.logged(name, MIGRATED) for name in ("api", "dispatcher", "email-sender")] == [1, 2, 1]
    await site.sound()
    (row,) = await site.rows("SELECT version_num, usable_from FROM hermodr.schema_version")
    assert row["version_num"] == upgrades.NEXT
    await site.rows("UPDATE hermodr.schema_version SET usable_from = $1", upgrades.NEXT)
    await TODAY.refuses(site, "dispatcher")
    await coming.serve(site, "dispatcher")
