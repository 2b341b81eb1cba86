"""`/v1/jobs` and `/v1/batches`: what became of what was requested."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.errors import not_found
from hermodr_api.http.answers import patience
from hermodr_api.http.cursors import MOST_OF_A_CURSOR
from hermodr_api.http.intake import Gate, caller_of, ok
from hermodr_api.http.lists import After, Before, Filter, Limit, including, left_out, page_json
from hermodr_api.http.openapi import documented
from hermodr_api.jobs.models import (
    BatchView,
    JobHistoryView,
    JobList,
    Timeline,
    batch_view,
    history_view,
    listed_views,
    timeline,
)
from hermodr_api.jobs.queries import FROM_NOW, JobSort, cursor_of, mark_of, order_of
from hermodr_contracts.vocabulary import Channel, JobKind, JobState
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import listing, reading
from hermodr_ledger.jobs.batches import read_batch
from hermodr_ledger.jobs.listing_sources import PAYLOADS, Filters
from hermodr_ledger.jobs.reading import JobHistory
from hermodr_servicekit.clock import Clock

JobCursor = Annotated[
    str | None,
    Query(
        max_length=MOST_OF_A_CURSOR,
        description="`next_cursor` of the page before; or `now`: only what is committed from now on. There is always a"
        " `next_cursor` then, and what was committed meanwhile behind it.",
    ),
]
SortBy = Annotated[JobSort, Query(description="By what the list is ordered; with `-`, the last first.")]
Status = Annotated[JobState | None, Query(description="Only jobs in this state.")]
Kind = Annotated[JobKind | None, Query(description="Only jobs of this kind.")]
Type = Annotated[Filter, Query(description="Only jobs of this type: the template's, or the task's name.")]
Method = Annotated[Channel | None, Query(description="Only jobs with a delivery on this channel.")]
ToRecipient = Annotated[UUID | None, Query(description="Only jobs to this recipient.")]
ToGroup = Annotated[UUID | None, Query(description="Only jobs to members of this group, sent to it.")]
OfKey = Annotated[Filter, Query(description="Only jobs requested with this `cancel_key`.")]
OfBatch = Annotated[UUID | None, Query(description="Only jobs of this bulk request.")]
Include = Annotated[str | None, including(*PAYLOADS)]


class JobRoutes:
    """Reading jobs."""

    def __init__(self, gate: Gate, ledger: Ledger, clock: Clock, domain: str) -> None:
        self._gate = gate
        self._ledger = ledger
        self._clock = clock
        self._domain = domain

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["jobs"])
        owned, reading = [Depends(self._gate.user_or("read"))], [Depends(self._gate.needs_read)]
        docs = documented("List jobs", method="GET", scope="read", users=True, answer=JobList)
        router.add_api_route("/v1/jobs", self.list, dependencies=owned, **docs)
        for path, endpoint, summary, answer in (
            ("/v1/jobs/{job_id}", self.show, "A job with all that belongs to it", JobHistoryView),
            ("/v1/jobs/{job_id}/timeline", self.timeline, "Everything that happened to a job", Timeline),
        ):
            docs = documented(summary, method="GET", scope="read", users=True, answer=answer, problems=(404,))
            router.add_api_route(path, endpoint, dependencies=owned, **docs)
        docs = documented(
            "How far a bulk request is", method="GET", scope="read", answer=BatchView, problems=(404,)
        )
        router.add_api_route("/v1/batches/{batch_id}", self.batch, dependencies=reading, **docs)
        return router

    async def list(
        self,
        request: Request,
        limit: Limit = 50,
        cursor: JobCursor = None,
        sort: SortBy = "created_at",
        status: Status = None,
        kind: Kind = None,
        type: Type = None,
        delivery_method: Method = None,
        recipient_id: ToRecipient = None,
        group_id: ToGroup = None,
        batch_id: OfBatch = None,
        cancel_key: OfKey = None,
        created_after: After = None,
        created_before: Before = None,
        include: Include = None,
    ) -> Response:
        """`GET /v1/jobs`."""
        caller = caller_of(request)
        filters = Filters(
            caller.project_id,
            owner_id=caller.user_id,
            states=(status,) if status is not None else None,
            kind=kind,
            type=type,
            delivery_method=delivery_method,
            recipient_id=recipient_id,
            group_id=group_id,
            batch_id=batch_id,
            cancel_key=cancel_key,
            created_after=created_after,
            created_before=created_before,
        )
        order, without = order_of(sort), left_out(include, *PAYLOADS)
        from_now = cursor == FROM_NOW and order.direction == "ASC"
        after = mark_of(cursor, filters, order) if not from_now else None
        async with patience(), self._ledger.transaction(isolation="repeatable_read") as transaction:
            if from_now:
                after = await listing.from_now(transaction)
            found = await listing.page(transaction, filters, order, limit, after)
            found = await listing.with_payloads(transaction, found, set(PAYLOADS) - without)
        now = self._clock.now()
        page = JobList(
            data=listed_views(found.jobs, now, self._domain),
            next_cursor=cursor_of(found.next, filters, order) if found.next is not None else None,
        )
        return ok(page_json(page, without))

    async def show(self, request: Request, job_id: UUID) -> Response:
        """`GET /v1/jobs/{id}`."""
        history = await self._history(request, job_id)
        return ok(history_view(history, self._clock.now(), self._domain).model_dump_json().encode())

    async def timeline(self, request: Request, job_id: UUID) -> Response:
        """`GET /v1/jobs/{id}/timeline`."""
        history = await self._history(request, job_id)
        return ok(timeline(history).model_dump_json().encode())

    async def batch(self, request: Request, batch_id: UUID) -> Response:
        """`GET /v1/batches/{id}`."""
        async with patience():
            batch = await read_batch(self._ledger, caller_of(request).project_id, batch_id)
        if batch is None:
            raise not_found("batch")
        return ok(batch_view(batch).model_dump_json().encode())

    async def _history(self, request: Request, job_id: UUID) -> JobHistory:
        async with patience():
            caller = caller_of(request)
            history = await reading.read(self._ledger, caller.project_id, job_id, owner_id=caller.user_id)
        if history is None:
            raise not_found("job")
        return history
