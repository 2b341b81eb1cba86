"""One connection to RabbitMQ, from opening to loss. It is never mended: whatever goes wrong, `Broker` opens a new one.

The client library can restore a connection by itself, but not in every case: a consumer cancelled in the moment the
connection is lost leaves it waiting for ever. Starting over is one path instead of many, and declares whatever queue
has gone missing on the way.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aio_pika
import structlog
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange
from faststream.rabbit.subscriber.usecase import RabbitSubscriber
from yarl import URL

from hermodr_contracts.messages import SCHEMA_VERSION_HEADER, Message, decode
from hermodr_contracts.topology import QueueSpec, Topology
from hermodr_servicekit.ids import new_id

log = structlog.get_logger()

Handler = Callable[[Any], Awaitable[None]]
RawHandler = Callable[[AbstractIncomingMessage], Awaitable[None]]

HEARTBEAT_SECONDS = 10
"""A connection that is open on our side only is noticed within twice that."""

CONNECT_SECONDS = 10.0
"""The library's own limit, shorter than the one from outside: cancelled while it connects, it would go on by itself."""

AMQP_FAILURES: tuple[type[Exception], ...] = (*CONNECTION_EXCEPTIONS, TimeoutError)
"""What the library raises when the broker is away or the connection ends; RuntimeError for a closed connection."""


@dataclass(frozen=True)
class Consumption:
    """A queue to read: decoded by `handler`, or as it comes by `raw`. At most `prefetch` messages at once."""

    spec: QueueSpec
    prefetch: int
    handler: Handler | None = None
    raw: RawHandler | None = None


