"""Migrations beside services: who writes goes on, whoever else holds the table, and a migrator may die at any time."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from hermodr_ledger.engine.schema_version import head
from hermodr_ledger.migrate import upgrade_async
from hermodr_ledger.rights.granting import POLICY
from tests.support.waiting import wait_until

BEFORE_BRANDS = "0093"  # 0094 adds columns to `projects`, `templates` and `recipients`
BEFORE_MEASURES = "0091"
BEFORE_ADDRESSES = "0037"  # 0038 builds an index on `jobs`, which is partitioned
PROMPTLY = 5
NEW_PROJECT = "INSERT INTO hermodr.projects (id, name) VALUES (gen_random_uuid(), gen_random_uuid()::text)"
READ_ALL = "SELECT count(*) FROM hermodr.projects"
FORGET = "DELETE FROM hermodr.dead_letters WHERE false"
POLICIES_THERE = f"""
SELECT count(*) FROM pg_policy WHERE polname = '{POLICY}' AND polrelid = 'hermodr.dead_letters'::regclass
"""
MIGRATE = "import sys; from hermodr_ledger.migrate import upgrade; upgrade(sys.argv[1])"
TURNS_TAKEN = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
REVISION = "SELECT version_num FROM hermodr.schema_version"
ANY_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT 1"
MIGRATORS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hermodr-migrate'
"""
BUILT_FOR_A_WHILE = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX CONCURRENTLY%'
AND wait_event_type = 'Lock' AND clock_timestamp() - query_start > interval '1.5 seconds'
"""


@asynccontextmanager
async def holding(url: str, statement: str) -> AsyncIterator[asyncpg.Connection]:
    """A transaction that did `statement`, and stays open."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(statement)
            yield connection
    finally:
        await connection.close()


