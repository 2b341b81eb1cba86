"""A URL with several hosts is the database at the one of them that takes writes."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from hermodr_cli.doctor import database as doctor
from hermodr_devkit.backing import EmbeddedPostgres
from hermodr_ledger import migrate
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.engine.listening import listen
from hermodr_servicekit.clock import SystemClock
from tests.support import servers
from tests.support.standbys import Standby, pair
from tests.support.waiting import wait_until


@pytest.fixture
def primary() -> Iterator[EmbeddedPostgres]:
    with servers.private_postgres() as server:
        yield server


@pytest.fixture
def standby(primary: EmbeddedPostgres) -> Iterator[Standby]:
    with pair(primary) as server:
        yield server


async def test_standbys_are_passed_over_until_one_is_promoted(
    primary: EmbeddedPostgres, standby: Standby
) -> None:
    own = urlsplit(primary.url())
    hosts = f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}"
    place = f"{own.username}:{own.password}@{hosts}"
    url = own._replace(netloc=place, query="target_session_attrs=read-write").geturl()
    await migrate.upgrade_async(url)
    heard: list[None] = []
    ledger = Ledger(url, service="test", pool_size=1, connection_seconds=3)
    listening = asyncio.create_task(listen(url, "hosts", lambda: heard.append(None)))
    try:
        await ledger.fetch("CREATE TABLE kept AS SELECT 1 AS one")
        await wait_until(lambda: len(heard) == 1, 20)
        await asyncio.to_thread(primary.kill)
        with pytest.raises(LedgerUnavailable):
            await ledger.fetch("SELECT 1")
        found = await doctor.examine(url, SystemClock())
        assert [(each.check, each.state) for each in found] == [("reachable", "failed")]
        await asyncio.to_thread(standby.promote)
        assert [row["one"] for row in await ledger.fetch("SELECT one FROM kept")] == [1]
        await wait_until(lambda: len(heard) == 2, 20)
    finally:
        listening.cancel()
        await ledger.close()


async def test_a_database_of_standbys_only_is_away(primary: EmbeddedPostgres, standby: Standby) -> None:
    own = urlsplit(standby.url())
    place = f"{own.username}:{own.password}@127.0.0.1:{standby.port},127.0.0.1:{standby.port}"
    url = own._replace(netloc=place, query="target_session_attrs=read-write").geturl()
    ledger = Ledger(url, service="test", pool_size=1, connection_seconds=3)
    heard: list[None] = []
    listening = asyncio.create_task(listen(url, "hosts", lambda: heard.append(None)))
    try:
        with pytest.raises(LedgerUnavailable):
            await ledger.fetch("SELECT 1")
        (found,) = await doctor.examine(url, SystemClock())
        assert "none of its hosts takes writes" in found.text
        await asyncio.to_thread(standby.promote)
        await wait_until(lambda: heard, 20)
    finally:
        listening.cancel()
        await ledger.close()
