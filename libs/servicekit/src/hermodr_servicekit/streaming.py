"""FastStream as all services use it: how messages are written and read, what becomes of those that are refused, and a
connection that is not restored by itself (ADR 0011, 0044)."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection, AbstractExchange, AbstractQueue, ConsumerTag
from faststream import BaseMiddleware
from faststream.exceptions import HandlerException
from faststream.message import StreamMessage
from faststream.prometheus.container import MetricsContainer
from faststream.rabbit import Channel, RabbitBroker, RabbitExchange, RabbitRouter
from faststream.rabbit.prometheus import RabbitPrometheusMiddleware
from faststream.rabbit.publisher import RabbitPublisher
from prometheus_client import CollectorRegistry

from hermodr_contracts.messages import SCHEMA_VERSION_HEADER, Message, decode, encode
from hermodr_contracts.topology import Outlet

if TYPE_CHECKING:
    from aio_pika import RobustConnection

log = structlog.get_logger()

Subscribe = Callable[[RabbitRouter], None]
"""Registers a service's handlers; called anew for each connection."""

CONNECT_SECONDS = 10.0
"""The library's own limit, shorter than the one from outside: cancelled while it connects, it would go on by itself."""


class EnvelopeCodec:
    """Messages of `contracts`, by the envelope they travel in."""

    async def encode(self, msg: Any, serializer: object = None) -> tuple[bytes, str | None]:  # noqa: ARG002
        """The body, and its content type. `None`, the answer of a handler, is encoded by the tests' broker alone."""
        return b"" if msg is None else encode(msg), "application/json"

    async def decode(self, msg: StreamMessage[Any]) -> Any:
        """The `Message`. Raises `Undecodable`: the message is rejected to its dead queue."""
        return decode(msg.raw_message.type, msg.headers.get(SCHEMA_VERSION_HEADER), msg.body)


class AsItCame(EnvelopeCodec):
    """For subscribers that want the message itself, undecodable ones included, and acknowledge it themselves."""

    async def decode(self, msg: StreamMessage[Any]) -> Any:
        """The message itself."""
        return msg


class Refusals(BaseMiddleware[Any, Any]):
    """Logs a message that goes to the dead queue, without anything of its body."""

    async def consume_scope(self, call_next: Callable[[Any], Any], msg: StreamMessage[Any]) -> Any:
        """Whatever a handler raises is its message's; FastStream rejects it."""
        try:
            return await call_next(msg)
        except HandlerException:  # such as NackMessage
            raise
        except Exception as error:
            queue = self.context.get_local("handler_").queue.name
            log.error("message refused", queue=queue, error=type(error).__name__)
            raise


class StreamBroker(RabbitBroker):
    """A FastStream broker for one connection. `on_lost` is called when the connection, the channel for publishing or
    any consumer is gone; `consumers` are those that read."""

    def __init__(
        self,
        url: str,
        service: str,
        middlewares: Sequence[Any] = (),
        *,
        on_lost: Callable[..., None],
    ) -> None:
        self.consumers: list[tuple[AbstractQueue, ConsumerTag]] = []
        self._amqp_url = url
        self._connection_name = f"hermodr-{service}"
        self._on_lost = on_lost
        super().__init__(
            url,
            app_id=f"hermodr-{service}",
            default_channel=Channel(on_return_raises=True),  # else an unroutable message counts as published
            codec=EnvelopeCodec(),
            middlewares=(*middlewares, Refusals),
            apply_types=False,  # the codec validates
            logger=None,  # it would log what handlers raise, with its text
        )

    async def _connect(self) -> "RobustConnection":
        """FastStream's would be restored by itself."""
        connection = await aio_pika.connect(
            self._amqp_url,
            timeout=CONNECT_SECONDS,
            connection_class=_Connection,
            client_properties={"connection_name": self._connection_name},
        )
        connection.close_callbacks.add(self._on_lost)
        connection.watch = self
        plain = cast("RobustConnection", connection)
        self.config.connect(plain)
        return plain

    async def watch_consumer(self, queue: AbstractQueue) -> None:
        """Before it consumes: the queue may go in the same breath."""
        queue.channel.close_callbacks.add(self._on_lost)
        underlying = await queue.channel.get_underlay_channel()
        underlying.on_consumer_cancel_callbacks.add(self._on_lost)

    async def watch_publishing(self) -> None:
        """The channel that `publish` and all declarations of the broker use."""
        channel = await self.config.channel_manager.get_channel()
        channel.close_callbacks.add(self._on_lost)


