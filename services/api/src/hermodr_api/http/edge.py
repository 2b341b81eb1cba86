"""The outermost layer: gives each request an id, measures it, and turns every failure into a problem document."""

import re
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Histogram
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hermodr_api.errors import Flaw, Refused, invalid
from hermodr_api.http.problems import RATE_LIMIT, REQUEST_ID, internal, left, respond, respond_unavailable
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit import tracing
from hermodr_servicekit.ids import new_id

log = structlog.get_logger()

Endpoint = Callable[[Request], Awaitable[Response]]

_SANE = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_UNLESS_SAID = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
"""Answers hold private data."""
_MOST_OF_A_QUERY = 16 * 1024
_MOST_PARAMETERS = 100
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Edge:
    """Plain ASGI: middleware that passes requests through tasks and queues costs more than this layer."""

    def __init__(
        self, app: ASGIApp, registry: CollectorRegistry, shortcuts: Mapping[tuple[str, str], Endpoint]
    ) -> None:
        """`shortcuts`, by method and path, bypass the framework, which would cost the busiest route twice its own work.
        They are also routes of `app`, for the documentation and for other methods."""
        self._app = app
        self._shortcuts = shortcuts
        self._seconds = Histogram(
            "hermodr_http_request_seconds",
            "How long requests took, by route.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._series: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        scope[REQUEST_ID] = request_id
        header = (b"x-request-id", request_id.encode())
        status = 0
        arrival = tracing.arrives(scope["headers"])

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.get("headers", ())
                message["headers"] = [*given, header]
                said = {name for name, _ in given}
                message["headers"] += [each for each in _UNLESS_SAID if each[0] not in said]
                if (limit := scope.get(RATE_LIMIT)) is not None:
                    message["headers"] += [(name.encode(), value.encode()) for name, value in limit.items()]
            await send(message)

        shortcut = self._shortcuts.get((scope["method"], scope["path"]))
        try:
            if (refusal := _of_its_query(scope["query_string"])) is not None:
                await respond(refusal, scope)(scope, receive, send_with_id)
            elif shortcut is not None:
                await _take(shortcut, scope, receive, send_with_id)
            else:
                await self._app(scope, receive, send_with_id)
        except ClientDisconnect:
            log.debug("the client left", request_id=request_id)
        except Exception as error:  # noqa: BLE001 - nobody above could handle it
            log.error(
                "request failed", error=type(error).__name__, where=_where(error), request_id=request_id
            )
            if status == 0:
                await internal(scope)(scope, receive, send_with_id)
        finally:
            self._observe(scope, status, time.perf_counter() - started)
            if arrival is not None:
                arrival.answered(f"{scope['method']} {self._route(scope)}", status)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        key = (str(scope["method"]), self._route(scope), status)
        series = self._series.get(key)
        if series is None:
            method = key[0] if key[1] != "unmatched" else "any"  # clients can invent methods
            series = self._series[key] = self._seconds.labels(method, key[1], str(status))
        series.observe(seconds)

    def _route(self, scope: Scope) -> str:
        path: str = scope["path"] if (scope["method"], scope["path"]) in self._shortcuts else "unmatched"
        return str(getattr(scope.get("route"), "path", path))


def _of_its_query(query: bytes) -> Refused | None:
    """Limits the query, because each parameter is examined several times."""
    if len(query) <= _MOST_OF_A_QUERY and query.count(b"&") < _MOST_PARAMETERS:
        return None
    words = f"has at most {_MOST_PARAMETERS} parameters and {_MOST_OF_A_QUERY // 1024} KiB"
    return invalid(Flaw(("query",), words))


async def _take(shortcut: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    try:
        response = await shortcut(request)
    except Refused as refused:
        response = respond(refused, scope)
    except LedgerUnavailable as error:
        response = respond_unavailable(error, scope)
    except ClientDisconnect:
        response = left(scope)
    await response(scope, receive, send)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return str(value, "ascii") if _SANE.fullmatch(value) else str(new_id())
    return str(new_id())


def _where(error: BaseException) -> list[str]:
    """The place of the error without its text, which may quote the request."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
