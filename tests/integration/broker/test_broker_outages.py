"""The connection breaks, hangs, and loses its queues."""

import asyncio
import gc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.tools import OneShotCallback

from hermodr_contracts.messages import JobChange, JobsChanged, Message, SendEmails
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, JobState, Priority
from hermodr_scheduler.handlers import subscribe
from hermodr_servicekit import streaming
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.outages import BrokerUnavailable
from hermodr_servicekit.periodic import repeat, running
from tests.integration.broker.conftest import Connected
from tests.support.brokers import Broker as Place
from tests.support.ledgers import emptied, opened, rows_of
from tests.support.listening import listen, listen_to_events
from tests.support.proxies import Proxy, proxied
from tests.support.waiting import wait_until

NORMAL = Priority.NORMAL


class Sender:
    """Takes emails through `proxy`. Handlers wait while `gate` is closed."""

    def __init__(self, url: str, topology: Topology, proxy: Proxy) -> None:
        self.proxy = proxy
        self.topology = topology
        self.broker = Broker(url, topology, "test", publish_seconds=1.0)
        self.gate = asyncio.Event()
        self.gate.set()
        self.began: list[SendEmails] = []
        self.finished: list[SendEmails] = []
        listen(self.broker, topology.send_queue(Channel.EMAIL, NORMAL), self._handle, prefetch=10)

    async def _handle(self, message: SendEmails) -> None:
        self.began.append(message)
        await self.gate.wait()
        self.finished.append(message)

    async def send(self) -> SendEmails:
        """To itself, until it succeeds."""
        message = SendEmails(delivery_ids=(new_id(),))

        async def arrived() -> bool:
            try:
                key = self.topology.send_key(Channel.EMAIL, NORMAL)
                await self.broker.publish(message, self.topology.deliveries, key)
            except BrokerUnavailable:
                return False
            return True

        sent: bool = await wait_until(arrived)
        assert sent
        return message

    async def works(self) -> None:
        """Returns once a message sent now is handled."""
        message = await self.send()
        await wait_until(lambda: message in self.finished, message="a message is handled")


@pytest.fixture
async def sender(broker: Place, topology: Topology, channel: AbstractChannel) -> AsyncIterator[Sender]:
    async with proxied(broker.amqp_url) as (proxy, url):
        yield Sender(url, topology, proxy)


async def test_a_broken_connection_is_made_anew_and_what_was_unfinished_comes_again(
    sender: Sender, connected: Connected
) -> None:
    async with connected(sender.broker):
        sender.gate.clear()
        message = await sender.send()
        await wait_until(lambda: sender.began)
        for _ in range(3):
            sender.proxy.cut()
            await wait_until(lambda: not sender.broker.connected)
            await wait_until(lambda: sender.broker.connected)
        sender.gate.set()
        await wait_until(lambda: message in sender.finished)
        await sender.works()


async def test_an_absent_broker_is_waited_for_at_the_start_and_later(sender: Sender) -> None:
    await sender.proxy.block()
    async with running(sender.broker.run()):
        for _ in range(2):
            with pytest.raises(BrokerUnavailable):
                await sender.broker.queue_sizes()
            await sender.proxy.mend()
            await sender.works()
            await sender.proxy.block()
            await wait_until(lambda: not sender.broker.connected)


async def test_a_silent_broker_costs_the_time_limit_and_no_more(sender: Sender, connected: Connected) -> None:
    async with connected(sender.broker):
        await sender.works()
        sender.proxy.hold()
        loop = asyncio.get_running_loop()
        started = loop.time()
        message, topology = SendEmails(delivery_ids=(new_id(),)), sender.topology
        with pytest.raises(BrokerUnavailable):
            await sender.broker.publish(
                message, topology.deliveries, topology.send_key(Channel.EMAIL, NORMAL)
            )
        assert loop.time() - started < 3
        sender.proxy.cut()
        await sender.proxy.mend()
        await sender.works()


