"""`/console/schedules`: what is requested again and again, and when."""

import json
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.calendars import Calendars
from hermodr_api.console.forms import Form, document
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, Word, back
from hermodr_api.errors import NOT_FOUND, Refused
from hermodr_api.http.bodies import read
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.schedules.models import ScheduleIn, SchedulePatch
from hermodr_api.schedules.service import Schedules
from hermodr_ledger.schedules.schedules import Schedule, ScheduleSearch
from hermodr_recurrence import rule_of, zone_named, zone_names

router = APIRouter(prefix="/console/schedules", include_in_schema=False, route_class=Page)

TheSchedules = Annotated[Schedules, provided(Schedules)]
_HERE = "schedules"
_PLAIN = ("name", "cron", "every", "timezone", "misfire")
_EXAMPLE = {"type": "weekly_report", "to": {"external_id": "customer-17"}, "data": {}}


@router.get("")
async def schedules(visitor: Reading, schedules: TheSchedules, asked: NewestFirst) -> Response:
    """Rules that make jobs, and when they do next."""
    found = await schedules.page(visitor.caller.project_id, asked.page, ScheduleSearch(None, None), job=False)
    return pages.page("schedules", visitor, rows=found.rows, next_cursor=asked.cursor(found))


@router.get("/new")
async def new(visitor: Managing) -> Response:
    """A form for a new one."""
    shown = Form.showing({"timezone": "UTC", "misfire": "coalesce", "job": _indented(_EXAMPLE)})
    return _edited(visitor, shown, None)


@router.post("/new")
async def create(posted: PostedByManager, schedules: TheSchedules) -> Response:
    """Add a schedule."""
    form = Form(posted.fields)
    try:
        given = {name: value for name, value in form.given(*_PLAIN).items() if value is not None}
        wanted = read(ScheduleIn, given | {"job": document(form.value("job") or None, "job")})
        answer = await schedules.create(posted.visitor.caller, wanted, form.key(_HERE))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), None)
    return back(f"/console/schedules/{orjson.loads(answer.body)['id']}")


@router.get("/{schedule_id}")
async def schedule(
    visitor: Reading,
    schedules: TheSchedules,
    calendars: Annotated[Calendars, provided(Calendars)],
    asked: NewestFirst,
    schedule_id: UUID,
    month: Word = "",
) -> Response:
    """One of them: when it is due, and what became of it."""
    project = visitor.caller.project_id
    found = await schedules.read(project, schedule_id)
    each = found.recurring
    rule = rule_of(each.cron, each.every_seconds, each.anchor, each.timezone)
    shown = await calendars.month(rule, zone_named(found.timezone), month)
    runs = await schedules.runs(project, schedule_id, asked.page, state=None)
    return pages.page(
        "schedule",
        visitor,
        here=_HERE,
        schedule=found,
        job=_indented(found.job),
        month=shown,
        runs=runs.rows,
        next_cursor=asked.cursor(runs),
        form=Form(),
    )


@router.get("/{schedule_id}/edit")
async def edit(visitor: Managing, schedules: TheSchedules, schedule_id: UUID) -> Response:
    """A form with what it is."""
    found = await schedules.read(visitor.caller.project_id, schedule_id)
    return _edited(visitor, Form.changing(_known(found)), found)


@router.post("/{schedule_id}/edit")
async def change(posted: PostedByManager, schedules: TheSchedules, schedule_id: UUID) -> Response:
    """Change it. A rule that stays goes on counting from when it was set."""
    caller = posted.visitor.caller
    found = await schedules.read(caller.project_id, schedule_id)
    known = _known(found)
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_fields, known):
            await schedules.change(caller, schedule_id, read(SchedulePatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), found)
    return back(f"/console/schedules/{schedule_id}")


@router.get("/{schedule_id}/delete")
async def ask(visitor: Managing, schedules: TheSchedules, schedule_id: UUID) -> Response:
    """Whether it is to be deleted."""
    found = await schedules.read(visitor.caller.project_id, schedule_id)
    page = f"/console/schedules/{schedule_id}"
    says = (
        f"{found.name} fires no more. What it requested stays; what became of its times is not shown any more.",
        "To stop it for a while, pause it instead.",
    )
    return pages.question(visitor, _HERE, "Delete this schedule?", says, f"{page}/delete", "Delete", page)


@router.post("/{schedule_id}/{deed}")
async def act(posted: PostedByManager, schedules: TheSchedules, schedule_id: UUID, deed: str) -> Response:
    """Pause or resume it, fire it now, or delete it."""
    caller = posted.visitor.caller
    if deed in ("pause", "resume"):
        await schedules.change(caller, schedule_id, SchedulePatch(is_active=deed == "resume"))
    elif deed == "run":
        await schedules.run(caller, schedule_id, Form(posted.fields).key(f"{_HERE}/{schedule_id}/run"))
    elif deed == "delete":
        await schedules.delete(caller, schedule_id)
        return back("/console/schedules")
    else:
        raise Refused(NOT_FOUND, "there is no such page")
    return back(f"/console/schedules/{schedule_id}")


def _fields(form: Form) -> dict[str, Any]:
    return {**form.given(*_PLAIN), "job": document(form.value("job") or None, "job")}


def _known(found: Schedule) -> dict[str, object]:
    return {name: getattr(found, name) for name in _PLAIN} | {"job": _indented(found.job)}


def _edited(visitor: Visitor, form: Form, schedule: Schedule | None) -> Response:
    return pages.page(
        "schedule_form",
        visitor,
        form.status,
        here=_HERE,
        form=form,
        schedule=schedule,
        zones=sorted(zone_names()),
    )


def _indented(job: object) -> str:
    return json.dumps(job, ensure_ascii=False, indent=2)
