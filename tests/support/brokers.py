"""A place of the tests' own at the broker: a vhost on our own node, a name prefix elsewhere."""

import asyncio
from collections.abc import Iterator

from hermodr_devkit.backing import Backing, places
from hermodr_devkit.backing.places import Place as Broker
from tests.support import sessions

__all__ = ["Broker", "fresh", "sweep"]


def fresh(backing: Backing) -> Iterator[Broker]:
    """For a fixture: yields the place, removes it afterwards."""
    name = sessions.fresh_name()
    try:
        yield asyncio.run(places.make(backing, name))
    finally:
        asyncio.run(places.remove(backing, name))


def sweep(backing: Backing) -> None:
    """Deletes the vhosts of killed sessions."""
    for name in asyncio.run(places.dead(backing, sessions.PREFIX)):
        asyncio.run(places.remove(backing, name))
