"""`/console/schedules`: what is requested again and again."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.console import pages
from hermodr_api.console.visiting import Page, Reading
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.provided import provided
from hermodr_api.schedules.service import Schedules
from hermodr_ledger.schedules.schedules import ScheduleSearch

router = APIRouter(prefix="/console/schedules", include_in_schema=False, route_class=Page)

TheSchedules = Annotated[Schedules, provided(Schedules)]


@router.get("")
async def schedules(visitor: Reading, schedules: TheSchedules, asked: NewestFirst) -> Response:
    """Rules that make jobs, and when they do next."""
    found = await schedules.page(visitor.caller.project_id, asked.page, ScheduleSearch(None, None), job=False)
    return pages.page("schedules", visitor, rows=found.rows, next_cursor=asked.cursor(found))
