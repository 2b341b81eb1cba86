from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class TaskAttemptView(BaseModel):
    """A run of a task's code that has ended: `completed`, `failed`, `timeout`, `cancelled`, or `lost` with its worker.
    `detail`: the files and lines at which it failed."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    outcome: str
    error: str | None
    detail: str | None
    started_at: datetime
    finished_at: datetime


class TaskView(BaseModel):
    """Of a task. `served`: a worker has its type, or had it within half a minute; `began_at`: of the attempt that runs;
    `stopping`: it was told to stop; `waits_for`: jobs that must have completed before it begins."""

    model_config = ConfigDict(from_attributes=True)

    served: bool
    began_at: datetime | None
    stopping: bool
    waits_for: list[UUID]
    attempts: list[TaskAttemptView]
