"""Reads bodies and idempotency keys of requests."""

import asyncio
import re
from typing import Annotated, TypeVar

from fastapi import Depends
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key
from hermodr_api.errors import TOO_LARGE, TOO_SLOW, UNSUPPORTED_MEDIA_TYPE, Flaw, Refused, invalid
from hermodr_api.http.auth import CALLER
from hermodr_api.http.bodies import Body, read
from hermodr_api.http.fingerprints import fingerprint
from hermodr_api.http.json_text import parse

M = TypeVar("M", bound=Body)

KIB = 1024
MIB = 1024 * KIB
JSON = "application/json"
BODY_SECONDS = 30.0
"""A body must arrive within this time, so that slow clients do not hold connections."""
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_IDEMPOTENCY = "hermodr_idempotency_key"
"""Key in the ASGI scope for the idempotency key of a body that was read."""


async def read_bytes(request: Request, limit: int, media_types: tuple[str, ...] = (JSON,)) -> bytes:
    """The body, at most `limit` bytes. Raises `Refused` (408, 413, 415)."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in media_types and not (given.endswith("+json") and JSON in media_types):
        raise Refused(
            UNSUPPORTED_MEDIA_TYPE,
            f"the Content-Type must be {' or '.join(media_types)}, not {given[:100] or 'missing'}",
            headers={"accept": ", ".join(media_types)},
        )
    return await _read_in_time(request, limit)


async def read_any(request: Request, limit: int) -> bytes:
    """The body, of whatever type, at most `limit` bytes. Raises `Refused` (408, 413)."""
    return await _read_in_time(request, limit)


async def _read_in_time(request: Request, limit: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > limit:
        raise too_large(limit)
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
            raise too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def too_large(limit: int) -> Refused:
    size = f"{limit // MIB} MiB" if limit >= MIB else f"{limit // KIB} KiB"
    return Refused(TOO_LARGE, f"a body here has at most {size}")


async def read_nothing(request: Request) -> None:
    """The body must be empty or `{}`. Raises `Refused` (408, 413, 422)."""
    text = await _read_in_time(request, MIB)
    if text.strip() not in (b"", b"{}"):
        raise invalid(Flaw(("body",), "this request has no body"))


def has_body(request: Request) -> bool:
    headers = request.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


async def read_body(request: Request, model: type[M]) -> M:
    """Parses in a thread, because a megabyte takes time; keeps the key for `IdempotencyKey`. Raises `Refused`."""
    text = await read_bytes(request, MIB)

    def take_apart() -> tuple[M, Key | None]:
        document = parse(text)
        return read(model, document), key_of(request, document)

    body, request.scope[_IDEMPOTENCY] = await asyncio.to_thread(take_apart)
    return body


async def _idempotency_key(request: Request) -> Key | None:
    return request.scope[_IDEMPOTENCY] if _IDEMPOTENCY in request.scope else key_of(request)


IdempotencyKey = Annotated[Key | None, Depends(_idempotency_key)]
"""The client's key with the fingerprint of its request. Raises `Refused`."""
NoBody = Annotated[None, Depends(read_nothing)]
"""For a request without a body (or with `{}`). Must come after the caller. Raises `Refused`."""


def key_of(request: Request, body: object = None) -> Key | None:
    """The client's key, if any; `body` is parsed. Keys of end users are kept apart. Raises `Refused`."""
    value = request.headers.get("idempotency-key")
    if value is None:
        return None
    if not _KEY.fullmatch(value):
        raise invalid(Flaw(("header", "Idempotency-Key"), "must be 1 to 255 visible ASCII characters"))
    caller: Caller | None = request.scope.get(CALLER)
    if caller is not None and caller.user_id is not None:
        value = f"{caller.subject} {value}"  # the application's keys have no space
    return Key(value, fingerprint(request.method, request.url.path, body))


def respond(answer: Answer) -> Response:
    headers = {"idempotent-replayed": "true"} if answer.replayed else None
    return Response(answer.body, answer.status, headers=headers, media_type=JSON)
