from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.api_keys.models import (
    ApiKeyIn,
    ApiKeyList,
    ApiKeyPatch,
    ApiKeyView,
    CreatedApiKeyView,
    MakerIn,
    RevokedView,
    RotateIn,
)
from hermodr_api.api_keys.service import ApiKeys
from hermodr_api.http.auth import Admin
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.lists import Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_ledger.access.keys import ApiKey

router = APIRouter(prefix="/v1/api-keys", tags=["api keys"], route_class=Route)

Service = Annotated[ApiKeys, provided(ApiKeys)]


@router.get("", name="list")
async def list_keys(caller: Admin, asked: Listing, keys: Service) -> ApiKeyList:
    """List API keys."""
    return asked.answer(ApiKeyList, ApiKeyView, await keys.page(caller.project_id, asked.page))


@router.get("/{key_id}", response_model=ApiKeyView, responses=refusals(404))
async def show(caller: Admin, keys: Service, key_id: UUID) -> ApiKey:
    """Show an API key."""
    return await keys.read(caller.project_id, key_id)


@router.post("", status_code=201, response_model=CreatedApiKeyView)
async def create(caller: Admin, keys: Service, wanted: ApiKeyIn, key: IdempotencyKey) -> Response:
    """Create an API key."""
    return respond(await keys.create(caller, wanted, key))


@router.post("/revoke", response_model=RevokedView, responses=refusals(404))
async def revoke_of(caller: Admin, keys: Service, wanted: MakerIn, key: IdempotencyKey) -> Response:
    """Revoke all API keys that somebody made.

    Those that these keys made are revoked, too, and so on. The sessions of a person at the console end. A key that
    made others is not among them: revoke it first.
    """
    return respond(await keys.revoke_of(caller, wanted, key))


@router.patch("/{key_id}", response_model=ApiKeyView, responses=refusals(404, 409))
async def change(caller: Admin, keys: Service, key_id: UUID, wanted: ApiKeyPatch) -> ApiKey:
    """Change an API key."""
    return await keys.change(caller, key_id, wanted)


@router.post("/{key_id}/rotate", status_code=201, response_model=CreatedApiKeyView, responses=refusals(404))
async def rotate(
    caller: Admin, keys: Service, key_id: UUID, wanted: RotateIn, key: IdempotencyKey
) -> Response:
    """Replace an API key by a new one like it; both hold for a while."""
    return respond(await keys.rotate(caller, key_id, wanted, key))


@router.delete("/{key_id}", status_code=204, responses=refusals(404))
async def revoke(caller: Admin, keys: Service, key_id: UUID) -> None:
    """Revoke an API key."""
    await keys.revoke(caller, key_id)
