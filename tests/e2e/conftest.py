"""A module's own installation: one fleet of real processes, shared by its tests; who breaks a part restarts it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.brokers import Broker
from tests.support.installation import Installation, installed

FINAL_PATIENCE = 20.0


@pytest.fixture(scope="module")
def logs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp(request.module.__name__.rpartition(".")[2], numbered=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installation(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    """All services on a database and a vhost of the module's own.

    When the module is done, every request ever made is judged once more, so that a late double has nowhere to hide, and
    the logs are searched for what must not be there.
    """
    async with installed(
        logs, database_url=database_url, amqp_url=broker.amqp_url, prefix=broker.prefix
    ) as installation:
        yield installation
        await installation.sound(FINAL_PATIENCE)
        assert installation.text_in_logs(["example.org", "link.example", "Letter ", installation.key]) == []
