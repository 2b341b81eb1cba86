"""`/console/webhooks`: where events of the project are posted, and what became of each."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.forms import Form, moment
from hermodr_api.console.lists import older
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, Word, back
from hermodr_api.errors import Flaw, Refused, invalid
from hermodr_api.http.bodies import read
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.webhooks.models import (
    EndpointIn,
    EndpointPatch,
    EndpointView,
    MessageView,
    RecoverIn,
    WholeMessageView,
)
from hermodr_api.webhooks.service import Webhooks
from hermodr_contracts.webhook_events import EVENTS
from hermodr_ledger.webhooks.messages import MessageSearch

router = APIRouter(prefix="/console/webhooks", include_in_schema=False, route_class=Page)

TheWebhooks = Annotated[Webhooks, provided(Webhooks)]
_HERE = "webhooks"
_STATES = ("waiting", "sending", "delivered", "failed", "discarded")
_SECRET = (
    "Signatures of what is posted there are checked with it (Standard Webhooks). It is shown this once: give it to the "
    "receiver now."
)


@router.get("")
async def webhooks(request: Request, visitor: Reading, webhooks: TheWebhooks, asked: NewestFirst) -> Response:
    """All endpoints."""
    found = await webhooks.page(visitor.caller.project_id, asked.page)
    rows = [EndpointView.model_validate(each) for each in found.rows]
    return pages.page("webhooks", visitor, rows=rows, older=older(request, asked.cursor(found)))


@router.get("/new")
async def new(visitor: Managing) -> Response:
    """A form for a new one."""
    return _edited(visitor, Form(), None)


@router.post("/new")
async def create(posted: PostedByManager, webhooks: TheWebhooks) -> Response:
    """Add an endpoint, and show its secret this once."""
    form = Form(posted.fields)
    try:
        wanted = read(EndpointIn, {**form.given("description"), **_fields(form)})
        answer = await webhooks.create(posted.visitor.caller, wanted, form.key(_HERE))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), None)
    made = orjson.loads(answer.body)
    page = f"/console/webhooks/{made['id']}"
    return pages.secret(posted.visitor, _HERE, "The secret of the endpoint", _SECRET, made["secret"], page)


@router.get("/{endpoint_id}")
async def endpoint(
    request: Request,
    visitor: Reading,
    webhooks: TheWebhooks,
    asked: NewestFirst,
    endpoint_id: UUID,
    event: Word = "",
    state: Word = "",
) -> Response:
    """One endpoint with what was sent there."""
    if state not in ("", *_STATES):
        raise invalid(Flaw(("query", "state"), "is no state"))
    shown = await webhooks.show(visitor.caller, endpoint_id)
    search = MessageSearch(event.strip() or None, state or None)
    found = await webhooks.messages(visitor.caller.project_id, endpoint_id, search, asked.page)
    values: dict[str, Any] = {
        "endpoint": shown,
        "rows": [MessageView.model_validate(each) for each in found.rows],
        "older": older(request, asked.cursor(found)),
        "event": event.strip(),
        "state_asked": state,
        "events": EVENTS,
        "states": _STATES,
    }
    return pages.page("webhook", visitor, here=_HERE, **values)


@router.get("/{endpoint_id}/edit")
async def edit(visitor: Managing, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """A form with what is known."""
    found = await webhooks.show(visitor.caller, endpoint_id)
    return _edited(visitor, Form.changing(_known(found)), endpoint_id)


@router.post("/{endpoint_id}/edit")
async def change(posted: PostedByManager, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Change an endpoint."""
    caller = posted.visitor.caller
    known = _known(await webhooks.show(caller, endpoint_id))
    form = Form(posted.fields).merged(known)
    try:
        if changes := form.changes(lambda it: {**it.given("description"), **_fields(it)}, known):
            await webhooks.change(caller, endpoint_id, read(EndpointPatch, changes))
    except Refused as refused:
        return _edited(posted.visitor, form.refused(refused), endpoint_id)
    return back(f"/console/webhooks/{endpoint_id}")


