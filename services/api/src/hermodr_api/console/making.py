"""What messages and tasks are made of and by: `/console/templates`, `/schedules` and `/tasks`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.search import Search
from hermodr_api.console.visiting import Page, Reading
from hermodr_api.http.lists import Listing, NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.jobs.metrics import JobMetrics
from hermodr_api.jobs.service import Jobs
from hermodr_api.schedules.service import Schedules
from hermodr_api.templates.service import Templates
from hermodr_contracts.vocabulary import JobKind
from hermodr_ledger.jobs.listing_sources import Filters
from hermodr_ledger.schedules.schedules import ScheduleSearch

router = APIRouter(prefix="/console", include_in_schema=False, route_class=Page)

TheTemplates = Annotated[Templates, provided(Templates)]
_HOURS = 24
_SHOWN = 50


@router.get("/templates")
async def templates(visitor: Reading, templates: TheTemplates, asked: Listing) -> Response:
    """All templates with their channels and languages."""
    found = await templates.page(visitor.caller.project_id, asked.page, name=None)
    return pages.page("templates", visitor, rows=found.rows, next_cursor=asked.cursor(found))


@router.get("/templates/{template_id}")
async def template(visitor: Reading, templates: TheTemplates, template_id: UUID) -> Response:
    """One template, as it is now."""
    found = await templates.read(visitor.caller.project_id, template_id)
    return pages.page("template", visitor, here="templates", template=found)


@router.get("/schedules")
async def schedules(
    visitor: Reading, schedules: Annotated[Schedules, provided(Schedules)], asked: NewestFirst
) -> Response:
    """Rules that make jobs, and when they do next."""
    found = await schedules.page(visitor.caller.project_id, asked.page, ScheduleSearch(None, None), job=False)
    return pages.page("schedules", visitor, rows=found.rows, next_cursor=asked.cursor(found))


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