class _Queue(aio_pika.Queue):
    """Tells its broker who consumes. FastStream says `robust`, which is for connections that are restored."""

    __slots__ = ()

    async def bind(  # type: ignore[override]
        self, exchange: AbstractExchange, routing_key: str | None = None, **options: Any
    ) -> Any:
        options.pop("robust", None)
        return await super().bind(exchange, routing_key, **options)

    async def consume(self, *args: Any, **options: Any) -> ConsumerTag:
        watch = cast("_Channel", self.channel).connection.watch
        if watch is None:
            raise RuntimeError("nobody watches this connection")
        await watch.watch_consumer(self)
        tag = await super().consume(*args, **options)
        watch.consumers.append((self, tag))
        return tag


class _Channel(aio_pika.Channel):
    QUEUE_CLASS = _Queue

    def __init__(self, connection: AbstractConnection, *args: Any, **options: Any) -> None:
        super().__init__(connection, *args, **options)
        self.connection = cast("_Connection", connection)

    async def declare_queue(self, name: str | None = None, **options: Any) -> AbstractQueue:
        options.pop("robust", None)
        return await super().declare_queue(name, **options)

    async def declare_exchange(self, name: str, *args: Any, **options: Any) -> Any:
        options.pop("robust", None)
        return await super().declare_exchange(name, *args, **options)


class _Connection(aio_pika.Connection):
    CHANNEL_CLASS = _Channel
    watch: StreamBroker | None = None


class BrokerMetrics(RabbitPrometheusMiddleware):
    """What FastStream counts and times of messages, by exchange and routing key. One for a process."""

    def __init__(self, registry: CollectorRegistry, service: str) -> None:
        super().__init__(registry=registry, app_name=service, metrics_prefix="hermodr_broker")
        for name in MetricsContainer.__slots__:
            if not name.startswith("_"):
                metric = getattr(self._metrics_container, name)
                setattr(self._metrics_container, name, _Remembering(metric))


class _Remembering:
    """A metric that looks for the child of some labels once. prometheus_client checks and sorts them at each of eleven
    calls for a message."""

    def __init__(self, metric: Any) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], Any] = {}

    def labels(self, **labels: str) -> Any:
        key = tuple(labels.values())  # FastStream names those of a metric in the same order everywhere
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._metric.labels(**labels)
        return child


def router_of(subscribes: Iterable[Subscribe]) -> RabbitRouter:
    """All handlers of a service."""
    router = RabbitRouter()
    for subscribe in subscribes:
        subscribe(router)
    return router


def publisher_of(
    broker: RabbitBroker,
    message: type[Message],
    exchange: RabbitExchange,
    address: str,
    *,
    title: str | None = None,
) -> RabbitPublisher:
    """Declares a publisher with all of the envelope that is the same for each message."""
    return broker.publisher(
        exchange=exchange,
        routing_key=address,
        schema=message,
        title=title,
        description=message.__doc__,
        persist=True,
        message_type=message.type_name(),
        headers={SCHEMA_VERSION_HEADER: message.version},
    )


def describe(
    url: str, service: str, subscribes: Iterable[Subscribe], outlets: Iterable[Outlet]
) -> RabbitBroker:
    """A broker that is only looked at, for AsyncAPI: what the service reads and publishes."""
    broker = StreamBroker(url, service, on_lost=lambda *_: None)
    broker.include_router(router_of(subscribes))
    for each in outlets:
        title = f"{each.exchange.name}:{each.address}:{service}"
        publisher_of(broker, each.message, each.exchange, each.address, title=title)
    return broker
