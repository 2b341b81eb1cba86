"""`/v1/providers`: what mails and messages are sent through."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.http.intake import Gate, caller_of, ok
from hermodr_api.http.openapi import documented
from hermodr_api.providers.models import ProvidersView
from hermodr_api.providers.service import Providers


class ProviderRoutes:
    """Looking at providers."""

    def __init__(self, gate: Gate, providers: Providers) -> None:
        self._gate = gate
        self._providers = providers

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["providers"])
        docs = documented("Show every provider", method="GET", scope="read", answer=ProvidersView)
        router.add_api_route(
            "/v1/providers", self.show, dependencies=[Depends(self._gate.needs_read)], **docs
        )
        return router

    async def show(self, request: Request) -> Response:
        """`GET /v1/providers`."""
        return ok((await self._providers.look(caller_of(request))).model_dump_json().encode())