class Session:
    """See the module. `lost` is set when the connection or any consumer is gone."""

    def __init__(
        self, url: str, topology: Topology, service: str, consumptions: Sequence[Consumption]
    ) -> None:
        self.lost = asyncio.Event()
        self._topology = topology
        self._raw = [each for each in consumptions if each.raw is not None]
        self._raw_queues: list[tuple[aio_pika.abc.AbstractQueue, str]] = []
        self._connection: aio_pika.abc.AbstractRobustConnection | None = None
        self._kept: list[aio_pika.abc.AbstractChannel] = []
        self._broker = RabbitBroker(
            str(URL(url).update_query(heartbeat=HEARTBEAT_SECONDS)),
            default_channel=Channel(on_return_raises=True),
            app_id=f"hermodr-{service}",
            logger=None,
            apply_types=False,
            decoder=_decode,
            graceful_timeout=None,
            timeout=CONNECT_SECONDS,
        )
        self._subscribers = [self._subscribe(each) for each in consumptions if each.handler is not None]

    async def open(self) -> None:
        """Connects, declares the topology, starts consuming. Raises one of `AMQP_FAILURES`."""
        connection = await self._broker.connect()
        self._connection = connection
        connection.close_callbacks.add(self._on_lost)
        async with connection.channel() as channel:
            await declare(channel, self._topology)
        await self._broker.start()
        for subscriber in self._subscribers:
            if subscriber._queue_obj is not None:
                await self._watch(subscriber._queue_obj.channel)
        for each in self._raw:
            await self._consume_raw(each)

    async def publish(
        self,
        body: bytes,
        exchange: RabbitExchange,
        routing_key: str,
        *,
        mandatory: bool,
        properties: Mapping[str, Any],
    ) -> None:
        """Publishes persistently and waits for the confirmation, for as long as that takes."""
        await self._broker.publish(
            body, exchange=exchange, routing_key=routing_key, mandatory=mandatory, persist=True, **properties
        )

    async def publish_raw(
        self, body: bytes, queue: str, *, message_type: str | None, headers: Mapping[str, Any]
    ) -> None:
        """Puts a message of any shape into a queue, persistently, and waits for the confirmation."""
        message = aio_pika.Message(
            body,
            type=message_type,
            headers=dict(headers),
            message_id=str(new_id()),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        async with self._open_connection().channel(on_return_raises=True) as channel:
            await channel.default_exchange.publish(message, routing_key=queue, mandatory=True)

    async def declare(self) -> None:
        """Declares whatever has gone missing; changes nothing that is there."""
        async with self._kept_channel() as channel:
            await declare(channel, self._topology)

    async def queue_sizes(self) -> dict[str, tuple[int, int]]:
        """`{label: (ready messages, consumers)}`; queues that are missing are made."""
        sizes = {}
        async with self._kept_channel() as channel:
            for spec in self._topology.queues:
                result = (await _declare_queue(channel, spec)).declaration_result
                sizes[spec.label] = (result.message_count or 0, result.consumer_count or 0)
        return sizes

    async def stop_consuming(self) -> None:
        """Takes no further messages; those being handled go on."""
        for subscriber in self._subscribers:
            queue, tag = subscriber._queue_obj, subscriber._consumer_tag
            if queue is not None and tag is not None:
                await queue.cancel(tag)
                subscriber._consumer_tag = None
        for raw_queue, tag in self._raw_queues:
            await raw_queue.cancel(tag)
        self._raw_queues.clear()

    async def close(self) -> None:
        """Gives unacknowledged messages back and leaves. Raises one of `AMQP_FAILURES` if that cannot be done in order;
        the connection is of no use then either."""
        self.lost.set()
        if self._connection is not None:
            await self._connection.close()

    def _subscribe(self, consumption: Consumption) -> RabbitSubscriber:
        subscriber = self._broker.subscriber(
            consumption.spec.queue,
            channel=Channel(prefetch_count=consumption.prefetch),
            ack_policy=AckPolicy.REJECT_ON_ERROR,
        )
        if consumption.handler is not None:
            subscriber(consumption.handler)
        return subscriber

    async def _consume_raw(self, consumption: Consumption) -> None:
        channel = await self._open_connection().channel()
        await channel.set_qos(prefetch_count=consumption.prefetch)
        queue = await _declare_queue(channel, consumption.spec)
        if consumption.raw is not None:
            self._raw_queues.append((queue, await queue.consume(consumption.raw)))
        await self._watch(channel)

    async def _watch(self, channel: aio_pika.abc.AbstractChannel) -> None:
        channel.close_callbacks.add(self._on_lost)
        underlying = await channel.get_underlay_channel()
        underlying.on_consumer_cancel_callbacks.add(self._on_lost)

    def _on_lost(self, *_: object) -> None:
        self.lost.set()

    @contextlib.asynccontextmanager
    async def _kept_channel(self) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
        """One channel for all upkeep: each that is opened and closed leaves a callback at its connection, some 5 KB
        (aio-pika removes it from an observer that aiormq made for the occasion), and upkeep comes every 5 s."""
        channel = self._kept.pop() if self._kept else None
        if channel is None or channel.is_closed:
            # not a robust one, which would keep all it ever declared
            channel = aio_pika.Channel(self._open_connection())
            await channel.initialize()
        try:
            yield channel
        except BaseException:
            await channel.close()
            raise
        self._kept.append(channel)

    def _open_connection(self) -> aio_pika.abc.AbstractRobustConnection:
        if self._connection is None:
            raise RuntimeError("the session is not open")
        return self._connection


async def declare(channel: aio_pika.abc.AbstractChannel, topology: Topology) -> None:
    """Declares every exchange, queue and binding. Raises the library's precondition error when the broker has one of
    that name with other arguments."""
    exchanges = {}
    for exchange in topology.exchanges:
        exchanges[exchange.name] = await channel.declare_exchange(
            exchange.name, type=exchange.type.value, durable=exchange.durable
        )
    for spec in topology.queues:
        queue = await _declare_queue(channel, spec)
        for binding in spec.bindings:
            await queue.bind(exchanges[binding.exchange.name], routing_key=binding.routing_key)


async def _declare_queue(
    channel: aio_pika.abc.AbstractChannel, spec: QueueSpec
) -> aio_pika.abc.AbstractQueue:
    return await channel.declare_queue(
        spec.queue.name, durable=True, arguments=dict(spec.queue.arguments or {})
    )


async def _decode(message: StreamMessage[Any]) -> Message:
    return decode(message.raw_message.type, message.headers.get(SCHEMA_VERSION_HEADER), message.body)