@router.post("/{endpoint_id}/enable")
async def enable(posted: PostedByManager, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Have events posted there again."""
    await webhooks.change(posted.visitor.caller, endpoint_id, EndpointPatch(enabled=True))
    return back(f"/console/webhooks/{endpoint_id}")


@router.get("/{endpoint_id}/disable")
async def ask_disable(visitor: Managing, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Whether it is to be disabled."""
    await webhooks.show(visitor.caller, endpoint_id)
    page = f"/console/webhooks/{endpoint_id}"
    says = ("Nothing is posted there any more. What it misses can be sent once it is enabled again.",)
    return pages.question(visitor, _HERE, "Disable this endpoint?", says, f"{page}/disable", "Disable", page)


@router.post("/{endpoint_id}/disable")
async def disable(posted: PostedByManager, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Post nothing there any more."""
    await webhooks.change(posted.visitor.caller, endpoint_id, EndpointPatch(enabled=False))
    return back(f"/console/webhooks/{endpoint_id}")


@router.post("/{endpoint_id}/test")
async def test(posted: PostedByManager, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Send an event that only tests."""
    await webhooks.test(
        posted.visitor.caller, endpoint_id, Form(posted.fields).key(f"webhooks/{endpoint_id}/test")
    )
    return back(f"/console/webhooks/{endpoint_id}")


@router.get("/{endpoint_id}/rotate")
async def ask_rotate(visitor: Managing, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Whether it is to have a new secret."""
    found = await webhooks.show(visitor.caller, endpoint_id)
    page = f"/console/webhooks/{endpoint_id}"
    says = (
        f"What is posted to {found.origin} has signatures by both secrets for 24 hours; then by the new one alone. "
        "The one before the present one signs no longer.",
    )
    return pages.question(visitor, _HERE, "Make a new secret?", says, f"{page}/rotate", "Make it", page)


@router.post("/{endpoint_id}/rotate")
async def rotate(posted: PostedByManager, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Give it a new secret, and show that this once."""
    page = f"/console/webhooks/{endpoint_id}"
    key = Form(posted.fields).key(f"webhooks/{endpoint_id}/rotate")
    made = orjson.loads((await webhooks.rotate(posted.visitor.caller, endpoint_id, key)).body)
    return pages.secret(posted.visitor, _HERE, "The new secret", _SECRET, made["secret"], page)


@router.get("/{endpoint_id}/recover")
async def ask_recover(visitor: Managing, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Since when."""
    found = await webhooks.show(visitor.caller, endpoint_id)
    return _recovering(visitor, Form.showing({"since": found.failing_since or found.disabled_at}), found)


@router.post("/{endpoint_id}/recover")
async def recover(posted: PostedByManager, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Send again what failed or was discarded."""
    form, caller = Form(posted.fields), posted.visitor.caller
    found, recovered = await webhooks.show(caller, endpoint_id), None
    try:
        wanted = read(RecoverIn, {"since": moment(form.value("since")) or ""})
        key = form.key(f"webhooks/{endpoint_id}/recover")
        recovered = orjson.loads((await webhooks.recover(caller, endpoint_id, wanted, key)).body)
    except Refused as refused:
        form = form.refused(refused)
    return _recovering(posted.visitor, form, found, recovered)


@router.get("/{endpoint_id}/delete")
async def ask(visitor: Managing, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Whether it is to be deleted."""
    found = await webhooks.show(visitor.caller, endpoint_id)
    page = f"/console/webhooks/{endpoint_id}"
    says = (
        f"Nothing is posted to {found.origin} any more, and the record of what was posted there goes, too.",
    )
    return pages.question(visitor, _HERE, "Delete this endpoint?", says, f"{page}/delete", "Delete", page)


@router.post("/{endpoint_id}/delete")
async def delete(posted: PostedByManager, webhooks: TheWebhooks, endpoint_id: UUID) -> Response:
    """Delete it."""
    await webhooks.delete(posted.visitor.caller, endpoint_id)
    return back("/console/webhooks")


@router.get("/{endpoint_id}/deliveries/{message_id}")
async def message(visitor: Reading, webhooks: TheWebhooks, endpoint_id: UUID, message_id: UUID) -> Response:
    """What was sent for one event, with each attempt."""
    found = await webhooks.message(visitor.caller.project_id, endpoint_id, message_id)
    shown = WholeMessageView.model_validate(found)
    return pages.page("webhook_message", visitor, here=_HERE, message=shown, data=orjson.loads(shown.body))


@router.post("/{endpoint_id}/deliveries/{message_id}/redeliver")
async def redeliver(
    posted: PostedByManager, webhooks: TheWebhooks, endpoint_id: UUID, message_id: UUID
) -> Response:
    """Send it again."""
    await webhooks.redeliver(posted.visitor.caller, endpoint_id, message_id, None)
    return back(f"/console/webhooks/{endpoint_id}/deliveries/{message_id}")


def _fields(form: Form) -> dict[str, Any]:
    return {"url": form.value("url").strip(), "events": form.ticked("event") or None}


def _known(found: EndpointView) -> dict[str, object]:
    events = {f"event.{each}": True for each in found.events or ()}
    return {"url": found.url, "description": found.description, **events}


def _edited(visitor: Visitor, form: Form, endpoint_id: UUID | None) -> Response:
    nouns: dict[str, list[str]] = {}
    for each in EVENTS:
        nouns.setdefault(each.partition(".")[0], []).append(each)
    values: dict[str, Any] = {"form": form, "endpoint_id": endpoint_id, "nouns": nouns}
    return pages.page("webhook_form", visitor, form.status, here=_HERE, **values)


def _recovering(
    visitor: Visitor, form: Form, found: EndpointView, recovered: dict[str, Any] | None = None
) -> Response:
    values: dict[str, Any] = {"form": form, "endpoint": found, "recovered": recovered}
    return pages.page("webhook_recover", visitor, form.status, here=_HERE, **values)
