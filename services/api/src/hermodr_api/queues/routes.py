from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.http.auth import Admin, Reader
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.queues.models import PausedView, PauseIn, QueuesView
from hermodr_api.queues.service import Queues

router = APIRouter(prefix="/v1/queues", tags=["queues"], route_class=Route)

Service = Annotated[Queues, provided(Queues)]
_NO_REASON = PauseIn()


@router.get("")
async def show(_: Reader, queues: Service) -> QueuesView:
    """Show every queue."""
    return await queues.look()


@router.post("/{channel}/pause", response_model=PausedView, responses=refusals(404))
async def pause(
    caller: Admin, queues: Service, channel: str, key: IdempotencyKey, wanted: PauseIn = _NO_REASON
) -> Response:
    """Pause a channel for every project: nothing is sent, nothing is lost."""
    return respond(await queues.pause(caller, channel, wanted.reason, key))


@router.post("/{channel}/resume", response_model=PausedView, responses=refusals(404))
async def resume(
    caller: Admin, queues: Service, channel: str, key: IdempotencyKey, wanted: PauseIn = _NO_REASON
) -> Response:
    """Resume a channel."""
    return respond(await queues.resume(caller, channel, wanted.reason, key))
