"""`/health…` and `/metrics`, without a key and without secrets."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from prometheus_client import CollectorRegistry
from starlette.responses import Response
from starlette.routing import BaseRoute

from hermodr_api.access.authentication import Authenticator
from hermodr_api.health.models import BrokerHealthView, HealthView
from hermodr_api.health.service import Health, HealthCheck
from hermodr_api.http.parameters import known_parameters
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_servicekit.web import ops_routes

router = APIRouter(
    prefix="/health", tags=["health"], route_class=Route, dependencies=[Depends(known_parameters)]
)

Check = Annotated[HealthCheck, provided(HealthCheck)]


@router.get("", response_model=HealthView, responses={503: {"description": "Unhealthy", "model": HealthView}})
async def whole(check: Check, response: Response) -> Any:
    """Show the health of the installation."""
    return _report(await check.whole(), response)


@router.get(
    "/broker",
    response_model=BrokerHealthView,
    responses={503: {"description": "Unhealthy", "model": BrokerHealthView}},
)
async def broker(check: Check, response: Response) -> Any:
    """Show the health of the broker."""
    return _report(await check.broker(), response)


def _report(health: Health, response: Response) -> Any:
    response.status_code = 503 if health.status == "unhealthy" else 200
    return health.report


def operations(
    check: HealthCheck, authenticator: Authenticator, registry: CollectorRegistry
) -> list[BaseRoute]:
    """`/health/live`, `/health/ready` and `/metrics`, as in every service."""

    async def ready() -> dict[str, bool]:
        # the broker does not matter here: jobs are accepted without it
        return {"schema": authenticator.opened, "database": await check.database_writes()}

    return list(ops_routes(ready, registry))
