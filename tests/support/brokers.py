"""A place of the tests' own at the broker: a vhost on a node that is ours, a name prefix on someone else's."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aio_pika
import httpx

from hermodr_cli.backing import Backing
from hermodr_contracts.topology import Topology
from tests.support import sessions


@dataclass(frozen=True)
class Broker:
    """Where tests connect to, and the prefix that all their exchanges and queues carry."""

    amqp_url: str
    prefix: str
    management_url: str | None
    """With credentials; None if there is no management API."""
    vhost: str


def fresh(backing: Backing) -> Iterator[Broker]:
    """For a fixture: yields the place, takes it away afterwards."""
    with _own_vhost(backing) if backing.management_url else _own_prefix(backing) as broker:
        yield broker


def sweep(backing: Backing) -> None:
    """Delete the vhosts of sessions that were killed."""
    if backing.management_url:
        with _management(backing) as client:
            for vhost in client.get("/api/vhosts").raise_for_status().json():
                if sessions.is_dead(vhost["name"]):
                    client.delete(f"/api/vhosts/{vhost['name']}").raise_for_status()


@contextmanager
def _own_vhost(backing: Backing) -> Iterator[Broker]:
    name = sessions.fresh_name()
    with _management(backing) as client:
        client.put(f"/api/vhosts/{name}").raise_for_status()
        try:
            url = urlsplit(backing.amqp_url)._replace(path=f"/{name}").geturl()
            yield Broker(url, "hermodr", _with_credentials(backing), name)
        finally:
            client.delete(f"/api/vhosts/{name}").raise_for_status()


@contextmanager
def _own_prefix(backing: Backing) -> Iterator[Broker]:
    prefix = sessions.fresh_name()
    try:
        yield Broker(backing.amqp_url, prefix, None, urlsplit(backing.amqp_url).path.lstrip("/") or "/")
    finally:
        asyncio.run(_delete(backing.amqp_url, Topology(prefix=prefix)))


async def _delete(url: str, topology: Topology) -> None:
    """Deleting what does not exist is no error to RabbitMQ."""
    connection = await aio_pika.connect(url)
    async with connection, connection.channel() as channel:
        for spec in topology.queues:
            await channel.queue_delete(spec.queue.name)
        for exchange in topology.exchanges:
            await channel.exchange_delete(exchange.name)


@contextmanager
def _management(backing: Backing) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=_with_credentials(backing), trust_env=False, timeout=30) as client:
        yield client


def _with_credentials(backing: Backing) -> str:
    url = urlsplit(backing.management_url or "")
    credentials = urlsplit(backing.amqp_url).netloc.rpartition("@")[0]
    return url._replace(netloc=f"{credentials}@{url.netloc}").geturl().rstrip("/")
