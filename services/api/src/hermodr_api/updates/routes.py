from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.lists import Filter, Listing, including, left_out
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.updates.models import ListedUpdateView, UpdateIn, UpdateList, UpdatePatch, UpdateView
from hermodr_api.updates.service import Updates
from hermodr_ledger.people.updates import Update

router = APIRouter(prefix="/v1/groups/{group_id}/updates", tags=["groups"], route_class=Route)

Service = Annotated[Updates, provided(Updates)]
Include = Annotated[str | None, including("metadata")]


@router.get("", name="list", response_model_exclude_unset=True, responses=refusals(404))
async def list_updates(
    caller: Reader,
    asked: Listing,
    updates: Service,
    group_id: UUID,
    content_type: Filter = None,
    author_id: UUID | None = None,
    external_id: Filter = None,
    include: Include = None,
) -> UpdateList:
    """List a group's updates."""
    found = await updates.page(
        caller.project_id,
        group_id,
        asked.page,
        content_type=content_type,
        author_id=author_id,
        external_id=external_id,
        metadata=include is not None,
    )
    return asked.answer(UpdateList, ListedUpdateView, found, left_out(include, "metadata"))


@router.get("/{update_id}", response_model=UpdateView, responses=refusals(404))
async def show(caller: Reader, updates: Service, group_id: UUID, update_id: UUID) -> Update:
    """Show an update."""
    return await updates.read(caller.project_id, group_id, update_id)


@router.post("", status_code=201, response_model=UpdateView, responses=refusals(404))
async def create(
    caller: Manager, updates: Service, group_id: UUID, wanted: UpdateIn, key: IdempotencyKey
) -> Response:
    """Post an update to a group."""
    return respond(await updates.create(caller, group_id, wanted, key))


@router.patch("/{update_id}", response_model=UpdateView, responses=refusals(404, 409))
async def change(
    caller: Manager, updates: Service, group_id: UUID, update_id: UUID, wanted: UpdatePatch
) -> Update:
    """Change an update."""
    return await updates.change(caller, group_id, update_id, wanted)


@router.delete("/{update_id}", status_code=204, responses=refusals(404))
async def delete(caller: Manager, updates: Service, group_id: UUID, update_id: UUID) -> None:
    """Delete an update."""
    await updates.delete(caller, group_id, update_id)
