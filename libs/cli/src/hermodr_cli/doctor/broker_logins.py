"""As whom the services are at the broker: each with a user of its own, or all as one."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from hermodr_cli.doctor.finding import Area, Finding
from hermodr_contracts.broker_rights import SERVICES

AREA = Area("broker")
SECONDS = 5.0
REMEDY = "give each service the user that is made for it: docs/reference/roles.md"
_NAMES = {f"hermodr-{service}": service for service in SERVICES}


async def examine(amqp_url: str, console: str | None) -> list[Finding]:
    """`console`: the management API, if we know where it is. Without it one sees only who we are."""
    user, vhost = _login(amqp_url)
    found = await _services(amqp_url, vhost, console) if console else None
    if found is None:
        if user == "guest":
            return [AREA.warning("users", "we log in as guest, who may do anything", REMEDY)]
        return []
    return [_finding(name, services, user) for name, services in sorted(found.items())]


def _finding(name: str, services: Sequence[str], ours: str) -> Finding:
    who = f"{', '.join(services)}: user {name}"
    if name in ("guest", ours):
        return AREA.warning("users", f"{who}, an operator's, may do anything", REMEDY)
    if len(services) > 1:
        return AREA.warning("users", f"{who} is shared", REMEDY)
    return AREA.ok("users", who)


async def _services(amqp_url: str, vhost: str, console: str) -> dict[str, list[str]] | None:
    """`{user: services that are connected}`; `None` if the console does not tell."""
    parts = urlsplit(amqp_url)
    login = unquote(parts.username or ""), unquote(parts.password or "")
    asked = {"columns": "user,vhost,client_properties.connection_name"}
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=SECONDS, auth=login) as client:
            answer = await client.get(f"{console.rstrip('/')}/api/connections", params=asked)
            connections: list[dict[str, Any]] = answer.raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    found = defaultdict(set)
    for each in connections:
        named = (each.get("client_properties") or {}).get("connection_name")
        if each.get("vhost") == vhost and named in _NAMES:
            found[str(each["user"])].add(_NAMES[named])
    return {user: sorted(services) for user, services in found.items()}


def _login(amqp_url: str) -> tuple[str, str]:
    """The user and the vhost."""
    try:
        parts = urlsplit(amqp_url)
        return unquote(parts.username or "guest"), unquote(parts.path[1:]) or "/"
    except ValueError:
        return "", "/"
