"""Calls of a provider's HTTP API, and what an answer, silence or a lost connection means for the message."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import partial
from typing import Any, NamedTuple

import httpx
import orjson

from hermodr_delivery.failures import (
    Cause,
    DeliveryFailure,
    OutcomeUnknown,
    PermanentError,
    Refused,
    TransientError,
)
from hermodr_servicekit.dsn import Dsn, Unusable

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 30.0
MAX_ANSWER = 64 * 1024
"""Octets of an answer that are read; an acceptance has a few hundred."""


class Verdict(Enum):
    ADDRESS = auto()
    """The address is invalid: a bounce."""
    MESSAGE = auto()
    """Permanent, because of the message."""
    LATER = auto()
    """Not now; nothing was accepted."""
    PACE = auto()
    """Too many in some span of time; not because of the message."""
    ACCESS = auto()
    """It does not know us or forbids this: the operator has to act."""
    SENDER = auto()
    """It does not accept the sender; if it says so of other messages too, the same as `ACCESS`."""
    UNKNOWN = auto()
    """It may have been accepted."""


STATUSES: Mapping[int, Verdict] = {
    401: Verdict.ACCESS,
    403: Verdict.ACCESS,
    404: Verdict.ACCESS,
    405: Verdict.ACCESS,
    407: Verdict.ACCESS,
    408: Verdict.LATER,  # RFC 9110 §15.5.9: the request was incomplete
    425: Verdict.LATER,
    429: Verdict.PACE,
    503: Verdict.LATER,
}
"""By RFC 9110, if a provider's own table has no entry. Other 4xx refuse the message; all else is unknown."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`json` is the body's object; empty if there is none."""

    status: int
    headers: httpx.Headers
    json: Mapping[str, Any]
    secrets: tuple[str, ...] = field(repr=False)
    """Texts that the answer may repeat and that must not be shown."""

    @property
    def retry_after(self) -> float | None:
        """Seconds it asks to wait (RFC 9110 §10.2.3), if any."""
        value = self.headers.get("retry-after", "").strip()
        if _is_number(value):
            return float(value[:9])
        return self._until(_date(value))

    def seconds_until(self, header: str) -> float | None:
        """Seconds until the time in a header (seconds since 1970), if any."""
        value = self.headers.get(header, "").strip()
        return (
            self._until(datetime.fromtimestamp(int(value), UTC))
            if _is_number(value) and len(value) < 12
            else None
        )

    def _until(self, time: datetime | None) -> float | None:
        """By the server's own clock."""
        now = _date(self.headers.get("date", ""))
        return None if time is None or now is None else max(0.0, (time - now).total_seconds())


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value)
    except ValueError:
        return None


class HttpApi:
    """Kept connections. A call may take `seconds` in all; `calls` may run at once. No failure shows one of the
    `secrets`.

    Each connection has a client of its own: the pool of a client looks at all its connections at each call, which took
    20 ms of processor time with 48 of them."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        seconds: float,
        calls: int,
        secrets: tuple[str, ...] = (),
        tls: ssl.SSLContext | None,
    ) -> None:
        self._seconds = seconds
        self._secrets = secrets
        self._make = partial(
            httpx.AsyncClient,
            base_url=base_url,
            headers={"user-agent": "hermodr", "accept": "application/json", **headers},
            timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
            limits=httpx.Limits(
                max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS
            ),
            verify=tls or False,
            trust_env=False,
        )
        self._url = httpx.URL(base_url)
        self._idle: list[httpx.AsyncClient] = []
        self._turns = asyncio.Semaphore(calls)

    @property
    def place(self) -> str:
        url = self._url
        return f"{url.host}:{url.port or (443 if url.scheme == 'https' else 80)}"

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: bytes | None = None,
        form: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, sent once; its body is JSON or a form (urlencoded). Raises `TransientError` if it was certainly
        incomplete, `Refused` if the server's certificate is not trusted, `OutcomeUnknown` if no answer came."""
        given = dict(headers or {})
        if json or form:
            given["content-type"] = "application/json" if json else "application/x-www-form-urlencoded"
        async with self._turns:
            client = self._idle.pop() if self._idle else self._make()
            try:
                return await self._exchange(client, method, path, json or form, given)
            finally:
                self._idle.append(client)

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
    ) -> Answer:
        way = _Way()
        request = client.build_request(
            method, path, content=content, headers=headers, extensions={"trace": way.follow}
        )
        try:
            async with asyncio.timeout(self._seconds):
                response = await client.send(request, stream=True, follow_redirects=False)
                try:
                    body = await _read(response)
                finally:
                    await response.aclose()
        except (httpx.TransportError, TimeoutError) as error:
            raise way.failure(error) from None
        return Answer(response.status_code, response.headers, _object(body), self._secrets)

    async def close(self) -> None:
        """Running calls must have ended."""
        await asyncio.gather(*(each.aclose() for each in self._idle))


