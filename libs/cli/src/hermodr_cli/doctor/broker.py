"""The broker: reachable, usable, and with the queues this code would declare."""

import asyncio
from urllib.parse import unquote, urlsplit

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import (
    AMQPError,
    AuthenticationError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    ProbableAuthenticationError,
)

from hermodr_cli.doctor.finding import Area, Finding
from hermodr_cli.doctor.patient import START
from hermodr_contracts.topology import QueueSpec, Topology
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.outages import BrokerUnavailable, outages_translated

AREA = Area("broker")
CONNECT_SECONDS = 5.0
CONFIRM_SECONDS = 5.0
OLDEST_VERSION = (3, 10)
MOST_NAMED = 4


async def examine(url: str, topology: Topology, start: str = START) -> list[Finding]:
    """Leaves nothing behind at the broker. `start`: how to start it, as advice."""
    try:
        with outages_translated():
            connection = await _connected(url)
    except BrokerUnavailable as error:
        return [_refusal(url, error.__cause__, start)]
    except ValueError as error:
        return [_refusal(url, error, start)]
    try:
        with outages_translated():
            async with connection:
                found = [_server(url, connection), await _use(connection, topology.prefix)]
                return [*found, *await _queues(connection, topology)]
    except BrokerUnavailable as error:
        remedy = "look at its log, and try again"
        return [AREA.failed("reachable", f"it stopped answering ({error})", remedy)]


async def _connected(url: str) -> AbstractConnection:
    async with asyncio.timeout(CONNECT_SECONDS):
        parts = urlsplit(url)
        # the driver logs every refused connection; here it is a finding
        port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
        _, writer = await asyncio.open_connection(parts.hostname or "localhost", port)
        writer.close()
        return await aio_pika.connect(url, timeout=CONNECT_SECONDS)


def _place(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port or 5672}, vhost {unquote(parts.path[1:]) or '/'}"
    except ValueError:
        return "HERMODR_AMQP_URL"


def _refusal(url: str, error: BaseException | None, start: str) -> Finding:
    place = _place(url)
    if isinstance(error, AuthenticationError | ProbableAuthenticationError):
        remedy = "correct user and password in HERMODR_AMQP_URL (guest may log in from its own machine only)"
        return AREA.failed("reachable", f"{place}: it refuses our user or password", remedy)
    if isinstance(error, AMQPError) and not isinstance(error, OSError):  # a connection that ended is both
        remedy = (
            "create the vhost, and let our user configure, write and read in it (rabbitmqctl set_permissions)"
        )
        return AREA.failed("reachable", f"{place}: it does not let us into the vhost", remedy)
    remedy = (
        f"{start.format(command='topology apply')}; or correct HERMODR_AMQP_URL. Without it jobs are accepted and "
        "kept, if the database is there"
    )
    return AREA.failed("reachable", f"{place}: no answer ({type(error).__name__})", remedy)


def _server(url: str, connection: AbstractConnection) -> Finding:
    transport = connection.transport
    properties = transport.connection.server_properties if transport is not None else {}
    version = str(properties.get("version", "of unknown version"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    text = f"{_place(url)}, RabbitMQ {version}"
    if numbers and numbers < OLDEST_VERSION:
        return AREA.warning("reachable", text, "upgrade RabbitMQ to 3.10 or newer")
    return AREA.ok("reachable", text)


async def _use(connection: AbstractConnection, prefix: str) -> Finding:
    """Declares, publishes and reads, with an exclusive queue."""
    remedy = "let our user configure, write and read in the vhost (rabbitmqctl set_permissions)"
    try:
        async with asyncio.timeout(CONFIRM_SECONDS), connection.channel(publisher_confirms=True) as channel:
            name = f"{prefix}.doctor.{new_id()}"
            queue = await channel.declare_queue(name, exclusive=True, auto_delete=True)
            await channel.default_exchange.publish(aio_pika.Message(b""), name)
            await queue.get(no_ack=True)
            await queue.delete()
    except TimeoutError:
        text = "it takes no messages: short of memory or disk?"
        return AREA.failed("usable", text, "look at its alarms: rabbitmq-diagnostics alarms")
    except AMQPError as error:
        return AREA.failed("usable", f"our user may not do all it has to ({type(error).__name__})", remedy)
    return AREA.ok("usable", "declared, published and read")


async def _queues(connection: AbstractConnection, topology: Topology) -> list[Finding]:
    missing = [each.name for each in topology.exchanges if not await _is_there(connection, each.name)]
    foreign, idle = [], []
    for spec in topology.queues:
        consumers = await _consumers(connection, spec)
        if consumers is None:
            missing.append(spec.queue.name)
        elif not await _as_declared(connection, spec):
            foreign.append(spec.queue.name)
        elif not consumers and spec.consumer is not None:
            idle.append(spec)
    return [*_shape(topology, missing, foreign), *_consumption(topology, missing, idle)]


async def _is_there(connection: AbstractConnection, name: str) -> bool:
    try:
        async with connection.channel() as channel:
            await channel.declare_exchange(name, passive=True)
    except ChannelNotFoundEntity:
        return False
    return True


async def _consumers(connection: AbstractConnection, spec: QueueSpec) -> int | None:
    try:
        async with connection.channel() as channel:
            queue = await channel.declare_queue(spec.queue.name, passive=True)
            return queue.declaration_result.consumer_count or 0
    except ChannelNotFoundEntity:
        return None


async def _as_declared(connection: AbstractConnection, spec: QueueSpec) -> bool:
    """Declared in earnest, as a passive declaration does not compare arguments; the queue exists already."""
    try:
        async with connection.channel() as channel:
            arguments = dict(spec.queue.arguments or {})
            await channel.declare_queue(spec.queue.name, durable=True, arguments=arguments)
    except ChannelPreconditionFailed:
        return False
    return True


def _shape(topology: Topology, missing: list[str], foreign: list[str]) -> list[Finding]:
    found = []
    if missing:
        remedy = "run `hermodr topology apply` (services do so when they start); nothing is lost"
        found.append(AREA.failed("topology", f"missing: {_named(missing)}", remedy))
    if foreign:
        remedy = (
            "delete them and run `hermodr topology apply`: the ledger keeps what they held; or, if they are "
            "someone else's, set HERMODR_AMQP_PREFIX"
        )
        found.append(AREA.failed("topology", f"with other arguments than ours: {_named(foreign)}", remedy))
    if not found:
        counts = f"{len(topology.exchanges)} exchanges and {len(topology.queues)} queues as they should be"
        found.append(AREA.ok("topology", counts))
    return found


def _consumption(topology: Topology, missing: list[str], idle: list[QueueSpec]) -> list[Finding]:
    if idle:
        services = sorted({str(spec.consumer) for spec in idle})
        remedy = f"start {', '.join(services)} (`hermodr up`, or `python -m hermodr_…`), or see its log"
        return [AREA.failed("consumers", f"nobody reads {_named([spec.label for spec in idle])}", remedy)]
    read = [spec for spec in topology.queues if spec.consumer is not None and spec.queue.name not in missing]
    return [AREA.ok("consumers", f"all {len(read)} work queues are read")] if read else []


def _named(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
