"""`GET /v1/jobs/metrics`: how a project's jobs fare."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hermodr_api.domain.job_metrics import JobMetricsView, metrics_view
from hermodr_api.openapi import documented
from hermodr_api.routes.intake import Gate, caller_of, ok
from hermodr_api.service.health import HealthCheck
from hermodr_api.service.job_metrics import JobMetrics

Hours = Annotated[int, Query(ge=1, le=24 * 90, description="Jobs accepted within so many hours.")]


class JobMetricsRoutes:
    """To be included before `/v1/jobs/{job_id}`."""

    def __init__(self, gate: Gate, metrics: JobMetrics, check: HealthCheck) -> None:
        self._gate = gate
        self._metrics = metrics
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
        fared = await self._metrics.fared(caller_of(request).project_id, hours)
        sizes = await self._check.queue_sizes()
        return ok(metrics_view(fared, sizes).model_dump_json().encode())
