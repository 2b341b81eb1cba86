from __future__ import annotations

import uuid
from collections.abc import Sequence
from http import HTTPStatus

import orjson
import structlog
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from hermodr_sandbox.errors import SandboxError


class JsonResponse(Response):
    """Never cached: a mailbox changes."""

    media_type = "application/json"

    def __init__(self, content: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(orjson.dumps(content), status, {"cache-control": "no-store"} | (headers or {}))


def problem(status: int, title: str, detail: str, errors: Sequence[dict[str, object]] = ()) -> Response:
    content = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": list(errors),
        "request_id": str(uuid.uuid4()),
    }
    return Response(orjson.dumps(content), status, media_type="application/problem+json")


async def on_sandbox_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, SandboxError)
    return problem(error.status, error.title, str(error))


async def on_invalid(_request: Request, error: Exception) -> Response:
    """Without the input."""
    assert isinstance(error, ValidationError)
    errors: list[dict[str, object]] = [
        {"loc": [str(step) for step in item["loc"]], "msg": item["msg"].removeprefix("Value error, ")}
        for item in error.errors(include_input=False, include_url=False)
    ]
    return problem(422, "Invalid fault rule", "The rule cannot be understood; see errors.", errors)


async def on_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    return problem(error.status_code, title, error.detail if error.detail != title else f"{title}.")


async def on_left(_request: Request, _error: Exception) -> Response:
    """The client went before its body was there: nobody reads this."""
    return problem(400, "Bad Request", "The body is not whole.")


async def on_crash(request: Request, error: Exception) -> Response:
    structlog.get_logger().error("request failed", path=request.scope["path"], exc_info=error)
    return problem(500, "Internal error", "The sandbox failed to answer; its log says why.")
