"""What is shown of a task beside its job."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.documents import object_of


@dataclass(frozen=True, slots=True)
class TaskAttempt:
    """One run of the task's code that has ended; `lost`: its worker died. `detail`: files and lines."""

    number: int
    worker: str
    outcome: str
    error: str | None
    detail: str | None
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class TaskHistory:
    """`progress`: of the attempt that runs, else of the last one. `attempt`, `began_at` and `worker`: of the one that
    runs."""

    progress: Mapping[str, Any] | None
    began_at: datetime | None
    attempt: int
    worker: str | None
    stopping: bool
    attempts: tuple[TaskAttempt, ...]
    served: bool
    """Whether a worker that has its type was heard of lately."""
    waits_for: tuple[UUID, ...] = ()
    """Jobs that must have completed before it begins."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A task that this one waits for (`before`), or that waits for it."""

    before: bool
    id: UUID
    type: str | None
    state: str


MOST_NEIGHBOURS = 50
"""On each side."""


async def neighbours(ledger: Ledger, project_id: UUID, job_id: UUID) -> list[Neighbour]:
    """Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(
        """
        (SELECT true AS before, j.id, j.type, j.state
         FROM hermodr.task_dependencies d JOIN hermodr.jobs j ON j.id = d.on_job_id AND j.project_id = $1
         WHERE d.job_id = $2 ORDER BY j.id LIMIT $3)
        UNION ALL
        (SELECT false, j.id, j.type, j.state
         FROM hermodr.task_dependencies d JOIN hermodr.jobs j ON j.id = d.job_id AND j.project_id = $1
         WHERE d.on_job_id = $2 ORDER BY j.id LIMIT $3)
        """,
        project_id,
        job_id,
        MOST_NEIGHBOURS,
    )
    return [Neighbour(row["before"], row["id"], row["type"], row["state"]) for row in rows]


async def read(ledger: Ledger, job_id: UUID, type_name: str | None) -> TaskHistory:
    """Raises `LedgerUnavailable`."""
    ended = await ledger.fetch(
        """
        SELECT number, worker, outcome, error, detail, started_at, finished_at, progress FROM hermodr.task_attempts
        WHERE job_id = $1 ORDER BY number
        """,
        job_id,
    )
    found = await ledger.fetch(
        """
        SELECT t.progress, t.claimed_at, t.worker, coalesce(t.attempt, 0) AS attempt,
               t.cancel_requested_at IS NOT NULL AS stopping,
               EXISTS (SELECT 1 FROM hermodr.task_types k
                       WHERE k.name = $2 AND k.seen_at > now() - make_interval(secs => 30)) AS served
        FROM (VALUES ($1::uuid)) AS asked(id) LEFT JOIN hermodr.tasks t ON t.job_id = asked.id
        """,
        job_id,
        type_name,
    )
    awaited = await ledger.fetch(
        "SELECT on_job_id FROM hermodr.task_dependencies WHERE job_id = $1 ORDER BY on_job_id", job_id
    )
    now = found[0]
    progress = now["progress"] if now["worker"] is not None else (ended[-1]["progress"] if ended else None)
    return TaskHistory(
        progress=object_of(progress) or None,
        began_at=now["claimed_at"],
        attempt=now["attempt"],
        worker=now["worker"],
        stopping=bool(now["stopping"]),
        attempts=tuple(
            TaskAttempt(
                row["number"],
                row["worker"],
                row["outcome"],
                row["error"],
                row["detail"],
                row["started_at"],
                row["finished_at"],
            )
            for row in ended
        ),
        served=now["served"],
        waits_for=tuple(row["on_job_id"] for row in awaited),
    )
