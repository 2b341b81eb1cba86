"""One fleet of real processes for all modules that need no other; who breaks a part restarts it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from hermodr_devkit.backing import Backing
from hermodr_devkit.supervisor import WEBHOOK_SENDER
from tests.support import brokers
from tests.support.brokers import Broker
from tests.support.databases import Databases
from tests.support.installation import MAIL_SERVICES, Installation, installed

FINAL_PATIENCE = 20.0


@pytest.fixture(scope="module")
def logs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp(request.module.__name__.rpartition(".")[2], numbered=True)


@pytest.fixture(scope="session")
def common_broker(backing: Backing) -> Iterator[Broker]:
    """The place of the common installation."""
    yield from brokers.fresh(backing)


@pytest.fixture(scope="session")
def common_database_url(databases: Databases) -> Iterator[str]:
    """The database of the common installation."""
    with databases.migrated() as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def common_installation(
    common_database_url: str, common_broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """All services on a database and a vhost of their own. They take seconds to start, so modules share them."""
    logs = tmp_path_factory.mktemp("common", numbered=True)
    async with installed(
        logs,
        database_url=common_database_url,
        amqp_url=common_broker.amqp_url,
        prefix=common_broker.prefix,
        management_url=common_broker.management_url,
        specs=(*MAIL_SERVICES, WEBHOOK_SENDER),
        HERMODR_LINK_SECRET="the secret of links in these tests",
        HERMODR_SECRET_KEY="of-the-common-installation-of-tests",
        HERMODR_WEBHOOK_ALLOW="127.0.0.0/8",
    ) as installation:
        yield installation


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def installation(common_installation: Installation) -> AsyncIterator[Installation]:
    """The common installation with no mail and no request yet.

    When the module is done, its every request is judged once more, so that a late double has nowhere to hide, and the
    logs are searched for what must not be there: addresses, and that a service lacks a right.
    """
    await common_installation.forget()
    yield common_installation
    await common_installation.sound(FINAL_PATIENCE)
    secrets = ["example.org", "link.example", "Letter ", common_installation.key]
    assert common_installation.text_in_logs(secrets) == []
    assert common_installation.text_in_logs(["InsufficientPrivilege", "permission denied"]) == []
