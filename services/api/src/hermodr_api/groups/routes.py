from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.groups.models import GroupIn, GroupList, GroupPatch, GroupView, ListedGroupView
from hermodr_api.groups.service import Groups
from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.lists import Filter, Listing, including, left_out
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_ledger.people.groups import Group

router = APIRouter(prefix="/v1/groups", tags=["groups"], route_class=Route)

Service = Annotated[Groups, provided(Groups)]
Include = Annotated[str | None, including("metadata")]


@router.get("", name="list", response_model_exclude_unset=True)
async def list_groups(
    caller: Reader, asked: Listing, groups: Service, external_id: Filter = None, include: Include = None
) -> GroupList:
    """List groups."""
    found = await groups.page(
        caller.project_id, asked.page, external_id=external_id, metadata=include is not None
    )
    return asked.answer(GroupList, ListedGroupView, found, left_out(include, "metadata"))


@router.get("/{group_id}", response_model=GroupView, responses=refusals(404))
async def show(caller: Reader, groups: Service, group_id: UUID) -> Group:
    """Show a group."""
    return await groups.read(caller.project_id, group_id)


@router.post("", status_code=201, response_model=GroupView)
async def create(caller: Manager, groups: Service, wanted: GroupIn, key: IdempotencyKey) -> Response:
    """Add a group."""
    return respond(await groups.create(caller, wanted, key))


@router.patch("/{group_id}", response_model=GroupView, responses=refusals(404, 409))
async def change(caller: Manager, groups: Service, group_id: UUID, wanted: GroupPatch) -> Group:
    """Change a group."""
    return await groups.change(caller, group_id, wanted)


@router.delete("/{group_id}", status_code=204, responses=refusals(404))
async def delete(caller: Manager, groups: Service, group_id: UUID) -> None:
    """Delete a group with its members and updates."""
    await groups.delete(caller, group_id)
