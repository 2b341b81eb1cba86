import asyncio

import aio_pika
import typer

from hermodr_cli import output
from hermodr_cli.commands import starters
from hermodr_cli.commands.refusing import broker_refusals, database_refusals
from hermodr_cli.commands.settings import CommandSettings, installation
from hermodr_cli.refusal import Refusal
from hermodr_contracts.topology import Topology
from hermodr_ledger import migrate
from hermodr_ledger.access import operating
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.schema_version import head
from hermodr_ledger.rights.granting import PREFIX
from hermodr_ledger.templates import needs
from hermodr_servicekit.broker_session import declare
from hermodr_servicekit.outages import outages_translated

CONNECT_SECONDS = 10

topology = typer.Typer(help="The exchanges and queues at the broker.", no_args_is_help=True)


@topology.callback()
def topology_group() -> None:
    """The exchanges and queues at the broker."""


def migrate_command() -> None:
    """Bring the database to the shape this version knows. Safe to run many times, and many at once."""
    settings = installation(output.announce)
    with database_refusals():
        revision = migrated(settings.database_url, settings.operator_project, settings.database_roles)
    output.announce(f"the database is at revision {revision}")


def migrated(database_url: str, operator_project: str | None, roles: str = PREFIX) -> str:
    """Migrates, and does what migrations cannot, as they know neither the templates' language nor the settings. The
    revision that the database is at; one that is newer than ours stays as it is."""
    done = migrate.upgrade(database_url, roles, output.announce)
    if done.revision != head():
        output.announce(f"a newer Hermodr migrated it; this one (which knows up to {head()}) may run on it")
        return done.revision
    if missing := done.missing:
        output.announce(
            f"the roles {', '.join(missing)} do not exist, and we may not make them: services go on as one role; "
            "`hermodr roles --print-sql` says what an administrator has to run"
        )
    asyncio.run(_catch_up(database_url, operator_project))
    return done.revision


async def _catch_up(database_url: str, operator_project: str | None) -> None:
    ledger = Ledger(database_url, service="cli", pool_size=1, planning={})
    try:
        office = await operating.appoint(ledger, operator_project, careful=True)
        if office.before is not None and office.now != office.before:
            output.announce(f"the project {office.now} operates now; before: {office.before}")
        await needs.catch_up(ledger, starters.needs)
    except operating.NoSuchProject as error:
        raise Refusal(
            f"HERMODR_OPERATOR_PROJECT: there is no project {str(error)[:100]!r}, so the office stays where it was; "
            "hermodr keys create --project makes one"
        ) from None
    finally:
        await ledger.close()


@topology.command("apply")
def topology_apply_command() -> None:
    """Declare every exchange and queue at the broker. Services do so themselves when they start."""
    applied = apply_topology(installation(output.announce))
    output.announce(f"{len(applied.exchanges)} exchanges and {len(applied.queues)} queues are in place")


def apply_topology(settings: CommandSettings) -> Topology:
    """Declares every exchange and queue; existing ones stay as they are. Raises `Refusal`."""
    with broker_refusals():
        asyncio.run(_declare(settings))
    return settings.topology


async def _declare(settings: CommandSettings) -> None:
    with outages_translated():
        connection = await aio_pika.connect(settings.amqp_url, timeout=CONNECT_SECONDS)
        async with connection, connection.channel() as channel:
            await declare(channel, settings.topology)
