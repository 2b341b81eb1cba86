"""`/console/act`: trying again or cancelling all messages that match, and replaying all dead letters that do. A
question first, with how many there are; the schedulers do it. `/console/actions`: what was asked for so, and how far
it has come."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from hermodr_api.access.authentication import Caller
from hermodr_api.bulk_actions.models import BulkActionView
from hermodr_api.console import pages
from hermodr_api.console.concerned import concerned, wider
from hermodr_api.console.forms import Form
from hermodr_api.console.messages import Chosen, TheActions, TheSearch, chosen
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, Word, back
from hermodr_api.dead_letters.models import DeadLetterFilter, ReplayIn
from hermodr_api.dead_letters.service import DeadLetters
from hermodr_api.errors import NOT_FOUND, Refused
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.jobs.bulk_actions import MAY_BE, ActionKind, too_much
from hermodr_ledger.jobs.listing_sources import Filters

router = APIRouter(prefix="/console", include_in_schema=False, route_class=Page)

TheLetters = Annotated[DeadLetters, provided(DeadLetters)]


@router.get("/act/messages")
async def ask(
    visitor: Managing, searching: TheSearch, actions: TheActions, fields: Chosen, deed: Word = ""
) -> Response:
    """How many are meant, and whether that is meant."""
    filters, flaw = await _meant(searching, visitor.caller, deed, fields)
    count = await actions.count(filters) if filters is not None else None
    return _question(visitor, deed, fields, flaw=flaw, count=count)


@router.post("/act/messages")
async def act(posted: PostedByManager, searching: TheSearch, actions: TheActions) -> Response:
    """Have it done, to those that there were at the question."""
    form, caller, deed = Form(posted.fields), posted.visitor.caller, posted.fields.get("deed", "")
    fields = chosen(**{name: form.value(name) for name in chosen() if form.value(name)})
    filters, flaw = await _meant(searching, caller, deed, fields)
    if filters is None:
        return _question(posted.visitor, deed, fields, flaw=flaw)
    asked = _moment(form.value("asked"))
    if asked is not None and (filters.created_before is None or asked < filters.created_before):
        filters = replace(filters, created_before=asked)
    answer = await actions.create(caller, cast("ActionKind", deed), filters, form.key("act"))
    return back(f"/console/actions/{BulkActionView.model_validate_json(answer.body).id}")


@router.get("/actions")
async def list_actions(visitor: Reading, actions: TheActions, asked: NewestFirst) -> Response:
    """What was asked for, by whom, and what came of it."""
    found = await actions.page(visitor.caller.project_id, asked.page)
    return pages.page(
        "actions",
        visitor,
        rows=found.rows,
        next_cursor=asked.cursor(found),
        first=asked.page.after is None,
    )


@router.get("/actions/{action_id}")
async def show_action(visitor: Reading, actions: TheActions, action_id: UUID) -> Response:
    """How far it has come."""
    action = await actions.read(visitor.caller.project_id, action_id)
    return pages.page(
        "action", visitor, here="actions", action=action, concerned=concerned(action), wider=wider(action)
    )


@router.get("/actions/{action_id}/stop")
async def ask_stop(visitor: Managing, actions: TheActions, action_id: UUID) -> Response:
    """Whether it is to be stopped."""
    await actions.read(visitor.caller.project_id, action_id)
    page = f"/console/actions/{action_id}"
    says = ("What is done stays done. What is left stays as it is; to go on, ask for it anew.",)
    return pages.question(visitor, "actions", "Stop it?", says, f"{page}/stop", "Stop", page)


@router.post("/actions/{action_id}/stop")
async def stop_action(posted: PostedByManager, actions: TheActions, action_id: UUID) -> Response:
    """What is done stays done."""
    await actions.stop(posted.visitor.caller, action_id, None)
    return back(f"/console/actions/{action_id}")


async def _meant(
    searching: Any, caller: Caller, deed: str, fields: Mapping[str, str]
) -> tuple[Filters | None, str | None]:
    """The jobs that are meant; or why there are none. Raises `Refused` for a deed that is none."""
    if deed not in MAY_BE:
        raise Refused(NOT_FOUND, "there is no such page")
    states = MAY_BE[cast("ActionKind", deed)]
    if deed == "retry" and not fields["status"]:
        fields = {**fields, "status": JobState.FAILED.value}
    found = await searching.meant(caller.project_id, fields)
    if found.filters is None:
        return None, found.flaw or "this is one message: look at it"
    filters = found.filters
    if filters.states is None:
        filters = filters.narrowed(states=states)
    if not set(filters.states or ()) <= set(states):
        named = ", ".join(states)
        return None, f"these are {fields['status']}; only {named} messages can be asked for that"
    if too_much(cast("ActionKind", deed), filters):
        return None, "choose a filter beside the time before which they were requested, such as a status"
    return filters, None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _question(visitor: Visitor, deed: str, fields: Mapping[str, str], **more: Any) -> Response:
    shown = {name: value for name, value in fields.items() if value}
    values: dict[str, Any] = {"flaw": None, "count": None} | more
    return pages.page("many", visitor, here="messages", deed=deed, chosen=shown, once=Form().once, **values)


@router.get("/act/dead-letters")
async def ask_for_letters(
    visitor: Managing, letters: TheLetters, queue: Word = "", reason: Word = "", type: Word = ""
) -> Response:
    """How many dead letters are meant, and how fast they are to be replayed."""
    given = {"queue": queue, "reason": reason, "type": type}
    count = await letters.count(visitor.caller, _letters(given))
    return pages.page(
        "many_letters", visitor, here="dead_letters", given=given, count=count, once=Form().once
    )


@router.post("/act/dead-letters")
async def replay_letters(posted: PostedByManager, letters: TheLetters) -> Response:
    """Have them replayed, by the schedulers: those that there were at the question."""
    form = Form(posted.fields)
    given = {name: form.value(name) for name in ("queue", "reason", "type")}
    rate = form.value("rate")
    meant = _letters(given, _moment(form.value("asked")))
    wanted = ReplayIn(filter=meant, rate=int(rate) if rate in ("1", "10", "50", "500") else 10)
    await letters.replay_many(posted.visitor.caller, wanted, form.key("dead-letters"))
    return back("/console/dead-letters")


@router.get("/act/dead-letters/stop")
async def ask_stop_replaying(visitor: Managing) -> Response:
    """Whether it is to be stopped."""
    says = ("What was replayed stays so. The others wait for somebody again.",)
    page = "/console/act/dead-letters/stop"
    asks, behind = "Stop replaying?", "/console/dead-letters"
    return pages.question(visitor, "dead_letters", asks, says, page, "Stop", behind)


@router.post("/act/dead-letters/stop")
async def stop_replaying(posted: PostedByManager, letters: TheLetters) -> Response:
    """Those that are planned wait for somebody again."""
    await letters.stop(posted.visitor.caller)
    return back("/console/dead-letters")


def _letters(given: Mapping[str, str], before: datetime | None = None) -> DeadLetterFilter:
    """Raises `Refused` (404) for words that nothing can be called."""
    words = {name: value for name, value in given.items() if value}
    try:
        return DeadLetterFilter.model_validate(words | {"created_before": before})
    except ValidationError:
        raise Refused(NOT_FOUND, "nothing can be called that") from None
