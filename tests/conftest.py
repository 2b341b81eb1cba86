"""Fixtures for every tier. Those that need servers refuse to work for tests that must do without."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import hypothesis
import pytest

from hermodr_devkit import backing as backing_servers
from hermodr_devkit.backing import Backing
from hermodr_servicekit.process import spare_the_collector
from tests.support import brokers, faketime, servers
from tests.support.brokers import Broker
from tests.support.databases import Databases
from tests.support.dated import MARK, dated_tests

TESTS = Path(__file__).parent
WITHOUT_SERVERS = ("unit", "contracts")
IN_MEMORY = (*WITHOUT_SERVERS, "integration")
SERVER_FIXTURES = {"backing", "databases", "database_url", "empty_database_url", "broker"}


def pytest_configure() -> None:
    """Commands under test heed Ctrl-C, which background processes of a shell ignore; hypothesis has no deadline;
    the terminal's width is fixed."""
    os.environ.pop("COLUMNS", None)
    hypothesis.settings.register_profile("hermodr", deadline=None)
    hypothesis.settings.load_profile("hermodr")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test with its tier and whether it touches dates; long files first, then the tiers, cheapest
    first; cheap tiers may not use servers."""
    dated = {path: dated_tests(path.read_text(encoding="utf-8")) for path in {item.path for item in items}}
    order = {"unit": 0, "contracts": 1, "integration": 2, "e2e": 3, "chaos": 4}
    for item in items:
        tier = _tier(item)
        wanted = SERVER_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if tier in WITHOUT_SERVERS and wanted:
            raise pytest.UsageError(
                f"{item.nodeid} is a {tier} test and may not use {', '.join(sorted(wanted))}"
            )
        if tier in order:
            item.add_marker(tier)
        if getattr(item, "originalname", item.name) in dated[item.path]:
            item.add_marker(MARK)
    items.sort(key=lambda item: (not item.get_closest_marker("long"), order.get(_tier(item), len(order))))


def pytest_collection_finish() -> None:
    """Collected tests are never garbage: searching them stops a worker for up to two seconds."""
    spare_the_collector()


def _tier(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


@pytest.fixture(scope="session")
def backing(request: pytest.FixtureRequest) -> Iterator[Backing]:
    """Running PostgreSQL and RabbitMQ. They stay up for the next session; `make down` ends them.

    Where nothing is flooded or killed, PostgreSQL is the session's own, with its data in memory; under a shifted
    clock (`tests.dates`) it shows the same time and zone.
    """
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\nhermodr: {text}", file=sys.stderr, flush=True)

    found = backing_servers.ensure(say)
    if not faketime.ours() and any(_tier(item) not in IN_MEMORY for item in request.session.items):
        yield found
        return
    with servers.private_postgres(servers.memory()) as server:
        asyncio.run(_furnish(server.url()))
        yield replace(found, database_url=server.url())


async def _furnish(url: str) -> None:
    connection = await asyncpg.connect(url)
    if faketime.ours():
        await connection.execute(f"ALTER ROLE ALL SET timezone = '{os.environ.get('TZ', 'UTC')}'")
    await connection.execute("ALTER SYSTEM SET max_wal_size = '256MB'")  # memory is not ours alone
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


@pytest.fixture(scope="session")
def databases(backing: Backing) -> Iterator[Databases]:
    """`with databases.migrated() as url` gives a database of the session's own."""
    maker = Databases(backing.database_url)
    maker.sweep()
    yield maker
    maker.close()


@pytest.fixture(scope="module")
def database_url(databases: Databases) -> Iterator[str]:
    """A database with the ledger's tables, shared by a module's tests."""
    with databases.migrated() as url:
        yield url


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """A database with nothing in it, for one test."""
    with databases.empty() as url:
        yield url


@pytest.fixture(scope="module")
def broker(backing: Backing) -> Iterator[Broker]:
    """A vhost of our own (or a prefix, on someone else's broker), shared by a module's tests."""
    brokers.sweep(backing)
    yield from brokers.fresh(backing)
