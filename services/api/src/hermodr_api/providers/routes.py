from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.jobs.models import AcceptedView
from hermodr_api.providers.models import ProvidersView, ProviderTestIn
from hermodr_api.providers.service import Providers

router = APIRouter(prefix="/v1/providers", tags=["providers"], route_class=Route)

Service = Annotated[Providers, provided(Providers)]
Name = Annotated[str, Path(max_length=40, description="The provider's name, as `/v1/providers` shows it.")]


@router.get("")
async def show(caller: Reader, providers: Service) -> ProvidersView:
    """List providers."""
    return await providers.look(caller)


@router.post("/{provider}/test", status_code=202, response_model=AcceptedView, responses=refusals(404))
async def test(
    caller: Manager, providers: Service, provider: Name, wanted: ProviderTestIn, key: IdempotencyKey
) -> Response:
    """Send a test message through this provider and no other."""
    return respond(await providers.test(caller, provider, wanted, key))
