"""A user at the broker for each service, made through the management API, so that no argument holds a password."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import httpx

from hermodr_contracts.broker_rights import SERVICES, permissions, user_name, whole
from hermodr_devkit.backing.places import Place

SECONDS = 30.0


async def broker_users(place: Place) -> Mapping[str, str]:
    """By service the URL with its user, who has the rights of `broker_rights` there, and no others. The place's URL is
    an administrator's. Empty without a management API, or if it does not let us. Raises `httpx.HTTPError`."""
    if place.management_url is None:
        return {}
    url, vhost, topology = place.amqp_url, _vhost(place.amqp_url), whole(place.prefix)
    names = {service: user_name(service, place.prefix, vhost) for service in SERVICES}
    async with _console(url, place.management_url) as console:
        for service, name in names.items():
            known = {"password": password(url, name), "tags": ""}
            made = await console.put(f"/api/users/{_quoted(name)}", json=known)
            if made.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
                return {}
            made.raise_for_status()
            rights = asdict(permissions(service, topology))
            path = f"/api/permissions/{_quoted(vhost)}/{_quoted(name)}"
            (await console.put(path, json=rights)).raise_for_status()
    return {service: _url(url, name) for service, name in names.items()}


def password(amqp_url: str, name: str) -> str:
    """Derived from the administrator's: whoever starts services finds the same one."""
    key = unquote(urlsplit(amqp_url).password or "")
    return hmac.new(key.encode(), f"hermodr broker user {name}".encode(), hashlib.sha256).hexdigest()


def _console(amqp_url: str, management_url: str) -> httpx.AsyncClient:
    parts, who = urlsplit(management_url), urlsplit(amqp_url)
    base = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", ""))
    login = unquote(who.username or ""), unquote(who.password or "")
    return httpx.AsyncClient(base_url=base, auth=login, trust_env=False, timeout=SECONDS)


def _vhost(amqp_url: str) -> str:
    return unquote(urlsplit(amqp_url).path[1:]) or "/"


def _url(amqp_url: str, name: str) -> str:
    parts = urlsplit(amqp_url)
    server = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{_quoted(name)}:{password(amqp_url, name)}@{server}"))


def _quoted(name: str) -> str:
    return quote(name, safe="")
