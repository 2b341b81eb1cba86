"""The services' roles: whether they are there, and the SQL and commands that make them and their broker users."""

import asyncio
import shlex
from itertools import chain
from typing import Annotated
from urllib.parse import unquote, urlsplit

import asyncpg
import typer

from hermodr_cli import output
from hermodr_cli.commands.refusing import database_refusals
from hermodr_cli.commands.settings import installation
from hermodr_contracts.broker_rights import SERVICES, permissions, user_name, whole
from hermodr_ledger.rights.declared import ROLES
from hermodr_ledger.rights.granting import changes, creating, policies, role_name

CONNECT_SECONDS = 10.0


def command(
    print_sql: Annotated[
        bool,
        typer.Option("--print-sql", help="Print what is missing as SQL, for whoever may make roles."),
    ] = False,
    print_rabbitmqctl: Annotated[
        bool,
        typer.Option(
            "--print-rabbitmqctl",
            help="Print the commands that make the services' users at the broker; each asks for a password.",
        ),
    ] = False,
) -> None:
    """What each service may do in the database and at the broker, for servers that others administer. Changes
    nothing."""
    settings = installation(output.announce)
    if print_rabbitmqctl:
        print("\n".join(broker_commands(settings.amqp_url, settings.amqp_prefix)))
        return
    with database_refusals():
        found = asyncio.run(_looked_at(settings.database_url, settings.database_roles))
    if print_sql:
        print("\n".join(f"{statement};" for statement in found.statements))
        return
    print(f"{'role':32} state")
    for name in found.names:
        print(f"{name:32} {found.states[name]}")
    if found.statements:
        output.announce("`hermodr migrate` puts that right if it may make roles; else see --print-sql")


def broker_commands(amqp_url: str, prefix: str) -> list[str]:
    """Two for each service. A user that exists keeps its password: there only the second one is needed."""
    vhost = unquote(urlsplit(amqp_url).path[1:]) or "/"
    commands = []
    for service in SERVICES:
        name = user_name(service, prefix, vhost)
        may = permissions(service, whole(prefix))
        rights = "-p", vhost, name, may.configure, may.write, may.read
        commands.append(shlex.join(["rabbitmqctl", "add_user", name]))
        commands.append(shlex.join(["rabbitmqctl", "set_permissions", *rights]))
    return commands


class _Found:
    def __init__(self, names: list[str], states: dict[str, str], statements: list[str]) -> None:
        self.names = names
        self.states = states
        self.statements = statements


async def _looked_at(database_url: str, prefix: str) -> _Found:
    names = {role: role_name(role, prefix) for role in ROLES}
    connection = await asyncpg.connect(database_url, timeout=CONNECT_SECONDS)
    try:
        found = await connection.fetch(
            "SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname = ANY($1)", list(names.values())
        )
        login = {row["rolname"]: row["rolcanlogin"] for row in found}
        rights = await changes(connection, names)
        rows = await policies(connection, names)
    finally:
        await connection.close()
    missing = [name for name in names.values() if name not in login]
    statements = [*creating(missing), *rights, *chain.from_iterable(rows.values())]
    states = {name: _state(name, login, rights) for name in names.values()}
    return _Found(list(names.values()), states, statements)


def _state(name: str, login: dict[str, bool], amiss: list[str]) -> str:
    if name not in login:
        return "missing"
    odd = any(f'"{name}"' in each for each in amiss)
    rights = "not as they should be" if odd else "set"
    return f"its rights are {rights}; {'logs in' if login[name] else 'cannot log in yet'}"
