from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from hermodr_client.models.answer import Answer


class Schedule(Answer):
    """`cron` or `every`. `kind`: notification or task. `job` is empty in lists, unless they are asked for with it.
    `next_run_at` None: paused, or never again. `last_error`: why the latest occurrence made no job."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    name: str
    cron: str | None = None
    every: str | None = None
    timezone: str
    misfire: str
    is_active: bool
    kind: str
    type: str | None = None
    job: dict[str, Any] = Field(default_factory=dict, repr=False)
    next_run_at: datetime | None = None
    last_run_at: datetime | None = None
    last_job_id: UUID | None = None
    last_batch_id: UUID | None = None
    last_error: str | None = None


class Occurrence(Answer):
    """`local` is what the schedule's clock shows at that moment."""

    at: datetime
    local: datetime


class ScheduleRun(Answer):
    """What became of an occurrence: `state` fired, failed or missed. `manual`: asked for, not due."""

    id: UUID
    at: datetime
    state: str
    manual: bool = False
    job_id: UUID | None = None
    batch_id: UUID | None = None
    error: str | None = None
    created_at: datetime
