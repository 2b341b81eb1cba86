"""`GET /v1/jobs/metrics`: how a project's jobs fare."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.health.counts import Counts
from hermodr_api.health.service import HealthCheck
from hermodr_api.http.bodies import NUMERAL
from hermodr_api.http.intake import Gate, caller_of, ok
from hermodr_api.http.openapi import documented
from hermodr_api.jobs.metrics import JobMetricsView, metrics_view
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import metrics
from hermodr_ledger.jobs.metrics import Fared
from hermodr_servicekit.clock import Clock

Hours = Annotated[int, Query(ge=1, le=24 * 90, description="Jobs accepted within so many hours."), NUMERAL]


class JobMetricsRoutes:
    """To be included before `/v1/jobs/{job_id}`."""

    def __init__(self, gate: Gate, ledger: Ledger, counts: Counts, clock: Clock, check: HealthCheck) -> None:
        self._gate = gate
        self._ledger = ledger
        self._counts = counts
        self._clock = clock
        self._check = check

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter(tags=["jobs"], dependencies=[Depends(self._gate.needs_read)])
        docs = documented(
            "How jobs fare: counts, rates, times, what waits",
            method="GET",
            scope="read",
            answer=JobMetricsView,
        )
        router.add_api_route("/v1/jobs/metrics", self.show, **docs)
        return router

    async def show(self, request: Request, hours: Hours = 24) -> Response:
        """`GET /v1/jobs/metrics`."""
        project_id = caller_of(request).project_id

        async def count() -> Fared:
            return await metrics.measure(self._ledger, project_id, self._clock.now(), hours)

        fared = await self._counts.of(("jobs", project_id, hours), count)
        sizes = await self._check.queue_sizes()
        return ok(metrics_view(fared, sizes).model_dump_json().encode())
