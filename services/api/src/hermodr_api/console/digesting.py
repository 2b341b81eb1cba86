"""`/console/digests`: what is unread of groups, sent at set times; and what would be sent now."""

from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.calendars import Calendars
from hermodr_api.console.forms import Form, whole, words
from hermodr_api.console.search import Search, found
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, Word, back
from hermodr_api.digests.models import DigestScheduleIn, DigestSchedulePatch, DigestScheduleView
from hermodr_api.digests.service import DigestSchedules
from hermodr_api.errors import NOT_FOUND, Refused
from hermodr_api.http.bodies import read
from hermodr_api.http.lists import Listing
from hermodr_api.http.provided import provided
from hermodr_digesting.rules import rule_of
from hermodr_ledger.digests.schedules import DigestSchedule, ScheduleSearch
from hermodr_recurrence import zone_named, zone_names

router = APIRouter(prefix="/console/digests", include_in_schema=False, route_class=Page)

_OF_DAYS = {"frequency": "often", "delivery_day": "often"}
TheDigests = Annotated[DigestSchedules, provided(DigestSchedules)]
TheSearch = Annotated[Search, provided(Search)]
_HERE = "digests"
_PLAIN = ("delivery_time", "timezone", "max_updates_per_digest", "include_content_types", "misfire")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
OFTEN = (
    ("", [("daily/", "every day")]),
    ("Every week", [(f"weekly/{day}", f"on {name}") for day, name in enumerate(_WEEKDAYS, 1)]),
    ("Every month", [(f"monthly/{day}", f"on day {day}") for day in range(1, 32)]),
)
"""How often, with the day, by heading."""


@router.get("")
async def digests(visitor: Reading, digests: TheDigests, searching: TheSearch, asked: Listing) -> Response:
    """All of them, with whom they are for and what they tell of."""
    found = await digests.page(visitor.caller, asked.page, ScheduleSearch())
    names = await searching.of_digests(visitor.caller.project_id, [each.id for each in found.rows])
    cursor = asked.cursor(found)
    return pages.page("digests", visitor, rows=found.rows, names=names, next_cursor=cursor)


@router.get("/new")
async def new(
    visitor: Managing, searching: TheSearch, recipient_id: Word = "", group_id: Word = ""
) -> Response:
    """A form for a new one."""
    usual = {
        "often": "daily/",
        "delivery_time": "09:00",
        "max_updates_per_digest": 10,
        "misfire": "coalesce",
    }
    given = {"recipient_id": recipient_id, "group_id": group_id}
    return await _new(visitor, searching, Form.showing(usual | given))


@router.post("/new")
async def create(posted: PostedByManager, digests: TheDigests, searching: TheSearch) -> Response:
    """Add a digest schedule."""
    form, project_id = Form(posted.fields), posted.visitor.caller.project_id
    try:
        reader, group = await searching.ids(project_id, form.value("recipient_id"), form.value("group_id"))
        found(recipient_id=("recipient", reader), group_id=("group", group))
        given = _fields(form) | {"recipient_id": reader, "group_id": group}
        wanted = read(DigestScheduleIn, {name: value for name, value in given.items() if value is not None})
        answer = await digests.create(posted.visitor.caller, wanted, form.key(_HERE))
    except Refused as refused:
        return await _new(posted.visitor, searching, form.refused(refused))
    return back(f"/console/digests/{orjson.loads(answer.body)['id']}")


@router.get("/{digest_id}")
async def digest(
    visitor: Reading,
    digests: TheDigests,
    searching: TheSearch,
    calendars: Annotated[Calendars, provided(Calendars)],
    digest_id: UUID,
    month: Word = "",
) -> Response:
    """One of them: when it is due."""
    found = await digests.read(visitor.caller, digest_id)
    names = await searching.of_digests(visitor.caller.project_id, [digest_id])
    shown = None
    with suppress(ValueError):  # a zone that came by SQL and is not known here: the page says so
        rule = rule_of(found.frequency, found.delivery_time, found.delivery_day, found.timezone)
        shown = await calendars.month(rule, zone_named(found.timezone), month)
    return pages.page(
        "digest",
        visitor,
        here=_HERE,
        digest=DigestScheduleView.model_validate(found),
        names=names.get(digest_id, ("", "")),
        is_reader=await searching.is_reader(visitor.caller.project_id, digest_id),
        month=shown,
        form=Form(),
    )


