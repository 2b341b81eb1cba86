import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aio_pika
import aio_pika.abc
import httpx
from aio_pika.exceptions import ChannelNotFoundEntity

from hermodr_contracts.messages import SCHEMA_VERSION_HEADER
from hermodr_devkit.backing import EmbeddedRabbit
from hermodr_devkit.backing.places import DEFAULT_PREFIX, Place
from hermodr_devkit.backing.rabbit import USER
from hermodr_devkit.supervisor.broker_users import broker_users
from tests.support.installation import Installation
from tests.support.servers import PASSWORD

COPY = "x-copy"
MOST_CAUGHT = 400
"""Messages repeated at once; with more, repeating would never end."""
VHOST = "%2F"
POISON: tuple[tuple[str | None, object, bytes], ...] = (
    ("JobsRequested", 1, b"this is no JSON"),
    ("MakeCoffee", 1, b"{}"),
    (None, 1, b"{}"),
    ("SendEmails", 99, b"{}"),
    ("SendEmails", 1, bytes(range(256))),
    ("SendEmails", 1, b'{"delivery_ids":["01900000-0000-7000-8000-000000000000"]}'),
)


@asynccontextmanager
async def channel_to(installation: Installation) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    connection = await aio_pika.connect(installation.amqp_url, timeout=10)
    async with connection, connection.channel() as channel:
        yield channel


@asynccontextmanager
async def console_of(rabbit: EmbeddedRabbit) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=rabbit.management_url, auth=(USER, PASSWORD), trust_env=False, timeout=60
    ) as console:
        yield console


async def empty(rabbit: EmbeddedRabbit, installation: Installation, *, delete: bool) -> None:
    """Purges every queue; `delete` deletes the queues as well."""
    async with console_of(rabbit) as console:
        for spec in installation.topology.queues:
            path = f"/api/queues/{VHOST}/{spec.queue.name}" + ("" if delete else "/contents")
            answer = await console.delete(path)
            if answer.status_code != httpx.codes.NOT_FOUND:  # an earlier fault took it
                answer.raise_for_status()


async def wipe(rabbit: EmbeddedRabbit, seconds: float) -> None:
    """Deletes the vhost; after `seconds` there is an empty one."""
    async with console_of(rabbit) as console:
        (await console.delete(f"/api/vhosts/{VHOST}")).raise_for_status()
        await asyncio.sleep(seconds)
        (await console.put(f"/api/vhosts/{VHOST}", json={})).raise_for_status()
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        (await console.put(f"/api/permissions/{VHOST}/{USER}", json=everything)).raise_for_status()
    await broker_users(Place(rabbit.url, DEFAULT_PREFIX, rabbit.management_url))


async def poison(installation: Installation) -> int:
    """Unreadable messages of each kind into every work queue; how many."""
    queues = [
        spec.queue.name
        for spec in installation.topology.queues
        if spec.consumer in ("dispatcher", "email-sender", "sms-sender")
    ]
    async with channel_to(installation) as channel:
        for queue in queues:
            for kind, version, body in POISON:
                message = aio_pika.Message(body, type=kind, headers={SCHEMA_VERSION_HEADER: version})  # type: ignore[dict-item]
                await channel.default_exchange.publish(message, queue)
    return len(queues) * len(POISON)


async def repeat(installation: Installation, seconds: float) -> None:
    """Messages come twice more, in the opposite order, some of them much later."""
    with suppress(
        ChannelNotFoundEntity
    ):  # another fault took the exchanges away: nothing is left to repeat to
        await _repeat(installation, seconds)


async def _repeat(installation: Installation, seconds: float) -> None:
    topology = installation.topology
    caught: list[aio_pika.abc.AbstractIncomingMessage] = []
    async with channel_to(installation) as channel:
        echo = await channel.declare_queue(exclusive=True, auto_delete=True)
        for exchange in (topology.jobs, topology.deliveries, topology.retry):
            await echo.bind(exchange.name, "#")

        async def catch(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            if COPY not in message.headers and len(caught) < MOST_CAUGHT:
                caught.append(message)

        await echo.consume(catch, no_ack=True)
        for _ in range(4):
            await asyncio.sleep(seconds / 4)
            for message in reversed(caught):
                source = await channel.get_exchange(message.exchange or "", ensure=False)
                again = aio_pika.Message(
                    message.body,
                    type=message.type,
                    headers={SCHEMA_VERSION_HEADER: message.headers[SCHEMA_VERSION_HEADER], COPY: 1},
                    message_id=f"{message.message_id}-again",
                    delivery_mode=2,
                )
                await source.publish(again, message.routing_key or "")
            del caught[: len(caught) // 2]