class _Way:
    def __init__(self) -> None:
        self.connected = False
        self.sent = False

    async def follow(self, event: str, _info: object) -> None:
        if event == "http11.send_request_headers.started":
            self.connected = True
        elif event == "http11.send_request_body.complete":
            self.sent = True

    def failure(self, error: Exception) -> DeliveryFailure:
        detail = type(error).__name__
        late = isinstance(error, httpx.TimeoutException | TimeoutError)
        if isinstance(error, httpx.ConnectError) and _certificate_is_bad(error):
            return Refused(Cause.ACCESS, "tls_failed", "the server's certificate is not trusted")
        if not self.connected:
            return TransientError("connect_timeout" if late else "connect_failed", detail)
        if not self.sent:
            return TransientError("timeout" if late else "connection_lost", detail)
        return OutcomeUnknown("timeout" if late else "connection_lost", detail)


def _certificate_is_bad(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


async def _read(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes(MAX_ANSWER):
        body += chunk
        if len(body) > MAX_ANSWER:
            return b""
    return bytes(body)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def refusal(
    answer: Answer,
    verdict: Verdict | None,
    *,
    code: str,
    detail: str,
    retry_after: float | None = None,
    secrets: tuple[str, ...] = (),
) -> DeliveryFailure:
    """The failure for an answer: by `verdict`, else by its status. `code` is of a bounded vocabulary."""
    if verdict is None:
        verdict = STATUSES.get(answer.status)
    if verdict is None:
        verdict = Verdict.MESSAGE if 400 <= answer.status < 500 else Verdict.UNKNOWN
    secrets += answer.secrets
    wait = answer.retry_after if retry_after is None else retry_after
    match verdict:
        case Verdict.ADDRESS | Verdict.MESSAGE:
            return PermanentError(code, detail, bounced=verdict is Verdict.ADDRESS, secrets=secrets)
        case Verdict.LATER:
            return TransientError(code, detail, retry_after=wait, secrets=secrets)
        case Verdict.PACE:
            return Refused(Cause.PACE, code, detail, retry_after=wait, named=True, secrets=secrets)
        case Verdict.ACCESS:
            return Refused(Cause.ACCESS, code, detail, secrets=secrets)
        case Verdict.SENDER:
            return Refused(Cause.ACCESS, code, detail, named=True, certain=False, secrets=secrets)
        case Verdict.UNKNOWN:
            return OutcomeUnknown(code, detail, secrets=secrets)


class Endpoint(NamedTuple):
    url: str
    tls: ssl.SSLContext | None


def endpoint(dsn: Dsn, own: str, *, production: bool) -> Endpoint:
    """Where the API is: at `own` if the DSN's host is `default`. Takes `tls` and `ca`. Raises `Unusable`."""
    tls = _tls(dsn, production)
    host = own if dsn.host == "default" else dsn.host
    port = f":{dsn.port}" if dsn.port is not None else ""
    return Endpoint(f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}{port}", tls)


def _tls(dsn: Dsn, production: bool) -> ssl.SSLContext | None:
    wish = dsn.take("tls")
    if wish not in (None, "on", "off"):
        raise Unusable("has a tls option other than on or off")
    if wish != "off":
        return dsn.trusting()
    if production:
        raise Unusable("has tls=off, which production refuses")
    if not dsn.is_here:
        raise Unusable(
            "has tls=off for a host that is not this machine: its key would cross a network in clear"
        )
    return None
