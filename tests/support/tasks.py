"""Workers that run in the test's own process or as processes, and tasks for them."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry

from hermodr_contracts.vocabulary import JobKind
from hermodr_devkit.supervisor.service import ServiceProcess
from hermodr_devkit.supervisor.services import WORKER
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.accept import accept
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_scheduler.duties.tasks import SETTLING_IN_SECONDS, LostTasks
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_worker.app import Worker
from hermodr_worker.definition import AnyTask
from hermodr_worker.settings import WorkerSettings
from tests.support.clocks import FakeClock
from tests.support.ledgers import new_job, new_project, row_of
from tests.support.waiting import wait_until

NO_BROKER = "amqp://127.0.0.1:1/"


@contextlib.asynccontextmanager
async def working(database_url: str, *tasks: AnyTask, **more: Any) -> AsyncIterator[Worker]:
    """Without a broker it looks each second."""
    given = {"database_url": database_url, "amqp_url": NO_BROKER, "http_port": 0, "grace_seconds": 5.0}
    settings = WorkerSettings.model_validate(given | more)
    worker, stop = Worker(settings, {each.name: each for each in tasks}), asyncio.Event()
    life = asyncio.create_task(worker.run(stop))
    try:
        await wait_until(lambda: worker.started or life.done())
        yield worker
    finally:
        stop.set()
        await life


async def accepted(
    ledger: Ledger, type_name: str, count: int = 1, *, project_id: UUID | None = None, **changes: Any
) -> list[UUID]:
    """Tasks that are requested, of one project."""
    of = project_id or await new_project(ledger)
    given: dict[str, Any] = {"kind": JobKind.TASK, "type": type_name, "content": None, "to_email": None}
    jobs = [new_job(of, **given | changes) for _ in range(count)]
    await accept(ledger, jobs)
    return [job.id for job in jobs]


async def waiting(ledger: Ledger, type_name: str, count: int = 1, **options: Any) -> list[UUID]:
    """Tasks that wait for a worker, of one project."""
    ids = await accepted(ledger, type_name, count, **options)
    assert set(await enqueue(ledger, ids)) == set(ids)
    return ids


async def ended(ledger: Ledger, job_id: UUID, seconds: float = 15.0) -> Any:
    """Its row, once it has."""

    async def look() -> Any:
        row = await row_of(ledger, "jobs", job_id)
        return row if row["finished_at"] is not None else None

    return await wait_until(look, seconds, f"the end of task {job_id}")


async def in_state(ledger: Ledger, job_id: UUID, state: str, seconds: float = 15.0) -> Any:
    async def look() -> Any:
        row = await row_of(ledger, "jobs", job_id)
        return row if row["state"] == state else None

    return await wait_until(look, seconds, f"task {job_id} {state}")


async def attempts_of(ledger: Ledger, job_id: UUID) -> Sequence[Any]:
    return await ledger.fetch("SELECT * FROM hermodr.task_attempts WHERE job_id = $1 ORDER BY number", job_id)


async def written(ledger: Ledger, job_id: str, text: str) -> None:
    """All that workers may write of a task, with this text in it."""
    for sql in (
        "INSERT INTO hermodr.tasks (job_id, project_id, type, priority, fairness_key, progress)"
        " SELECT id, project_id, type, priority, $2::text, to_jsonb($2::text) FROM hermodr.jobs WHERE id = $1::uuid",
        "INSERT INTO hermodr.task_attempts (job_id, number, requeues, worker, outcome, error, detail, progress,"
        " started_at) VALUES ($1::uuid, 1, 0, 'w', 'failed', $2::text, $2, to_jsonb($2::text), now())",
        "INSERT INTO hermodr.task_logs (job_id, claimed_at, number, attempt, at, text)"
        " VALUES ($1::uuid, now(), 1, 1, now(), $2::text)",
    ):
        await ledger.fetch(sql, job_id, text)


class Called:
    """Whom the scheduler calls."""

    def __init__(self) -> None:
        self.ids: list[UUID] = []

    def run(self, job_ids: Iterable[UUID]) -> None:
        self.ids += job_ids


async def rescued(ledger: Ledger, called: Called) -> None:
    """A scheduler's duty, until no task is held; the ledger has answered for long."""
    clock = FakeClock()
    duty = LostTasks(ledger, called, clock, SchedulerMetrics(CollectorRegistry()), batch=10)
    await duty.tick()
    clock.advance(SETTLING_IN_SECONDS)

    async def look() -> Any:
        await duty.tick()
        return not await ledger.fetch("SELECT 1 FROM hermodr.tasks WHERE lease_until IS NOT NULL")

    await wait_until(look, 20)


def installed(place: Path, name: str, **points: str) -> None:
    """As if a package with these entry points were installed in the folder, which is to be in `PYTHONPATH`."""
    about = place / f"{name}-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    lines = [f"{key} = {value}" for key, value in points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[hermodr.tasks]", *lines, ""]))


@contextlib.asynccontextmanager
async def worker_process(database_url: str, *paths: Path, **more: str) -> AsyncIterator[ServiceProcess]:
    """`python -m hermodr_worker` with the packages in these folders; it ends with the block. `more` are settings."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    variables |= {
        "HERMODR_DATABASE_URL": database_url,
        "HERMODR_AMQP_URL": NO_BROKER,
        "HERMODR_HTTP_PORT": "0",
        "HERMODR_LOG_FORMAT": "json",
        "HERMODR_TASK_LEASE_SECONDS": "2",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        **{f"HERMODR_{name.upper()}": value for name, value in more.items()},
    }
    lines: list[str] = []
    process = ServiceProcess(WORKER, variables, lines.append)
    await process.start()
    try:
        yield process
    finally:
        if process.running:
            await process.kill()
