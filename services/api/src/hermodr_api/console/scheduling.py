"""`/console/schedules`: what is requested again and again, and when."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from hermodr_api.console import pages, requested
from hermodr_api.console.calendars import Calendars
from hermodr_api.console.drafts import pretty
from hermodr_api.console.forms import Form
from hermodr_api.console.search import Search, nobody
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.templating import TheTemplates
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, Word, back
from hermodr_api.errors import NOT_FOUND, Flaw, Refused, invalid
from hermodr_api.http.bodies import read
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.schedules.models import ScheduleIn, SchedulePatch
from hermodr_api.schedules.service import Schedules
from hermodr_contracts.vocabulary import Channel, JobKind
from hermodr_ledger.engine.paging import Page as Rows
from hermodr_ledger.schedules.schedules import Schedule, ScheduleSearch
from hermodr_recurrence import rule_of, zone_named, zone_names

router = APIRouter(prefix="/console/schedules", include_in_schema=False, route_class=Page)

TheSchedules = Annotated[Schedules, provided(Schedules)]
_HERE = "schedules"
_PLAIN = ("name", "cron", "every", "timezone", "misfire")
TheSearch = Annotated[Search, provided(Search)]


class Drawing:
    """The form, with what can be chosen."""

    def __init__(self, searching: TheSearch, templates: TheTemplates) -> None:
        self._searching = searching
        self._templates = templates

    async def of(self, visitor: Visitor, form: Form, schedule: Schedule | None) -> Response:
        project, suggested = visitor.caller.project_id, self._searching.beginning
        named, flaws = await self._named(project, form.value("job.message.type").strip(), form)
        lines = requested.data_fields(form, named)
        form = requested.placed(replace(form, flaws={**flaws, **form.flaws}), [name for name, _, _ in lines])
        tasks = form.value("job.does") == requested.TASK
        strange = tasks and await self._searching.without_worker(form.value("job.task.type").strip())
        return pages.page(
            "schedule_form",
            visitor,
            form.status,
            here=_HERE,
            form=form,
            schedule=schedule,
            zones=sorted(zone_names()),
            requested=requested,
            data_fields=lines,
            strange=strange,
            channels=list(Channel),
            known={
                "template": await suggested(project, "template", ""),
                "task": await suggested(project, "task", ""),
                "anybody": await self._searching.choices(project, ""),
            },
        )

    async def _named(self, project_id: UUID, name: str, form: Form) -> tuple[list[str], dict[str, str]]:
        """The variables that a template needs, and what is wrong if they are asked for in vain."""
        rows = (await self._templates.page(project_id, Rows(1), name=name)).rows if name else []
        if not rows:
            asked = form.value("step") == "fields"
            return [], {"job.message.type": "there is no such template"} if asked else {}
        texts = [each for locales in rows[0].contents.values() for each in locales.values()]
        return sorted({path for each in texts for path in (each.required or "").split()}), {}


TheDrawing = Annotated[Drawing, Depends()]


@router.get("")
async def schedules(visitor: Reading, schedules: TheSchedules, asked: NewestFirst) -> Response:
    """Rules that make jobs, and when they do next."""
    found = await schedules.page(visitor.caller.project_id, asked.page, ScheduleSearch(None, None), job=False)
    return pages.page("schedules", visitor, rows=found.rows, next_cursor=asked.cursor(found))


@router.get("/new")
async def new(visitor: Managing, drawing: TheDrawing, recipient: Word = "", type: Word = "") -> Response:
    """A form for a new one."""
    usual = {"timezone": "UTC", "misfire": "coalesce", **requested.USUAL}
    given = {"job.message.to": recipient, "job.message.type": type}
    return await drawing.of(visitor, Form.showing(usual | given), None)


@router.post("/new")
async def create(
    posted: PostedByManager, schedules: TheSchedules, searching: TheSearch, drawing: TheDrawing
) -> Response:
    """Add a schedule."""
    form, caller = Form(posted.fields), posted.visitor.caller
    try:
        if form.value("step"):
            form = await _stepped(searching, caller.project_id, form)
            return await drawing.of(posted.visitor, form, None)
        given = {name: value for name, value in form.given(*_PLAIN).items() if value is not None}
        job = await _resolved(searching, caller.project_id, form, requested.job_of(form))
        answer = await schedules.create(caller, read(ScheduleIn, given | {"job": job}), form.key(_HERE))
    except Refused as refused:
        return await drawing.of(posted.visitor, form.refused(refused), None)
    return back(f"/console/schedules/{orjson.loads(answer.body)['id']}")


@router.get("/{schedule_id}")
async def schedule(
    visitor: Reading,
    schedules: TheSchedules,
    searching: TheSearch,
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
        job=pretty(found.job),
        strange=found.kind == JobKind.TASK and await searching.without_worker(found.type or ""),
        month=shown,
        runs=runs.rows,
        next_cursor=asked.cursor(runs),
        form=Form(),
    )


@router.get("/{schedule_id}/edit")
async def edit(
    visitor: Managing, schedules: TheSchedules, drawing: TheDrawing, schedule_id: UUID
) -> Response:
    """A form with what it is."""
    found = await schedules.read(visitor.caller.project_id, schedule_id)
    return await drawing.of(visitor, Form.changing(_known(found)), found)


@router.post("/{schedule_id}/edit")
async def change(
    posted: PostedByManager,
    schedules: TheSchedules,
    searching: TheSearch,
    drawing: TheDrawing,
    schedule_id: UUID,
) -> Response:
    """Change it. A rule that stays goes on counting from when it was set."""
    caller, form = posted.visitor.caller, Form(posted.fields)
    found = await schedules.read(caller.project_id, schedule_id)
    known = _known(found)
    try:
        if form.value("step"):
            form = await _stepped(searching, caller.project_id, form, found.job)
            return await drawing.of(posted.visitor, form, found)
        form = form.merged(known)
        changes = form.changes(_fields, known)
        if "job" in changes:
            project = caller.project_id
            changes["job"] = await _resolved(searching, project, form, changes["job"], found.job)
        if changes:
            await schedules.change(caller, schedule_id, read(SchedulePatch, changes))
    except Refused as refused:
        return await drawing.of(posted.visitor, form.refused(refused), found)
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
    return {**form.given(*_PLAIN), "job": requested.job_of(form)}


def _known(found: Schedule) -> dict[str, object]:
    return {name: getattr(found, name) for name in _PLAIN} | requested.fields_of(found.job)


async def _stepped(
    searching: Search, project_id: UUID, form: Form, known: Mapping[str, Any] | None = None
) -> Form:
    """What is typed, for going on: whom people mean stands in JSON as it would be saved. Raises `Refused`."""
    if form.value("step") != requested.JSON:
        return form
    job = await _resolved(searching, project_id, form, requested.job_of(form), known)
    return requested.as_json(form, job)


async def _resolved(
    searching: Search,
    project_id: UUID,
    form: Form,
    job: dict[str, Any],
    known: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """With whom people mean; who stands there already stays as they were named. Raises `Refused`."""
    if form.value("job.does") != requested.MESSAGE:
        return job
    ((kind, words),) = job["to"].items()
    if known is not None:
        before = requested.fields_of(known)
        if (kind, words) == (before.get("job.message.kind"), before.get("job.message.to")):
            return job | {"to": known["to"]}
    if kind not in ("recipient", "group"):
        return job
    to = await searching.reference(project_id, kind, words)
    if to is None:
        raise invalid(Flaw(("body", "job", "message", "to"), nobody(kind)))
    return job | {"to": to}
