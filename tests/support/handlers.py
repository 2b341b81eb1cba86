"""Handlers of a service, without a broker: what is told them they handle at once, and what they raise is raised."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from faststream.rabbit import RabbitExchange, TestRabbitBroker

from hermodr_contracts.messages import Message
from hermodr_servicekit.streaming import StreamBroker, Subscribe, publisher_of, router_of

Tell = Callable[[Message, RabbitExchange, str], Awaitable[None]]


@asynccontextmanager
async def handling(*subscribes: Subscribe) -> AsyncIterator[Tell]:
    """`await tell(message, exchange, routing_key)`: encoded, routed and decoded as by a broker."""
    broker = StreamBroker("amqp://nowhere", "test", on_lost=lambda *_: None)
    broker.include_router(router_of(subscribes))
    async with TestRabbitBroker(broker):

        async def tell(message: Message, exchange: RabbitExchange, key: str) -> None:
            await publisher_of(broker, type(message), exchange, key).publish(message)

        yield tell
