"""`hermodr provision`: everything that services need of their servers, and a folder of secrets for each service.

The URLs of its environment are those of the tables' owner and of an administrator of the broker."""

import asyncio
import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

import asyncpg
import httpx
import typer

from hermodr_cli import output
from hermodr_cli.broker_console import console, put_policies, put_users, url_of, vhost_of
from hermodr_cli.commands.refusing import database_refusals
from hermodr_cli.commands.schema import migrated
from hermodr_cli.commands.settings import CommandSettings
from hermodr_cli.refusal import Refusal
from hermodr_contracts.broker_rights import user_name
from hermodr_ledger.rights.declared import ROLE_OF
from hermodr_ledger.rights.granting import role_name
from hermodr_ledger.rights.logins import admit
from hermodr_servicekit.settings import load

CONNECT_SECONDS = 10.0
DATABASE, BROKER = "hermodr_database_url", "hermodr_amqp_url"
SHARED: Mapping[str, tuple[str, ...]] = {
    "hermodr_secret_key": ("api", "webhook-sender", "worker", "sandbox"),
    "hermodr_link_secret": ("api", "email-sender", "scheduler"),
}
"""Secrets that several services have to know alike, and which ones."""
SANDBOX = "sandbox"


def command(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Gets a folder for each service, with its secrets as files: HERMODR_SECRETS_DIR names it to them."
        ),
    ],
    broker_console: Annotated[
        str, typer.Option("--console", help="The broker's management API: http://rabbitmq:15672.")
    ],
) -> None:
    """Migrate, and let each service log in at the servers; its secrets go to a folder of its own. Safe to run many
    times, and many at once: secrets that are there already stay."""
    settings = load(CommandSettings)
    with _alone(folder):
        with database_refusals():
            migrated(settings.database_url, settings.operator_project, settings.database_roles)
        kept = Kept(folder)
        # on disk before a server knows them: who is killed in between finds the same ones again
        databases = {service: _database_url(service, kept, settings) for service in ROLE_OF}
        brokers = {service: _broker_url(service, kept, settings) for service in ROLE_OF}
        for service in ROLE_OF:
            kept.write(service, DATABASE, databases[service])
            kept.write(service, BROKER, brokers[service])
        _share(kept, settings)
        with database_refusals():
            asyncio.run(_admit(databases, settings))
        asyncio.run(_admit_at_broker(brokers, settings, broker_console))
    output.announce(f"{len(ROLE_OF)} services may log in; their secrets are in {folder}")


class Kept:
    """The secrets in a folder: `<service>/<name>`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, service: str, name: str) -> str | None:
        try:
            return (self._folder / service / name).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None

    def write(self, service: str, name: str, secret: str) -> None:
        """At once or not at all; readable by its owner only."""
        if self.read(service, name) == secret:
            return
        place = self._folder / service
        place.mkdir(mode=0o700, exist_ok=True)
        fresh = place / f".{name}.{os.getpid()}"
        fresh.touch(mode=0o600)
        fresh.write_text(secret + "\n", encoding="utf-8")
        fresh.replace(place / name)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two at once would give a service two passwords."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _password(url: str | None) -> str:
    """That of a URL that was written before, else a new one."""
    return unquote(urlsplit(url or "").password or "") or secrets.token_urlsafe(32)


def _database_url(service: str, kept: Kept, settings: CommandSettings) -> str:
    password = _password(kept.read(service, DATABASE))
    parts = urlsplit(settings.database_url)
    server = parts.netloc.rpartition("@")[2]
    role = role_name(ROLE_OF[service], settings.database_roles)
    return parts._replace(netloc=f"{role}:{quote(password, safe='')}@{server}").geturl()


def _broker_url(service: str, kept: Kept, settings: CommandSettings) -> str:
    name = user_name(service, settings.amqp_prefix, vhost_of(settings.amqp_url))
    return url_of(settings.amqp_url, name, _password(kept.read(service, BROKER)))


def _share(kept: Kept, settings: CommandSettings) -> None:
    """The environment's, else what one of the services has, else new ones."""
    given = {
        "hermodr_secret_key": settings.secret_key,
        "hermodr_link_secret": settings.link_secret,
    }
    for name, services in SHARED.items():
        told = [each for each in services if each != SANDBOX or settings.env == "development"]
        named = given[name]
        there = next((known for each in told if (known := kept.read(each, name))), None)
        secret = named.get_secret_value() if named else there or secrets.token_urlsafe(48)
        for service in told:
            kept.write(service, name, secret)


async def _admit(urls: Mapping[str, str], settings: CommandSettings) -> None:
    connection = await asyncpg.connect(settings.database_url, timeout=CONNECT_SECONDS)
    try:
        for url in urls.values():
            parts = urlsplit(url)
            await admit(connection, parts.username or "", unquote(parts.password or ""))
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedObjectError) as error:
        raise Refusal(
            "the role of HERMODR_DATABASE_URL may not let the services' roles log in: an administrator has to "
            f"(`hermodr roles --print-sql`, then ALTER ROLE … LOGIN PASSWORD …): {type(error).__name__}"
        ) from None
    finally:
        await connection.close()


async def _admit_at_broker(urls: Mapping[str, str], settings: CommandSettings, management_url: str) -> None:
    vhost, prefix = vhost_of(settings.amqp_url), settings.amqp_prefix
    passwords = {service: _password(url) for service, url in urls.items()}
    try:
        async with console(settings.amqp_url, management_url) as client:
            await put_users(client, vhost, prefix, passwords)
            await put_policies(client, vhost, prefix)
    except httpx.HTTPStatusError as error:
        raise Refusal(
            f"the broker's console answers {error.response.status_code}: is the user of HERMODR_AMQP_URL an "
            "administrator there?"
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Refusal(f"the broker's console does not answer ({type(error).__name__})") from None
