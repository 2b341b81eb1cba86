"""The broker's management API: users and policies, which AMQP knows nothing of."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import httpx

from hermodr_contracts.broker_policies import as_policy, policies
from hermodr_contracts.broker_rights import permissions, user_name, whole

SECONDS = 30.0


@asynccontextmanager
async def console(amqp_url: str, management_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Logs in as the user of `amqp_url`."""
    parts, who = urlsplit(management_url), urlsplit(amqp_url)
    root = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
    login = unquote(who.username or ""), unquote(who.password or "")
    async with httpx.AsyncClient(base_url=root, auth=login, trust_env=False, timeout=SECONDS) as client:
        yield client


async def put_users(client: httpx.AsyncClient, vhost: str, prefix: str, passwords: Mapping[str, str]) -> None:
    """Makes a user for each service of `passwords`, or gives it that password; with the rights of `broker_rights` in
    the vhost, and no others. Raises `httpx.HTTPError`: a status of 401 or 403 if we may not."""
    topology = whole(prefix)
    for service, password in passwords.items():
        name = quoted(user_name(service, prefix, vhost))
        (await client.put(f"/api/users/{name}", json={"password": password, "tags": ""})).raise_for_status()
        rights = asdict(permissions(service, topology))
        (await client.put(f"/api/permissions/{quoted(vhost)}/{name}", json=rights)).raise_for_status()


async def put_policies(client: httpx.AsyncClient, vhost: str, prefix: str) -> None:
    """Those of `broker_policies`. Raises `httpx.HTTPError`."""
    for policy in policies(prefix):
        path = f"/api/policies/{quoted(vhost)}/{quoted(policy.name)}"
        (await client.put(path, json=as_policy(policy))).raise_for_status()


def vhost_of(amqp_url: str) -> str:
    return unquote(urlsplit(amqp_url).path[1:]) or "/"


def url_of(amqp_url: str, name: str, password: str) -> str:
    """The same place, for the user `name`."""
    parts = urlsplit(amqp_url)
    server = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quoted(name)}:{quoted(password)}@{server}"))


def quoted(name: str) -> str:
    return quote(name, safe="")
