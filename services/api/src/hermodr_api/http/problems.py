"""Problem documents (RFC 9457) for every refusal and failure."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from hermodr_api.errors import (
    INTERNAL,
    INVALID,
    KINDS,
    MALFORMED,
    METHOD_NOT_ALLOWED,
    Flaw,
    Kind,
    Refused,
    invalid,
    listed,
    unavailable,
)
from hermodr_api.http.bodies import plain_flaws
from hermodr_ledger.engine import LedgerUnavailable, ReadOnly
from hermodr_servicekit.seldom import Seldom

log = structlog.get_logger()
_refusals = Seldom(1.0)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:hermodr:problem:"
RATE_LIMIT = "hermodr_rate_limit"
"""Key in the ASGI scope for the headers of a rate limit."""
REQUEST_ID = "hermodr_request_id"
"""Key in the ASGI scope for the request's id."""


def document(
    kind: Kind,
    detail: str,
    flaws: Sequence[Flaw],
    request_id: str,
    members: Mapping[str, str] | None = None,
    more: str = "",
) -> bytes:
    """The body of a problem, at most 64 KiB."""
    return orjson.dumps(
        {
            "type": TYPE_PREFIX + kind.slug,
            "title": kind.title,
            "status": kind.status,
            "detail": detail,
            "errors": listed(flaws, more),
            "request_id": request_id,
            **(members or {}),
        }
    )


def respond(refused: Refused, scope: Scope) -> Response:
    request_id = scope.get(REQUEST_ID, "")
    body = document(refused.kind, refused.detail, refused.flaws, request_id, refused.members, refused.more)
    return Response(body, refused.kind.status, headers=dict(refused.headers), media_type=MEDIA_TYPE)


def internal(scope: Scope) -> Response:
    """An error of ours: the answer gives only the request id."""
    return respond(Refused(INTERNAL, "the request_id leads to the cause in the logs"), scope)


def left(scope: Scope) -> Response:
    """Nobody reads it, but in metrics and logs it is no error of ours."""
    return respond(Refused(MALFORMED, "the client left before its body was there"), scope)


def respond_unavailable(error: LedgerUnavailable, scope: Scope) -> Response:
    cause = "read_only" if isinstance(error, ReadOnly) else error.cause
    if times := _refusals.times(cause):
        log.warning(
            "answered 503", cause=cause, error=str(error), request_id=scope.get(REQUEST_ID), times=times
        )
    return respond(unavailable(cause), scope)


def install(app: FastAPI) -> None:
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(LedgerUnavailable, _ledger_unavailable)
    app.add_exception_handler(RequestValidationError, _bad_parameters)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _failure)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        raise error
    return respond(error, request.scope)


async def _ledger_unavailable(request: Request, error: Exception) -> Response:
    if not isinstance(error, LedgerUnavailable):
        raise error
    return respond_unavailable(error, request.scope)


async def _bad_parameters(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    flaws = plain_flaws((tuple(item["loc"]), item["type"], item["msg"]) for item in error.errors())
    return respond(invalid(*flaws), request.scope)


async def _framework(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    ours = [kind for kind in KINDS if kind.status == error.status_code]
    fallback = Kind("http", error.status_code, HTTPStatus(error.status_code).phrase)
    kind = next((each for each in ours if each is not INVALID), fallback)
    headers = dict(error.headers or {})
    if kind is METHOD_NOT_ALLOWED:
        headers["allow"] = ", ".join(_methods_here(request))
    detail = f"{request.method} {request.url.path[:200]}"
    return respond(Refused(kind, detail, headers=headers), request.scope)


def _methods_here(request: Request) -> list[str]:
    """All methods of the path: the framework names only those of the first matching route."""
    return [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


async def _left(request: Request, _error: Exception) -> Response:
    return left(request.scope)


async def _failure(request: Request, _error: Exception) -> Response:
    return internal(request.scope)