@router.get("/{digest_id}/preview")
async def preview(visitor: Managing, digests: TheDigests, digest_id: UUID) -> Response:
    """The digest that would be sent now, or why none would be; it shows contents, so it is audited."""
    shown = await digests.preview(visitor.caller, digest_id)
    return pages.page("digest_preview", visitor, here=_HERE, digest_id=digest_id, preview=shown)


@router.get("/{digest_id}/html")
async def html(visitor: Managing, digests: TheDigests, digest_id: UUID) -> Response:
    """Its HTML, for the frame of the page above."""
    return pages.mail((await digests.preview(visitor.caller, digest_id)).html or "")


@router.get("/{digest_id}/edit")
async def edit(visitor: Managing, digests: TheDigests, digest_id: UUID) -> Response:
    """A form with what it is."""
    found = await digests.read(visitor.caller, digest_id)
    return _edited(visitor, Form.changing(_known(found)), found)


@router.post("/{digest_id}/edit")
async def change(posted: PostedByManager, digests: TheDigests, digest_id: UUID) -> Response:
    """Change it."""
    caller = posted.visitor.caller
    found = await digests.read(caller, digest_id)
    known = _known(found)
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_fields, known):
            await digests.change(caller, digest_id, read(DigestSchedulePatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), found)
    return back(f"/console/digests/{digest_id}")


@router.get("/{digest_id}/delete")
async def ask(visitor: Managing, digests: TheDigests, digest_id: UUID) -> Response:
    """Whether it is to be deleted."""
    await digests.read(visitor.caller, digest_id)
    page = f"/console/digests/{digest_id}"
    says = ("Its reader gets no more digests of this group by it. To stop it for a while, pause it instead.",)
    return pages.question(visitor, _HERE, "Delete this digest?", says, f"{page}/delete", "Delete", page)


@router.post("/{digest_id}/{deed}")
async def act(posted: PostedByManager, digests: TheDigests, digest_id: UUID, deed: str) -> Response:
    """Pause or resume it, send it now, or delete it."""
    caller = posted.visitor.caller
    if deed in ("pause", "resume"):
        await digests.change(caller, digest_id, DigestSchedulePatch(is_active=deed == "resume"))
    elif deed == "run":
        key = Form(posted.fields).key(f"{_HERE}/{digest_id}/run")
        answer = await digests.run(caller, digest_id, key)
        return back(f"/console/messages/{orjson.loads(answer.body)['job_id']}")
    elif deed == "delete":
        await digests.delete(caller, digest_id)
        return back("/console/digests")
    else:
        raise Refused(NOT_FOUND, "there is no such page")
    return back(f"/console/digests/{digest_id}")


def _fields(form: Form) -> dict[str, Any]:
    given: dict[str, Any] = form.given(*_PLAIN)
    frequency, _, day = form.value("often").partition("/")
    return given | {
        "frequency": frequency,
        "delivery_day": whole(day, "often"),
        "max_updates_per_digest": whole(given["max_updates_per_digest"], "max_updates_per_digest"),
        "include_content_types": words(given["include_content_types"]),
    }


def _known(found: DigestSchedule) -> dict[str, object]:
    view = DigestScheduleView.model_validate(found)
    often = f"{view.frequency}/{view.delivery_day or ''}"
    return {"often": often, **{name: getattr(view, name) for name in _PLAIN}}


def _placed(form: Form) -> Form:
    """With what is wrong with the day at the field that it is chosen in."""
    flaws = {_OF_DAYS.get(name, name): flaw for name, flaw in form.flaws.items()}
    return replace(form, flaws=flaws)


async def _new(visitor: Visitor, searching: Search, form: Form) -> Response:
    return _edited(visitor, form, None, known=await searching.suggested(visitor.caller.project_id))


def _edited(visitor: Visitor, form: Form, digest: DigestSchedule | None, **known: object) -> Response:
    values: dict[str, Any] = {"digest": digest, "zones": sorted(zone_names()), "often": OFTEN, **known}
    return pages.page("digest_form", visitor, form.status, here=_HERE, form=_placed(form), **values)
