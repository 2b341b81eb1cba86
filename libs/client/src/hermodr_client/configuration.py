from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hermodr_client.errors import NotConfigured

URL_VARIABLE = "HERMODR_API_URL"
KEY_VARIABLE = "HERMODR_API_KEY"
LONGEST_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Configuration:
    """`base_url` has no slash at its end; `api_key` may also be an end user's token."""

    base_url: str
    api_key: str | None = field(repr=False)

    @property
    def through_proxies(self) -> bool:
        """Whether the environment's proxies apply: not to this machine itself."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return not ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host != "localhost"


def configured(base_url: str | None, api_key: str | None, *, needs_key: bool = True) -> Configuration:
    """What was given, else what the environment says. Raises `NotConfigured`, which never quotes a key."""
    url = base_of(base_url or os.environ.get(URL_VARIABLE) or "")
    key = (api_key or os.environ.get(KEY_VARIABLE) or "").strip()
    if not url:
        raise NotConfigured(
            f"no address: give base_url, or set {URL_VARIABLE}, e.g. to http://127.0.0.1:8000"
        )
    _check_url(url)
    if not key and needs_key:
        raise NotConfigured(
            f"no API key: give api_key, or set {KEY_VARIABLE} (made by `hermodr keys create --project NAME`)"
        )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise NotConfigured("the API key holds a character that no key has: was it copied whole?")
    return Configuration(url, key or None)


def base_of(url: str) -> str:
    """The base URL without the `/v1` that may end it."""
    return url.strip().rstrip("/").removesuffix("/v1").rstrip("/")


def checked_seconds(timeout: float) -> float:
    """Raises `NotConfigured` for a timeout that is not positive and finite."""
    if not 0 < timeout <= LONGEST_SECONDS:
        raise NotConfigured(f"timeout: has to be more than 0 and at most {LONGEST_SECONDS:g} seconds")
    return timeout


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - looking at it is what checks it
    except ValueError:
        raise NotConfigured("the address of the API is no URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotConfigured("the address of the API must begin with http:// or https:// and name a host")
    if parts.query or parts.fragment or parts.username is not None:
        raise NotConfigured(
            "the address of the API must have no user, query or fragment; the key goes elsewhere"
        )
