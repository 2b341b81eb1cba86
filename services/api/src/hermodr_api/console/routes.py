"""`/console`: the operators' pages. They do what the routes of `/v1` do, by the same services, for an API key that
logged in; each page works without a script, and is kept fresh by one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from hermodr_api.access.operators import Operators
from hermodr_api.console import pages
from hermodr_api.console.overview import Overview
from hermodr_api.console.search import Search
from hermodr_api.console.sent import SentMessages
from hermodr_api.console.sessions import SESSION_LIVES, Sessions
from hermodr_api.console.story import told
from hermodr_api.console.visiting import (
    COOKIE,
    Managing,
    Page,
    PostedByAdmin,
    PostedByManager,
    PostedByReader,
    Reading,
    form_of,
    inside,
)
from hermodr_api.dead_letters.models import DeadLetterFilter, DeadLetterView, opened_view
from hermodr_api.dead_letters.service import DeadLetters
from hermodr_api.errors import FORBIDDEN, NOT_FOUND, Refused
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.jobs.control import JobControl
from hermodr_api.jobs.service import Jobs
from hermodr_api.providers.service import Providers
from hermodr_api.queues.service import Queues
from hermodr_contracts.vocabulary import Channel, JobKind, JobState

router = APIRouter(prefix="/console", include_in_schema=False, route_class=Page)

TheSessions = Annotated[Sessions, provided(Sessions)]
TheJobs = Annotated[Jobs, provided(Jobs)]
TheLetters = Annotated[DeadLetters, provided(DeadLetters)]
TheQueues = Annotated[Queues, provided(Queues)]
TheSent = Annotated[SentMessages, provided(SentMessages)]
TheOperators = Annotated[Operators, provided(Operators)]
TheControl = Annotated[JobControl, provided(JobControl)]
Word = Annotated[str, Query(max_length=300)]
_PAGE = 50


@router.get("/login")
async def login(next: Word = "/console") -> Response:
    """Ask for an API key."""
    return pages.login(inside(next))


@router.post("/login")
async def log_in(request: Request, sessions: TheSessions) -> Response:
    """Begin a session."""
    form = await form_of(request)
    where = inside(form.get("next"))
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused(FORBIDDEN, "only our own page logs in")
    try:
        secret = await sessions.begin(form.get("key", "").strip())
    except Refused as refused:
        return pages.login(where, refused.detail, refused.kind.status)
    return _entered(secret, where)


@router.get("/enter/{link}")
async def enter(link: str, sessions: TheSessions) -> Response:
    """Begin a session by a link, which works once."""
    secret = await sessions.enter(link)
    if secret is None:
        return pages.login("/console", "this link was used before, or is older than five minutes", 410)
    return _entered(secret, "/console")


@router.post("/logout")
async def log_out(request: Request, _: PostedByReader, sessions: TheSessions) -> Response:
    """End the session."""
    await sessions.end(request.cookies[COOKIE])
    answer = RedirectResponse("/console/login", 303)
    answer.delete_cookie(COOKIE, path="/console", secure=True, httponly=True, samesite="strict")
    return answer


@router.get("")
async def overview(visitor: Reading, overview: Annotated[Overview, provided(Overview)]) -> Response:
    """How it goes, and what is wrong."""
    return pages.page("overview", visitor, **await overview.look(visitor.caller))


@router.get("/messages")
async def messages(
    visitor: Reading,
    jobs: TheJobs,
    searching: Annotated[Search, provided(Search)],
    search: Word = "",
    status: Word = "",
    kind: Word = "",
    channel: Word = "",
    type: Word = "",
    cursor: Annotated[str | None, Query(max_length=4000)] = None,
) -> Response:
    """What was requested, the newest first."""
    fields = {
        "search": search.strip(),
        "status": status,
        "kind": kind,
        "channel": channel,
        "type": type.strip(),
    }
    found = await searching.meant(visitor.caller.project_id, fields)
    if found.job_id is not None:
        return RedirectResponse(f"/console/messages/{found.job_id}", 303)
    rows, next_cursor = [], None
    if found.filters is not None:
        listed = await jobs.page(
            found.filters, "-created_at", cursor, _PAGE, frozenset({"metadata", "result"})
        )
        rows = await searching.addressed(visitor.caller.project_id, listed.data)
        next_cursor = listed.next_cursor
    return pages.page(
        "messages",
        visitor,
        rows=rows,
        next_cursor=next_cursor,
        cursor=cursor,
        fields=fields,
        chosen={name: value for name, value in fields.items() if value},
        states=list(JobState),
        kinds=list(JobKind),
        channels=list(Channel),
        flaw=found.flaw,
    )


@router.get("/messages/{job_id}")
async def message(visitor: Reading, jobs: TheJobs, job_id: UUID) -> Response:
    """One message: why it was sent, or not."""
    history = await jobs.history(visitor.caller, job_id)
    timeline = await jobs.timeline(visitor.caller, job_id)
    return pages.page("message", visitor, **history.__dict__, story=told(timeline.data))


@router.get("/messages/{job_id}/sent/{delivery_id}")
async def sent(visitor: Managing, messages: TheSent, job_id: UUID, delivery_id: UUID) -> Response:
    """A message as it was sent."""
    shown = await messages.look(visitor.caller, job_id, delivery_id)
    return pages.page("sent", visitor, sent=shown, job_id=job_id, delivery_id=delivery_id)


@router.get("/messages/{job_id}/sent/{delivery_id}/html")
async def sent_html(visitor: Managing, messages: TheSent, job_id: UUID, delivery_id: UUID) -> Response:
    """The HTML of a mail as it was sent, for the frame of the page above."""
    return pages.mail((await messages.look(visitor.caller, job_id, delivery_id)).html or "")


@router.post("/messages/{job_id}/cancel")
async def cancel(posted: PostedByManager, control: TheControl, job_id: UUID) -> Response:
    """Cancel it."""
    await control.cancel(posted.visitor.caller, job_id)
    return _back(f"/console/messages/{job_id}")


@router.post("/messages/{job_id}/retry")
async def retry(posted: PostedByManager, control: TheControl, job_id: UUID) -> Response:
    """Have it sent again."""
    await control.retry(posted.visitor.caller, job_id, None)
    return _back(f"/console/messages/{job_id}")


@router.get("/dead-letters")
async def dead_letters(
    visitor: Reading, letters: TheLetters, asked: NewestFirst, replayed: Word = "no"
) -> Response:
    """What gave up, or could not be read."""
    wanted = DeadLetterFilter().wanted({"no": False, "yes": True}.get(replayed))
    found = await letters.page(visitor.caller, wanted, asked.page)
    rows = [DeadLetterView.model_validate(each) for each in found.rows]
    cursor = asked.cursor(found)
    return pages.page("dead_letters", visitor, rows=rows, next_cursor=cursor, replayed=replayed)


@router.get("/dead-letters/{letter_id}")
async def dead_letter(visitor: Reading, letters: TheLetters, letter_id: UUID) -> Response:
    """One dead letter, opened."""
    letter = opened_view(await letters.read(visitor.caller, letter_id))
    return pages.page("dead_letter", visitor, letter=letter)


@router.post("/dead-letters/{letter_id}/replay")
async def replay(posted: PostedByManager, letters: TheLetters, letter_id: UUID) -> Response:
    """Ask for it again."""
    await letters.replay(posted.visitor.caller, letter_id, None)
    return _back("/console/dead-letters")


@router.get("/queues")
async def queues(visitor: Reading, queues: TheQueues, operators: TheOperators) -> Response:
    """What waits where."""
    operates = await operators.include(visitor.caller)
    return pages.page("queues", visitor, queues=await queues.look(), operates=operates)


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
    return _back("/console/queues")


@router.get("/providers")
async def providers(visitor: Reading, providers: Annotated[Providers, provided(Providers)]) -> Response:
    """By what messages leave."""
    return pages.page("providers", visitor, providers=(await providers.look(visitor.caller)).data)


@router.get("/")
async def slash() -> Response:
    """As people type it."""
    return RedirectResponse("/console", 303)


@router.get("/static/{name}")
async def static(name: str) -> Response:
    """Scripts and styles; ours, and htmx (ADR 0084)."""
    answer = pages.static(name)
    if answer is None:
        raise Refused(NOT_FOUND, "there is no such file")
    return answer


def _entered(secret: str, where: str) -> Response:
    answer = RedirectResponse(where, 303, headers={"cache-control": "no-store"})
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=int(SESSION_LIVES.total_seconds()),
        path="/console",
        secure=True,
        httponly=True,
        samesite="strict",
    )
    return answer


def _back(path: str) -> Response:
    return RedirectResponse(path, 303)
