"""`/console/messages`: what was requested, and what became of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from hermodr_api.console import pages
from hermodr_api.console.search import Search
from hermodr_api.console.sent import SentMessages
from hermodr_api.console.story import told
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, Word, back
from hermodr_api.http.provided import provided
from hermodr_api.jobs.control import JobControl
from hermodr_api.jobs.service import Jobs
from hermodr_contracts.vocabulary import Channel, JobKind, JobState

router = APIRouter(prefix="/console/messages", include_in_schema=False, route_class=Page)

TheJobs = Annotated[Jobs, provided(Jobs)]
TheSent = Annotated[SentMessages, provided(SentMessages)]
TheControl = Annotated[JobControl, provided(JobControl)]
_PAGE = 50


@router.get("")
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


@router.get("/{job_id}")
async def message(visitor: Reading, jobs: TheJobs, job_id: UUID) -> Response:
    """One message: why it was sent, or not."""
    history = await jobs.history(visitor.caller, job_id)
    timeline = await jobs.timeline(visitor.caller, job_id)
    return pages.page("message", visitor, here="messages", **history.__dict__, story=told(timeline.data))


@router.get("/{job_id}/sent/{delivery_id}")
async def sent(visitor: Managing, messages: TheSent, job_id: UUID, delivery_id: UUID) -> Response:
    """A message as it was sent."""
    shown = await messages.look(visitor.caller, job_id, delivery_id)
    return pages.page("sent", visitor, here="messages", sent=shown, job_id=job_id, delivery_id=delivery_id)


@router.get("/{job_id}/sent/{delivery_id}/html")
async def sent_html(visitor: Managing, messages: TheSent, job_id: UUID, delivery_id: UUID) -> Response:
    """The HTML of a mail as it was sent, for the frame of the page above."""
    return pages.mail((await messages.look(visitor.caller, job_id, delivery_id)).html or "")


@router.post("/{job_id}/cancel")
async def cancel(posted: PostedByManager, control: TheControl, job_id: UUID) -> Response:
    """Cancel it."""
    await control.cancel(posted.visitor.caller, job_id)
    return back(f"/console/messages/{job_id}")


@router.post("/{job_id}/retry")
async def retry(posted: PostedByManager, control: TheControl, job_id: UUID) -> Response:
    """Have it sent again."""
    await control.retry(posted.visitor.caller, job_id, None)
    return back(f"/console/messages/{job_id}")
