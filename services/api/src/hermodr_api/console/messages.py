"""`/console/messages`: what was requested, and what became of it."""

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import RedirectResponse, Response

from hermodr_api.bulk_actions.service import BulkActions
from hermodr_api.console import pages
from hermodr_api.console.search import DELIVERY, REPORTED, Search
from hermodr_api.console.sent import SentMessages
from hermodr_api.console.story import told
from hermodr_api.console.subjects import Subjects
from hermodr_api.console.visiting import Managing, Page, PostedByManager, Reading, Word, back
from hermodr_api.http.provided import provided
from hermodr_api.jobs.control import JobControl
from hermodr_api.jobs.logs import TaskLogs
from hermodr_api.jobs.service import Jobs
from hermodr_contracts.vocabulary import Channel, DeliveryState, JobKind, JobState
from hermodr_ledger.jobs.bulk_actions import MAY_BE, ActionKind
from hermodr_ledger.jobs.redeciding import SENDABLE_AGAIN

router = APIRouter(prefix="/console/messages", include_in_schema=False, route_class=Page)

TheJobs = Annotated[Jobs, provided(Jobs)]
TheLogs = Annotated[TaskLogs, provided(TaskLogs)]
TheSent = Annotated[SentMessages, provided(SentMessages)]
TheActions = Annotated[BulkActions, provided(BulkActions)]
TheControl = Annotated[JobControl, provided(JobControl)]
TheSearch = Annotated[Search, provided(Search)]
TheSubjects = Annotated[Subjects, provided(Subjects)]
Cursor = Annotated[str | None, Query(max_length=4000)]
_PAGE = 50
_LINES = 40
"""The last ones, on the task's own page."""
_LINES_OF_A_PAGE = 200
_ARRIVED = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.COMPLAINED, DeliveryState.SKIPPED)
FURTHER = ("type", "recipient", "group", "error", "batch", "cancel_key", "after", "before")
"""Filters that are folded away while none of them is used."""


def chosen(
    search: Word = "",
    status: Word = "",
    kind: Word = "",
    channel: Word = "",
    delivery: Word = "",
    type: Word = "",
    recipient: Word = "",
    group: Word = "",
    error: Word = "",
    batch: Word = "",
    cancel_key: Word = "",
    after: Word = "",
    before: Word = "",
) -> Mapping[str, str]:
    """A dependency: the filters in the address of the page, by name; all of them."""
    return {name: value.strip() for name, value in locals().items()}


def offered(fields: Mapping[str, str]) -> list[ActionKind]:
    """What can be done to those of the messages that are in a state for it; nothing without a filter that says which,
    as the time before which they were requested does not."""
    status, delivery = fields["status"], fields["delivery"]
    named = any(value for name, value in fields.items() if name != "before")
    if status:
        return [deed for deed, states in MAY_BE.items() if status in states]
    if delivery in REPORTED or delivery in _ARRIVED or not named:
        return []
    if delivery in SENDABLE_AGAIN:
        return ["retry"]
    return ["retry", "cancel"] if fields["error"] and not delivery else ["cancel"]


Chosen = Annotated[Mapping[str, str], Depends(chosen)]


@router.get("")
async def messages(
    visitor: Reading,
    jobs: TheJobs,
    searching: TheSearch,
    actions: TheActions,
    subjects: TheSubjects,
    fields: Chosen,
    cursor: Cursor = None,
) -> Response:
    """What was requested, the newest first."""
    found = await searching.meant(visitor.caller.project_id, fields)
    if found.job_id is not None:
        return RedirectResponse(f"/console/messages/{found.job_id}", 303)
    rows, next_cursor, count = [], None, None
    if found.filters is not None:
        listed = await jobs.page(
            found.filters, "-created_at", cursor, _PAGE, frozenset({"metadata", "result"})
        )
        rows = await searching.addressed(visitor.caller.project_id, listed.data)
        next_cursor = listed.next_cursor
        if cursor is None:
            count = len(rows), False
            if next_cursor is not None:
                counted = await actions.count(found.filters, pages=1)
                count = counted.matched, counted.more
    shown = {name: value for name, value in fields.items() if value}
    answer = pages.page(
        "messages",
        visitor,
        rows=rows,
        subjects=await subjects.of(visitor.caller, [each.job.id for each in rows]) if rows else {},
        next_cursor=next_cursor,
        cursor=cursor,
        fields=fields,
        chosen=shown,
        further=any(fields[name] for name in FURTHER),
        count=count,
        offered=offered(fields),
        states=list(JobState),
        kinds=list(JobKind),
        channels=list(Channel),
        deliveries=DELIVERY,
        flaw=found.flaw,
        several=found.several,
    )
    return _at(answer, shown) if cursor is None else answer


