"""Definitions and policies at a real RabbitMQ: it takes them, services find their queues, and messages move."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import httpx
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import DeliveryError

from hermodr_cli.broker_console import console, put_policies, quoted
from hermodr_contracts.broker_policies import MOST_REDELIVERIES, definitions
from hermodr_contracts.channels import usual, with_ladder
from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_devkit.backing import Backing
from hermodr_servicekit.broker_session import declare
from tests.support.brokers import Broker
from tests.support.waiting import wait_until


@pytest_asyncio.fixture
async def management(broker: Broker, backing: Backing) -> AsyncIterator[httpx.AsyncClient]:
    if backing.management_url is None:
        pytest.fail("no management API: these tests want the servers of this clone")
    async with console(broker.amqp_url, backing.management_url) as client:
        yield client


@pytest_asyncio.fixture
async def channel(broker: Broker) -> AsyncIterator[AbstractChannel]:
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, connection.channel() as channel:
        yield channel


def topology_of(prefix: str) -> Topology:
    """With a ladder whose first step is over at once."""
    return Topology(prefix, with_ladder(usual(), Channel.EMAIL, parse_ladder("100ms")))


async def queue_of(management: httpx.AsyncClient, broker: Broker, name: str) -> dict[str, Any]:
    answer = await management.get(f"/api/queues/{quoted(broker.vhost)}/{quoted(name)}")
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def test_definitions_are_taken_and_services_find_what_they_would_have_made(
    management: httpx.AsyncClient, broker: Broker, channel: AbstractChannel
) -> None:
    topology = Topology("imported")
    whole = definitions(topology, broker.vhost)
    own = {name: whole[name] for name in ("policies", "exchanges", "queues", "bindings")}
    own = json.loads(json.dumps(own))
    (await management.post(f"/api/definitions/{quoted(broker.vhost)}", json=own)).raise_for_status()
    await declare(channel, topology)  # raises if a queue has other arguments
    name = topology.job_queue(Priority.NORMAL).queue.name

    async def in_force() -> bool:
        found = await queue_of(management, broker, name)
        return bool(
            (found.get("effective_policy_definition") or {}).get("delivery-limit") == MOST_REDELIVERIES
        )

    told: bool = await wait_until(in_force)
    assert told


async def test_users_of_the_definitions_cannot_log_in_without_a_password(
    management: httpx.AsyncClient, broker: Broker
) -> None:
    whole = definitions(Topology("unadmitted"), broker.vhost)
    own = {name: whole[name] for name in ("users", "permissions")}
    (await management.post("/api/definitions", json=own)).raise_for_status()
    name = whole["users"][0]["name"]
    try:
        for password in ("", "guess"):
            answer = await management.get("/api/whoami", auth=(name, password))
            assert answer.status_code == httpx.codes.UNAUTHORIZED
        rights = await management.get(f"/api/users/{quoted(name)}/permissions")
        assert rights.raise_for_status().json()[0]["vhost"] == broker.vhost
    finally:
        for user in whole["users"]:
            await management.delete(f"/api/users/{quoted(user['name'])}")


async def test_messages_move_under_the_policies(
    management: httpx.AsyncClient, broker: Broker, channel: AbstractChannel
) -> None:
    """A retry comes back when its time is over; what is rejected is a dead letter."""
    topology = topology_of("moving")
    await declare(channel, topology)
    await put_policies(management, broker.vhost, topology.prefix)
    work = topology.send_queue(Channel.EMAIL, Priority.NORMAL)
    step = topology.ladder(Channel.EMAIL)[0]
    retry = await channel.get_exchange(topology.retry.name)
    await retry.publish(aio_pika.Message(b"ids"), topology.send_key(Channel.EMAIL, Priority.NORMAL, step))
    queue = await channel.get_queue(work.queue.name)
    message = await _next(queue)
    await message.reject(requeue=False)
    dead = await channel.get_queue(topology.dead_queues()[-1].queue.name)
    letter = await _next(dead)
    assert letter.body == b"ids"
    await letter.ack()


async def test_a_full_queue_refuses_and_its_publisher_hears_of_it(
    management: httpx.AsyncClient, broker: Broker, channel: AbstractChannel
) -> None:
    topology = topology_of("full")
    await declare(channel, topology)
    name = topology.job_queue(Priority.LOW).queue.name
    small = {"pattern": f"^{name}$", "apply-to": "queues", "priority": 9}
    small["definition"] = {"max-length": 1, "overflow": "reject-publish"}
    path = f"/api/policies/{quoted(broker.vhost)}/small"
    (await management.put(path, json=small)).raise_for_status()
    exchange = await channel.get_exchange(topology.jobs.name)

    async def refused() -> bool:
        try:
            await exchange.publish(aio_pika.Message(b"ids"), topology.job_key(Priority.LOW))
        except DeliveryError:
            return True
        return False

    heard: bool = await wait_until(refused)
    assert heard


async def _next(queue: aio_pika.abc.AbstractQueue) -> aio_pika.abc.AbstractIncomingMessage:
    async with asyncio.timeout(30), queue.iterator() as messages:
        async for message in messages:
            return message
    raise AssertionError("the queue was closed")
