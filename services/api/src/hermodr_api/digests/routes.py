from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from hermodr_api.digests.models import (
    MOST_OCCURRENCES,
    DigestOccurrencesView,
    DigestPreviewView,
    DigestRunView,
    DigestScheduleIn,
    DigestScheduleList,
    DigestSchedulePatch,
    DigestScheduleView,
)
from hermodr_api.digests.service import DigestSchedules
from hermodr_api.http.auth import Manager, ManagerOrUser, Reader, ReaderOrUser
from hermodr_api.http.bodies import NUMERAL
from hermodr_api.http.intake import IdempotencyKey, NoBody, respond
from hermodr_api.http.lists import Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_ledger.digests.schedules import DigestSchedule, Frequency, ScheduleSearch

router = APIRouter(prefix="/v1/digest-schedules", tags=["digests"], route_class=Route)

Service = Annotated[DigestSchedules, provided(DigestSchedules)]
Count = Annotated[int, Query(ge=1, le=MOST_OCCURRENCES, description="How many."), NUMERAL]


@router.get("", name="list")
async def list_schedules(
    caller: ReaderOrUser,
    asked: Listing,
    digests: Service,
    recipient_id: UUID | None = None,
    group_id: UUID | None = None,
    frequency: Frequency | None = None,
    is_active: bool | None = None,
) -> DigestScheduleList:
    """List digest schedules."""
    search = ScheduleSearch(recipient_id, group_id, frequency, is_active, caller.user_id)
    found = await digests.page(caller, asked.page, search)
    return asked.answer(DigestScheduleList, DigestScheduleView, found)


@router.get("/{digest_schedule_id}", response_model=DigestScheduleView, responses=refusals(404))
async def show(caller: ReaderOrUser, digests: Service, digest_schedule_id: UUID) -> DigestSchedule:
    """Show a digest schedule."""
    return await digests.read(caller, digest_schedule_id)


@router.post("", status_code=201, response_model=DigestScheduleView)
async def create(
    caller: Manager, digests: Service, wanted: DigestScheduleIn, key: IdempotencyKey
) -> Response:
    """Make a digest schedule."""
    return respond(await digests.create(caller, wanted, key))


@router.patch("/{digest_schedule_id}", response_model=DigestScheduleView, responses=refusals(404, 409))
async def change(
    caller: ManagerOrUser, digests: Service, digest_schedule_id: UUID, wanted: DigestSchedulePatch
) -> DigestSchedule:
    """Change, pause or resume a digest schedule."""
    return await digests.change(caller, digest_schedule_id, wanted)


@router.delete("/{digest_schedule_id}", status_code=204, responses=refusals(404))
async def delete(caller: Manager, digests: Service, digest_schedule_id: UUID) -> None:
    """Delete a digest schedule."""
    await digests.delete(caller, digest_schedule_id)


@router.get("/{digest_schedule_id}/occurrences", responses=refusals(404, 409))
async def occurrences(
    caller: ReaderOrUser, digests: Service, digest_schedule_id: UUID, count: Count = 10
) -> DigestOccurrencesView:
    """List when a digest schedule is due next."""
    return await digests.occurrences(caller, digest_schedule_id, count)


@router.get("/{digest_schedule_id}/preview", responses=refusals(404))
async def preview(caller: Reader, digests: Service, digest_schedule_id: UUID) -> DigestPreviewView:
    """Show the digest that would be sent now."""
    return await digests.preview(caller, digest_schedule_id)


@router.post(
    "/{digest_schedule_id}/run", status_code=202, response_model=DigestRunView, responses=refusals(404)
)
async def run(
    caller: Manager, _: NoBody, digests: Service, digest_schedule_id: UUID, key: IdempotencyKey
) -> Response:
    """Send a digest now."""
    return respond(await digests.run(caller, digest_schedule_id, key))
