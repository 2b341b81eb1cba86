from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import httpx

from hermodr_client.configuration import Configuration
from hermodr_client.errors import ClientUnusable, NotConfigured
from hermodr_client.exchange import Lost, Outcome, Send, Step, Steps, T

FAILURES = (httpx.RequestError, httpx.InvalidURL, UnicodeError)
"""UnicodeError: a host name that DNS cannot express."""
_NOT_REACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_HOPELESS = (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError)
_CONNECT_SECONDS = 5.0
_KEPT_ALIVE_SECONDS = 2.0
"""Shorter than servers keep idle connections: a request on one that is being closed would be lost."""
_AGENT = f"hermodr-client/{version('hermodr-client')} python/{platform.python_version()}"


@dataclass(frozen=True, slots=True)
class Wire:
    configuration: Configuration

    def options(self) -> dict[str, Any]:
        return {
            "trust_env": self.configuration.through_proxies,
            "follow_redirects": False,  # the key is for this address alone
            "limits": httpx.Limits(keepalive_expiry=_KEPT_ALIVE_SECONDS),
        }

    def call(self, step: Send) -> dict[str, Any]:
        request = step.request
        headers = {"accept": "application/json", "user-agent": _AGENT}
        if self.configuration.api_key is not None:
            headers["authorization"] = f"Bearer {self.configuration.api_key}"
        if request.body is not None:
            headers["content-type"] = request.media_type
        if request.idempotency_key is not None:
            headers["idempotency-key"] = request.idempotency_key
        headers |= request.headers
        return {
            "method": request.method,
            "url": self.configuration.base_url + request.path,
            "params": dict(request.query) or None,
            "content": request.body,
            "headers": headers,
            "timeout": httpx.Timeout(step.seconds, connect=min(_CONNECT_SECONDS, step.seconds)),
        }


@contextmanager
def making() -> Iterator[None]:
    """Raises `NotConfigured` for unusable proxies and certificates in the environment."""
    try:
        yield
    except (httpx.InvalidURL, ValueError, OSError, ImportError) as error:
        raise NotConfigured(
            f"the environment's proxies or certificates (HTTPS_PROXY, SSL_CERT_FILE, …) cannot be used: {error}"
        ) from error


@contextmanager
def using() -> Iterator[None]:
    """Raises `ClientUnusable` where the HTTP library or the event loop raises RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        raise ClientUnusable(f"this client cannot be used here: {error}") from error


def lost(error: Exception) -> Lost:
    hopeless = isinstance(error, _HOPELESS) or "CERTIFICATE_VERIFY_FAILED" in str(error)
    reached = not isinstance(error, _NOT_REACHED + _HOPELESS)
    kind = type(error).__name__
    said = str(error)
    if isinstance(error, httpx.RemoteProtocolError) and "illegal status line" in said:
        said, hopeless = "what answers there does not speak HTTP", True
    elif isinstance(error, httpx.ReadTimeout):
        said = "the connection was made, but no HTTP answer came in time"
    return Lost(f"{said} ({kind})" if said else kind, reached, error, final=hopeless)


def steps_on(plan: Steps[T], outcome: Outcome) -> Step | tuple[T]:
    """The plan's next step, or its result in a tuple of one. Raises what the plan raises."""
    try:
        return plan.send(outcome)
    except StopIteration as end:
        result: T = end.value
        return (result,)
