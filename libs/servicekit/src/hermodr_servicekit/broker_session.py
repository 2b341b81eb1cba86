"""One connection to RabbitMQ, from opening to loss. It is never mended: whatever goes wrong, `Broker` opens a new one.

The client library can restore a connection by itself, but not in every case: a consumer cancelled in the moment the
connection is lost leaves it waiting for ever. Starting over is one path instead of many, and declares whatever queue
has gone missing on the way.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity
from faststream.rabbit import RabbitExchange
from faststream.rabbit.publisher import RabbitPublisher
from yarl import URL

from hermodr_contracts.broker_rights import own_queues
from hermodr_contracts.messages import Message
from hermodr_contracts.topology import QueueSpec, Topology
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.streaming import StreamBroker, Subscribe, publisher_of, router_of

HEARTBEAT_SECONDS = 10
"""A connection that is open on our side only is noticed within twice that."""
_REFUSED = "ACCESS_REFUSED"
"""How the broker begins to say that our user may not."""


class Session:
    """See the module. `lost` is set when the connection, the channel for publishing or any consumer is gone; `reason`
    is the kind of the first error."""

    def __init__(
        self,
        url: str,
        topology: Topology,
        service: str,
        subscribes: Iterable[Subscribe],
        middlewares: Sequence[Any] = (),
        *,
        narrow: bool = False,
    ) -> None:
        """`narrow`: the broker is known to let us make none but our own queues."""
        self.narrow = narrow
        self.lost = asyncio.Event()
        self.reason = ""
        self._topology = topology
        self._own = own_queues(service, topology)
        self._stream = StreamBroker(
            str(URL(url).update_query(heartbeat=HEARTBEAT_SECONDS)),
            service,
            middlewares,
            on_lost=self._on_lost,
        )
        self._stream.include_router(router_of(subscribes))
        self._publishers: dict[tuple[type[Message], str], RabbitPublisher] = {}
        for each in topology.outlets(service):
            self._publisher(each.message, each.exchange, each.address)
        self._connection: AbstractConnection | None = None
        self._kept: list[AbstractChannel] = []

    async def open(self) -> None:
        """Connects, declares the topology, starts consuming. Its failures, and those of all other methods, are the
        library's: see `outages_translated`."""
        self._connection = await self._stream.connect()
        await self.declare()
        await self._stream.watch_publishing()
        for exchange in self._topology.exchanges:
            # FastStream keeps each exchange as it was first declared, and publishes through it. Were a subscriber the
            # first, that would be by the subscriber's channel, where nothing that is unroutable comes back.
            await self._stream.declare_exchange(exchange)
        await self._stream.start()

    async def publish(
        self, message: Message, exchange: RabbitExchange, routing_key: str, *, mandatory: bool
    ) -> None:
        """Publishes persistently and waits for the confirmation, for as long as that takes."""
        publisher = self._publisher(type(message), exchange, routing_key)
        await publisher.publish(
            message, routing_key=routing_key, message_id=str(new_id()), mandatory=mandatory
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
        """Declares whatever has gone missing; changes nothing that is there. The queues of other services are left to
        these if the broker says so: it is asked once."""
        async with self._kept_channel() as channel:
            await declare(channel, self._topology, self._own)
        if self.narrow:
            return
        others = [spec for spec in self._topology.queues if spec not in self._own]
        try:
            async with self._kept_channel() as channel:
                await declare(channel, self._topology, others)
        except ChannelClosed as error:
            if _REFUSED not in str(error):
                raise
            self.narrow = True

    async def queue_sizes(self) -> dict[str, tuple[int, int]]:
        """`{label: (ready messages, consumers)}`; queues that are missing are made, or are empty and unread."""
        sizes = {}
        for spec in self._topology.queues:
            foreign = self.narrow and spec not in self._own
            try:
                async with self._kept_channel() as channel:
                    queue = await _declare_queue(channel, spec, passive=foreign)
            except ChannelNotFoundEntity:
                sizes[spec.label] = (0, 0)
            else:
                result = queue.declaration_result
                sizes[spec.label] = (result.message_count or 0, result.consumer_count or 0)
        return sizes

    async def stop_consuming(self) -> None:
        """Takes no further messages; those being handled go on. FastStream's own stop waits for these first."""
        while self._stream.consumers:
            queue, tag = self._stream.consumers.pop()
            await queue.cancel(tag)

    async def close(self) -> None:
        """Gives unacknowledged messages back and leaves. The connection is of no use afterwards, whatever happens."""
        self.lost.set()
        if self._connection is not None:
            await self._connection.close()

    def _publisher(self, message: type[Message], exchange: RabbitExchange, address: str) -> RabbitPublisher:
        known = message, exchange.name
        if known not in self._publishers:
            self._publishers[known] = publisher_of(self._stream, message, exchange, address)
        return self._publishers[known]

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


async def declare(
    channel: AbstractChannel, topology: Topology, queues: Iterable[QueueSpec] | None = None
) -> None:
    """Declares every exchange, and every queue (or those given) with its bindings. Raises the library's precondition
    error when the broker has one of that name with other arguments."""
    exchanges = {}
    for exchange in topology.exchanges:
        exchanges[exchange.name] = await channel.declare_exchange(
            exchange.name, type=exchange.type.value, durable=exchange.durable
        )
    for spec in topology.queues if queues is None else queues:
        queue = await _declare_queue(channel, spec)
        for binding in spec.bindings:
            await queue.bind(exchanges[binding.exchange.name], routing_key=binding.routing_key)


async def _declare_queue(
    channel: AbstractChannel, spec: QueueSpec, *, passive: bool = False
) -> AbstractQueue:
    """`passive`: only looks, which needs no right."""
    arguments = dict(spec.queue.arguments or {})
    return await channel.declare_queue(spec.queue.name, durable=True, arguments=arguments, passive=passive)
