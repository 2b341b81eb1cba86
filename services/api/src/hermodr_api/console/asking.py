"""`/console/auto-syncs`: groups that are asked for answers, who has answered, and what happens next."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.auto_syncs.models import AutoSyncIn, AutoSyncPatch, AutoSyncView, ResponseIn, ResponseView
from hermodr_api.auto_syncs.service import AutoSyncs
from hermodr_api.console import pages
from hermodr_api.console.forms import Form, document, moment, whole
from hermodr_api.console.lists import older
from hermodr_api.console.search import Search, found
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, Word, back
from hermodr_api.errors import NOT_FOUND, Refused
from hermodr_api.http.bodies import read
from hermodr_api.http.lists import Listing, NewestFirst
from hermodr_api.http.provided import provided
from hermodr_recurrence import zone_names

router = APIRouter(prefix="/console/auto-syncs", include_in_schema=False, route_class=Page)

TheAutoSyncs = Annotated[AutoSyncs, provided(AutoSyncs)]
TheSearch = Annotated[Search, provided(Search)]
_HERE = "auto_syncs"
STATES = ("running", "paused", "completed", "cancelled")
_CHANGED = ("event_name", "response_goal", "timezone", "reminder_after", "pause_after", "channel")
_USUAL = {
    "response_goal": "everyone",
    "timezone": "UTC",
    "reminder_after": "24h",
    "pause_after": "48h",
    "channel": "email",
    "status": "running",
}
_STATUS_OF = {"pause": "paused", "resume": "running", "complete": "completed"}
_QUESTIONS: Mapping[str, tuple[str, str, str]] = {
    "complete": (
        "Complete it now?",
        "Nobody is reminded any more, and it cannot be resumed. Answers that come later are kept.",
        "Complete",
    ),
    "cancel": (
        "Cancel it?",
        "Nobody is reminded any more, no answer is taken, and it cannot be resumed.",
        "Cancel it for good",
    ),
    "delete": ("Delete it?", "Its answers go with it. Messages that were requested are sent.", "Delete"),
}


@router.get("")
async def auto_syncs(
    request: Request,
    visitor: Reading,
    syncs: TheAutoSyncs,
    searching: TheSearch,
    asked: NewestFirst,
    status: Word = "",
) -> Response:
    """All of them, or those with a status; the newest first."""
    project = visitor.caller.project_id
    found = await syncs.page(
        project, asked.page, organizer_id=None, group_id=None, status=status if status in STATES else None
    )
    rows = [AutoSyncView.model_validate(each) for each in found.rows]
    people, groups = await searching.called(
        project, [each.organizer_id for each in rows], [each.group_id for each in rows]
    )
    following = older(request, asked.cursor(found))
    return pages.page(
        "auto_syncs",
        visitor,
        rows=rows,
        people=people,
        groups=groups,
        chosen=status,
        states=STATES,
        older=following,
    )


@router.get("/new")
async def new(
    visitor: Managing, searching: TheSearch, organizer_id: Word = "", group_id: Word = ""
) -> Response:
    """A form for a new one."""
    given = {"organizer_id": organizer_id, "group_id": group_id}
    return await _new(visitor, searching, Form.showing(_USUAL | given))


@router.post("/new")
async def create(posted: PostedByManager, syncs: TheAutoSyncs, searching: TheSearch) -> Response:
    """Ask a group for answers."""
    form, caller = Form(posted.fields), posted.visitor.caller
    try:
        who = await searching.ids(caller.project_id, form.value("organizer_id"), form.value("group_id"))
        found(organizer_id=("recipient", who[0]), group_id=("group", who[1]))
        given = _fields(form) | form.given("status")
        given |= {"organizer_id": who[0], "group_id": who[1], "started_at": moment(form.value("started_at"))}
        wanted = read(AutoSyncIn, {name: value for name, value in given.items() if value is not None})
        answer = await syncs.create(caller, wanted, form.key(_HERE))
    except Refused as refused:
        return await _new(posted.visitor, searching, form.refused(refused))
    return back(f"/console/auto-syncs/{orjson.loads(answer.body)['id']}")


@router.get("/{sync_id}")
async def auto_sync(
    request: Request,
    visitor: Reading,
    syncs: TheAutoSyncs,
    searching: TheSearch,
    asked: Listing,
    sync_id: UUID,
    due: Word = "",
) -> Response:
    """One of them: where it stands, and who has answered what."""
    return await _shown(request, visitor, syncs, searching, asked, sync_id, Form(), due)


@router.post("/{sync_id}")
async def respond(
    request: Request,
    posted: PostedByManager,
    syncs: TheAutoSyncs,
    searching: TheSearch,
    asked: Listing,
    sync_id: UUID,
) -> Response:
    """Record a member's answer."""
    form = Form(posted.fields)
    try:
        wanted = read(ResponseIn, form.given("member_id", "response"))
        await syncs.respond(posted.visitor.caller, sync_id, wanted, form.key(f"auto-syncs/{sync_id}"))
    except Refused as refused:
        wrong = form.refused(refused)
        return await _shown(request, posted.visitor, syncs, searching, asked, sync_id, wrong)
    return back(f"/console/auto-syncs/{sync_id}")


