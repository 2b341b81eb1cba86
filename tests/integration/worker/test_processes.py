"""Workers as processes: found by entry points, killed for real, called by the broker."""

import asyncio
import json
import time
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.cancelling import ToldToStop, cancel
from hermodr_ledger.tasks import rescuing, types
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.task_calls import TaskCalls
from tests.support import brokers
from tests.support.ledgers import emptied, opened, row_of, rows_of
from tests.support.tasks import (
    Called,
    attempts_of,
    ended,
    in_state,
    installed,
    rescued,
    waiting,
    worker_process,
)
from tests.support.topologies import topology
from tests.support.waiting import wait_until

EXAMPLE = Path(__file__).parents[3] / "examples" / "word-count"
ME = Actor("key", None)
NAPPING = """
import pathlib, time
from hermodr_worker import TaskContext, task

@task("nap", retries=1)
def nap(ctx: TaskContext, payload: dict[str, str]) -> int:
    began = pathlib.Path(payload["began"])
    ctx.progress(1, 2, "Lying down")
    began.write_text(str(ctx.attempt))
    while ctx.attempt == 1 and not ctx.cancelled:
        time.sleep(0.01)
    return ctx.attempt
"""


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


@pytest.fixture
def naps(tmp_path: Path) -> Path:
    (tmp_path / "napping.py").write_text(NAPPING)
    installed(tmp_path, "napping", nap="napping")
    return tmp_path


async def began(ledger: Ledger, place: Path, **more: Any) -> UUID:
    """A nap that a worker has begun."""
    data = json.dumps({"began": str(place / "began")})
    (job_id,) = await waiting(ledger, "nap", data=data, **more)
    await wait_until((place / "began").exists, 30)
    return job_id


async def test_the_example_is_found_by_its_entry_point_and_runs(
    ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    declared = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    installed(tmp_path, "word_count", **declared["hermodr.tasks"])
    (job_id,) = await waiting(ledger, "word-count", data='{"note": "to be or not to be"}')
    async with worker_process(database_url, tmp_path, EXAMPLE / "src"):
        row = await ended(ledger, job_id, 30)
    assert (row["state"], json.loads(row["result"])) == ("completed", {"note": 6})
    (known,) = [each for each in await types.known(ledger) if each.type.name == "word-count"]
    assert (known.type.name, known.type.users, known.served) == ("word-count", True, True)
    assert known.type.payload_schema == {"type": "object", "additionalProperties": {"type": "string"}}
    code = (EXAMPLE / "src" / "word_count" / "__init__.py").read_text().strip().splitlines()
    assert len(code) - 3 <= 10  # without the import


async def test_a_task_of_a_killed_worker_is_run_by_another(
    ledger: Ledger, database_url: str, naps: Path
) -> None:
    async with worker_process(database_url, naps) as first:
        job_id = await began(ledger, naps, singleton_key=None)
        await first.kill()
        called = Called()
        await rescued(ledger, called)
    assert called.ids == [job_id]
    async with worker_process(database_url, naps):
        row = await ended(ledger, job_id, 30)
    assert (row["state"], row["result"]) == ("completed", "2")
    lost, done = await attempts_of(ledger, job_id)
    assert (lost["outcome"], lost["error"], done["outcome"]) == ("lost", rescuing.WORKER_LOST, "completed")
    assert lost["worker"] != done["worker"]


@pytest.mark.parametrize(("cancelled", "state"), [(True, "cancelled"), (False, "failed")])
async def test_a_task_whose_worker_died_in_its_last_attempt_or_while_stopping_ends(
    ledger: Ledger, database_url: str, naps: Path, *, cancelled: bool, state: str
) -> None:
    async with worker_process(database_url, naps) as worker:
        job_id = await began(ledger, naps, max_retries=1 if cancelled else 0)
        await worker.kill()
        if cancelled:
            project_id = (await row_of(ledger, "jobs", job_id))["project_id"]
            assert await cancel(ledger, project_id, job_id, ME) == ToldToStop(job_id)
        called = Called()
        await rescued(ledger, called)
    row = await row_of(ledger, "jobs", job_id)
    assert (row["state"], row["wake_at"], called.ids) == (state, None, [])
    assert row["finished_at"] is not None
    assert len(await rows_of(ledger, "dead_letters")) == (state == "failed")
    assert await rows_of(ledger, "tasks") == []


async def test_a_worker_that_is_told_to_leave_hands_back_what_runs(
    ledger: Ledger, database_url: str, naps: Path
) -> None:
    async with worker_process(database_url, naps, grace_seconds="4.2") as worker:
        job_id = await began(ledger, naps)
        assert await worker.stop(15) == 0
    row = await row_of(ledger, "jobs", job_id)
    assert row["state"] == "queued"
    (left,) = await rows_of(ledger, "tasks")
    assert (left["worker"], left["attempt"]) == (None, 0)


async def test_workers_are_called_by_the_broker(
    ledger: Ledger, database_url: str, naps: Path, broker: brokers.Broker
) -> None:
    async with (
        worker_process(database_url, naps, amqp_url=broker.amqp_url, amqp_prefix=broker.prefix),
        Calling(broker) as calls,
    ):

        async def heard() -> Any:
            return await ledger.fetch("SELECT 1 FROM hermodr.task_types")

        await wait_until(heard, 30)
        job_id = await began(ledger, naps)
        project_id = (await row_of(ledger, "jobs", job_id))["project_id"]
        await in_state(ledger, job_id, "processing")
        since = time.monotonic()
        await cancel(ledger, project_id, job_id, ME)
        calls.cancel(job_id)
        row = await ended(ledger, job_id)
        assert time.monotonic() - since < 2
    assert row["state"] == "cancelled"


class Calling:
    """The calls of a service, over a connection of its own."""

    def __init__(self, broker: brokers.Broker) -> None:
        self._broker = Broker(broker.amqp_url, topology(broker.prefix, "10s"), "api")

    async def __aenter__(self) -> TaskCalls:
        self._run = asyncio.create_task(self._broker.run())
        await wait_until(lambda: self._broker.connected)
        return TaskCalls(self._broker)

    async def __aexit__(self, *_: object) -> None:
        self._run.cancel()
        await asyncio.wait({self._run})
