"""What operators look after: `/console/queues`, `/dead-letters` and `/providers`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from hermodr_api.access.operators import Operators
from hermodr_api.console import pages
from hermodr_api.console.visiting import (
    Administering,
    Page,
    PostedByAdmin,
    PostedByManager,
    Reading,
    Word,
    back,
)
from hermodr_api.dead_letters.models import DeadLetterFilter, DeadLetterView, opened_view
from hermodr_api.dead_letters.service import DeadLetters
from hermodr_api.errors import NOT_FOUND, Refused, not_found
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.providers.service import Providers
from hermodr_api.queues.service import Queues

router = APIRouter(prefix="/console", include_in_schema=False, route_class=Page)

TheLetters = Annotated[DeadLetters, provided(DeadLetters)]
TheQueues = Annotated[Queues, provided(Queues)]
TheOperators = Annotated[Operators, provided(Operators)]


@router.get("/dead-letters")
async def dead_letters(
    visitor: Reading,
    letters: TheLetters,
    asked: NewestFirst,
    replayed: Word = "no",
    queue: Word = "",
    reason: Word = "",
    type: Word = "",
) -> Response:
    """What gave up, or could not be read."""
    fields = {"queue": queue.strip(), "reason": reason.strip(), "type": type.strip()}
    chosen = {name: value for name, value in fields.items() if value}
    try:
        wanted = DeadLetterFilter.model_validate(chosen).wanted({"no": False, "yes": True}.get(replayed))
    except ValidationError:
        raise Refused(NOT_FOUND, "nothing can be called that") from None
    found = await letters.page(visitor.caller, wanted, asked.page)
    return pages.page(
        "dead_letters",
        visitor,
        rows=[DeadLetterView.model_validate(each) for each in found.rows],
        next_cursor=asked.cursor(found),
        replayed=replayed,
        fields=fields,
        chosen=chosen,
        planned=await letters.planned(visitor.caller),
        first=asked.page.after is None,
    )


@router.get("/dead-letters/{letter_id}")
async def dead_letter(visitor: Reading, letters: TheLetters, letter_id: UUID) -> Response:
    """One dead letter, opened."""
    letter = opened_view(await letters.read(visitor.caller, letter_id))
    return pages.page("dead_letter", visitor, here="dead_letters", letter=letter)


@router.post("/dead-letters/{letter_id}/replay")
async def replay(posted: PostedByManager, letters: TheLetters, letter_id: UUID) -> Response:
    """Ask for it again."""
    await letters.replay(posted.visitor.caller, letter_id, None)
    return back("/console/dead-letters")


@router.get("/queues")
async def queues(visitor: Reading, queues: TheQueues, operators: TheOperators) -> Response:
    """What waits where."""
    operates = await operators.include(visitor.caller)
    return pages.page("queues", visitor, queues=await queues.look(), operates=operates)


@router.get("/queues/{channel}/pause")
async def ask_pause(visitor: Administering, queues: TheQueues, channel: str) -> Response:
    """Whether a channel is to be paused, and why."""
    if channel not in {each.channel for each in (await queues.look()).data}:
        raise not_found("channel")
    says = (
        f"Nothing is sent by {channel} for any project until somebody resumes it. "
        "What is asked for meanwhile is accepted and waits.",
    )
    page = "/console/queues"
    asks, typed = f"Pause {channel}?", (("reason", "Reason, for others to read"),)
    return pages.question(
        visitor, "queues", asks, says, f"{page}/{channel}/pause", "Pause", page, typed=typed
    )


@router.post("/queues/{channel}/{deed}")
async def pause(posted: PostedByAdmin, queues: TheQueues, channel: str, deed: str) -> Response:
    """Pause or resume a channel."""
    caller = posted.visitor.caller
    reason = posted.fields.get("reason", "").strip()[:500] or None
    if deed == "pause":
        await queues.pause(caller, channel, reason, None)
    elif deed == "resume":
        await queues.resume(caller, channel, reason, None)
    else:
        raise Refused(NOT_FOUND, "there is no such page")
    return back("/console/queues")


@router.get("/providers")
async def providers(visitor: Reading, providers: Annotated[Providers, provided(Providers)]) -> Response:
    """By what messages leave."""
    return pages.page("providers", visitor, providers=(await providers.look(visitor.caller)).data)
