from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from hermodr_api.auto_syncs.models import (
    AutoSyncIn,
    AutoSyncList,
    AutoSyncPatch,
    AutoSyncRunView,
    AutoSyncView,
    ResponseIn,
    ResponseList,
    ResponseView,
    Status,
)
from hermodr_api.auto_syncs.service import AutoSyncs
from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.intake import IdempotencyKey, NoBody, respond
from hermodr_api.http.lists import Listing
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route

router = APIRouter(prefix="/v1/auto-syncs", tags=["auto-syncs"], route_class=Route)

Service = Annotated[AutoSyncs, provided(AutoSyncs)]
StatusFilter = Annotated[Status | None, Query(description="Only those with this status.")]


@router.get("", name="list")
async def list_auto_syncs(
    caller: Reader,
    asked: Listing,
    auto_syncs: Service,
    organizer_id: UUID | None = None,
    group_id: UUID | None = None,
    status: StatusFilter = None,
) -> AutoSyncList:
    """List auto-syncs."""
    found = await auto_syncs.page(
        caller.project_id, asked.page, organizer_id=organizer_id, group_id=group_id, status=status
    )
    return asked.answer(AutoSyncList, AutoSyncView, found)


@router.get("/{sync_id}", responses=refusals(404))
async def show(caller: Reader, auto_syncs: Service, sync_id: UUID) -> AutoSyncView:
    """Show an auto-sync and where it stands."""
    return AutoSyncView.model_validate(await auto_syncs.read(caller.project_id, sync_id))


@router.post("", status_code=201, response_model=AutoSyncView)
async def create(caller: Manager, auto_syncs: Service, wanted: AutoSyncIn, key: IdempotencyKey) -> Response:
    """Ask a group for answers."""
    return respond(await auto_syncs.create(caller, wanted, key))


@router.patch("/{sync_id}", responses=refusals(404, 409))
async def change(caller: Manager, auto_syncs: Service, sync_id: UUID, wanted: AutoSyncPatch) -> AutoSyncView:
    """Change an auto-sync, or cancel it."""
    return AutoSyncView.model_validate(await auto_syncs.change(caller, sync_id, wanted))


@router.delete("/{sync_id}", status_code=204, responses=refusals(404))
async def delete(caller: Manager, auto_syncs: Service, sync_id: UUID) -> None:
    """Delete an auto-sync with its answers; messages that were requested stay."""
    await auto_syncs.delete(caller, sync_id)


@router.get("/{sync_id}/responses", responses=refusals(404))
async def list_responses(caller: Reader, asked: Listing, auto_syncs: Service, sync_id: UUID) -> ResponseList:
    """List everybody who is asked, with the answers."""
    found = await auto_syncs.responses(caller.project_id, sync_id, asked.page)
    return asked.answer(ResponseList, ResponseView, found)


@router.post(
    "/{sync_id}/responses", status_code=201, response_model=AutoSyncView, responses=refusals(404, 409)
)
async def add_response(
    caller: Manager, auto_syncs: Service, sync_id: UUID, wanted: ResponseIn, key: IdempotencyKey
) -> Response:
    """Record a member's answer; the last that the goal needs completes the auto-sync."""
    return respond(await auto_syncs.respond(caller, sync_id, wanted, key))


@router.post("/{sync_id}/pause", response_model=AutoSyncView, responses=refusals(404, 409))
async def pause(
    caller: Manager, auto_syncs: Service, sync_id: UUID, _: NoBody, key: IdempotencyKey
) -> Response:
    """Pause an auto-sync; its waiting job is skipped."""
    return respond(await auto_syncs.set_status(caller, sync_id, "paused", key))


@router.post("/{sync_id}/resume", response_model=AutoSyncView, responses=refusals(404, 409))
async def resume(
    caller: Manager, auto_syncs: Service, sync_id: UUID, _: NoBody, key: IdempotencyKey
) -> Response:
    """Resume an auto-sync.

    The time of the pause does not count. One that its own check has paused begins anew.
    """
    return respond(await auto_syncs.set_status(caller, sync_id, "running", key))


@router.post("/{sync_id}/complete", response_model=AutoSyncView, responses=refusals(404, 409))
async def complete(
    caller: Manager, auto_syncs: Service, sync_id: UUID, _: NoBody, key: IdempotencyKey
) -> Response:
    """End an auto-sync before its goal is met; its waiting job is skipped."""
    return respond(await auto_syncs.set_status(caller, sync_id, "completed", key))


@router.post("/{sync_id}/run", status_code=202, response_model=AutoSyncRunView, responses=refusals(404))
async def run(
    caller: Manager, auto_syncs: Service, sync_id: UUID, _: NoBody, key: IdempotencyKey
) -> Response:
    """Do what is due now, without waiting for the scheduler."""
    return respond(await auto_syncs.run(caller, sync_id, key))
