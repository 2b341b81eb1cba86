import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import httpx
import jwt
from pydantic import SecretStr

from hermodr_api.app import Api
from hermodr_api.settings import ApiSettings
from hermodr_ledger.access import audit, keys, operating
from hermodr_ledger.access.keys import Scope
from hermodr_ledger.connections.reaching import Login
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.guard.addresses import Address
from hermodr_servicekit.guard.guard import Guard
from tests.support.sessions import fresh_name

DEAD_BROKER = "amqp://guest:guest@127.0.0.1:1/"
SECRET = "the secret of tests, which is long enough for HS256"
WEBHOOK_KEY = "what-the-secrets-of-webhooks-are-made-of"
MAIL: dict[str, Any] = {
    "to": {"email": "ada@example.com"},
    "subject": "Your booking is confirmed",
    "body_text": "See you on Friday.",
}
CONNECTION: dict[str, Any] = {
    "name": "warehouse",
    "host": "db.example.com",
    "database": "warehouse",
    "user": "reader",
    "password": "a-password-of-theirs",
}
TEMPLATE: dict[str, Any] = {
    "name": "magic_link",
    "contents": {"email": {"en": {"subject": "Hi {{ name }}", "body_text": "Sign in: {{ magic_link }}"}}},
}


@dataclass
class ApiUnderTest:
    """`http` calls as an administrator of a fresh project."""

    api: Api
    http: httpx.AsyncClient
    project_id: UUID
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    async def caller(self, scopes: Sequence[Scope], project: str | None = None) -> httpx.AsyncClient:
        """A client with a key of these scopes, of this project or of another."""
        if project is None:
            async with self.api.ledger.transaction() as transaction:
                _, secret = await keys.create_in(transaction, self.project_id, scopes, "", audit.CLI)
        else:
            secret = (await keys.create(self.api.ledger, project, scopes)).secret
        client = client_of(self.api, secret)
        self._clients.append(client)
        return client

    def user(self, user_id: str, project: str | None = None) -> httpx.AsyncClient:
        """A client with an end user's token, of this project or of the one of that name."""
        client = client_of(self.api, token_of(user_id, project or str(self.project_id)))
        self._clients.append(client)
        return client

    async def tasks_for_users(self, *names: str) -> None:
        """As a worker would declare them (`users=True`)."""
        await self.api.ledger.fetch(
            "INSERT INTO hermodr.task_types (name, users) SELECT name, true FROM unnest($1::text[]) AS n(name)"
            " ON CONFLICT DO NOTHING",
            list(names),
        )

    async def jobs(self) -> int:
        rows = await self.api.ledger.fetch(
            "SELECT count(*) AS n FROM hermodr.jobs WHERE project_id = $1", self.project_id
        )
        return int(rows[0]["n"])

    async def operate(self) -> None:
        """Makes this project the one that operates the installation."""
        rows = await self.api.ledger.fetch("SELECT name FROM hermodr.projects WHERE id = $1", self.project_id)
        await operating.appoint(self.api.ledger, rows[0]["name"])

    async def template(self, **changes: object) -> dict[str, Any]:
        made = await self.http.post("/v1/templates", json=TEMPLATE | changes)
        assert made.status_code == 201, made.text
        body: dict[str, Any] = made.json()
        return body

    async def recipient(self, **fields: object) -> dict[str, Any]:
        made = await self.http.post("/v1/recipients", json={"email": "ada@example.com"} | fields)
        assert made.status_code == 201, made.text
        body: dict[str, Any] = made.json()
        return body


async def resolved(name: str) -> tuple[Address, ...]:
    """Every name is public, but for those that end in `.internal`."""
    return (ip_address("10.0.0.1" if name.endswith(".internal") else "93.184.216.34"),)


async def answering(login: Login) -> None:
    """Every database lets everybody in."""


def token_of(user_id: str, project: str, claims: Mapping[str, object] = MappingProxyType({})) -> str:
    """An end user's token, as an application would sign it."""
    now = datetime.now(UTC)
    named = {"sub": user_id, "project": project, "exp": now + timedelta(minutes=10)}
    return jwt.encode(named | dict(claims), SECRET, "HS256")


def client_of(api: Api, secret: str | None = None) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(api.asgi), base_url="http://api", headers=headers, timeout=30
    )


@asynccontextmanager
async def api_over(
    database_url: str,
    amqp_url: str = DEAD_BROKER,
    prefix: str = "hermodr",
    *,
    clock: Clock | None = None,
    **more: Any,
) -> AsyncIterator[ApiUnderTest]:
    """With a project of its own. Its broker connection is the test's to run."""
    files = tempfile.TemporaryDirectory(prefix="hermodr-files-")
    given: dict[str, Any] = {"jwt_secret": SecretStr(SECRET), "secret_key": SecretStr(WEBHOOK_KEY)}
    given |= {"files_url": Path(files.name).as_uri()} | more
    settings = ApiSettings(database_url=database_url, amqp_url=amqp_url, amqp_prefix=prefix, **given)
    api = Api(settings, clock)
    api.webhooks.guard = Guard(settings.webhook_networks, resolved)
    api.connections.reach = answering
    api.authenticator.opened = True
    api.real_time.streams.close()  # the transport of these tests waits for the end of an answer
    created = await keys.create(api.ledger, fresh_name(), ["admin"])
    async with client_of(api, created.secret) as http:
        under_test = ApiUnderTest(api, http, created.record.project_id)
        yield under_test
        await api.drain()
        await asyncio.gather(*(client.aclose() for client in under_test._clients))
    await api.close()
    files.cleanup()


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The problem document of a response, which must be of this kind."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) >= {"type", "title", "status", "detail", "errors", "request_id"}
    assert body["type"] == f"urn:hermodr:problem:{slug}"
    assert body["status"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    return body
