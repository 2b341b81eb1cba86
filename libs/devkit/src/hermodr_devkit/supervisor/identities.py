"""Who the services are to the servers: each has a role of its own in the database and a user of its own at the broker,
which may do what it needs.

Passwords are derived from the owner's, which is in the state folder: whoever starts services finds the same ones."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from hermodr_cli.refusal import Refusal
from hermodr_devkit.backing.places import Place
from hermodr_devkit.backing.probe import TIMEOUT_SECONDS
from hermodr_devkit.supervisor.broker_users import broker_users
from hermodr_devkit.supervisor.services import ServiceSpec
from hermodr_ledger.rights.declared import ROLE_OF
from hermodr_ledger.rights.granting import PREFIX, role_name
from hermodr_ledger.rights.logins import admit


@dataclass(frozen=True)
class Identities:
    """`database`, `broker`: by service (`email-sender`) the URL with its role or user; empty: all use the
    environment's. Never log them."""

    database: Mapping[str, str] = field(default_factory=dict)
    broker: Mapping[str, str] = field(default_factory=dict)

    def variables(self, spec: ServiceSpec, given: Mapping[str, str]) -> dict[str, str]:
        """`given` with the service's own URLs instead of the owner's, which the sandbox does without, as all do
        without what libpq's variables (`PGPASSWORD`) say of the owner."""
        variables = {
            name: value for name, value in given.items() if not (self.database and name.startswith("PG"))
        }
        for name, urls in (("HERMODR_DATABASE_URL", self.database), ("HERMODR_AMQP_URL", self.broker)):
            if not urls:
                continue
            variables.pop(name, None)
            if url := urls.get(service_of(spec)):
                variables[name] = url
        return variables


class OthersRoles(Refusal):
    """Roles belong to the whole server, and another installation there has these."""


NOBODY = Identities()
"""All use what the environment says."""


def service_of(spec: ServiceSpec) -> str:
    """The name of the service, whatever this instance of it is called."""
    return spec.module.removeprefix("hermodr_").replace("_", "-")


async def identities(
    database_url: str, channels: str | None = None, prefix: str = PREFIX, place: Place | None = None
) -> Identities:
    """Lets the roles of a migrated database log in, and makes the users at the broker's `place`. `database_url` is the
    owner's, whose roles begin with `prefix`; `channels`: those the installation serves, if it says so. Servers where
    we may not do that are used as the environment says. Nobody's password is set anew: roles that let in whom we do not
    know raise `OthersRoles`. Raises `asyncpg.PostgresError`, `OSError`, `httpx.HTTPError`, too."""
    roles = {service: role_name(role, prefix) for service, role in _roles(channels).items()}
    return Identities(
        database=await _database(database_url, roles), broker=await broker_users(place) if place else {}
    )


async def _database(database_url: str, roles: Mapping[str, str]) -> dict[str, str]:
    connection = await asyncpg.connect(database_url, timeout=TIMEOUT_SECONDS)
    try:
        login = "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname = ANY($1)"
        known = {row["rolname"] for row in await connection.fetch(login, list(roles.values()))}
        if others := [role for role in sorted(known) if not await _is_ours(_url(database_url, role))]:
            raise OthersRoles(
                f"{', '.join(others)} let in another installation of this server, or had their passwords before the "
                "owner had this one: set HERMODR_DATABASE_ROLES to a prefix of your own, or ALTER ROLE … NOLOGIN"
            )
        for role in set(roles.values()) - known:
            await admit(connection, role, _password(database_url, role))
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedObjectError):
        return {}
    finally:
        await connection.close()
    return {service: _url(database_url, role) for service, role in roles.items()}


def _roles(channels: str | None) -> dict[str, str]:
    narrow = channels is not None and "webhook" not in channels.split()
    return dict(ROLE_OF) | ({"webhook-sender": "webhook_sender"} if narrow else {})


async def _is_ours(url: str) -> bool:
    """Whether the password is the one that we would give."""
    try:
        await (await asyncpg.connect(url, timeout=TIMEOUT_SECONDS)).close()
    except asyncpg.InvalidPasswordError:
        return False
    except asyncpg.PostgresError:  # the password was right: too many connections, no right to connect
        return True
    return True


def _password(owners_url: str, role: str) -> str:
    key = urlsplit(owners_url).password or ""
    return hmac.new(key.encode(), f"hermodr role {role}".encode(), hashlib.sha256).hexdigest()


def _url(owners_url: str, role: str) -> str:
    parts = urlsplit(owners_url)
    server = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(role)}:{_password(owners_url, role)}@{server}"))
