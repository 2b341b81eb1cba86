"""Hermodr as it is measured: one process per role, a database and a vhost of its own, the sink as mail server."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType

import httpx

from hermodr_devkit.backing import places, temporary
from hermodr_devkit.backing.probe import with_database
from hermodr_devkit.supervisor import Fleet
from hermodr_devkit.supervisor.fleet import private_ports
from hermodr_devkit.supervisor.identities import identities
from hermodr_devkit.supervisor.services import API, DISPATCHER, EMAIL_SENDER, SCHEDULER, ServiceSpec
from hermodr_ledger import migrate
from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.benchmarks.accounting import Account, resident_megabytes
from tests.benchmarks.mailbox import Mailbox
from tests.benchmarks.servers import Servers, folder

OURS = "hermodr"
PREFIX = "hermodr_bench"
ROLES = (API, DISPATCHER, SCHEDULER, EMAIL_SENDER)
SECONDS = 60.0
CONNECTIONS = 20
"""To the mail server; 12 of them for normal priority. BullMQ's nodemailer has 10, Dramatiq 16, Procrastinate 20."""
TEMPLATE = {
    "name": "news",
    "contents": {
        "email": {
            "en": {
                "subject": "News for {{ name }}",
                "body_text": "Hello {{ name }},\n\nthere is news: {{ link }}\n",
                "body_html": "<html><body><h1>Hello {{ name }}</h1>"
                + "<p>There is <a href='{{ link }}'>news</a> for you today.</p>" * 20
                + "</body></html>",
            }
        }
    },
}


@dataclass(frozen=True)
class Site:
    servers: Servers
    mailbox: Mailbox
    fleet: Fleet
    database_url: str
    key: str

    def pids(self) -> dict[str, int]:
        """Of every role, the servers and the sink."""
        ours = {name: service.pid for name, service in self.fleet.services.items() if service.pid}
        return ours | self.servers.pids() | {"sink": self.mailbox.pid}

    def account(self) -> Account:
        return Account.now(self.pids())

    def memory(self) -> dict[str, float]:
        return {role: resident_megabytes(pid) for role, pid in self.pids().items()}

    def client(self) -> httpx.AsyncClient:
        """With a key for everything here."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(
            base_url=self.fleet.api_url, headers=headers, timeout=SECONDS, trust_env=False
        )


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def notification(number: int) -> dict[str, object]:
    """The request of every scenario; recipients differ by number."""
    return {
        "type": "news",
        "to": {"email": f"reader-{number}@example.com"},
        "data": {"name": f"Reader {number}", "link": f"https://example.com/news/{number}"},
    }


@asynccontextmanager
async def site(
    servers: Servers,
    mailbox: Mailbox,
    roles: tuple[ServiceSpec, ...] = ROLES,
    providers: str | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Site]:
    """The mailbox is the provider, by SMTP, unless others are given. Leaves neither processes nor data, and logs only
    after a failure."""
    name = temporary.fresh_name(PREFIX)
    place = await places.make(servers.backing, name)
    await temporary.create_database(servers.backing.database_url, name)
    database_url = with_database(servers.backing.database_url, name)
    try:
        await migrate.upgrade_async(database_url)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HERMODR_")} | {
            "HERMODR_DATABASE_URL": database_url,
            "HERMODR_AMQP_URL": place.amqp_url,
            "HERMODR_AMQP_PREFIX": place.prefix,
            "HERMODR_EMAIL_PROVIDERS": providers
            or f"smtp://127.0.0.1:{mailbox.smtp_port}?concurrency={CONNECTIONS}",
            "HERMODR_EMAIL_FROM": "News <news@example.com>",
            "HERMODR_LOG_LEVEL": "warning",
            **variables,
        }
        ports, own = private_ports(environment, roles), await identities(database_url, place=place)
        async with Fleet(ports, folder() / "logs", specs=roles, identities=own) as fleet:
            here = Site(servers, mailbox, fleet, database_url, await _key(database_url))
            async with here.client() as client:
                (await client.post("/v1/templates", json=TEMPLATE)).raise_for_status()
            yield here
    finally:
        await temporary.drop_database(servers.backing.database_url, name)
        await places.remove(servers.backing, name)


async def _key(database_url: str) -> str:
    ledger = Ledger(database_url, service="bench", pool_size=1)
    try:
        return (await keys.create(ledger, "bench", ("send", "read", "manage"), "bench")).secret
    finally:
        await ledger.close()
