"""From an HTTP request to what the services want: the caller, the body, the idempotency key."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hermodr_api.access.authentication import Authenticator, Caller
from hermodr_api.access.limits import Limiter
from hermodr_api.errors import TOO_LARGE, TOO_SLOW, UNSUPPORTED_MEDIA_TYPE, Flaw, Refused, invalid
from hermodr_api.http.answers import Answer, Key
from hermodr_api.http.bodies import Body, read
from hermodr_api.http.json_text import parse
from hermodr_api.http.parameters import only_known
from hermodr_api.http.problems import RATE_LIMIT
from hermodr_api.notifications.models import fingerprint
from hermodr_ledger.access.keys import Scope

M = TypeVar("M", bound=Body)

MIB = 1024 * 1024
JSON = "application/json"
BODY_SECONDS = 30.0
"""A request that dribbles in would hold its connection for ever."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_CALLER = "hermodr_caller"


class Gate:
    """Lets callers in. `needs_…` are dependencies: they run before anything else of the request is looked at."""

    def __init__(self, authenticator: Authenticator, limiter: Limiter) -> None:
        self._authenticator = authenticator
        self._limiter = limiter

    async def admit(self, request: Request, scope: Scope, *, users: bool = False) -> Caller:
        """Who calls: a key, or an end user if `users`; with a query of known parameters. Raises `Refused`."""
        caller = await self._authenticator.caller(request.headers.get("authorization"), scope, users=users)
        if caller.limit is not None:
            request.scope[RATE_LIMIT] = await self._limiter.take(caller.subject, caller.limit)
        only_known(request)
        return caller

    async def needs_read(self, request: Request) -> None:
        """Only callers with the scope `read`."""
        request.scope[_CALLER] = await self.admit(request, "read")

    async def needs_manage(self, request: Request) -> None:
        """Only callers with the scope `manage`."""
        request.scope[_CALLER] = await self.admit(request, "manage")

    async def needs_admin(self, request: Request) -> None:
        """Only callers with the scope `admin`."""
        request.scope[_CALLER] = await self.admit(request, "admin")

    def user_or(self, scope: Scope) -> Callable[[Request], Awaitable[None]]:
        """A dependency: keys with the scope, and end users, to whom the route shows what is theirs alone
        (`caller_of(request).user_id`)."""

        async def let_in(request: Request) -> None:
            request.scope[_CALLER] = await self.admit(request, scope, users=True)

        return let_in


def caller_of(request: Request) -> Caller:
    """Whom the gate let in."""
    caller: Caller = request.scope[_CALLER]
    return caller


async def read_bytes(request: Request, limit: int, media_types: tuple[str, ...] = (JSON,)) -> bytes:
    """The body, of which no more than `limit` bytes are taken. Raises `Refused` (408, 413, 415)."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in media_types and not (given.endswith("+json") and JSON in media_types):
        raise Refused(
            UNSUPPORTED_MEDIA_TYPE,
            f"the Content-Type must be {' or '.join(media_types)}, not {given[:100] or 'missing'}",
            headers={"accept": ", ".join(media_types)},
        )
    return await _read_in_time(request, limit)


async def _read_in_time(request: Request, limit: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _body(request, limit)
    except TimeoutError:
        reason = f"a body has {BODY_SECONDS:g} seconds to arrive"
        raise Refused(TOO_SLOW, reason, headers={"connection": "close"}) from None


async def _body(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    taken = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk: bytes = message.get("body", b"")
        taken += len(chunk)
        if taken > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> Refused:
    return Refused(TOO_LARGE, f"a body here has at most {limit // MIB} MiB")


async def read_nothing(request: Request) -> None:
    """The body of a request that needs none: empty, or `{}`. Raises `Refused` (408, 413, 422)."""
    text = await _read_in_time(request, MIB)
    if text.strip() not in (b"", b"{}"):
        raise invalid(Flaw(("body",), "this request has no body"))


async def read_body(request: Request, model: type[M]) -> tuple[M, Key | None]:
    """The typed body and the idempotency key. Raises `Refused`. A body may be a megabyte, which takes its time to
    take apart: a thread of its own keeps that from everybody else's requests."""
    text = await read_bytes(request, MIB)

    def take_apart() -> tuple[M, Key | None]:
        document = parse(text)
        return read(model, document), key_of(request, document)

    return await asyncio.to_thread(take_apart)


def key_of(request: Request, body: object = None) -> Key | None:
    """The client's `Idempotency-Key`, if any; `body` is what `json_text` made of the request's. Raises `Refused` for
    one that cannot be. End users have keys of their own: nobody gets the answer of another, or takes a key from the
    application."""
    value = request.headers.get("idempotency-key")
    if value is None:
        return None
    if not _KEY.fullmatch(value):
        raise invalid(Flaw(("header", "Idempotency-Key"), "must be 1 to 255 visible ASCII characters"))
    caller: Caller | None = request.scope.get(_CALLER)
    if caller is not None and caller.user_id is not None:
        value = f"{caller.subject} {value}"  # no key of the application's has a space
    return Key(value, fingerprint(request.method, request.url.path, body))


def respond(answer: Answer) -> Response:
    """The answer on the wire."""
    headers = {"idempotent-replayed": "true"} if answer.replayed else None
    return Response(answer.body, answer.status, headers=headers, media_type=JSON)


def ok(body: bytes, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(body, status, media_type=JSON)
