"""`/v1/queues`: what waits, and pausing a channel."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.http.answers import Key
from hermodr_api.http.intake import Gate, caller_of, key_of, ok, read_body, respond
from hermodr_api.http.openapi import documented
from hermodr_api.queues.models import PausedView, PauseIn, QueuesView
from hermodr_api.queues.service import Queues


class QueueRoutes:
    """Looking at queues; pausing and resuming channels."""

    def __init__(self, gate: Gate, queues: Queues) -> None:
        self._gate = gate
        self._queues = queues

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["queues"])
        docs = documented("Show every queue", method="GET", scope="read", answer=QueuesView)
        router.add_api_route("/v1/queues", self.show, dependencies=[Depends(self._gate.needs_read)], **docs)
        for verb, endpoint, summary in (
            ("pause", self.pause, "Pause a channel, of every project: nothing is sent, nothing is lost"),
            ("resume", self.resume, "Resume a channel"),
        ):
            docs = documented(
                summary,
                method="POST",
                scope="admin",
                answer=PausedView,
                body=PauseIn,
                example={"reason": "the provider has an outage"},
                problems=(404,),
            )
            docs["openapi_extra"]["requestBody"]["required"] = False
            router.add_api_route(
                f"/v1/queues/{{channel}}/{verb}",
                endpoint,
                dependencies=[Depends(self._gate.needs_admin)],
                **docs,
            )
        return router

    async def show(self) -> Response:
        """`GET /v1/queues`."""
        return ok((await self._queues.look()).model_dump_json().encode())

    async def pause(self, request: Request, channel: str) -> Response:
        """`POST /v1/queues/{channel}/pause`."""
        wanted, key = await _read(request)
        return respond(await self._queues.pause(caller_of(request), channel, wanted.reason, key))

    async def resume(self, request: Request, channel: str) -> Response:
        """`POST /v1/queues/{channel}/resume`."""
        wanted, key = await _read(request)
        return respond(await self._queues.resume(caller_of(request), channel, wanted.reason, key))


async def _read(request: Request) -> tuple[PauseIn, Key | None]:
    """The body, which may be left out."""
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return PauseIn(), key_of(request)
    return await read_body(request, PauseIn)