@router.get("/{sync_id}/edit")
async def edit(visitor: Managing, syncs: TheAutoSyncs, sync_id: UUID) -> Response:
    """A form with what it is."""
    view = AutoSyncView.model_validate(await syncs.read(visitor.caller.project_id, sync_id))
    return _edited(visitor, Form.changing(_known(view)), view)


@router.post("/{sync_id}/edit")
async def change(posted: PostedByManager, syncs: TheAutoSyncs, sync_id: UUID) -> Response:
    """Change it."""
    caller = posted.visitor.caller
    view = AutoSyncView.model_validate(await syncs.read(caller.project_id, sync_id))
    known = _known(view)
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_fields, known):
            await syncs.change(caller, sync_id, read(AutoSyncPatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), view)
    return back(f"/console/auto-syncs/{sync_id}")


@router.get("/{sync_id}/{deed}")
async def ask(visitor: Managing, syncs: TheAutoSyncs, sync_id: UUID, deed: str) -> Response:
    """Whether it is to be ended."""
    if deed not in _QUESTIONS:
        raise Refused(NOT_FOUND, "there is no such page")
    await syncs.read(visitor.caller.project_id, sync_id)
    page = f"/console/auto-syncs/{sync_id}"
    asks, says, label = _QUESTIONS[deed]
    return pages.question(visitor, _HERE, asks, (says,), f"{page}/{deed}", label, page)


@router.post("/{sync_id}/{deed}")
async def act(posted: PostedByManager, syncs: TheAutoSyncs, sync_id: UUID, deed: str) -> Response:
    """Pause, resume, complete, cancel or delete it, or do what is due now."""
    caller, key = posted.visitor.caller, Form(posted.fields).key(f"auto-syncs/{sync_id}/{deed}")
    page = f"/console/auto-syncs/{sync_id}"
    if deed in _STATUS_OF:
        await syncs.set_status(caller, sync_id, _STATUS_OF[deed], key)
    elif deed == "cancel":
        await syncs.change(caller, sync_id, AutoSyncPatch(status="cancelled"))
    elif deed == "run":
        answer = await syncs.run(caller, sync_id, key)
        return back(f"{page}?due={len(orjson.loads(answer.body)['job_ids'])}")
    elif deed == "delete":
        await syncs.delete(caller, sync_id)
        return back("/console/auto-syncs")
    else:
        raise Refused(NOT_FOUND, "there is no such page")
    return back(page)


def _known(view: AutoSyncView) -> dict[str, object]:
    return {name: getattr(view, name) for name in (*_CHANGED, "response_target", "data")}


def _fields(form: Form) -> dict[str, Any]:
    """Raises `Refused` for what cannot be read."""
    return {
        **form.given(*_CHANGED),
        "response_target": whole(form.value("response_target"), "response_target"),
        "data": document(form.given("data")["data"], "data"),
    }


async def _shown(
    request: Request,
    visitor: Visitor,
    syncs: AutoSyncs,
    searching: Search,
    asked: Listing,
    sync_id: UUID,
    form: Form,
    due: str = "",
) -> Response:
    project = visitor.caller.project_id
    view = AutoSyncView.model_validate(await syncs.read(project, sync_id))
    found = await syncs.responses(project, sync_id, asked.page)
    rows = [ResponseView.model_validate(each) for each in found.rows]
    who = [view.organizer_id, *(each.recipient_id for each in rows)]
    people, groups = await searching.called(project, who, [view.group_id])
    return pages.page(
        "auto_sync",
        visitor,
        form.status,
        here=_HERE,
        sync=view,
        rows=rows,
        people=people,
        group=groups.get(view.group_id) or "a group",
        older=older(request, asked.cursor(found)),
        form=form,
        due=due,
        shown=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
    )


async def _new(visitor: Visitor, searching: Search, form: Form) -> Response:
    return _edited(visitor, form, None, known=await searching.suggested(visitor.caller.project_id))


def _edited(visitor: Visitor, form: Form, sync: AutoSyncView | None, **known: object) -> Response:
    values: dict[str, Any] = {"form": form, "sync": sync, "zones": sorted(zone_names()), **known}
    return pages.page("auto_sync_form", visitor, form.status, here=_HERE, **values)