async def found(url: str, query: str) -> object:
    """In a transaction of its own: one that is open would see yesterday's activity."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def seen(url: str, query: str, wanted: object) -> None:
    async def as_wanted() -> Any:
        return await found(url, query) == wanted

    await wait_until(as_wanted, timeout=30)


def among(said: list[str], part: str) -> Callable[[], bool]:
    return lambda: any(part in line for line in said)


async def written_meanwhile(url: str, statement: str, until: Callable[[], bool]) -> int:
    """How often `statement` was done before `until`: at least once; each at once."""
    connection = await asyncpg.connect(url)
    done = 0
    try:
        while not until() or not done:
            async with asyncio.timeout(PROMPTLY):
                await connection.execute(statement)
            done += 1
        return done
    finally:
        await connection.close()


async def ends(migrating: Awaitable[object], url: str) -> None:
    async with asyncio.timeout(60):
        await migrating
    assert await found(url, REVISION) == head()
    assert await found(url, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0


async def test_who_writes_goes_on_while_a_migration_waits_for_a_long_reader(empty_database_url: str) -> None:
    await upgrade_async(empty_database_url, BEFORE_BRANDS)
    said: list[str] = []
    async with holding(empty_database_url, READ_ALL) as reader:
        migrating = asyncio.create_task(upgrade_async(empty_database_url, say=said.append))
        await written_meanwhile(empty_database_url, NEW_PROJECT, among(said, "services go on"))
        assert await found(empty_database_url, REVISION) == BEFORE_BRANDS
        assert f"process {reader.get_server_pid()} (" in said[-1]
        assert "holds projects" in said[-1]
    await ends(migrating, empty_database_url)
    assert [line for line in said if line.startswith("0094")] == [
        "0094: What the page of people's preferences shows of a project and its types; links to it can be revoked."
    ]


async def test_who_writes_goes_on_while_an_index_waits_for_a_long_writer(empty_database_url: str) -> None:
    await upgrade_async(empty_database_url, BEFORE_ADDRESSES)
    write = "LOCK TABLE hermodr.jobs IN ROW EXCLUSIVE MODE"  # as any insert does
    said: list[str] = []
    async with holding(empty_database_url, f"{write}; LOCK TABLE hermodr.jobs_rest IN ROW EXCLUSIVE MODE"):
        migrating = asyncio.create_task(upgrade_async(empty_database_url, say=said.append))
        await written_meanwhile(empty_database_url, f"BEGIN; {write}; COMMIT", among(said, "services go on"))
        assert "holds jobs since" in said[-1]
    await ends(migrating, empty_database_url)


async def test_an_index_that_is_built_beside_the_work_waits_as_long_as_it_must(
    empty_database_url: str,
) -> None:
    await upgrade_async(empty_database_url, BEFORE_ADDRESSES)
    said: list[str] = []
    async with holding(
        empty_database_url, "LOCK TABLE ONLY hermodr.jobs_rest IN ROW EXCLUSIVE MODE"
    ) as writer:
        migrating = asyncio.create_task(upgrade_async(empty_database_url, say=said.append))
        await seen(empty_database_url, BUILT_FOR_A_WHILE, 1)
        await wait_until(among(said, "the index jobs_rest_to waits, services go on"), timeout=30)
        assert f"; process {writer.get_server_pid()} (" in said[-1]
        assert "holds jobs since" in said[-1]
    await ends(migrating, empty_database_url)
    assert said.count("the index jobs_rest_to is being built") == 1


async def test_an_index_says_that_it_waits_for_somebody_who_holds_nothing_of_ours(
    empty_database_url: str,
) -> None:
    await upgrade_async(empty_database_url, BEFORE_ADDRESSES)
    said: list[str] = []
    async with holding(empty_database_url, ANY_SNAPSHOT) as reader:
        migrating = asyncio.create_task(upgrade_async(empty_database_url, say=said.append))
        await wait_until(among(said, " waits, services go on"), timeout=30)
        assert f"; process {reader.get_server_pid()} (" in said[-1]
        assert "is in a transaction since" in said[-1]
    await ends(migrating, empty_database_url)


async def test_policies_wait_for_their_turn_as_well(empty_database_url: str) -> None:
    await upgrade_async(empty_database_url)
    async with holding(empty_database_url, READ_ALL) as first:
        await first.execute(f"DROP POLICY {POLICY} ON hermodr.dead_letters")
    said: list[str] = []
    async with holding(empty_database_url, "SELECT count(*) FROM hermodr.dead_letters"):
        migrating = asyncio.create_task(upgrade_async(empty_database_url, say=said.append))
        await written_meanwhile(empty_database_url, FORGET, among(said, "services go on"))
    await ends(migrating, empty_database_url)
    assert await found(empty_database_url, POLICIES_THERE) == 1


async def test_after_a_migrator_that_was_killed_the_next_one_goes_on(empty_database_url: str) -> None:
    await upgrade_async(empty_database_url, BEFORE_MEASURES)
    async with holding(empty_database_url, READ_ALL):
        first = await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, empty_database_url)

        try:
            await seen(empty_database_url, REVISION, BEFORE_BRANDS)
        finally:
            first.kill()
            await first.wait()
        second = asyncio.create_task(upgrade_async(empty_database_url))
    await ends(second, empty_database_url)


async def test_a_killed_migrator_whose_index_waits_keeps_nobody_from_the_next_turn(
    empty_database_url: str,
) -> None:
    await upgrade_async(empty_database_url, BEFORE_ADDRESSES)
    said: list[str] = []
    async with holding(empty_database_url, "LOCK TABLE ONLY hermodr.jobs_rest IN ROW EXCLUSIVE MODE"):
        first = await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, empty_database_url)
        try:
            await seen(empty_database_url, BUILT_FOR_A_WHILE, 1)
        finally:
            first.kill()
            await first.wait()
        await seen(empty_database_url, MIGRATORS, 0)
        second = asyncio.create_task(upgrade_async(empty_database_url, say=said.append))
        await wait_until(among(said, "the index jobs_rest_to waits, services go on"), timeout=30)
    await ends(second, empty_database_url)


async def test_who_waits_for_another_migrator_says_for_which(empty_database_url: str) -> None:
    await upgrade_async(empty_database_url, BEFORE_BRANDS)
    said: list[str] = []
    async with holding(empty_database_url, READ_ALL):
        first = asyncio.create_task(upgrade_async(empty_database_url))
        await seen(empty_database_url, MIGRATORS, 1)
        its = await found(empty_database_url, MIGRATORS.replace("count(*)", "pid"))
        await seen(empty_database_url, TURNS_TAKEN, 1)
        second = asyncio.create_task(upgrade_async(empty_database_url, say=said.append))
        await wait_until(among(said, "another migration has its turn first"), timeout=30)
        assert f"process {its} (hermodr-migrate, " in said[0]
        assert "connected since" in said[0]
    await first
    await ends(second, empty_database_url)