@router.get("/known/{word}")
async def known(
    visitor: Reading, searching: TheSearch, word: Literal["type", "recipient", "group"], fields: Chosen
) -> Response:
    """What begins with what is typed into a filter, for its `<datalist>`."""
    found = await searching.beginning(visitor.caller.project_id, word, fields[word])
    return pages.page("known", visitor, word=word, found=found)


@router.get("/{job_id}")
async def message(visitor: Reading, jobs: TheJobs, logs: TheLogs, job_id: UUID) -> Response:
    """One message: why it was sent, or not; or one task."""
    history = await jobs.history(visitor.caller, job_id)
    timeline = await jobs.timeline(visitor.caller, job_id)
    task = history.job.kind == JobKind.TASK
    return pages.page(
        "message",
        visitor,
        here="tasks" if task else "messages",
        **history.__dict__,
        story=told(timeline.data),
        neighbours=await jobs.neighbours(visitor.caller, job_id) if task else [],
        log=await logs.latest(visitor.caller.project_id, job_id, _LINES) if task else None,
    )


@router.get("/{job_id}/log")
async def log(visitor: Reading, logs: TheLogs, job_id: UUID, cursor: Cursor = None) -> Response:
    """All that a task has logged."""
    found = await logs.page(visitor.caller.project_id, job_id, _LINES_OF_A_PAGE, cursor)
    return pages.page("log", visitor, here="tasks", job_id=job_id, cursor=cursor, **found.__dict__)


@router.get("/{job_id}/sent/{delivery_id}")
async def sent(visitor: Managing, messages: TheSent, job_id: UUID, delivery_id: UUID) -> Response:
    """A message as it was sent."""
    shown = await messages.look(visitor.caller, job_id, delivery_id)
    return pages.page("sent", visitor, here="messages", sent=shown, job_id=job_id, delivery_id=delivery_id)


@router.get("/{job_id}/sent/{delivery_id}/html")
async def sent_html(visitor: Managing, messages: TheSent, job_id: UUID, delivery_id: UUID) -> Response:
    """The HTML of a mail as it was sent, for the frame of the page above."""
    return pages.mail((await messages.look(visitor.caller, job_id, delivery_id)).html or "")


@router.get("/{job_id}/cancel")
async def ask_cancel(visitor: Managing, jobs: TheJobs, job_id: UUID) -> Response:
    """Whether it is to be cancelled."""
    job = (await jobs.history(visitor.caller, job_id)).job
    task = job.kind == JobKind.TASK
    page, noun = f"/console/messages/{job_id}", "task" if task else "message"
    says = (
        "It is not done; if a worker runs it, it is told to stop."
        if task
        else "What is not sent yet is not sent."
    )
    asks, here = f"Cancel this {noun}?", "tasks" if task else "messages"
    return pages.question(visitor, here, asks, (says,), f"{page}/cancel", f"Cancel the {noun}", page)


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


def _at(answer: Response, chosen: Mapping[str, str]) -> Response:
    """Has the browser show the filters as its address, without empty ones, where a form asked by script."""
    answer.headers["hx-replace-url"] = "/console/messages" + (f"?{urlencode(chosen)}" if chosen else "")
    return answer
