"""The doorbell: publishing with proof of arrival, consuming with care, and coming back by itself after an outage."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import aio_pika
import structlog
from aio_pika.abc import AbstractRobustConnection
from aio_pika.exceptions import AMQPError, DeliveryError
from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange
from faststream.rabbit.subscriber.usecase import RabbitSubscriber

from hermodr_contracts.messages import SCHEMA_VERSION_HEADER, Message, decode, encode
from hermodr_contracts.topology import QueueSpec, Topology
from hermodr_servicekit.ids import new_id

log = structlog.get_logger()

Handler = Callable[[Any], Awaitable[None]]
RawHandler = Callable[[aio_pika.abc.AbstractIncomingMessage], Awaitable[None]]


class BrokerUnavailable(Exception):
    """The broker did not confirm the message in time; it may or may not have it."""


class Unroutable(Exception):
    """The broker has no queue for the message."""


class Broker:
    """One service's connection to RabbitMQ.

    `run` is to be kept running in a task: it connects whenever there is a broker and serves until cancelled.
    Handlers registered with `consume` get decoded messages: returning acks, raising rejects to the dead queue,
    and `NackMessage` puts back.
    """

    def __init__(self, url: str, topology: Topology, service: str, *, publish_seconds: float = 5.0) -> None:
        self.topology = topology
        self._service = service
        self._publish_seconds = publish_seconds
        self._connection: AbstractRobustConnection | None = None
        self._topology_channel: aio_pika.abc.AbstractRobustChannel | None = None
        self._subscribers: list[RabbitSubscriber] = []
        self._raw_consumers: list[tuple[QueueSpec, RawHandler, int]] = []
        self._broker = RabbitBroker(
            url,
            fail_fast=False,
            reconnect_interval=0.5,
            default_channel=Channel(on_return_raises=True),
            app_id=f"hermodr-{service}",
            logger=None,
            apply_types=False,
            decoder=_decode,
            graceful_timeout=None,
        )

    @property
    def connected(self) -> bool:
        """Whether publishing can be expected to work at this moment."""
        connection = self._connection
        return connection is not None and connection.connected.is_set() and not connection.reconnecting

    def consume(self, spec: QueueSpec, handler: Handler, *, prefetch: int) -> None:
        """Registers `handler` for a queue; before `run`. At most `prefetch` messages are handled at once."""
        subscriber = self._broker.subscriber(
            spec.queue, channel=Channel(prefetch_count=prefetch), ack_policy=AckPolicy.REJECT_ON_ERROR
        )
        subscriber(handler)
        self._subscribers.append(subscriber)

    def consume_raw(self, spec: QueueSpec, handler: RawHandler, *, prefetch: int) -> None:
        """Registers `handler` for messages as they came, undecodable ones included; it acks them itself."""
        self._raw_consumers.append((spec, handler, prefetch))

    async def run(self) -> None:
        """Connects, declares the topology, starts consuming. Returns when cancelled."""
        connection = await self._broker.connect()
        self._topology_channel = await self._declare(connection)
        await self._broker.start()
        for spec, handler, prefetch in self._raw_consumers:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=prefetch)
            queue = await channel.declare_queue(
                spec.queue.name, durable=True, arguments=dict(spec.queue.arguments or {})
            )
            await queue.consume(handler)
        self._connection = connection
        log.info("broker connected")
        await asyncio.Event().wait()

    async def declare(self) -> None:
        """Declares whatever of the topology has gone missing while connected. Changes nothing that is there."""
        if self._connection is not None and self.connected:
            async with asyncio.timeout(self._publish_seconds):
                async with self._connection.channel() as channel:
                    await declare(channel, self.topology, robust=False)

    async def publish(
        self, message: Message, exchange: RabbitExchange, routing_key: str, *, mandatory: bool = True
    ) -> None:
        """Publishes persistently and waits for the broker's confirmation.

        Raises `Unroutable` when no queue takes it (and `mandatory`), `BrokerUnavailable` for everything else.
        """
        if not self.connected:
            raise BrokerUnavailable("not connected")
        try:
            async with asyncio.timeout(self._publish_seconds):
                await self._broker.publish(
                    encode(message),
                    exchange=exchange,
                    routing_key=routing_key,
                    mandatory=mandatory,
                    persist=True,
                    message_id=str(new_id()),
                    message_type=message.type_name(),
                    timestamp=datetime.now(UTC),
                    content_type="application/json",
                    headers={SCHEMA_VERSION_HEADER: message.version},
                )
        except DeliveryError as error:
            raise Unroutable(f"{message.type_name()} to {exchange.name} with key {routing_key}") from error
        except (AMQPError, OSError, TimeoutError, RuntimeError) as error:
            raise BrokerUnavailable(type(error).__name__) from error
        except asyncio.CancelledError as error:
            # A lost connection cancels the library's inner futures; only our own cancellation is to go on upwards.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise BrokerUnavailable("connection lost while publishing") from error

    async def queue_sizes(self) -> dict[str, tuple[int, int]]:
        """`{label: (ready messages, consumers)}` of every queue that exists. Raises `BrokerUnavailable`."""
        if self._connection is None or not self.connected:
            raise BrokerUnavailable("not connected")
        sizes = {}
        try:
            async with asyncio.timeout(self._publish_seconds):
                async with self._connection.channel() as channel:
                    for spec in self.topology.queues:
                        found = await channel.declare_queue(
                            spec.queue.name,
                            durable=True,
                            arguments=dict(spec.queue.arguments or {}),
                            robust=False,
                        )
                        result = found.declaration_result
                        sizes[spec.label] = (result.message_count or 0, result.consumer_count or 0)
        except (AMQPError, OSError, TimeoutError, RuntimeError) as error:
            raise BrokerUnavailable(type(error).__name__) from error
        return sizes

    async def stop_consuming(self) -> None:
        """Takes no further messages; those being handled go on. First step of a shutdown: the library's own
        stop waits for handlers before it cancels consumers, and messages arriving meanwhile would be burnt."""
        for subscriber in self._subscribers:
            queue, tag = subscriber._queue_obj, subscriber._consumer_tag
            if queue is not None and tag is not None and self.connected:
                async with asyncio.timeout(self._publish_seconds):
                    await queue.cancel(tag)
                subscriber._consumer_tag = None

    async def close(self) -> None:
        """Gives back unacknowledged messages and leaves."""
        self._connection = None
        try:
            async with asyncio.timeout(self._publish_seconds):
                await self._broker.stop()
        except (AMQPError, OSError, TimeoutError, RuntimeError) as error:
            log.warning("broker connection did not close cleanly", error=type(error).__name__)

    async def _declare(self, connection: Any) -> Any:
        channel = await connection.channel()
        await declare(channel, self.topology, robust=True)
        return channel


async def declare(channel: aio_pika.abc.AbstractChannel, topology: Topology, *, robust: bool) -> None:
    """Declares every exchange, queue and binding. `robust` ones are declared again after each reconnection."""
    options: dict[str, Any] = (
        {"robust": robust} if isinstance(channel, aio_pika.abc.AbstractRobustChannel) else {}
    )
    exchanges = {}
    for exchange in topology.exchanges:
        exchanges[exchange.name] = await channel.declare_exchange(
            exchange.name, type=exchange.type.value, durable=exchange.durable, **options
        )
    for spec in topology.queues:
        queue = await channel.declare_queue(
            spec.queue.name, durable=True, arguments=dict(spec.queue.arguments or {}), **options
        )
        for binding in spec.bindings:
            await queue.bind(exchanges[binding.exchange.name], routing_key=binding.routing_key, **options)


async def _decode(message: StreamMessage[Any]) -> Message:
    return decode(message.raw_message.type, message.headers.get(SCHEMA_VERSION_HEADER), message.body)
