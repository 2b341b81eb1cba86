"""The services' roles: whether they are there, and the SQL that makes them."""

import asyncio
from typing import Annotated

import asyncpg
import typer

from hermodr_cli import output
from hermodr_cli.commands.refusing import database_refusals
from hermodr_cli.commands.settings import installation
from hermodr_ledger.rights.declared import ROLES
from hermodr_ledger.rights.granting import changes, creating, hidden, policies, role_name

CONNECT_SECONDS = 10.0


def command(
    print_sql: Annotated[
        bool,
        typer.Option("--print-sql", help="Print what is missing as SQL, for whoever may make roles."),
    ] = False,
) -> None:
    """What each service may do in the database, for servers that others administer. Changes nothing."""
    settings = installation(output.announce)
    with database_refusals():
        found = asyncio.run(_looked_at(settings.database_url, settings.database_roles))
    if print_sql:
        print("\n".join(f"{statement};" for statement in found.statements))
        return
    for name in found.names:
        print(f"{name:32} {found.states[name]}")
    if found.statements:
        output.announce("`hermodr migrate` puts that right if it may make roles; else see --print-sql")


class _Found:
    def __init__(self, names: list[str], states: dict[str, str], statements: list[str]) -> None:
        self.names = names
        self.states = states
        self.statements = statements


async def _looked_at(database_url: str, prefix: str) -> _Found:
    names = {role: role_name(role, prefix) for role in ROLES}
    connection = await asyncpg.connect(database_url, timeout=CONNECT_SECONDS)
    try:
        rows = await connection.fetch(
            "SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname = ANY($1)", list(names.values())
        )
        login = {row["rolname"]: row["rolcanlogin"] for row in rows}
        rights = await changes(connection, names)
        shown = await hidden(connection, set(names.values()))
    finally:
        await connection.close()
    missing = [name for name in names.values() if name not in login]
    statements = [*creating(missing), *rights, *policies(sorted(names.values()), shown)]
    states = {name: _state(name, login, rights) for name in names.values()}
    return _Found(list(names.values()), states, statements)


def _state(name: str, login: dict[str, bool], amiss: list[str]) -> str:
    if name not in login:
        return "missing"
    odd = any(f'"{name}"' in each for each in amiss)
    rights = "not as they should be" if odd else "set"
    return f"its rights are {rights}; {'logs in' if login[name] else 'cannot log in yet'}"
