"""What can be done to jobs under `/v1/jobs`: cancelling, asking again for one or many."""

from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.http.intake import Gate, caller_of, key_of, ok, read_body, read_nothing, respond
from hermodr_api.http.openapi import documented
from hermodr_api.jobs.control import JobControl
from hermodr_api.jobs.endings import CancelByKeyIn, CancelledByKeyView
from hermodr_api.jobs.models import AcceptedView, BulkRetryView, CancelledView
from hermodr_api.jobs.queries import BulkRetryIn

_EXAMPLE = {"filter": {"status": "failed", "type": "magic_link"}, "dry_run": True}


class JobControlRoutes:
    """Changing jobs. Owners may cancel and retry their own; many at once are an operator's business."""

    def __init__(self, gate: Gate, control: JobControl) -> None:
        self._gate = gate
        self._control = control

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["jobs"])
        owned = [Depends(self._gate.user_or("manage"))]
        docs = documented(
            "Cancel a job: nothing of it is begun any more",
            method="DELETE",
            scope="manage",
            users=True,
            answer=CancelledView,
            problems=(404, 409),
        )
        router.add_api_route("/v1/jobs/{job_id}", self.cancel, dependencies=owned, **docs)
        docs = documented(
            "Ask again for a job that failed, was held or cancelled",
            method="POST",
            scope="manage",
            users=True,
            status=202,
            answer=AcceptedView,
            problems=(404, 408, 409, 413),
        )
        router.add_api_route("/v1/jobs/{job_id}/retry", self.retry, dependencies=owned, **docs)
        docs = documented(
            "Ask again for all jobs that match, or (dry_run, 200) count them",
            method="POST",
            scope="manage",
            status=202,
            answer=BulkRetryView,
            body=BulkRetryIn,
            example=_EXAMPLE,
        )
        docs["responses"][200] = {"description": "A dry run: nothing was changed", "model": BulkRetryView}
        managing = [Depends(self._gate.needs_manage)]
        router.add_api_route("/v1/jobs/retry", self.retry_many, dependencies=managing, **docs)
        docs = documented(
            "Cancel all jobs that carry a cancel_key and were not sent yet",
            method="POST",
            scope="manage",
            answer=CancelledByKeyView,
            body=CancelByKeyIn,
            example={"cancel_key": "order-17"},
        )
        router.add_api_route("/v1/jobs/cancel", self.cancel_by_key, dependencies=managing, **docs)
        return router

    async def cancel(self, request: Request, job_id: UUID) -> Response:
        """`DELETE /v1/jobs/{id}`."""
        view = await self._control.cancel(caller_of(request), job_id)
        return ok(view.model_dump_json().encode())

    async def cancel_by_key(self, request: Request) -> Response:
        """`POST /v1/jobs/cancel`."""
        wanted, key = await read_body(request, CancelByKeyIn)
        return respond(await self._control.cancel_by_key(caller_of(request), wanted.cancel_key, key))

    async def retry(self, request: Request, job_id: UUID) -> Response:
        """`POST /v1/jobs/{id}/retry`."""
        await read_nothing(request)
        key = key_of(request)
        return respond(await self._control.retry(caller_of(request), job_id, key))

    async def retry_many(self, request: Request) -> Response:
        """`POST /v1/jobs/retry`."""
        wanted, key = await read_body(request, BulkRetryIn)
        return respond(await self._control.retry_many(caller_of(request), wanted, key))
