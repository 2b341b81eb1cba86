"""`/v1/jobs` and `/v1/batches`: what became of what was requested."""

from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.domain.jobs import BatchView, JobHistoryView, Timeline, batch_view, history_view, timeline
from hermodr_api.errors import not_found
from hermodr_api.openapi import documented
from hermodr_api.routes.intake import Gate, caller_of, ok
from hermodr_api.service.answers import patience
from hermodr_ledger import jobs
from hermodr_ledger.batches import read_batch
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import JobHistory
from hermodr_servicekit.clock import Clock


class JobRoutes:
    """Reading jobs."""

    def __init__(self, gate: Gate, ledger: Ledger, clock: Clock, domain: str) -> None:
        self._gate = gate
        self._ledger = ledger
        self._clock = clock
        self._domain = domain

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(tags=["jobs"])
        for path, endpoint, summary, answer, users in (
            ("/v1/jobs/{job_id}", self.show, "A job with all that belongs to it", JobHistoryView, True),
            (
                "/v1/jobs/{job_id}/timeline",
                self.timeline,
                "Everything that happened to a job",
                Timeline,
                True,
            ),
            ("/v1/batches/{batch_id}", self.batch, "How far a bulk request is", BatchView, False),
        ):
            gate = self._gate.user_or("read") if users else self._gate.needs_read
            docs = documented(
                summary, method="GET", scope="read", answer=answer, problems=(404,), users=users
            )
            router.add_api_route(path, endpoint, dependencies=[Depends(gate)], **docs)
        return router

    async def show(self, request: Request, job_id: UUID) -> Response:
        """`GET /v1/jobs/{id}`."""
        history = await self._history(request, job_id)
        return ok(history_view(history, self._clock.now(), self._domain).model_dump_json().encode())

    async def timeline(self, request: Request, job_id: UUID) -> Response:
        """`GET /v1/jobs/{id}/timeline`."""
        history = await self._history(request, job_id)
        async with patience():
            noted = await jobs.events(self._ledger, job_id)
        return ok(timeline(history, noted).model_dump_json().encode())

    async def batch(self, request: Request, batch_id: UUID) -> Response:
        """`GET /v1/batches/{id}`."""
        async with patience():
            batch = await read_batch(self._ledger, caller_of(request).project_id, batch_id)
        if batch is None:
            raise not_found("batch")
        return ok(batch_view(batch).model_dump_json().encode())

    async def _history(self, request: Request, job_id: UUID) -> JobHistory:
        async with patience():
            caller = caller_of(request)
            history = await jobs.read(self._ledger, caller.project_id, job_id, caller.user_id)
        if history is None:
            raise not_found("job")
        return history
