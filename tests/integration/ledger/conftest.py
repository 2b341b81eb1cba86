"""A ledger without rows for each test, in a database shared by the module. Everything there has a listener, and at
the end of each test the log of changes is checked."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from hermodr_ledger.engine import Ledger
from tests.support import changes, ledgers, psql
from tests.support.databases import Databases
from tests.support.psql import Psql
from tests.support.sql_house import House


@pytest.fixture(scope="module")
def database_url(databases: Databases) -> Iterator[str]:
    with databases.migrated() as url:
        asyncio.run(_listen(url))
        yield url
        assert asyncio.run(changes.missed(url)) == []


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with ledgers.opened(database_url, pool_size=25) as opened:
        await ledgers.emptied(opened)
        yield opened
    assert await changes.missed(database_url) == []


async def _listen(url: str) -> None:
    async with ledgers.opened(url) as opened:
        await changes.listen_to_all(opened)


@pytest.fixture(scope="module")
def admin(database_url: str) -> Psql:
    return Psql(database_url)


@pytest.fixture(scope="module")
def house(admin: Psql) -> House:
    return House(admin)


@pytest.fixture(scope="module")
def producer(database_url: str, house: House) -> Iterator[Psql]:
    with psql.role(database_url, ["hermodr_producer"]) as role:
        yield role


@pytest.fixture(scope="module")
def reader(database_url: str, house: House) -> Iterator[Psql]:
    with psql.role(database_url, ["hermodr_reader"]) as role:
        yield role


@pytest.fixture(scope="module")
def operator(database_url: str, house: House) -> Iterator[Psql]:
    with psql.role(database_url, ["hermodr_operator"]) as role:
        yield role
