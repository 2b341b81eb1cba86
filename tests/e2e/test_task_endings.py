"""Schedulers and workers are killed while tasks end: each end is followed once, and told once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hermodr_devkit.supervisor import ServiceSpec
from hermodr_devkit.supervisor.services import WORKER
from tests.support import tasks
from tests.support.brokers import Broker
from tests.support.installation import MAIL_SERVICES, Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECOND = (ServiceSpec("scheduler-2", "hermodr_scheduler", 12), ServiceSpec("worker-2", WORKER.module, 13))
VICTIMS = ("scheduler", "worker", "scheduler-2", "scheduler", "worker-2", "scheduler-2")
BETWEEN = 40
"""Tasks requested between two kills."""
CODE = """
import time
from hermodr_worker import TaskContext, TaskFailed, task

@task("part", retries=20, retry_delay=0)
def part(ctx: TaskContext, payload: dict[str, bool]) -> None:
    time.sleep(0.02)
    if payload.get("fails"):
        raise TaskFailed("no disk")

@task("after", retries=20, retry_delay=0)
async def after(ctx: TaskContext) -> None:
    pass
"""
FOLLOWED = """
SELECT t.metadata->>'follows' AS follows, t.metadata->>'state' AS told, t.state, j.state AS ended
FROM hermodr.jobs t JOIN hermodr.jobs j ON j.id = (t.metadata->>'follows')::uuid WHERE t.type = 'after'
"""
OPEN = """
SELECT (SELECT count(*) FROM hermodr.jobs WHERE finished_at IS NULL)
    + (SELECT count(*) FROM hermodr.task_endings) + (SELECT count(*) FROM hermodr.tasks) AS n
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pair(
    database_url: str, broker: Broker, logs: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    folder = tmp_path_factory.mktemp("packages")
    (folder / "parts.py").write_text(CODE)
    tasks.installed(folder, "parts", parts="parts")
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=(*MAIL_SERVICES, *SECOND),
        HERMODR_TASK_LEASE_SECONDS="2",
        PYTHONPATH=str(folder),
    ) as installation:
        yield installation


async def request(pair: Installation, number: int) -> tuple[str, str]:
    fails = number % 5 == 0
    wanted = {"type": "part", "payload": {"fails": fails}, "on_finished": {"type": "after"}}
    made = await pair.create("/v1/jobs", wanted)
    return str(made["job_id"]), "failed" if fails else "completed"


async def test_each_end_is_followed_once_whoever_is_killed(pair: Installation) -> None:
    expected: dict[str, str] = {}
    for name in VICTIMS:
        made = await asyncio.gather(*(request(pair, number) for number in range(BETWEEN)))
        expected |= dict(made)

        async def some_followed(before: int = len(await pair.rows(FOLLOWED))) -> bool:
            return len(await pair.rows(FOLLOWED)) > before

        _: bool = await wait_until(some_followed, 60, "the next ends", interval=0.05)
        await pair.fleet[name].kill()
        await pair.fleet.restart(name)

    async def nothing_open() -> Any:
        return not (await pair.rows(OPEN))[0]["n"]

    await wait_until(nothing_open, 90, "the end of all", interval=0.2)
    rows = await pair.rows(FOLLOWED)
    assert Counter(row["follows"] for row in rows) == Counter(expected.keys())
    assert {row["follows"]: row["told"] for row in rows} == expected
    assert all(row["told"] == row["ended"] for row in rows)
    assert {row["state"] for row in rows} == {"completed"}
