"""Publishing and consuming with a real broker."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from faststream.exceptions import NackMessage
from prometheus_client import CollectorRegistry

from hermodr_contracts.messages import JobChange, JobsChanged, JobsRequested, Message, SendEmails
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, JobState, Priority
from hermodr_ledger.engine import Ledger
from hermodr_scheduler.handlers import subscribe
from hermodr_servicekit.broker import Broker, Unroutable
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.outages import BrokerUnavailable
from tests.integration.broker.conftest import Connected
from tests.support.brokers import Broker as Place
from tests.support.ledgers import emptied, opened, rows_of
from tests.support.listening import Handler, listen, listen_to_events
from tests.support.waiting import wait_until

NORMAL = Priority.NORMAL


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


@pytest.fixture
def service(broker: Place, topology: Topology, channel: AbstractChannel) -> Broker:
    """Not running yet."""
    return Broker(broker.amqp_url, topology, "test")


def emails() -> SendEmails:
    return SendEmails(delivery_ids=(new_id(),))


def appending(taken: list[Any]) -> Handler:
    async def handler(message: Message) -> None:
        taken.append(message)

    return handler


async def send(broker: Broker, message: SendEmails) -> None:
    topology = broker.topology
    await broker.publish(message, topology.deliveries, topology.send_key(Channel.EMAIL, NORMAL))


async def dead(
    channel: AbstractChannel, topology: Topology, label: str = "email.dead"
) -> AbstractIncomingMessage:
    (spec,) = [each for each in topology.dead_queues() if each.label == label]
    queue = await channel.get_queue(spec.queue.name)

    async def there() -> AbstractIncomingMessage | None:
        return await queue.get(no_ack=True, fail=False)

    found: AbstractIncomingMessage | None = await wait_until(there)
    assert found is not None
    return found


async def test_a_confirmed_message_is_in_its_queue_with_its_envelope(
    service: Broker, connected: Connected, channel: AbstractChannel, topology: Topology
) -> None:
    message = emails()
    async with connected(service):
        await send(service, message)
    queue = await channel.get_queue(topology.send_queue(Channel.EMAIL, NORMAL).queue.name)
    found = await queue.get(no_ack=True)
    assert found is not None
    assert json.loads(found.body) == {"delivery_ids": [str(message.delivery_ids[0])]}
    assert (found.type, found.app_id, found.content_type) == (
        "SendEmails",
        "hermodr-test",
        "application/json",
    )
    assert found.headers["schema_version"] == 1
    assert found.delivery_mode is aio_pika.DeliveryMode.PERSISTENT
    assert found.message_id is not None
    assert found.timestamp is not None


async def test_messages_are_counted_for_whoever_wants_that(
    broker: Place, connected: Connected, topology: Topology
) -> None:
    registry, taken = CollectorRegistry(), list[Any]()
    service = Broker(broker.amqp_url, topology, "test", registry=registry)
    listen(service, topology.send_queue(Channel.EMAIL, NORMAL), appending(taken), prefetch=10)
    async with connected(service):
        for _ in range(3):
            await send(service, emails())
        await wait_until(lambda: len(taken) == 3)
    counted = {
        sample.name: sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name
        in ("hermodr_broker_published_messages_total", "hermodr_broker_received_messages_total")
    }
    assert counted == dict.fromkeys(counted, 3.0)
    assert len(counted) == 2


async def test_a_message_nobody_wants_is_unroutable_unless_that_is_allowed(
    service: Broker, connected: Connected, topology: Topology
) -> None:
    async with connected(service):
        for _ in range(2):
            with pytest.raises(Unroutable, match=r"SendEmails to .*deliveries with key nowhere"):
                await service.publish(emails(), topology.deliveries, "nowhere")
        await service.publish(emails(), topology.deliveries, "nowhere", mandatory=False)
        await send(service, emails())


async def test_without_a_connection_publishing_fails_at_once(service: Broker) -> None:
    with pytest.raises(BrokerUnavailable):
        await send(service, emails())
    with pytest.raises(BrokerUnavailable):
        await service.queue_sizes()
    with pytest.raises(BrokerUnavailable):
        await service.declare()


async def test_messages_reach_the_handler_of_their_lane_decoded_and_are_gone(
    service: Broker, connected: Connected, topology: Topology
) -> None:
    taken: dict[Priority, list[Any]] = {priority: [] for priority in Priority}
    for priority in Priority:
        listen(service, topology.job_queue(priority), appending(taken[priority]), prefetch=10)
    async with connected(service):
        sent = {priority: JobsRequested(job_ids=(new_id(),)) for priority in Priority}
        for priority, message in sent.items():
            await service.publish(message, topology.jobs, topology.job_key(priority))
        await wait_until(lambda: all(taken.values()))
        assert taken == {priority: [message] for priority, message in sent.items()}
    async with connected(Broker(service._url, topology, "other")) as other:
        sizes = await other.queue_sizes()
    assert {sizes[f"jobs.{priority.lane}"] for priority in Priority} == {(0, 0)}


async def test_no_more_than_the_prefetch_are_handled_at_once(
    service: Broker, connected: Connected, topology: Topology
) -> None:
    gate, under_way, finished = asyncio.Event(), 0, 0

    async def handler(message: SendEmails) -> None:
        nonlocal under_way, finished
        under_way += 1
        await gate.wait()
        finished += 1

    listen(service, topology.send_queue(Channel.EMAIL, NORMAL), handler, prefetch=3)
    async with connected(service):
        for _ in range(8):
            await send(service, emails())
        await wait_until(lambda: under_way == 3)
        assert (await service.queue_sizes())["email.normal"] == (5, 1)
        assert under_way == 3
        gate.set()
        await wait_until(lambda: finished == 8)


async def test_what_a_handler_raises_sends_its_message_to_the_dead_queue_and_no_other(
    service: Broker, connected: Connected, channel: AbstractChannel, topology: Topology
) -> None:
    bad, good, taken = emails(), emails(), []

    async def handler(message: SendEmails) -> None:
        taken.append(message)
        if message == bad:
            raise ArithmeticError

    listen(service, topology.send_queue(Channel.EMAIL, NORMAL), handler, prefetch=10)
    async with connected(service):
        for message in (bad, good):
            await send(service, message)
        found = await dead(channel, topology)
        await wait_until(lambda: len(taken) == 2)
    assert json.loads(found.body) == {"delivery_ids": [str(bad.delivery_ids[0])]}
    deaths: Any = found.headers["x-death"]
    assert [(each["reason"], each["queue"]) for each in deaths] == [
        ("rejected", f"{topology.prefix}.email.normal")
    ]
    assert taken.count(bad) == 1


async def test_a_message_put_back_comes_again(
    service: Broker, connected: Connected, topology: Topology
) -> None:
    taken: list[SendEmails] = []

    async def handler(message: SendEmails) -> None:
        taken.append(message)
        if len(taken) < 3:
            raise NackMessage

    listen(service, topology.send_queue(Channel.EMAIL, NORMAL), handler, prefetch=1)
    async with connected(service):
        message = emails()
        await send(service, message)
        await wait_until(lambda: len(taken) == 3)
        await send(service, emails())
        await wait_until(lambda: len(taken) == 4)
    assert taken[:3] == [message] * 3


async def test_a_retry_waits_out_its_step_and_returns_to_its_lane(
    service: Broker, connected: Connected, topology: Topology
) -> None:
    loop, (step,) = asyncio.get_running_loop(), topology.ladder(Channel.EMAIL)
    came: dict[Priority, list[SendEmails]] = {priority: [] for priority in Priority}
    for priority in Priority:
        listen(service, topology.send_queue(Channel.EMAIL, priority), appending(came[priority]), prefetch=10)
    async with connected(service):
        started, sent = loop.time(), {priority: emails() for priority in Priority}
        for priority, message in sent.items():
            await service.publish(message, topology.retry, topology.send_key(Channel.EMAIL, priority, step))
        await wait_until(lambda: any(came.values()), interval=0.001)
        assert loop.time() - started >= step.delay.total_seconds()
        await wait_until(lambda: all(came.values()))
    assert came == {priority: [message] for priority, message in sent.items()}


async def publish_raw(channel: AbstractChannel, topology: Topology, body: bytes, **properties: Any) -> None:
    exchange = await channel.get_exchange(topology.deliveries.name)
    await exchange.publish(aio_pika.Message(body, **properties), routing_key="email.normal")


async def test_an_undecodable_message_among_good_ones_becomes_a_row_and_holds_up_nothing(
    service: Broker, connected: Connected, channel: AbstractChannel, topology: Topology, ledger: Ledger
) -> None:
    taken: list[SendEmails] = []
    listen(service, topology.send_queue(Channel.EMAIL, NORMAL), appending(taken), prefetch=5)
    service.include(partial(subscribe, topology=topology, ledger=ledger))
    async with connected(service):
        bodies = [b'{"delivery_ids": ["secret"]}', b"\xff", b""]
        for body in bodies:
            await publish_raw(channel, topology, body, type="SendEmails", headers={"schema_version": 1})
            await send(service, emails())
        await publish_raw(
            channel, topology, b"{}", type="Send\0Parcels", headers={"schema_version": 1, "odd": [1, "\0"]}
        )
        await publish_raw(channel, topology, b"{}")
        await wait_until(lambda: len(taken) == len(bodies))

        async def buried() -> bool:
            return len(await rows_of(ledger, "dead_letters")) == 5

        all_there: bool = await wait_until(buried)
        assert all_there
    rows = await rows_of(ledger, "dead_letters")
    assert {row["queue"] for row in rows} == {"email.dead"}
    assert {row["body"] for row in rows} == {*bodies, b"{}"}
    assert all(row["reason"].startswith("undecodable: ") for row in rows)
    assert "secret" not in "".join(row["reason"] for row in rows)
    assert {row["message_type"] for row in rows} == {"SendEmails", "Send\ufffdParcels", None}
    assert all(json.loads(row["headers"])["x-routing-key"] == "email.dead" for row in rows)


async def test_a_message_nobody_could_handle_says_where_it_died(
    service: Broker, connected: Connected, topology: Topology, ledger: Ledger
) -> None:
    async def handler(message: SendEmails) -> None:
        raise ArithmeticError

    listen(service, topology.send_queue(Channel.EMAIL, NORMAL), handler, prefetch=5)
    service.include(partial(subscribe, topology=topology, ledger=ledger))
    async with connected(service):
        await send(service, emails())

        async def buried() -> list[Any]:
            return await rows_of(ledger, "dead_letters")

        rows: list[Any] = await wait_until(buried)
    (row,) = rows
    assert row["reason"] == f"rejected from {topology.prefix}.email.normal"


def jobs_changed() -> JobsChanged:
    change = JobChange(
        job_id=new_id(), project_id=new_id(), state=JobState.COMPLETED, at=datetime.now(UTC), owner_id="ann"
    )
    return JobsChanged(changes=(change,))


async def tell(broker: Broker, message: JobsChanged) -> None:
    await broker.publish(message, broker.topology.events, broker.topology.event_key(JobsChanged))


async def test_events_reach_every_instance_that_listens_and_nobody_afterwards(
    broker: Place, service: Broker, connected: Connected, topology: Topology
) -> None:
    """Each has a queue of its own; afterwards an event is unroutable."""
    instances = [Broker(broker.amqp_url, topology, "api") for _ in range(2)]
    taken: list[list[Message]] = [[], []]
    for each, mine in zip(instances, taken, strict=True):
        listen_to_events(each, JobsChanged, appending(mine), prefetch=10)
    event = jobs_changed()
    async with connected(service):
        async with connected(instances[0]), connected(instances[1]):
            await tell(service, event)
            await wait_until(lambda: taken == [[event], [event]])

        async def unroutable() -> bool:
            try:
                await tell(service, event)
            except Unroutable:
                return True
            return False

        gone: bool = await wait_until(unroutable)
        assert gone
