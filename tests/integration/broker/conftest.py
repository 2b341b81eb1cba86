import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from hermodr_contracts.topology import Topology
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.broker_session import declare
from hermodr_servicekit.periodic import running
from tests.support.brokers import Broker as Place
from tests.support.topologies import email_topology
from tests.support.waiting import wait_until

LADDER = "300ms"


@pytest.fixture(scope="module")
def topology(broker: Place) -> Iterator[Topology]:
    yield email_topology(broker.prefix, LADDER)
    asyncio.run(take_away(broker, f"{broker.prefix}.email.retry.{LADDER}"))


async def take_away(broker: Place, queue: str) -> None:
    """Deletes a queue that the fixture does not know of."""
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, connection.channel() as channel:
        await channel.queue_delete(queue)


@pytest.fixture
async def channel(broker: Place, topology: Topology) -> AsyncIterator[AbstractChannel]:
    """A bare channel; the queues exist and are empty."""
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection:
        channel = await connection.channel()
        await declare(channel, topology)
        for spec in topology.queues:
            await (await channel.get_queue(spec.queue.name)).purge()
        yield channel
        for spec in topology.queues:
            if spec.label.endswith(
                LADDER
            ):  # the fixture that takes everything away does not know of this step
                await channel.queue_delete(spec.queue.name)


class Connected(Protocol):
    def __call__(self, broker: Broker) -> AbstractAsyncContextManager[Broker]: ...


@pytest.fixture
def connected() -> Connected:
    """Runs a broker while a block lasts, connected from its beginning."""

    @contextlib.asynccontextmanager
    async def run(broker: Broker) -> AsyncIterator[Broker]:
        async with running(broker.run()):
            await wait_until(lambda: broker.connected, message="connected")
            yield broker

    return run
