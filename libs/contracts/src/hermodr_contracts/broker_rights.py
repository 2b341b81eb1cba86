"""What the broker user of each service may do, computed from the topology (ADR 0066).

A queue with a dead letter exchange may only be made by who may read it. So each service makes the queues that it
reads, a sender also those in which its retries wait, and has rights in no others.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hermodr_contracts.channels import servable
from hermodr_contracts.messages import DeliveryCommand, JobsRequested
from hermodr_contracts.topology import FLOWS, QueueSpec, Topology

SERVICES = tuple(dict.fromkeys(name for flow in FLOWS for name in (*flow.publishers, *flow.consumers)))
"""Those that use the broker."""

_REPLAYS = "scheduler"
"""Puts dead letters back into the queues that they came from, through the broker's default exchange."""
_DEFAULT_EXCHANGE = "amq.default"
_DEAD_LETTERS = "x-dead-letter-exchange"


@dataclass(frozen=True, slots=True)
class Permissions:
    """RabbitMQ's three patterns for names of exchanges and queues."""

    configure: str
    write: str
    read: str


def whole(prefix: str) -> Topology:
    """With every channel: rights by it need no change when another channel is served."""
    return Topology(prefix, servable())


def user_name(service: str, prefix: str, vhost: str = "/") -> str:
    """Users belong to the whole broker: their names say whose they are."""
    return f"{prefix}-{service}" + ("" if vhost == "/" else f"@{vhost}")


def own_queues(service: str, topology: Topology) -> tuple[QueueSpec, ...]:
    """The queues that the service reads and makes, without those that end with its connection."""
    families = {channel.value for channel, spec in topology.channels.items() if spec.service == service}
    return tuple(
        spec
        for spec in topology.queues
        if spec.consumer == service or (spec.consumer is None and spec.label.partition(".")[0] in families)
    )


def permissions(service: str, topology: Topology) -> Permissions:
    """Raises `KeyError` for a service that has no messages."""
    if service not in SERVICES:
        raise KeyError(service)
    queues = own_queues(service, topology)
    mine = list(dict.fromkeys(_named(spec, topology.prefix) for spec in queues))
    sources = {binding.exchange.name for spec in queues for binding in spec.bindings}
    if _hears_events(service):
        mine.append(re.escape(f"{topology.prefix}.events.{service}.") + "[0-9a-f]{32}")
        sources.add(topology.events.name)
    graves = {str(each) for spec in queues if (each := (spec.queue.arguments or {}).get(_DEAD_LETTERS))}
    targets = {outlet.exchange.name for outlet in topology.published(service)} | graves
    if service == _REPLAYS:
        targets.add(_DEFAULT_EXCHANGE)
    return Permissions(
        configure=_pattern([*map(re.escape, sorted(each.name for each in topology.exchanges)), *mine]),
        write=_pattern([*map(re.escape, sorted(targets)), *mine]),
        read=_pattern([*map(re.escape, sorted(sources)), *mine]),
    )


def _named(spec: QueueSpec, prefix: str) -> str:
    """Queues for retries of any ladder, so that another ladder needs no other rights."""
    if spec.consumer is not None:
        return re.escape(spec.queue.name)
    return re.escape(f"{prefix}.{spec.label.rpartition('.')[0]}.") + "[0-9a-z]+"


def _hears_events(service: str) -> bool:
    return any(
        service in flow.consumers and not issubclass(flow.message, DeliveryCommand | JobsRequested)
        for flow in FLOWS
    )


def _pattern(names: Iterable[str]) -> str:
    return f"^({'|'.join(names)})$" if names else "^$"
