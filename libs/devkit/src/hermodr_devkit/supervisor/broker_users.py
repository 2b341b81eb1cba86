"""A user at the broker for each service, made through the management API, so that no argument holds a password."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

import httpx

from hermodr_cli.broker_console import console, put_users, url_of, vhost_of
from hermodr_contracts.broker_rights import SERVICES, user_name
from hermodr_devkit.backing.places import Place

_NOT_OURS = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


async def broker_users(place: Place) -> Mapping[str, str]:
    """By service the URL with its user, who has the rights of `broker_rights` there, and no others. The place's URL is
    an administrator's. Empty without a management API, or if it does not let us. Raises `httpx.HTTPError`."""
    if place.management_url is None:
        return {}
    url, vhost = place.amqp_url, vhost_of(place.amqp_url)
    names = {service: user_name(service, place.prefix, vhost) for service in SERVICES}
    passwords = {service: password(url, name) for service, name in names.items()}
    try:
        async with console(url, place.management_url) as client:
            await put_users(client, vhost, place.prefix, passwords)
    except httpx.HTTPStatusError as error:
        if error.response.status_code in _NOT_OURS:
            return {}
        raise
    return {service: url_of(url, name, passwords[service]) for service, name in names.items()}


def password(amqp_url: str, name: str) -> str:
    """Derived from the administrator's: whoever starts services finds the same one."""
    key = unquote(urlsplit(amqp_url).password or "")
    return hmac.new(key.encode(), f"hermodr broker user {name}".encode(), hashlib.sha256).hexdigest()
