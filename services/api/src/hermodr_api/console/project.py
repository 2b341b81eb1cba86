"""`/console/project`: what holds for all messages of the project, its senders, and what it uses."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.access.operators import Operators
from hermodr_api.console import pages
from hermodr_api.console.caps import cap_rows, caps_of, typed
from hermodr_api.console.forms import Form, numbered, words
from hermodr_api.console.lists import older
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, back
from hermodr_api.errors import Refused
from hermodr_api.http.bodies import read
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.projects.models import ProjectPatch, ProjectView
from hermodr_api.projects.quotas import QuotasView, UsageView
from hermodr_api.projects.service import Projects
from hermodr_api.senders.models import SenderIn, SenderView, VerifyIn
from hermodr_api.senders.service import Senders
from hermodr_contracts.quotas import Quota

router = APIRouter(prefix="/console/project", include_in_schema=False, route_class=Page)

TheProjects = Annotated[Projects, provided(Projects)]
TheSenders = Annotated[Senders, provided(Senders)]
TheOperators = Annotated[Operators, provided(Operators)]
_HERE = "project"
QUOTAS: Mapping[Quota, str] = {
    Quota.REQUESTS_PER_SECOND: "Requests per second",
    Quota.ACCEPTED_PER_DAY: "Accepted today (UTC)",
    Quota.BULKS_UNDER_WAY: "Bulk requests under way",
    Quota.WAITING_JOBS: "Waiting jobs",
    Quota.STORED_BYTES: "Stored bytes",
    Quota.SOCKETS: "Open connections of users",
}


class Meter(NamedTuple):
    """`limit` `None`: none. `mood`: how near it is."""

    name: str
    label: str
    used: int
    limit: int | None
    mood: str


@router.get("")
async def project(
    request: Request,
    visitor: Reading,
    projects: TheProjects,
    senders: TheSenders,
    operators: TheOperators,
    asked: NewestFirst,
) -> Response:
    """What holds for the project."""
    shown = await projects.read(visitor.caller.project_id)
    found = await senders.page(visitor.caller.project_id, asked.page)
    values: dict[str, Any] = {
        "project": shown,
        "meters": meters(shown.quotas, shown.usage),
        "senders": [SenderView.model_validate(each) for each in found.rows],
        "older": older(request, asked.cursor(found)),
        "operates": await operators.include(visitor.caller),
    }
    return pages.page("project", visitor, here=_HERE, **values)


@router.get("/edit")
async def edit(visitor: Managing, projects: TheProjects) -> Response:
    """A form with what holds now."""
    return _edited(visitor, Form.changing(_known(await projects.read(visitor.caller.project_id))))


@router.post("/edit")
async def change(posted: PostedByManager, projects: TheProjects) -> Response:
    """Change the project."""
    form, caller = Form(posted.fields), posted.visitor.caller
    known = _known(await projects.read(caller.project_id))
    form = form.with_rows("caps", form.rows("caps", typed)).merged(known)
    try:
        if changes := form.changes(_fields, known):
            await projects.change(caller, read(ProjectPatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused))
    return back("/console/project")


@router.get("/senders/new")
async def new_sender(visitor: Managing) -> Response:
    """A form for a new sender."""
    return pages.page("sender_form", visitor, here=_HERE, form=Form())


@router.post("/senders/new")
async def create_sender(posted: PostedByManager, senders: TheSenders) -> Response:
    """Add a sender, which is to be verified."""
    form = Form(posted.fields)
    try:
        given = {name: value for name, value in form.given("address", "domain").items() if value}
        await senders.create(posted.visitor.caller, read(SenderIn, given), form.key("project/senders"))
    except Refused as refused:
        shown = form.refused(refused)
        return pages.page("sender_form", posted.visitor, shown.status, here=_HERE, form=shown)
    return back("/console/project")


@router.get("/senders/{sender_id}")
async def sender(visitor: Reading, senders: TheSenders, operators: TheOperators, sender_id: UUID) -> Response:
    """One sender, and how it is verified."""
    return await _sender(visitor, senders, operators, sender_id, Form())


@router.post("/senders/{sender_id}")
async def verify(
    posted: PostedByManager, senders: TheSenders, operators: TheOperators, sender_id: UUID
) -> Response:
    """Verify it."""
    form, caller = Form(posted.fields), posted.visitor.caller
    try:
        by = {"by": "operator"} if form.value("by") else form.given("token")
        await senders.verify(caller, sender_id, read(VerifyIn, by), None)
    except Refused as refused:
        return await _sender(posted.visitor, senders, operators, sender_id, form.refused(refused))
    return back(f"/console/project/senders/{sender_id}")


@router.get("/senders/{sender_id}/delete")
async def ask(visitor: Managing, senders: TheSenders, sender_id: UUID) -> Response:
    """Whether it is to be deleted."""
    found = SenderView.model_validate(await senders.read(visitor.caller.project_id, sender_id))
    page = f"/console/project/senders/{sender_id}"
    says = (f"Mails from {found.address or found.domain} are refused from now on.",)
    return pages.question(visitor, _HERE, "Delete this sender?", says, f"{page}/delete", "Delete", page)


@router.post("/senders/{sender_id}/delete")
async def delete(posted: PostedByManager, senders: TheSenders, sender_id: UUID) -> Response:
    """Delete it."""
    await senders.delete(posted.visitor.caller, sender_id)
    return back("/console/project")


def meters(quotas: QuotasView, usage: UsageView) -> list[Meter]:
    """What a project uses of what it may."""
    return [_meter(each, getattr(usage, each), getattr(quotas, each)) for each in Quota]


def _meter(quota: Quota, used: int, limit: int | None) -> Meter:
    share = used / limit if limit else 0
    mood = "bad" if share >= 1 else "warn" if share >= 0.8 else "good"
    return Meter(quota, QUOTAS[quota], used, limit, mood)


def _known(now: ProjectView) -> dict[str, object]:
    return {
        "from": now.sender,
        "reply_to": now.reply_to,
        "users_export_contents": now.users_export_contents,
        **numbered("caps", now.caps),
    }


def _fields(form: Form) -> dict[str, Any]:
    return {
        **form.given("from"),
        "reply_to": words(form.value("reply_to")),
        "caps": caps_of(form.rows("caps", bool)),
        "users_export_contents": bool(form.value("users_export_contents")),
    }


def _edited(visitor: Visitor, form: Form) -> Response:
    rows = cap_rows(form)
    return pages.page("project_form", visitor, form.status, here=_HERE, form=form, cap_rows=rows)


async def _sender(
    visitor: Visitor, senders: Senders, operators: Operators, sender_id: UUID, form: Form
) -> Response:
    found = SenderView.model_validate(await senders.read(visitor.caller.project_id, sender_id))
    operates = await operators.include(visitor.caller)
    return pages.page("sender", visitor, form.status, here=_HERE, sender=found, form=form, operates=operates)
