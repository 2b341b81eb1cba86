"""`/console/tasks`: what is done in the background."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.search import Search
from hermodr_api.console.visiting import Page, Reading
from hermodr_api.http.provided import provided
from hermodr_api.jobs.metrics import JobMetrics
from hermodr_api.jobs.service import Jobs
from hermodr_contracts.vocabulary import JobKind
from hermodr_ledger.jobs.listing_sources import Filters

router = APIRouter(prefix="/console", include_in_schema=False, route_class=Page)

_HOURS = 24
_SHOWN = 50


@router.get("/tasks")
async def tasks(
    visitor: Reading,
    metrics: Annotated[JobMetrics, provided(JobMetrics)],
    jobs: Annotated[Jobs, provided(Jobs)],
    searching: Annotated[Search, provided(Search)],
) -> Response:
    """How tasks fare by type, and the newest ones."""
    project = visitor.caller.project_id
    fared = await metrics.look(project, _HOURS, JobKind.TASK)
    filters = Filters(project, kind=JobKind.TASK)
    listed = await jobs.page(filters, "-created_at", None, _SHOWN, frozenset({"metadata", "result"}))
    rows = await searching.addressed(project, listed.data)
    return pages.page("tasks", visitor, types=fared.task_types or [], rows=rows, hours=_HOURS)
