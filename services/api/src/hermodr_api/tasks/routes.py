from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from hermodr_api.http.auth import SenderOrUser
from hermodr_api.http.intake import IdempotencyKey, respond
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.tasks.models import TaskAcceptedView, TaskIn
from hermodr_api.tasks.service import Tasks

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=Route)

Service = Annotated[Tasks, provided(Tasks)]


@router.post("", status_code=202, response_model=TaskAcceptedView)
async def post(caller: SenderOrUser, tasks: Service, wanted: TaskIn, key: IdempotencyKey) -> Response:
    """Request a background task."""
    return respond(await tasks.request(caller, wanted, key))
