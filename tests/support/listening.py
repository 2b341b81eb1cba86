"""Listening to a queue with any function, as a service's handlers do."""

from collections.abc import Awaitable, Callable
from typing import Any

from faststream.rabbit import Channel, RabbitRouter

from hermodr_contracts.messages import Message
from hermodr_contracts.topology import QueueSpec
from hermodr_servicekit.broker import Broker

Handler = Callable[[Any], Awaitable[None]]


def listen(broker: Broker, spec: QueueSpec, handler: Handler, *, prefetch: int) -> None:
    """Before the broker runs."""
    broker.include(lambda router: _subscribe(router, spec, handler, prefetch))


def listen_to_events(broker: Broker, event: type[Message], handler: Handler, *, prefetch: int) -> None:
    """The same, with a queue of its own for each connection."""
    topology = broker.topology
    broker.include(lambda router: _subscribe(router, topology.event_queue("api", event), handler, prefetch))


def _subscribe(router: RabbitRouter, spec: QueueSpec, handler: Handler, prefetch: int) -> None:
    router.subscriber(spec.queue, spec.exchange, channel=Channel(prefetch_count=prefetch), no_reply=True)(
        handler
    )
