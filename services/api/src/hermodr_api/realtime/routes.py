from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import StreamingResponse

from hermodr_api.http.auth import ReaderOrUser
from hermodr_api.http.openapi import refusals
from hermodr_api.http.provided import provided
from hermodr_api.http.routing import Route
from hermodr_api.realtime.stream import Streams

router = APIRouter(prefix="/v1/inbox", tags=["inbox"], route_class=Route)

LastEventId = Annotated[
    str | None,
    Header(
        alias="last-event-id",
        description="The `id` of the last event that came; what came since is told again.",
    ),
]
_SHOWN: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An endless stream of the events `notification`, `notification:count`, `job:status`, "
        "`job:update`, `refetch` and `unauthorized`, which is the last one.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get("/stream", response_class=StreamingResponse, responses={**_SHOWN, **refusals(422)})
async def stream(
    caller: ReaderOrUser,
    request: Request,
    streams: Annotated[Streams, provided(Streams)],
    last_event_id: LastEventId = None,
) -> StreamingResponse:
    """Follow the own inbox and jobs, as Server-Sent Events."""
    token = request.headers["authorization"].split()[-1]
    return await streams.inbox(caller, token, last_event_id)
