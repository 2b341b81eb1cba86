"""One connection to RabbitMQ, from opening to loss. It is never mended: whatever goes wrong, `Broker` opens a new one.

The client library can restore a connection by itself, but not in every case: a consumer cancelled in the moment the
connection is lost leaves it waiting for ever. Starting over is one path instead of many, and declares whatever queue
has gone missing on the way.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aio_pika
import structlog
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
)
from yarl import URL

from hermodr_contracts.messages import SCHEMA_VERSION_HEADER, Message, decode, encode
from hermodr_contracts.topology import QueueSpec, Topology
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.outages import BrokerUnavailable, outages_translated

log = structlog.get_logger()

Handler = Callable[[Any], Awaitable[None]]
RawHandler = Callable[[AbstractIncomingMessage], Awaitable[None]]

HEARTBEAT_SECONDS = 10
"""A connection that is open on our side only is noticed within twice that."""

CONNECT_SECONDS = 10.0
"""The library's own limit, shorter than the one from outside: cancelled while it connects, it would go on by itself."""


class GiveBack(Exception):
    """Raised by a handler: the message is to go back into its queue."""


@dataclass(frozen=True)
class Consumption:
    """A queue to read: decoded by `handler`, or as it comes by `raw`. At most `prefetch` messages at once."""

    spec: QueueSpec
    prefetch: int
    handler: Handler | None = None
    raw: RawHandler | None = None


class Session:
    """See the module. `lost` is set when the connection, the channel for publishing or any consumer is gone; `reason`
    is the kind of the first error."""

    def __init__(
        self, url: str, topology: Topology, service: str, consumptions: Sequence[Consumption]
    ) -> None:
        self.lost = asyncio.Event()
        self.reason = ""
        self._url = str(URL(url).update_query(heartbeat=HEARTBEAT_SECONDS))
        self._topology = topology
        self._app_id = f"hermodr-{service}"
        self._consumptions = consumptions
        self._consumers: list[tuple[AbstractQueue, str]] = []
        self._connection: AbstractConnection | None = None
        self._exchanges: dict[str, AbstractExchange] = {}
        self._kept: list[AbstractChannel] = []

    async def open(self) -> None:
        """Connects, declares the topology, starts consuming. Its failures, and those of all other methods, are the
        library's: see `outages_translated`."""
        connection = await aio_pika.connect(self._url, timeout=CONNECT_SECONDS)
        self._connection = connection
        connection.close_callbacks.add(self._on_lost)
        async with connection.channel() as channel:
            await declare(channel, self._topology)
        publishing = await connection.channel(on_return_raises=True)
        await self._watch(publishing)
        for each in self._topology.exchanges:
            self._exchanges[each.name] = await publishing.get_exchange(each.name, ensure=False)
        for consumption in self._consumptions:
            await self._consume(consumption)

    async def publish(self, message: Message, exchange: str, routing_key: str, *, mandatory: bool) -> None:
        """Publishes persistently and waits for the confirmation, for as long as that takes."""
        await self._exchanges[exchange].publish(
            aio_pika.Message(
                encode(message),
                type=message.type_name(),
                message_id=str(new_id()),
                app_id=self._app_id,
                timestamp=datetime.now(UTC),
                content_type="application/json",
                headers={SCHEMA_VERSION_HEADER: message.version},
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            ),
            routing_key,
            mandatory=mandatory,
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
        # on a channel of its own: the broker closes it if it cannot bear the message
        async with self._kept_channel() as channel:
            await channel.default_exchange.publish(message, queue, mandatory=True)

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
        while self._consumers:
            queue, tag = self._consumers.pop()
            await queue.cancel(tag)

    async def close(self) -> None:
        """Gives unacknowledged messages back and leaves. The connection is of no use afterwards, whatever happens."""
        self.lost.set()
        if self._connection is not None:
            await self._connection.close()

    async def _consume(self, consumption: Consumption) -> None:
        channel = await self._open_connection().channel()
        await channel.set_qos(prefetch_count=consumption.prefetch)
        queue = await _own_queue(channel, consumption.spec)
        receive = consumption.raw or _decoding(consumption)
        await self._watch(channel)  # before: the queue may go in the same breath
        self._consumers.append((queue, await queue.consume(receive)))

    async def _watch(self, channel: AbstractChannel) -> None:
        channel.close_callbacks.add(self._on_lost)
        underlying = await channel.get_underlay_channel()
        underlying.on_consumer_cancel_callbacks.add(self._on_lost)

    def _on_lost(self, *told: object) -> None:
        if not self.reason:
            errors = (type(each).__name__ for each in told if isinstance(each, BaseException))
            self.reason = next(errors, "a consumer was cancelled")
        self.lost.set()

    @contextlib.asynccontextmanager
    async def _kept_channel(self) -> AsyncIterator[AbstractChannel]:
        """One channel for all upkeep: each that is opened and closed leaves a callback at its connection, some 5 KB
        (aio-pika removes it from an observer that aiormq made for the occasion), and upkeep comes every 5 s."""
        channel = self._kept.pop() if self._kept else None
        if channel is None or channel.is_closed:
            channel = await self._open_connection().channel(on_return_raises=True)
        try:
            yield channel
        except BaseException:
            await channel.close()
            raise
        self._kept.append(channel)

    def _open_connection(self) -> AbstractConnection:
        if self._connection is None:
            raise RuntimeError("the session is not open")
        return self._connection


async def declare(channel: AbstractChannel, topology: Topology) -> None:
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


async def _declare_queue(channel: AbstractChannel, spec: QueueSpec) -> AbstractQueue:
    return await channel.declare_queue(
        spec.queue.name, durable=True, arguments=dict(spec.queue.arguments or {})
    )


async def _own_queue(channel: AbstractChannel, spec: QueueSpec) -> AbstractQueue:
    """The queue to read. An exclusive one is made here, bound, and named anew for each connection: that of a lost
    connection exists, and is refused to everybody else, until the broker notices the loss."""
    if not spec.queue.exclusive:
        return await _declare_queue(channel, spec)
    queue = await channel.declare_queue(
        f"{spec.queue.name}.{new_id().hex}",
        durable=False,
        exclusive=True,
        auto_delete=True,
        arguments=dict(spec.queue.arguments or {}),
    )
    for binding in spec.bindings:
        await queue.bind(binding.exchange.name, routing_key=binding.routing_key)
    return queue


def _decoding(consumption: Consumption) -> RawHandler:
    """Hands messages on decoded, several at a time: what the handler returns from is acknowledged, what cannot be
    decoded or handled goes to the dead queue. Of one whose answer no longer arrives the broker makes a new delivery."""
    handler = consumption.handler
    if handler is None:
        raise ValueError(f"nobody handles {consumption.spec.label}")

    async def receive(message: AbstractIncomingMessage) -> None:
        with contextlib.suppress(BrokerUnavailable), outages_translated():
            try:
                await handler(decode(message.type, message.headers.get(SCHEMA_VERSION_HEADER), message.body))
            except GiveBack:
                await message.nack(requeue=True)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this message's, and stays on record
                log.error("message refused", queue=consumption.spec.label, error=type(error).__name__)
                await message.reject(requeue=False)
            else:
                await message.ack()

    return receive
