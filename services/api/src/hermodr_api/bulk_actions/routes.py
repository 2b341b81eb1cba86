"""`/v1/bulk-actions`: all jobs that match a filter are asked for again, or cancelled."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.bulk_actions.models import BulkActionIn, BulkActionList, BulkActionView, BulkPlanView
from hermodr_api.bulk_actions.service import BulkActions
from hermodr_api.http.auth import Manager, Reader
from hermodr_api.http.intake import IdempotencyKey, NoBody, respond
from hermodr_api.http.lists import NewestFirst
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route

router = APIRouter(prefix="/v1/bulk-actions", tags=["bulk actions"], route_class=Route)

Service = Annotated[BulkActions, provided(BulkActions)]


@router.post(
    "",
    status_code=202,
    response_model=BulkActionView,
    responses={200: {"description": "A dry run: nothing was changed", "model": BulkPlanView}},
)
async def create(caller: Manager, actions: Service, wanted: BulkActionIn, key: IdempotencyKey) -> Response:
    """Retry or cancel all jobs that match, or (dry_run, 200) count them.

    The schedulers do it in steps; `GET /v1/bulk-actions/{id}` says how far it has come.
    """
    filters = wanted.filters(caller.project_id)
    if wanted.dry_run:
        return respond(await actions.plan(caller, filters, key))
    return respond(await actions.create(caller, wanted.action, filters, key))


@router.get("", name="list")
async def list_actions(caller: Reader, asked: NewestFirst, actions: Service) -> BulkActionList:
    """List bulk actions, the newest first; each for 90 days after its end."""
    found = await actions.page(caller.project_id, asked.page)
    return BulkActionList(
        data=[BulkActionView.of(each) for each in found.rows], next_cursor=asked.cursor(found)
    )


@router.get("/{bulk_action_id}", responses=refusals(404))
async def show(caller: Reader, actions: Service, bulk_action_id: UUID) -> BulkActionView:
    """Show a bulk action and how far it has come."""
    return BulkActionView.of(await actions.read(caller.project_id, bulk_action_id))


@router.post("/{bulk_action_id}/stop", response_model=BulkActionView, responses=refusals(404, 409))
async def stop(
    caller: Manager, actions: Service, bulk_action_id: UUID, _: NoBody, key: IdempotencyKey
) -> Response:
    """Stop a bulk action; what is done stays done."""
    return respond(await actions.stop(caller, bulk_action_id, key))
