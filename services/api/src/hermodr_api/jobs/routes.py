"""`/v1/jobs` and `/v1/batches`. End users see their own jobs, cancel and retry those they asked for."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from hermodr_api.errors import Flaw, invalid
from hermodr_api.http.auth import Manager, ManagerOrUser, Reader, ReaderOrUser
from hermodr_api.http.bodies import NUMERAL
from hermodr_api.http.cursors import MOST_OF_A_CURSOR
from hermodr_api.http.fields import AnyAddress
from hermodr_api.http.intake import IdempotencyKey, NoBody, respond
from hermodr_api.http.lists import After, Before, Cursor, Filter, Limit, including, left_out
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.jobs.control import JobControl
from hermodr_api.jobs.endings import CancelByKeyIn, CancelledByKeyView
from hermodr_api.jobs.logs import Follow, LogView, OfAttempt, TaskLogs
from hermodr_api.jobs.metrics import JobMetrics, JobMetricsView
from hermodr_api.jobs.models import (
    AcceptedView,
    BatchView,
    BulkRetryView,
    CancelledView,
    JobHistoryView,
    JobList,
    Timeline,
)
from hermodr_api.jobs.queries import BulkRetryIn, JobSort
from hermodr_api.jobs.service import Jobs
from hermodr_contracts.vocabulary import Channel, DeliveryState, JobKind, JobState
from hermodr_ledger.jobs.listing_sources import PAYLOADS, Filters, Reported

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=Route)

Service = Annotated[Jobs, provided(Jobs)]
Control = Annotated[JobControl, provided(JobControl)]
Logs = Annotated[TaskLogs, provided(TaskLogs)]
Metrics = Annotated[JobMetrics, provided(JobMetrics)]

JobCursor = Annotated[
    str | None,
    Query(
        max_length=MOST_OF_A_CURSOR,
        description="`next_cursor` of the previous page; or `now`: only jobs committed from now on. Then there is"
        " always a `next_cursor`, for what is committed later.",
    ),
]
SortBy = Annotated[JobSort, Query(description="The sort key; with `-` in descending order.")]
Status = Annotated[JobState | None, Query(description="Only jobs in this state.")]
Kind = Annotated[JobKind | None, Query(description="Only jobs of this kind.")]
Type = Annotated[Filter, Query(description="Only jobs of this type: the name of a template or task.")]
Method = Annotated[Channel | None, Query(description="Only jobs with a delivery on this channel.")]
ToRecipient = Annotated[UUID | None, Query(description="Only jobs to this recipient.")]
ToGroup = Annotated[UUID | None, Query(description="Only jobs to members of this group, sent to it.")]
ToAddress = Annotated[
    AnyAddress | None,
    Query(
        description="Only jobs that went to this email address or phone number, or are requested for it. Letter case"
        " does not count."
    ),
]
OfState = Annotated[
    DeliveryState | None,
    Query(
        description="Only jobs with a delivery in this state; with `delivery_method`, with one on that channel."
    ),
]
OfError = Annotated[
    Filter,
    Query(
        description="Only jobs with a delivery whose last attempt ended with this code, such as `smtp_550`."
    ),
]
OfReport = Annotated[
    Reported | None,
    Query(
        description="Only jobs with a delivery of which a provider reported that it was opened, or clicked."
    ),
]
OfKey = Annotated[Filter, Query(description="Only jobs requested with this `cancel_key`.")]
OfBatch = Annotated[UUID | None, Query(description="Only jobs of this bulk request.")]
Include = Annotated[str | None, including(*PAYLOADS)]
Hours = Annotated[
    int, Query(ge=1, le=24 * 90, description="Jobs accepted in the last hours, as many as given."), NUMERAL
]


async def _filters(
    caller: ReaderOrUser,
    status: Status = None,
    kind: Kind = None,
    type: Type = None,
    delivery_method: Method = None,
    recipient_id: ToRecipient = None,
    address: ToAddress = None,
    group_id: ToGroup = None,
    batch_id: OfBatch = None,
    cancel_key: OfKey = None,
    delivery_state: OfState = None,
    error: OfError = None,
    reported: OfReport = None,
    created_after: After = None,
    created_before: Before = None,
) -> Filters:
    if caller.user_id is not None and cancel_key is not None:
        raise invalid(Flaw(("query", "cancel_key"), "is not shown to end users"))
    return Filters(
        caller.project_id,
        owner_id=caller.user_id,
        states=(status,) if status is not None else None,
        kind=kind,
        type=type,
        delivery_method=delivery_method,
        recipient_id=recipient_id,
        address=address,
        group_id=group_id,
        batch_id=batch_id,
        cancel_key=cancel_key,
        delivery_state=delivery_state,
        error=error,
        reported=reported,
        created_after=created_after,
        created_before=created_before,
    )


Meant = Annotated[Filters, Depends(_filters)]


@router.get("/jobs/metrics", name="show")
async def show_metrics(
    caller: Reader, metrics: Metrics, hours: Hours = 24, kind: Kind = None
) -> JobMetricsView:
    """Show job metrics: counts, success rate, durations, what waits."""
    return await metrics.look(caller.project_id, hours, kind)


@router.get("/jobs", name="list", response_model_exclude_unset=True)
async def list_jobs(
    _: ReaderOrUser,
    jobs: Service,
    meant: Meant,
    limit: Limit = 50,
    cursor: JobCursor = None,
    sort: SortBy = "created_at",
    include: Include = None,
) -> JobList:
    """List jobs."""
    return await jobs.page(meant, sort, cursor, limit, left_out(include, *PAYLOADS))


@router.get("/jobs/{job_id}", responses=refusals(404))
async def show(caller: ReaderOrUser, jobs: Service, job_id: UUID) -> JobHistoryView:
    """Show a job with its recipient, deliveries and attempts."""
    return await jobs.history(caller, job_id)


@router.get("/jobs/{job_id}/timeline", responses=refusals(404))
async def timeline(caller: ReaderOrUser, jobs: Service, job_id: UUID) -> Timeline:
    """List all events of a job."""
    return await jobs.timeline(caller, job_id)


@router.get("/jobs/{job_id}/logs", responses=refusals(404))
async def logs(
    caller: Reader,
    logs: Logs,
    job_id: UUID,
    limit: Limit = 50,
    cursor: Cursor = None,
    attempt: OfAttempt = None,
    follow: Follow = False,
) -> LogView:
    """List what a task has logged, oldest first."""
    return await logs.page(caller.project_id, job_id, limit, cursor, attempt=attempt, follow=follow)


@router.get("/batches/{batch_id}", responses=refusals(404))
async def batch(caller: Reader, jobs: Service, batch_id: UUID) -> BatchView:
    """Show the progress of a bulk request."""
    return await jobs.batch(caller.project_id, batch_id)


@router.delete("/jobs/{job_id}", responses=refusals(404, 409))
async def cancel(caller: ManagerOrUser, control: Control, job_id: UUID) -> CancelledView:
    """Cancel a job: no further delivery of it is started.

    End users cancel what they asked for themselves (else 403).
    """
    return await control.cancel(caller, job_id)


@router.post(
    "/jobs/{job_id}/retry",
    status_code=202,
    response_model=AcceptedView,
    responses=refusals(404, 408, 413),
)
async def retry(
    caller: ManagerOrUser, control: Control, job_id: UUID, _: NoBody, key: IdempotencyKey
) -> Response:
    """Retry a job that failed, was held or was cancelled.

    End users retry what they asked for themselves (else 403), unless the application cancelled it.
    """
    return respond(await control.retry(caller, job_id, key))


@router.post(
    "/jobs/retry",
    status_code=202,
    response_model=BulkRetryView,
    responses={200: {"description": "A dry run: nothing was changed", "model": BulkRetryView}},
)
async def retry_many(caller: Manager, control: Control, wanted: BulkRetryIn, key: IdempotencyKey) -> Response:
    """Retry all jobs that match, or (dry_run, 200) count them."""
    return respond(await control.retry_many(caller, wanted, key))


@router.post("/jobs/cancel", response_model=CancelledByKeyView)
async def cancel_by_key(
    caller: Manager, control: Control, wanted: CancelByKeyIn, key: IdempotencyKey
) -> Response:
    """Cancel all jobs with a cancel_key that were not sent yet."""
    return respond(await control.cancel_by_key(caller, wanted.cancel_key, key))
