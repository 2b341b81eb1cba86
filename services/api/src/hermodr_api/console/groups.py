"""`/console/groups`: who belongs together."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.forms import Form, document, moment, words
from hermodr_api.console.lists import older
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, Word, back
from hermodr_api.errors import Flaw, Refused, invalid
from hermodr_api.groups.models import GroupIn, GroupPatch
from hermodr_api.groups.service import Groups
from hermodr_api.http.bodies import read
from hermodr_api.http.lists import Asked, Listing, NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.members.models import MemberPatch, MembersIn
from hermodr_api.members.service import Members
from hermodr_ledger.people.groups import Group

router = APIRouter(prefix="/console/groups", include_in_schema=False, route_class=Page)

TheGroups = Annotated[Groups, provided(Groups)]
TheMembers = Annotated[Members, provided(Members)]
_HERE = "groups"


@router.get("")
async def groups(
    request: Request, visitor: Reading, groups: TheGroups, asked: NewestFirst, search: Word = ""
) -> Response:
    """All of them, or the one with an external id."""
    words = search.strip()
    found = await groups.page(
        visitor.caller.project_id, asked.page, external_id=words or None, metadata=False
    )
    following = older(request, asked.cursor(found))
    return pages.page("groups", visitor, rows=found.rows, older=following, words=words)


@router.get("/new")
async def new(visitor: Managing) -> Response:
    """A form for a new one."""
    return _edited(visitor, Form(), None)


@router.post("/new")
async def create(posted: PostedByManager, groups: TheGroups) -> Response:
    """Add a group."""
    form = Form(posted.fields)
    try:
        answer = await groups.create(posted.visitor.caller, read(GroupIn, _fields(form)), form.key(_HERE))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), None)
    return back(f"/console/groups/{orjson.loads(answer.body)['id']}")


@router.get("/{group_id}")
async def group(
    request: Request,
    visitor: Reading,
    groups: TheGroups,
    members: TheMembers,
    asked: Listing,
    group_id: UUID,
    search: Word = "",
) -> Response:
    """Its members."""
    return await _members(request, visitor, groups, members, asked, group_id, Form(), search.strip())


@router.post("/{group_id}")
async def add(
    request: Request,
    posted: PostedByManager,
    groups: TheGroups,
    members: TheMembers,
    asked: Listing,
    group_id: UUID,
) -> Response:
    """Add recipients to it."""
    form, caller = Form(posted.fields), posted.visitor.caller
    who = words(form.value("who")) or []
    try:
        if not who:
            raise invalid(Flaw(("body", "who"), "names nobody"))
        rest: dict[str, Any] = {**form.given("role"), "muted_until": moment(form.value("muted_until"))}
        given = {"members": [_named(each) | rest for each in who]}
        await members.add(caller, group_id, read(MembersIn, given), form.key(f"groups/{group_id}"))
    except Refused as refused:
        shown = form.refused(_at_their_fields(refused, who))
        return await _members(request, posted.visitor, groups, members, asked, group_id, shown, "")
    return back(f"/console/groups/{group_id}")


@router.get("/{group_id}/edit")
async def edit(visitor: Managing, groups: TheGroups, group_id: UUID) -> Response:
    """A form with what is known."""
    found = await groups.read(visitor.caller.project_id, group_id)
    return _edited(visitor, Form.changing(_known(found)), group_id)


@router.post("/{group_id}/edit")
async def change(posted: PostedByManager, groups: TheGroups, group_id: UUID) -> Response:
    """Change a group."""
    caller = posted.visitor.caller
    known = _known(await groups.read(caller.project_id, group_id))
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_fields, known):
            await groups.change(caller, group_id, read(GroupPatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), group_id)
    return back(f"/console/groups/{group_id}")


@router.get("/{group_id}/delete")
async def ask(visitor: Managing, groups: TheGroups, group_id: UUID) -> Response:
    """Whether it is to be deleted."""
    found = await groups.read(visitor.caller.project_id, group_id)
    page = f"/console/groups/{group_id}"
    says = (
        f"{found.name} goes with its updates, its schedules of digests, and the list of who was in it.",
        "The recipients stay.",
    )
    return pages.question(visitor, _HERE, "Delete this group?", says, f"{page}/delete", "Delete", page)


@router.post("/{group_id}/delete")
async def delete(posted: PostedByManager, groups: TheGroups, group_id: UUID) -> Response:
    """Delete it."""
    await groups.delete(posted.visitor.caller, group_id)
    return back("/console/groups")


@router.get("/{group_id}/members/{member_id}")
async def member(
    visitor: Managing, groups: TheGroups, members: TheMembers, group_id: UUID, member_id: UUID
) -> Response:
    """A form with what is known of a member."""
    found = await members.read(visitor.caller.project_id, group_id, member_id)
    form = Form.changing({"role": found.role, "muted_until": found.muted_until})
    return await _member(visitor, groups, members, group_id, member_id, form)


@router.post("/{group_id}/members/{member_id}")
async def change_member(
    posted: PostedByManager, groups: TheGroups, members: TheMembers, group_id: UUID, member_id: UUID
) -> Response:
    """Change a member."""
    caller = posted.visitor.caller
    found = await members.read(caller.project_id, group_id, member_id)
    known: dict[str, object] = {"role": found.role, "muted_until": found.muted_until}
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_of_member, known):
            await members.change(caller, group_id, member_id, read(MemberPatch, changes))
    except Refused as refused:
        shown = form.refused(refused)
        return await _member(posted.visitor, groups, members, group_id, member_id, shown)
    return back(f"/console/groups/{group_id}")


@router.get("/{group_id}/members/{member_id}/remove")
async def ask_remove(visitor: Managing, members: TheMembers, group_id: UUID, member_id: UUID) -> Response:
    """Whether a member is to be removed."""
    await members.read(visitor.caller.project_id, group_id, member_id)
    group = f"/console/groups/{group_id}"
    says = ("What is for everybody in the group does not go to them any more. The recipient stays.",)
    page = f"{group}/members/{member_id}/remove"
    return pages.question(visitor, _HERE, "Remove from the group?", says, page, "Remove", group)


@router.post("/{group_id}/members/{member_id}/remove")
async def remove(posted: PostedByManager, members: TheMembers, group_id: UUID, member_id: UUID) -> Response:
    """Remove a member."""
    await members.remove(posted.visitor.caller, group_id, member_id)
    return back(f"/console/groups/{group_id}")


def _fields(form: Form) -> dict[str, Any]:
    named = form.given("name", "external_id")
    return {
        **named,
        "name": named["name"] or "",
        "metadata": document(form.fields.get("metadata"), "metadata"),
    }


def _known(found: Group) -> dict[str, object]:
    return {"name": found.name, "external_id": found.external_id, "metadata": found.metadata}


def _of_member(form: Form) -> dict[str, Any]:
    return {**form.given("role"), "muted_until": moment(form.value("muted_until"))}


def _edited(visitor: Visitor, form: Form, group_id: UUID | None) -> Response:
    return pages.page("group_form", visitor, form.status, here=_HERE, form=form, group_id=group_id)


async def _members(
    request: Request,
    visitor: Visitor,
    groups: Groups,
    members: Members,
    asked: Asked,
    group_id: UUID,
    form: Form,
    search: str,
) -> Response:
    project = visitor.caller.project_id
    found = await groups.read(project, group_id)
    listed = await members.page(project, group_id, asked.page, recipient_id=None, external_id=search or None)
    following = older(request, asked.cursor(listed))
    values: dict[str, Any] = {
        "group": found,
        "rows": listed.rows,
        "older": following,
        "form": form,
        "words": search,
    }
    return pages.page("group", visitor, form.status, here=_HERE, **values)


async def _member(
    visitor: Visitor, groups: Groups, members: Members, group_id: UUID, member_id: UUID, form: Form
) -> Response:
    project = visitor.caller.project_id
    group, found = await groups.read(project, group_id), await members.read(project, group_id, member_id)
    return pages.page("member_form", visitor, form.status, here=_HERE, form=form, group=group, member=found)


def _named(word: str) -> dict[str, Any]:
    try:
        return {"recipient_id": str(UUID(word))}
    except ValueError:
        return {"external_id": word}


def _at_their_fields(refused: Refused, who: list[str]) -> Refused:
    """Flaws of `members.17.external_id` stand at the field in which all are named."""
    flaws = []
    for each in refused.flaws:
        place = each.loc[1:]
        if place[:1] == ("members",) and len(place) > 1 and isinstance(place[1], int):
            last = place[-1]
            name = last if last in ("role", "muted_until") else "who"
            flaws.append(Flaw(("body", name), f"{who[place[1]]}: {each.msg}" if name == "who" else each.msg))
        else:
            flaws.append(each)
    return Refused(refused.kind, refused.detail, flaws)
