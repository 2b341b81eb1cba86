"""`/console/act`: trying again or cancelling all messages that match, and replaying all dead letters that do. A
question first, with how many there are; then in steps, each of them whole and asked for by the page before."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from hermodr_api.access.authentication import Caller
from hermodr_api.console import pages
from hermodr_api.console.forms import Form
from hermodr_api.console.messages import Chosen, TheControl, TheSearch, chosen
from hermodr_api.console.sessions import Visitor
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Word, back
from hermodr_api.dead_letters.models import DeadLetterFilter, ReplayIn
from hermodr_api.dead_letters.service import DeadLetters
from hermodr_api.errors import NOT_FOUND, Refused
from hermodr_api.http.provided import provided
from hermodr_api.jobs.queries import BulkRetryIn, JobFilter
from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.jobs.listing_sources import Filters

router = APIRouter(prefix="/console/act", include_in_schema=False, route_class=Page)

TheLetters = Annotated[DeadLetters, provided(DeadLetters)]
STATES: Mapping[str, tuple[JobState, ...]] = {
    "retry": (JobState.FAILED, JobState.CANCELLED),
    "cancel": (JobState.SCHEDULED, JobState.QUEUED, JobState.PROCESSING, JobState.RETRYING),
}
"""What can be done to messages, and in which states they have to be."""
_STEP = 500
_NO_MORE = ""


@router.get("/messages")
async def ask(visitor: Managing, searching: TheSearch, fields: Chosen, deed: Word = "") -> Response:
    """How many are meant, and whether that is meant."""
    filters, flaw = await _meant(searching, visitor.caller, deed, fields)
    count = await searching.counted(filters) if filters is not None else None
    return _page(visitor, deed, fields, flaw=flaw, count=count)


@router.post("/messages")
async def act(posted: PostedByManager, searching: TheSearch, control: TheControl) -> Response:
    """The next step, and what came of all of them."""
    form, caller, deed = Form(posted.fields), posted.visitor.caller, posted.fields.get("deed", "")
    fields = chosen(**{name: form.value(name) for name in chosen() if form.value(name)})
    filters, flaw = await _meant(searching, caller, deed, fields)
    if filters is None:
        return _page(posted.visitor, deed, fields, flaw=flaw)
    if deed == "cancel":
        cancelled = await control.cancel_many(caller, filters, _STEP)
        step = (cancelled.cancelled, cancelled.too_late, "more" if cancelled.more else _NO_MORE)
        reasons = []
    else:
        wanted = BulkRetryIn(filter=_filter(filters), limit=_STEP, cursor=form.value("cursor") or None)
        answer = await control.retry_many(caller, wanted, form.key("act"))
        view = json.loads(answer.body)
        left = view["matched"] - view["retried"]
        step = (view["retried"], left, view["next_cursor"] or _NO_MORE)
        reasons = sorted({each["reason"] for each in view["not_retried"]})[:5]
    done, left = (_number(form, "done") + step[0], _number(form, "left") + step[1])
    return _page(posted.visitor, deed, fields, done=done, left=left, cursor=step[2], reasons=reasons)


async def _meant(
    searching: Any, caller: Caller, deed: str, fields: Mapping[str, str]
) -> tuple[Filters | None, str | None]:
    """The jobs that are meant; or why there are none. Raises `Refused` for a deed that is none."""
    states = STATES.get(deed)
    if states is None:
        raise Refused(NOT_FOUND, "there is no such page")
    if deed == "retry" and not fields["status"]:
        fields = {**fields, "status": JobState.FAILED.value}
    found = await searching.meant(caller.project_id, fields)
    if found.filters is None:
        return None, found.flaw or "this is one message: look at it"
    filters = found.filters
    if filters.states is None:
        return filters.narrowed(states=states), None
    if not set(filters.states) <= set(states):
        named = ", ".join(states)
        return None, f"these are {fields['status']}; only {named} messages can be asked for that"
    return filters, None


def _filter(filters: Filters) -> JobFilter:
    """The same for `POST /v1/jobs/retry`. Raises `Refused` (404) for words that nothing can be called."""
    assert filters.states is not None
    given: dict[str, Any] = {"status": filters.states[0].value}
    for name in JobFilter.model_fields:
        if name != "status" and (value := getattr(filters, name)) is not None:
            given[name] = value.isoformat() if hasattr(value, "isoformat") else str(value)
    try:
        return JobFilter.model_validate(given)
    except ValidationError:
        raise Refused(NOT_FOUND, "nothing can be called that") from None


def _number(form: Form, name: str) -> int:
    text = form.value(name)
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _page(visitor: Visitor, deed: str, fields: Mapping[str, str], **more: Any) -> Response:
    shown = {name: value for name, value in fields.items() if value}
    values: dict[str, Any] = {
        "flaw": None,
        "count": None,
        "done": None,
        "left": 0,
        "cursor": "",
        "reasons": [],
    }
    return pages.page(
        "many",
        visitor,
        here="messages",
        deed=deed,
        chosen=shown,
        once=Form().once,
        **(values | more),
    )


@router.get("/dead-letters")
async def ask_for_letters(
    visitor: Managing, letters: TheLetters, queue: Word = "", reason: Word = "", type: Word = ""
) -> Response:
    """How many dead letters are meant, and how fast they are to be replayed."""
    given = {"queue": queue, "reason": reason, "type": type}
    answer = await letters.replay_many(visitor.caller, _replay(given, dry_run=True), None)
    matched = json.loads(answer.body)["matched"]
    return pages.page(
        "many_letters", visitor, here="dead_letters", given=given, matched=matched, once=Form().once
    )


@router.post("/dead-letters")
async def replay_letters(posted: PostedByManager, letters: TheLetters) -> Response:
    """Have them replayed, by the schedulers."""
    form = Form(posted.fields)
    given = {name: form.value(name) for name in ("queue", "reason", "type")}
    rate = form.value("rate")
    wanted = _replay(given, dry_run=False, rate=int(rate) if rate in ("1", "10", "50", "500") else 10)
    await letters.replay_many(posted.visitor.caller, wanted, form.key("dead-letters"))
    return back("/console/dead-letters")


def _replay(given: Mapping[str, str], *, dry_run: bool, rate: float = 10) -> ReplayIn:
    """Raises `Refused` (404) for words that nothing can be called."""
    try:
        wanted = DeadLetterFilter.model_validate({name: value for name, value in given.items() if value})
    except ValidationError:
        raise Refused(NOT_FOUND, "nothing can be called that") from None
    return ReplayIn(filter=wanted, dry_run=dry_run, rate=rate)
