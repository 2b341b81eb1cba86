"""`/health` and its relatives: for operators, balancers and supervisors. No key is needed, and no secret is shown."""

import orjson
from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from starlette.responses import Response
from starlette.routing import BaseRoute

from hermodr_api.access.authentication import Authenticator
from hermodr_api.health.service import Health, HealthCheck
from hermodr_api.http.intake import ok
from hermodr_api.http.openapi import documented
from hermodr_api.http.parameters import only_known
from hermodr_servicekit.web import ops_routes


class HealthView(BaseModel):
    """How the installation is doing. `unhealthy`: nothing can be accepted."""

    status: str
    database: dict[str, object]
    broker: dict[str, object]
    circuit_breakers: dict[str, str]
    providers: dict[str, dict[str, object]]
    services: dict[str, dict[str, object]]
    warnings: list[str]


class BrokerHealthView(BaseModel):
    """How the broker is doing, queue by queue."""

    status: str
    connected: bool
    queues: dict[str, dict[str, int]]
    warnings: list[str]


class HealthRoutes:
    """Health."""

    def __init__(self, check: HealthCheck, authenticator: Authenticator, registry: CollectorRegistry) -> None:
        self._check = check
        self._authenticator = authenticator
        self._registry = registry

    def router(self) -> APIRouter:
        """The routes of `/health` and `/health/broker`."""
        router = APIRouter(tags=["health"], dependencies=[Depends(only_known)])
        for path, endpoint, summary, view in (
            ("/health", self.whole, "How the installation is doing", HealthView),
            ("/health/broker", self.broker, "How the broker is doing", BrokerHealthView),
        ):
            docs = documented(summary, method="GET", scope=None, answer=view)
            docs["responses"][503] = {"description": "Unhealthy", "model": view}
            router.add_api_route(path, endpoint, **docs)
        return router

    def operations(self) -> list[BaseRoute]:
        """`/health/live`, `/health/ready` and `/metrics`, as every service has them."""
        return list(ops_routes(self._ready, self._registry))

    async def whole(self) -> Response:
        """`GET /health`."""
        return _answer(await self._check.whole())

    async def broker(self) -> Response:
        """`GET /health/broker`."""
        return _answer(await self._check.broker())

    async def _ready(self) -> dict[str, bool]:
        # The broker is not asked for: without it jobs are accepted all the same.
        return {"schema": self._authenticator.opened, "database": await self._check.database_writes()}


def _answer(health: Health) -> Response:
    return ok(
        orjson.dumps(dict(health.report), option=orjson.OPT_UTC_Z),
        503 if health.status == "unhealthy" else 200,
    )
