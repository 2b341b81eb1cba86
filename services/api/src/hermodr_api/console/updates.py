"""`/console/groups/{id}/updates`: what was posted to a group."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.forms import Form, document
from hermodr_api.console.lists import older
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, back
from hermodr_api.errors import Refused
from hermodr_api.groups.service import Groups
from hermodr_api.http.bodies import read
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.updates.models import UpdateIn, UpdatePatch
from hermodr_api.updates.service import Updates
from hermodr_ledger.people.updates import Update

router = APIRouter(prefix="/console/groups/{group_id}/updates", include_in_schema=False, route_class=Page)

TheGroups = Annotated[Groups, provided(Groups)]
TheUpdates = Annotated[Updates, provided(Updates)]
_HERE = "groups"
_PLAIN = ("external_id", "author_id", "title", "body", "url")


@router.get("")
async def updates(
    request: Request,
    visitor: Reading,
    groups: TheGroups,
    updates: TheUpdates,
    asked: NewestFirst,
    group_id: UUID,
) -> Response:
    """All of them, the newest first."""
    project = visitor.caller.project_id
    group = await groups.read(project, group_id)
    found = await updates.page(
        project, group_id, asked.page, content_type=None, author_id=None, external_id=None, metadata=False
    )
    following = older(request, asked.cursor(found))
    return pages.page("updates", visitor, here=_HERE, group=group, rows=found.rows, older=following)


@router.get("/new")
async def new(visitor: Managing, groups: TheGroups, group_id: UUID) -> Response:
    """A form for a new one."""
    return await _edited(visitor, groups, Form({"content_type": "text"}), group_id, None)


@router.post("/new")
async def create(posted: PostedByManager, groups: TheGroups, updates: TheUpdates, group_id: UUID) -> Response:
    """Post an update."""
    form = Form(posted.fields)
    try:
        wanted = read(UpdateIn, _fields(form))
        await updates.create(posted.visitor.caller, group_id, wanted, form.key(f"groups/{group_id}/updates"))
    except Refused as refused:
        return await _edited(posted.visitor, groups, form.refused(refused), group_id, None)
    return back(f"/console/groups/{group_id}/updates")


@router.get("/{update_id}")
async def edit(
    visitor: Managing, groups: TheGroups, updates: TheUpdates, group_id: UUID, update_id: UUID
) -> Response:
    """A form with what it says."""
    found = await updates.read(visitor.caller.project_id, group_id, update_id)
    return await _edited(visitor, groups, Form.changing(_known(found)), group_id, update_id)


@router.post("/{update_id}")
async def change(
    posted: PostedByManager, groups: TheGroups, updates: TheUpdates, group_id: UUID, update_id: UUID
) -> Response:
    """Change what it says."""
    caller = posted.visitor.caller
    known = _known(await updates.read(caller.project_id, group_id, update_id))
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_fields, known):
            await updates.change(caller, group_id, update_id, read(UpdatePatch, changes))
    except Refused as refused:
        return await _edited(posted.visitor, groups, form.refused(refused), group_id, update_id)
    return back(f"/console/groups/{group_id}/updates")


@router.get("/{update_id}/delete")
async def ask(visitor: Managing, updates: TheUpdates, group_id: UUID, update_id: UUID) -> Response:
    """Whether it is to be deleted."""
    await updates.read(visitor.caller.project_id, group_id, update_id)
    page = f"/console/groups/{group_id}/updates"
    says = ("Digests to come are without it. What was sent stays.",)
    return pages.question(
        visitor, _HERE, "Delete this update?", says, f"{page}/{update_id}/delete", "Delete", page
    )


@router.post("/{update_id}/delete")
async def delete(posted: PostedByManager, updates: TheUpdates, group_id: UUID, update_id: UUID) -> Response:
    """Delete it."""
    await updates.delete(posted.visitor.caller, group_id, update_id)
    return back(f"/console/groups/{group_id}/updates")


def _fields(form: Form) -> dict[str, Any]:
    return {
        **form.given(*_PLAIN),
        "content_type": form.value("content_type").strip(),
        "metadata": document(form.fields.get("metadata"), "metadata"),
    }


def _known(found: Update) -> dict[str, object]:
    return {name: getattr(found, name) for name in (*_PLAIN, "content_type", "metadata")}


async def _edited(
    visitor: Visitor, groups: Groups, form: Form, group_id: UUID, update_id: UUID | None
) -> Response:
    group = await groups.read(visitor.caller.project_id, group_id)
    values: dict[str, Any] = {"form": form, "group": group, "update_id": update_id}
    return pages.page("update_form", visitor, form.status, here=_HERE, **values)