async def test_connecting_to_a_silent_broker_is_given_up_whole(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half-made connection stays behind."""
    monkeypatch.setattr(streaming, "CONNECT_SECONDS", 0.2)
    sender.proxy.hold()
    before = asyncio.all_tasks()
    async with running(sender.broker.run()):
        await wait_until(lambda: sender.proxy.connections >= 3)
        assert len([each for each in asyncio.all_tasks() - before if "connection_factory" in repr(each)]) <= 1
        await sender.proxy.mend()
        await sender.works()


async def test_a_queue_deleted_under_its_consumer_is_made_again_and_read_again(
    sender: Sender, connected: Connected, channel: AbstractChannel
) -> None:
    async with connected(sender.broker):
        await sender.works()
        name = sender.topology.send_queue(Channel.EMAIL, NORMAL).queue.name
        await channel.queue_delete(name)
        await wait_until(lambda: not sender.broker.connected)
        await wait_until(lambda: sender.broker.connected)
        await sender.works()


async def test_what_has_gone_missing_is_declared_again(
    sender: Sender, connected: Connected, channel: AbstractChannel
) -> None:
    async with connected(sender.broker):
        await channel.exchange_delete(sender.topology.retry.name)
        await channel.queue_delete(f"{sender.topology.prefix}.jobs.low")
        await sender.broker.declare()
        sizes = await sender.broker.queue_sizes()
        assert sizes["jobs.low"] == (0, 0)
        assert sizes["email.normal"] == (0, 1)
        assert set(sizes) == {spec.label for spec in sender.topology.queues}
        await channel.get_exchange(sender.topology.retry.name)


async def test_upkeep_leaves_nothing_behind_however_often_it_comes(
    sender: Sender, connected: Connected
) -> None:
    """Each opened and closed channel left a callback at its connection."""

    def callbacks() -> int:
        gc.collect()
        return sum(isinstance(each, OneShotCallback) for each in gc.get_objects())

    async with connected(sender.broker):
        await sender.broker.declare()
        before = callbacks()
        for _ in range(5):
            await sender.broker.declare()
            await sender.broker.queue_sizes()
        assert callbacks() <= before


async def test_what_recurs_survives_every_way_of_losing_the_connection(
    sender: Sender, connected: Connected
) -> None:
    """The library cancels its own futures then."""
    asked = 0

    async def tick() -> float:
        nonlocal asked
        asked += 1
        await sender.broker.declare()
        await sender.broker.queue_sizes()
        return 0.0

    async with connected(sender.broker), running(repeat("look", tick, after_error=0.01)):
        for turns in range(8):
            await wait_until(lambda: sender.broker.connected)
            for _ in range(turns * 3):
                await asyncio.sleep(0)
            sender.proxy.cut()
            await wait_until(lambda: not sender.broker.connected)
        await wait_until(lambda: sender.broker.connected)
        before = asked
        await wait_until(lambda: asked > before + 3)


async def test_no_announcement_is_stranded_by_losing_the_connection(
    sender: Sender, connected: Connected
) -> None:
    async with connected(sender.broker):
        announcer = Announcer(sender.broker)
        for _ in range(3):
            for _ in range(10):
                announcer.deliveries(Channel.EMAIL, NORMAL, [new_id()])
            await asyncio.sleep(0)
            sender.proxy.cut()
            async with asyncio.timeout(10):
                await announcer.drain()
            await wait_until(lambda: sender.broker.connected)
        await sender.works()


async def test_after_the_consumers_are_stopped_nothing_comes_and_what_is_in_hand_is_finished(
    sender: Sender, connected: Connected, channel: AbstractChannel
) -> None:
    async with connected(sender.broker):
        sender.gate.clear()
        first = await sender.send()
        await wait_until(lambda: sender.began)
        await sender.broker.stop_consuming()
        await sender.send()
        assert sender.broker.connected
        waiting, _ = (await sender.broker.queue_sizes())[
            "email.normal"
        ]  # a consumer counts while it holds messages
        assert waiting == 1
        sender.gate.set()
        await wait_until(lambda: sender.finished)
        assert sender.began == sender.finished == [first]
    name = sender.topology.send_queue(Channel.EMAIL, NORMAL).queue.name
    assert (await channel.declare_queue(name, passive=True)).declaration_result.message_count == 1


async def test_a_connection_made_after_the_consumers_were_stopped_is_for_publishing_only(
    sender: Sender, connected: Connected, channel: AbstractChannel
) -> None:
    async with connected(sender.broker):
        sender.proxy.cut()
        await wait_until(lambda: not sender.broker.connected)
        await sender.broker.stop_consuming()
        name = sender.topology.send_queue(Channel.EMAIL, NORMAL).queue.name
        await channel.default_exchange.publish(aio_pika.Message(b"waiting already"), routing_key=name)
        await wait_until(lambda: sender.broker.connected)
        assert (await sender.broker.queue_sizes())["email.normal"] == (1, 0)
        assert sender.began == []


async def test_a_dead_letter_is_not_lost_while_the_database_is_away(
    broker: Place, topology: Topology, channel: AbstractChannel, connected: Connected, database_url: str
) -> None:
    service = Broker(broker.amqp_url, topology, "test")
    async with proxied(database_url) as (wire, url), opened(url) as ledger, opened(database_url) as beside:
        await emptied(beside)
        service.include(partial(subscribe, topology=topology, ledger=ledger))
        await wire.block()
        async with connected(service):
            message = aio_pika.Message(b"not json")
            await channel.default_exchange.publish(message, routing_key=f"{topology.prefix}.email.dead")

            async def taken() -> bool:
                return (await service.queue_sizes())["email.dead"] == (0, 1)

            in_hand: bool = await wait_until(taken)
            assert in_hand
            await wire.mend()

            async def buried() -> int:
                return len(await rows_of(beside, "dead_letters"))

            count: int = await wait_until(buried)
            assert count == 1


async def test_events_are_read_again_after_a_reconnection(
    broker: Place, topology: Topology, sender: Sender, connected: Connected
) -> None:
    """From a queue with another name: the broker still has the old one."""
    taken: list[Message] = []

    async def take(message: Message) -> None:
        taken.append(message)

    listen_to_events(sender.broker, JobsChanged, take, prefetch=10)
    teller = Broker(broker.amqp_url, topology, "teller")
    async with connected(sender.broker), connected(teller):
        for turn in range(3):
            change = JobChange(
                job_id=new_id(), project_id=new_id(), state=JobState.FAILED, at=datetime.now(UTC)
            )
            event = JobsChanged(changes=(change,))
            await teller.publish(event, topology.events, topology.event_key(JobsChanged))
            await wait_until(partial(taken.__contains__, event), message=f"event {turn}")
            sender.proxy.cut()
            await wait_until(lambda: not sender.broker.connected)
            await wait_until(lambda: sender.broker.connected)
