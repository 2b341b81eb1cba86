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
from hermodr_api.members.models import MemberList, MemberPatch, MembersIn, MemberView, ReadIn, UnreadView
from hermodr_api.members.service import Members
from hermodr_api.updates.models import ListedUpdateView, UpdateList
from hermodr_ledger.people.members import Member

router = APIRouter(prefix="/v1/groups/{group_id}/members", tags=["groups"], route_class=Route)

Service = Annotated[Members, provided(Members)]
Include = Annotated[str | None, including("metadata")]


@router.get("", name="list", responses=refusals(404))
async def list_members(
    caller: Reader,
    asked: Listing,
    members: Service,
    group_id: UUID,
    recipient_id: UUID | None = None,
    external_id: Filter = None,
) -> MemberList:
    """List a group's members."""
    found = await members.page(
        caller.project_id, group_id, asked.page, recipient_id=recipient_id, external_id=external_id
    )
    return asked.answer(MemberList, MemberView, found)


@router.get("/{member_id}", response_model=MemberView, responses=refusals(404))
async def show(caller: Reader, members: Service, group_id: UUID, member_id: UUID) -> Member:
    """Show a member of a group."""
    return await members.read(caller.project_id, group_id, member_id)


@router.get("/{member_id}/unread", response_model_exclude_unset=True, responses=refusals(404))
async def unread(
    caller: Reader,
    asked: Listing,
    members: Service,
    group_id: UUID,
    member_id: UUID,
    include: Include = None,
) -> UpdateList:
    """List the updates that a member has not read."""
    found = await members.unread(
        caller.project_id, group_id, member_id, asked.page, metadata=include is not None
    )
    return asked.answer(UpdateList, ListedUpdateView, found, left_out(include, "metadata"))


@router.post("", status_code=201, response_model=MemberList, responses=refusals(404))
async def add(
    caller: Manager, members: Service, group_id: UUID, wanted: MembersIn, key: IdempotencyKey
) -> Response:
    """Add recipients to a group."""
    return respond(await members.add(caller, group_id, wanted, key))


@router.post("/{member_id}/read", response_model=UnreadView, responses=refusals(404))
async def mark_read(
    caller: Manager,
    members: Service,
    group_id: UUID,
    member_id: UUID,
    wanted: ReadIn,
    key: IdempotencyKey,
) -> Response:
    """Mark updates as read by a member."""
    return respond(await members.mark_read(caller.project_id, group_id, member_id, wanted, key))


@router.patch("/{member_id}", response_model=MemberView, responses=refusals(404))
async def change(
    caller: Manager, members: Service, group_id: UUID, member_id: UUID, wanted: MemberPatch
) -> Member:
    """Change a member of a group."""
    return await members.change(caller, group_id, member_id, wanted)


@router.delete("/{member_id}", status_code=204, responses=refusals(404))
async def remove(caller: Manager, members: Service, group_id: UUID, member_id: UUID) -> None:
    """Remove a recipient from a group."""
    await members.remove(caller, group_id, member_id)
