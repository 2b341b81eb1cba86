"""`POST /v1/jobs`: work for a worker."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.http.answers import patience
from hermodr_api.http.intake import Gate, caller_of, read_body, respond
from hermodr_api.http.openapi import documented
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.tasks.models import TaskAcceptedView, TaskIn, answer_of, task_of
from hermodr_ledger.access.idempotency import Idempotency
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import new_job_id

_EXAMPLE = {"type": "data-export", "payload": {"format": "csv"}, "timeout_seconds": 1800}


class TaskRoutes:
    """Requesting tasks."""

    def __init__(self, gate: Gate, accepting: Accepting, clock: Clock) -> None:
        self._gate = gate
        self._accepting = accepting
        self._clock = clock

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter(tags=["jobs"])
        docs = documented(
            "Request a background task",
            method="POST",
            scope="send",
            status=202,
            answer=TaskAcceptedView,
            body=TaskIn,
            example=_EXAMPLE,
            users=True,
        )
        router.add_api_route(
            "/v1/jobs", self.post, dependencies=[Depends(self._gate.user_or("send"))], **docs
        )
        return router

    async def post(self, request: Request) -> Response:
        """`POST /v1/jobs`."""
        caller = caller_of(request)
        wanted, key = await read_body(request, TaskIn)
        job = task_of(wanted, new_job_id(), caller.project_id, caller.user_id, self._clock)
        if isinstance(job, list):
            return respond(await self._accepting.earlier(caller.project_id, key, job))
        answer = answer_of(job)
        if key is not None:
            job = job._replace(idempotency=Idempotency(key.value, key.fingerprint, answer))
        async with patience():
            return respond(await self._accepting.commit(job, lambda: answer))
