"""A private place at the broker: a vhost on a node with a console, else a name prefix."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import aio_pika
import httpx

from hermodr_contracts.topology import Topology
from hermodr_devkit.backing import temporary
from hermodr_devkit.backing.model import Backing

DEFAULT_PREFIX = "hermodr"


@dataclass(frozen=True)
class Place:
    """`prefix`: of all exchanges and queues there."""

    amqp_url: str
    prefix: str
    management_url: str | None
    """May have credentials; None if there is no management API."""
    vhost: str = "/"


async def make(backing: Backing, name: str) -> Place:
    """A vhost called `name` where there is a console, else a prefix. Raises httpx.HTTPError."""
    if backing.management_url is None:
        return Place(backing.amqp_url, name, None, urlsplit(backing.amqp_url).path.lstrip("/") or "/")
    async with _management(backing) as client:
        (await client.put(f"/api/vhosts/{name}")).raise_for_status()
    url = urlsplit(backing.amqp_url)._replace(path=f"/{name}").geturl()
    return Place(url, DEFAULT_PREFIX, _with_credentials(backing), name)


async def remove(backing: Backing, name: str, topology: Topology | None = None) -> None:
    """Removes the place, if it exists. `topology`: what there was under a prefix; by default that of the default
    settings. Raises httpx.HTTPError or aio-pika's errors."""
    if backing.management_url is None:
        await _delete(backing.amqp_url, topology or Topology(prefix=name))
        return
    async with _management(backing) as client:
        answer = await client.delete(f"/api/vhosts/{name}")
        if answer.status_code != httpx.codes.NOT_FOUND:
            answer.raise_for_status()
        for user in (await client.get("/api/users", params={"columns": "name"})).raise_for_status().json():
            if user["name"].endswith(f"@{name}"):  # a service's, see `broker_rights.user_name`
                await client.delete(f"/api/users/{quote(user['name'], safe='')}")


async def dead(backing: Backing, prefix: str) -> list[str]:
    """The vhosts of this prefix whose makers are gone; none without a console, as prefixes cannot be listed."""
    if backing.management_url is None:
        return []
    async with _management(backing) as client:
        vhosts = (await client.get("/api/vhosts")).raise_for_status().json()
    return [vhost["name"] for vhost in vhosts if temporary.is_dead(vhost["name"], prefix)]


async def _delete(url: str, topology: Topology) -> None:
    connection = await aio_pika.connect(url, timeout=10)
    async with connection, connection.channel() as channel:
        for spec in topology.queues:
            await channel.queue_delete(spec.queue.name)
        for exchange in topology.exchanges:
            await channel.exchange_delete(exchange.name)


@asynccontextmanager
async def _management(backing: Backing) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=_with_credentials(backing), trust_env=False, timeout=30) as client:
        yield client


def _with_credentials(backing: Backing) -> str:
    url = urlsplit(backing.management_url or "")
    credentials = urlsplit(backing.amqp_url).netloc.rpartition("@")[0]
    return url._replace(netloc=f"{credentials}@{url.netloc}").geturl().rstrip("/")
