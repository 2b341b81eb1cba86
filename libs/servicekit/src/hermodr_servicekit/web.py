"""The HTTP side every service has: liveness, readiness and metrics, served inside the service's own event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

import uvicorn
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from hermodr_servicekit.door import IDLE_SECONDS, Door, DoorConfig, most_connections
from hermodr_servicekit.door_sockets import LARGEST_MESSAGE, SocketDoor
from hermodr_servicekit.settings import refuse

_TICKS_A_SECOND = 10  # of uvicorn's server

_BACKLOG = 2048

_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

Readiness = Callable[[], Awaitable[Mapping[str, bool]]]
"""Answers by name what the service needs to work and whether it has it."""


def ops_routes(ready: Readiness, registry: CollectorRegistry) -> list[Route]:
    """`/health/live`: the loop turns. `/health/ready`: 200 when all of `ready` hold, else 503. `/metrics`: those of
    `registry`, to which the number of asyncio tasks, the checks of readiness and what the process uses are added."""
    ProcessCollector(registry=registry)
    tasks = Gauge("hermodr_asyncio_tasks", "Tasks of the event loop that have not ended.", registry=registry)
    tasks.set_function(lambda: len(asyncio.all_tasks()))
    checked = Gauge("hermodr_ready", "Whether a check of readiness holds.", ("check",), registry=registry)

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "live"}, headers=_HEADERS)

    async def readiness(_request: Request) -> Response:
        checks = dict(await ready())
        ok = all(checks.values())
        return JSONResponse(
            {"status": "ready" if ok else "waiting", "checks": checks}, 200 if ok else 503, _HEADERS
        )

    async def metrics(_request: Request) -> Response:
        for check, holds in (await ready()).items():
            checked.labels(check).set(holds)
        return Response(generate_latest(registry), headers=_HEADERS, media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/health/live", live),
        Route("/health/ready", readiness),
        Route("/metrics", metrics),
    ]


def ops_app(ready: Readiness, registry: CollectorRegistry) -> Starlette:
    """An application of `ops_routes` alone, for services without an HTTP interface of their own."""
    return Starlette(routes=ops_routes(ready, registry))


class _Server(uvicorn.Server):
    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_A_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Door | SocketDoor):
                    connection.sweep(now)
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the process decides what signals mean, not one of its parts


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(_BACKLOG)  # so that whoever is told the port can connect at once
    except OSError as error:
        sock.close()
        refuse(f"HERMODR_HTTP_PORT/HERMODR_PORT_BASE: cannot listen on {host}:{port}: {error.strerror}")
    return sock


@contextlib.asynccontextmanager
async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    grace: float = 5.0,
    connections: int | None = None,
    websockets: bool = False,
) -> AsyncIterator[int]:
    """Serves `app` while the block runs and yields the port (useful with port 0). How many `connections` may be open,
    and how many WebSockets beside them, is decided by how many files may be, unless it is given. What a connection may
    cost: `door`, `door_sockets`.

    On leaving, no new connection is accepted and open requests get `grace` seconds.
    """
    config = DoorConfig(
        app,
        http=Door,
        ws=SocketDoor if websockets else "none",
        ws_max_size=LARGEST_MESSAGE,
        ws_ping_interval=None,  # Engine.IO has its own
        ws_per_message_deflate=False,  # it costs each connection more memory than all the rest
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        proxy_headers=False,  # nothing here asks who is behind a proxy, or by what scheme
        timeout_graceful_shutdown=max(1, round(grace)),
        timeout_keep_alive=IDLE_SECONDS,
        backlog=_BACKLOG,
        connections=connections or most_connections(),
    )
    server = _Server(config)
    sock = _bind(host, port)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield int(sock.getsockname()[1])
    finally:
        server.should_exit = True
        await task
