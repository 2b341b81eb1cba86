"""Each service's user at the real broker: it does its work, and is refused others' queues."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelClosed

from hermodr_contracts.broker_rights import SERVICES, own_queues
from hermodr_contracts.messages import JobsRequested, SendEmails
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_devkit.backing import Backing, places
from hermodr_devkit.supervisor.broker_users import broker_users, password
from hermodr_servicekit import broker as broker_module
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.broker_session import declare
from tests.integration.broker.conftest import Connected
from tests.support import sessions
from tests.support.brokers import Broker as Place
from tests.support.waiting import wait_until

MANDATORY = ("dispatcher", "scheduler", "email-sender")


@pytest.fixture(scope="module")
def users(broker: Place, backing: Backing) -> Mapping[str, str]:
    """The URL of each service. The servers of a clone have a management API, others need not."""
    if broker.management_url is None:
        pytest.fail("no management API: these tests want the servers of this clone")
    return asyncio.run(broker_users(broker))


@pytest.fixture
def topology(broker: Place) -> Topology:
    """Nothing is there yet."""
    topology = Topology(broker.prefix)
    asyncio.run(_emptied(broker, topology))
    return topology


async def _ignore(message: AbstractIncomingMessage) -> None:
    """Nothing comes."""


async def _emptied(broker: Place, topology: Topology) -> None:
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, connection.channel() as channel:
        for spec in topology.queues:
            await channel.queue_delete(spec.queue.name)


async def _missing(broker: Place, topology: Topology) -> list[str]:
    connection = await aio_pika.connect(broker.amqp_url)
    missing = []
    async with connection:
        for spec in topology.queues:
            async with connection.channel() as channel:
                try:
                    await channel.get_queue(spec.queue.name)
                except aio_pika.exceptions.ChannelNotFoundEntity:
                    missing.append(spec.label)
    return missing


@pytest.mark.parametrize("service", SERVICES)
async def test_a_user_may_not_read_what_is_not_its_own(
    service: str, users: Mapping[str, str], broker: Place, topology: Topology
) -> None:
    owner = await aio_pika.connect(broker.amqp_url)
    async with owner, owner.channel() as channel:
        await declare(channel, topology)
    own = own_queues(service, topology)
    connection = await aio_pika.connect(users[service])
    async with connection:
        for spec in topology.queues:
            async with connection.channel() as channel:
                queue = await channel.get_queue(spec.queue.name, ensure=False)
                if spec in own:
                    await queue.cancel(await queue.consume(_ignore))
                    continue
                with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                    await queue.consume(_ignore)
            async with connection.channel() as channel:
                with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                    await channel.queue_delete(spec.queue.name)
            async with connection.channel() as channel:  # a copy of what comes there
                queue = await channel.get_queue(spec.queue.name, ensure=False)
                with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
                    await queue.bind(topology.jobs.name, "#")


async def test_all_services_together_make_the_whole_topology(
    users: Mapping[str, str], broker: Place, topology: Topology, connected: Connected
) -> None:
    async with AsyncExitStack() as stack:
        for service in SERVICES:
            await stack.enter_async_context(connected(Broker(users[service], topology, service)))
        assert await _missing(broker, topology) == []


async def test_messages_pass_from_user_to_user(
    users: Mapping[str, str], topology: Topology, connected: Connected
) -> None:
    async with AsyncExitStack() as stack:
        services = {
            name: await stack.enter_async_context(connected(Broker(users[name], topology, name)))
            for name in ("dispatcher", "email-sender", "api", "scheduler")
        }
        jobs, key = topology.jobs, topology.job_key(Priority.NORMAL)
        await services["api"].publish(JobsRequested(job_ids=(uuid4(),)), jobs, key)
        mails, key = topology.deliveries, topology.send_key(Channel.EMAIL, Priority.NORMAL)
        for name in MANDATORY:
            await services[name].publish(SendEmails(delivery_ids=(uuid4(),)), mails, key)
        normal = topology.send_queue(Channel.EMAIL, Priority.NORMAL)
        await services["scheduler"].publish_raw(b"{}", normal.queue.name, message_type=None, headers={})
        for name in ("api", "scheduler"):
            sizes = await services[name].queue_sizes()
            assert sizes[normal.label] == (len(MANDATORY) + 1, 0)
            assert sizes["jobs.normal"] == (1, 0)


async def test_a_queue_that_is_deleted_is_made_again_by_its_service(
    users: Mapping[str, str],
    broker: Place,
    topology: Topology,
    connected: Connected,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broker_module, "UPKEEP_SECONDS", 0.1)
    async with AsyncExitStack() as stack:
        services = [
            await stack.enter_async_context(connected(Broker(users[service], topology, service)))
            for service in SERVICES
        ]
        await _emptied(broker, topology)

        async def whole() -> Any:
            return not await _missing(broker, topology)

        await wait_until(whole, 10, "every queue is there again")
        assert all(each.connected for each in services)


async def test_who_asks_for_sizes_before_a_queue_is_made_sees_it_empty(
    users: Mapping[str, str], topology: Topology, connected: Connected
) -> None:
    async with connected(Broker(users["api"], topology, "api")) as api:
        assert set((await api.queue_sizes()).values()) == {(0, 0)}
        assert api.connected


async def test_users_end_with_their_place(backing: Backing) -> None:
    name = sessions.fresh_name()
    place = await places.make(backing, name)
    try:
        urls = await broker_users(place)
        assert urls == await broker_users(place), "made twice, the same"
    finally:
        await places.remove(backing, name)
    assert len(set(urls.values())) == len(SERVICES)
    assert all(password(place.amqp_url, f"hermodr-{each}@{name}") in urls[each] for each in SERVICES)
    for url in urls.values():
        with pytest.raises(aio_pika.exceptions.AMQPError):
            await aio_pika.connect(url.replace(f"/{name}", "/"), timeout=5)
