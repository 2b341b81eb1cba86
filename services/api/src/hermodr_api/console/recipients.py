"""`/console/recipients`: making, changing and erasing them, and their wishes."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.caps import cap_rows, caps_of, typed
from hermodr_api.console.forms import Form, document, moment, numbered
from hermodr_api.console.search import Search
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, back
from hermodr_api.errors import Refused
from hermodr_api.http.bodies import read
from hermodr_api.http.provided import provided
from hermodr_api.preference_page.service import PAUSE
from hermodr_api.recipients.models import PreferencesIn, RecipientIn, RecipientPatch
from hermodr_api.recipients.service import Recipients
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.people.pending import Addressed
from hermodr_recurrence import zone_names

router = APIRouter(prefix="/console/recipients", include_in_schema=False, route_class=Page)

TheSearch = Annotated[Search, provided(Search)]
TheRecipients = Annotated[Recipients, provided(Recipients)]
_HERE = "recipients"
_PLAIN = (
    "external_id",
    "user_id",
    "name",
    "relationship",
    "email",
    "phone",
    "locale",
    "timezone",
    "webhook_url",
)
_WORDS = ("yes", "no")
_NEW_ROWS = 2


@router.get("/new")
async def new(visitor: Managing) -> Response:
    """A form for a new one."""
    return _edited(visitor, Form(), None)


@router.post("/new")
async def create(posted: PostedByManager, recipients: TheRecipients) -> Response:
    """Add a recipient."""
    form = Form(posted.fields)
    try:
        given = {name: value for name, value in _fields(form).items() if value}
        answer = await recipients.create(posted.visitor.caller, read(RecipientIn, given), form.key(_HERE))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), None)
    return back(f"/console/recipients/{orjson.loads(answer.body)['id']}")


@router.get("/{recipient_id}/edit")
async def edit(visitor: Managing, recipients: TheRecipients, recipient_id: UUID) -> Response:
    """A form with what is known."""
    found = await recipients.read(visitor.caller, recipient_id)
    return _edited(visitor, Form.changing(_known(found)), recipient_id)


@router.post("/{recipient_id}/edit")
async def change(posted: PostedByManager, recipients: TheRecipients, recipient_id: UUID) -> Response:
    """Change a recipient."""
    caller = posted.visitor.caller
    known = _known(await recipients.read(caller, recipient_id))
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(_fields, known):
            await recipients.change(caller, recipient_id, read(RecipientPatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), recipient_id)
    return back(f"/console/recipients/{recipient_id}")


@router.get("/{recipient_id}/wishes")
async def wishes(
    visitor: Managing, recipients: TheRecipients, searching: TheSearch, recipient_id: UUID
) -> Response:
    """A form with what they wish."""
    found = await recipients.read(visitor.caller, recipient_id)
    return await _wished(visitor, searching, Form.changing(_wishes_of(found)), found)


@router.post("/{recipient_id}/wishes")
async def wish(
    posted: PostedByManager, recipients: TheRecipients, searching: TheSearch, recipient_id: UUID
) -> Response:
    """Set what they wish."""
    found = await recipients.read(posted.visitor.caller, recipient_id)
    form = Form(posted.fields)
    form = form.with_rows("preferences", form.rows("preferences", lambda row: row.get("enabled")))
    known = _wishes_of(found)
    form = form.with_rows("caps", form.rows("caps", typed)).merged(known)
    try:
        if changes := form.changes(_wishes, known):
            await recipients.prefer(posted.visitor.caller, recipient_id, read(PreferencesIn, changes))
    except Refused as refused:
        return await _wished(posted.visitor, searching, form.refused(refused), found)
    return back(f"/console/recipients/{recipient_id}")


@router.post("/{recipient_id}/mute")
async def mute(posted: PostedByManager, recipients: TheRecipients, recipient_id: UUID) -> Response:
    """Nothing but what is critical, for a week."""
    until = posted.visitor.now.replace(microsecond=0) + PAUSE
    await recipients.prefer(posted.visitor.caller, recipient_id, PreferencesIn(muted_until=until))
    return back(f"/console/recipients/{recipient_id}")


@router.post("/{recipient_id}/unmute")
async def unmute(posted: PostedByManager, recipients: TheRecipients, recipient_id: UUID) -> Response:
    """Everything again."""
    await recipients.prefer(posted.visitor.caller, recipient_id, PreferencesIn(muted_until=None))
    return back(f"/console/recipients/{recipient_id}")


@router.get("/{recipient_id}/erase")
async def ask(visitor: Managing, recipients: TheRecipients, recipient_id: UUID) -> Response:
    """Whether they are to be erased."""
    found = await recipients.read(visitor.caller, recipient_id)
    page = f"/console/recipients/{recipient_id}"
    says = (
        f"Name, addresses, wishes, inbox and the contents of messages of {named(found)} are deleted everywhere. "
        "What waits for them is not sent.",
        "Counts, states and times stay, and addresses that are suppressed stay suppressed. It cannot be undone.",
    )
    return pages.question(
        visitor, _HERE, "Erase this recipient?", says, f"{page}/erase", "Erase for good", page
    )


@router.post("/{recipient_id}/erase")
async def erase(posted: PostedByManager, recipients: TheRecipients, recipient_id: UUID) -> Response:
    """Erase what is known of them."""
    await recipients.erase(posted.visitor.caller, recipient_id)
    return back("/console/recipients")


def named(found: Addressed) -> str:
    return found.name or found.external_id or found.email or found.phone or str(found.id)


def _fields(form: Form) -> dict[str, Any]:
    text = form.fields.get("attributes")
    return {**form.given(*_PLAIN), "attributes": document(text, "attributes")}


def _known(found: Addressed) -> dict[str, object]:
    return {name: getattr(found, name) for name in (*_PLAIN, "attributes")}


def _edited(visitor: Visitor, form: Form, recipient_id: UUID | None) -> Response:
    zones = sorted(each for each in zone_names() if "/" in each or each == "UTC")
    values: dict[str, Any] = {"form": form, "zones": zones, "recipient_id": recipient_id}
    return pages.page("recipient_form", visitor, form.status, here=_HERE, **values)


async def _wished(visitor: Visitor, searching: Search, form: Form, found: Addressed) -> Response:
    values: dict[str, Any] = {
        "form": form,
        "person": found,
        "called": named(found),
        "preference_rows": len(form.rows("preferences", bool)) + _NEW_ROWS,
        "cap_rows": cap_rows(form),
        "types": await searching.beginning(visitor.caller.project_id, "type", ""),
        "channels": [("", "every channel"), *((each.value, each.value) for each in Channel)],
    }
    return pages.page("wishes_form", visitor, form.status, here=_HERE, **values)


def _wishes(form: Form) -> dict[str, Any]:
    return {
        "preferences": [_preference(each) for each in form.rows("preferences", bool)],
        "caps": caps_of(form.rows("caps", bool)),
        "muted_until": moment(form.value("muted_until")),
        "quiet_hours": _quiet_hours(form),
    }


def _wishes_of(found: Addressed) -> dict[str, object]:
    quiet = found.quiet_hours or {}
    shown: dict[str, object] = {
        "muted_until": found.muted_until,
        "quiet_hours.start": quiet.get("start"),
        "quiet_hours.end": quiet.get("end"),
    }
    shown |= {f"day.{each}": True for each in quiet.get("days") or range(1, 8)}
    asked = [{**each, "enabled": _WORDS[0] if each["enabled"] else _WORDS[1]} for each in found.preferences]
    return shown | numbered("preferences", asked) | numbered("caps", found.caps)


def _preference(row: dict[str, str]) -> dict[str, object]:
    return {
        "type": row.get("type") or None,
        "channel": row.get("channel") or None,
        "enabled": row.get("enabled") == _WORDS[0],
    }


def _quiet_hours(form: Form) -> dict[str, object] | None:
    start, end = form.value("quiet_hours.start").strip(), form.value("quiet_hours.end").strip()
    if not start and not end:
        return None
    days = sorted(int(each) for each in form.ticked("day") if each.isdecimal() and len(each) == 1)
    return {"start": start, "end": end, "days": days}
