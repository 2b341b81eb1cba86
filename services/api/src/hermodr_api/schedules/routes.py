from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.bodies import NUMERAL
from hermodr_api.http.intake import IdempotencyKey, NoBody, respond
from hermodr_api.http.lists import Filter, Listing, NewestFirst, including, left_out
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.schedules.models import (
    MOST_OCCURRENCES,
    ListedScheduleView,
    OccurrenceList,
    RunList,
    RunView,
    ScheduleIn,
    ScheduleList,
    SchedulePatch,
    ScheduleView,
)
from hermodr_api.schedules.service import Schedules
from hermodr_ledger.schedules.schedules import Schedule, ScheduleSearch

router = APIRouter(prefix="/v1/schedules", tags=["schedules"], route_class=Route)

Service = Annotated[Schedules, provided(Schedules)]
Include = Annotated[str | None, including("job")]
IsActive = Annotated[
    Literal["true", "false"] | None, Query(description="Only those that fire, or only paused ones.")
]
State = Annotated[Literal["fired", "missed", "failed"] | None, Query(description="Only those in this state.")]
HowMany = Annotated[int, Query(ge=1, le=MOST_OCCURRENCES, description="How many at most."), NUMERAL]


@router.get("", name="list", response_model_exclude_unset=True)
async def list_schedules(
    caller: Reader,
    asked: Listing,
    schedules: Service,
    name: Filter = None,
    is_active: IsActive = None,
    include: Include = None,
) -> ScheduleList:
    """List schedules."""
    search = ScheduleSearch(name, None if is_active is None else is_active == "true")
    found = await schedules.page(caller.project_id, asked.page, search, job=include is not None)
    return asked.answer(ScheduleList, ListedScheduleView, found, left_out(include, "job"))


@router.get("/{schedule_id}", response_model=ScheduleView, responses=refusals(404))
async def show(caller: Reader, schedules: Service, schedule_id: UUID) -> Schedule:
    """Show a schedule."""
    return await schedules.read(caller.project_id, schedule_id)


@router.post("", status_code=201, response_model=ScheduleView)
async def create(caller: Manager, schedules: Service, wanted: ScheduleIn, key: IdempotencyKey) -> Response:
    """Add a schedule."""
    return respond(await schedules.create(caller, wanted, key))


@router.patch("/{schedule_id}", response_model=ScheduleView, responses=refusals(404, 409))
async def change(caller: Manager, schedules: Service, schedule_id: UUID, wanted: SchedulePatch) -> Schedule:
    """Change, pause or resume a schedule."""
    return await schedules.change(caller, schedule_id, wanted)


@router.delete("/{schedule_id}", status_code=204, responses=refusals(404))
async def delete(caller: Manager, schedules: Service, schedule_id: UUID) -> None:
    """Delete a schedule. The jobs it made stay; what became of its occurrences is not shown any more."""
    await schedules.delete(caller, schedule_id)


@router.get("/{schedule_id}/occurrences", responses=refusals(404))
async def list_occurrences(
    caller: Reader, schedules: Service, schedule_id: UUID, count: HowMany = 10
) -> OccurrenceList:
    """List the next occurrences of a schedule."""
    return OccurrenceList(data=await schedules.occurrences(caller.project_id, schedule_id, count))


@router.get("/{schedule_id}/runs", responses=refusals(404))
async def list_runs(
    caller: Reader, asked: NewestFirst, schedules: Service, schedule_id: UUID, state: State = None
) -> RunList:
    """List what became of the occurrences of a schedule, the newest first."""
    found = await schedules.runs(caller.project_id, schedule_id, asked.page, state=state)
    return asked.answer(RunList, RunView, found)


@router.post("/{schedule_id}/run", status_code=202, response_model=RunView, responses=refusals(404))
async def run(
    caller: Manager, schedules: Service, schedule_id: UUID, _: NoBody, key: IdempotencyKey
) -> Response:
    """Fire a schedule now, once, paused or not.

    The answer is its run: `failed` if there is nobody to write to.
    """
    return respond(await schedules.run(caller, schedule_id, key))
