from typing import Annotated

from fastapi import APIRouter

from hermodr_api.http.auth import Reader
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.providers.models import ProvidersView
from hermodr_api.providers.service import Providers

router = APIRouter(prefix="/v1/providers", tags=["providers"], route_class=Route)

Service = Annotated[Providers, provided(Providers)]


@router.get("")
async def show(caller: Reader, providers: Service) -> ProvidersView:
    """List providers."""
    return await providers.look(caller)
