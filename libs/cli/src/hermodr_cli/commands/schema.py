"""`hermodr migrate` and `hermodr topology apply`: the database and the broker brought to the shape this code knows."""

import asyncio

import aio_pika

from hermodr_cli.commands.settings import CommandSettings
from hermodr_contracts.topology import Topology
from hermodr_ledger import migrate
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.schema_version import head
from hermodr_servicekit.broker_session import declare
from hermodr_servicekit.outages import outages_translated

CONNECT_SECONDS = 10


def migrate_database(settings: CommandSettings) -> str:
    """Migrates; returns the revision the database is at now. Raises `SchemaMismatch` when it is ahead of this code,
    `LedgerUnavailable` when it does not answer."""
    try:
        migrate.upgrade(settings.database_url)
    except OSError as error:
        raise LedgerUnavailable(type(error).__name__) from error
    return head()


def apply_topology(settings: CommandSettings) -> Topology:
    """Declares every exchange and queue; what is there already stays as it is. Raises `BrokerUnavailable`."""
    asyncio.run(_declare(settings))
    return settings.topology


async def _declare(settings: CommandSettings) -> None:
    with outages_translated():
        connection = await aio_pika.connect(settings.amqp_url, timeout=CONNECT_SECONDS)
        async with connection, connection.channel() as channel:
            await declare(channel, settings.topology)
