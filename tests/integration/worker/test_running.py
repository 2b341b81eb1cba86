"""Tasks from the ledger to their end, by a worker in this process."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.cancelling import Cancelled, ToldToStop, cancel, cancel_by_key
from hermodr_ledger.jobs.requeueing import Requeued, requeue
from hermodr_ledger.tasks import looking
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_ledger.upkeep.due import take_due_jobs
from hermodr_worker import Retry, TaskContext, TaskFailed, task
from tests.support.ledgers import emptied, new_project, opened, row_of, rows_of
from tests.support.tasks import accepted, attempts_of, ended, in_state, waiting, working
from tests.support.waiting import wait_until

ME = Actor("key", None)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


class Sum(BaseModel):
    of: list[int]


class Total(BaseModel):
    total: int


@task("sum")
async def total(ctx: TaskContext, payload: Sum) -> Total:
    await ctx.progress(1, 2, "Adding")
    await ctx.progress(2, 2, "Added")
    return Total(total=sum(payload.of))


async def project_of(ledger: Ledger, job_id: UUID) -> UUID:
    project_id: UUID = (await row_of(ledger, "jobs", job_id))["project_id"]
    return project_id


async def test_a_task_runs_with_a_typed_payload_and_leaves_its_result_and_progress(
    ledger: Ledger, database_url: str
) -> None:
    (job_id,) = await waiting(ledger, "sum", data='{"of": [1, 2, 39]}')
    async with working(database_url, total):
        row = await ended(ledger, job_id)
    assert (row["state"], json.loads(row["result"]), row["error"]) == ("completed", {"total": 42}, None)
    assert row["wake_at"] is None
    assert await rows_of(ledger, "tasks") == []
    (attempt,) = await attempts_of(ledger, job_id)
    assert (attempt["number"], attempt["outcome"]) == (1, "completed")
    shown = await looking.read(ledger, job_id, "sum")
    assert shown.progress == {"current": 2, "total": 2, "percentage": 100, "message": "Added"}


async def test_functions_without_async_run_in_threads_side_by_side(ledger: Ledger, database_url: str) -> None:
    together = threading.Barrier(3, timeout=10)

    @task("threads")
    def meet(ctx: TaskContext) -> str:
        ctx.progress(1, 1)
        together.wait()
        return threading.current_thread().name

    ids = await waiting(ledger, "threads", 3)
    async with working(database_url, meet):
        rows = [await ended(ledger, each) for each in ids]
    assert len({row["result"] for row in rows}) == 3


@pytest.mark.parametrize(
    ("payload", "told"),
    [('{"of": ["secret"]}', "payload.of.0: int_parsing"), ("{}", "payload.of: missing")],
)
async def test_a_payload_that_does_not_fit_fails_at_once_and_is_not_quoted(
    ledger: Ledger, database_url: str, payload: str, told: str
) -> None:
    (job_id,) = await waiting(ledger, "sum", data=payload)
    async with working(database_url, total):
        row = await ended(ledger, job_id)
    assert (row["state"], row["error"]) == ("failed", told)
    (letter,) = await rows_of(ledger, "dead_letters")
    assert (letter["job_id"], letter["queue"], letter["reason"]) == (job_id, "tasks.dead", told)


async def test_what_fails_is_tried_again_later_and_then_is_a_dead_letter(
    ledger: Ledger, database_url: str
) -> None:
    @task("breaks", retries=1, retry_delay=0.01)
    def breaks(ctx: TaskContext, payload: dict[str, str]) -> None:
        raise RuntimeError(f"the password is {payload['password']}")

    (job_id,) = await waiting(ledger, "breaks", data='{"password": "hunter2"}')
    async with working(database_url, breaks):
        row = await in_state(ledger, job_id, "retrying")
        assert (row["error"], row["finished_at"]) == ("RuntimeError", None)
        await due_again(ledger, job_id)
        row = await ended(ledger, job_id)
    assert (row["state"], row["error"]) == ("failed", "RuntimeError")
    first, second = await attempts_of(ledger, job_id)
    assert (first["number"], second["number"]) == (1, 2)
    assert "test_running.py" in first["detail"]
    assert "hunter2" not in str([*map(dict, (first, second, row))]).replace(str(row["data"]), "")
    assert len(await rows_of(ledger, "dead_letters")) == 1


async def due_again(ledger: Ledger, job_id: UUID) -> None:
    """What scheduler and dispatcher do with a retry."""

    async def look() -> Any:
        return [each.id for each in await take_due_jobs(ledger, 10)]

    assert await wait_until(look) == [job_id]
    assert await enqueue(ledger, [job_id]) == [job_id]


async def test_a_task_says_that_it_cannot_work_or_wants_to_be_tried_again(
    ledger: Ledger, database_url: str
) -> None:
    @task("final", retries=5)
    def final(ctx: TaskContext) -> None:
        raise TaskFailed("the table is gone")

    @task("later", retries=5)
    async def later(ctx: TaskContext) -> None:
        raise Retry("their server is busy", after=3600)

    (one,) = await waiting(ledger, "final")
    (other,) = await waiting(ledger, "later")
    async with working(database_url, final, later):
        assert (await ended(ledger, one))["error"] == "the table is gone"
        row = await in_state(ledger, other, "retrying")
    assert row["error"] == "their server is busy"
    assert await rows_of(ledger, "dead_letters") == []  # what its author foresaw needs no operator
    (left,) = await ledger.fetch(
        "SELECT extract(epoch FROM wake_at - now())::float8 AS s FROM hermodr.jobs WHERE id = $1", other
    )
    assert 3500 < left["s"] <= 3600


async def test_a_job_asked_for_again_has_all_its_retries_again(ledger: Ledger, database_url: str) -> None:
    @task("fails", retries=0)
    def fails(ctx: TaskContext) -> None:
        raise ValueError

    (job_id,) = await waiting(ledger, "fails")
    async with working(database_url, fails):
        await ended(ledger, job_id)
        async with ledger.transaction() as transaction:
            (again,) = await requeue(transaction, await project_of(ledger, job_id), [job_id], by="key")
        assert isinstance(again, Requeued)
        assert again.to_announce
        await enqueue(ledger, [job_id])
        await ended(ledger, job_id)
    assert [each["number"] for each in await attempts_of(ledger, job_id)] == [1, 2]


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_task_that_takes_too_long_is_stopped(
    ledger: Ledger, database_url: str, *, in_thread: bool
) -> None:
    def spin(ctx: TaskContext) -> None:
        while True:
            time.sleep(0.01)

    async def sleep(ctx: TaskContext) -> None:
        await asyncio.Event().wait()

    slow = task("slow", timeout=0.2, retries=0)(spin if in_thread else sleep)
    (job_id,) = await waiting(ledger, "slow")
    async with working(database_url, slow):
        row = await ended(ledger, job_id)
    assert (row["state"], row["error"]) == ("failed", "it did not end within 0.2 s")
    (attempt,) = await attempts_of(ledger, job_id)
    assert attempt["outcome"] == "timeout"


@pytest.mark.parametrize("manner", ["polite", "stubborn", "thread"])
async def test_a_cancelled_task_stops_within_two_seconds(
    ledger: Ledger, database_url: str, manner: str
) -> None:
    async def polite(ctx: TaskContext) -> None:
        while True:
            ctx.raise_if_cancelled()
            await asyncio.sleep(0.01)

    async def stubborn(ctx: TaskContext) -> None:
        await asyncio.Event().wait()

    def thread(ctx: TaskContext) -> None:
        while True:
            time.sleep(0.01)

    runs = task("endless")({"polite": polite, "stubborn": stubborn, "thread": thread}[manner])
    (job_id,) = await waiting(ledger, "endless", singleton_key=None)
    async with working(database_url, runs):
        await in_state(ledger, job_id, "processing")
        began = time.monotonic()
        assert await cancel(ledger, await project_of(ledger, job_id), job_id, ME) == ToldToStop(job_id)
        row = await ended(ledger, job_id)
        assert (
            time.monotonic() - began < 2.5
        )  # the broker, which is away here, spares the second until it looks
    assert (row["state"], row["error"]) == ("cancelled", None)
    assert [each["outcome"] for each in await attempts_of(ledger, job_id)] == ["cancelled"]


async def test_a_waiting_task_is_cancelled_at_once_and_never_begins(
    ledger: Ledger, database_url: str
) -> None:
    ids = await waiting(ledger, "sum", 3, data='{"of": [1]}', cancel_key="all")
    project_id = await project_of(ledger, ids[0])
    assert isinstance(await cancel(ledger, project_id, ids[0], ME), Cancelled)
    assert (await cancel_by_key(ledger, project_id, "all", ME)).cancelled == 2
    (last,) = await waiting(ledger, "sum", project_id=project_id, data='{"of": [1]}')
    async with working(database_url, total):
        await ended(ledger, last)
        await wait_until(lambda: gone(ledger))
    assert [await attempts_of(ledger, each) for each in ids] == [[], [], []]


async def gone(ledger: Ledger) -> Any:
    return await rows_of(ledger, "tasks") == []


async def test_a_worker_that_leaves_hands_back_what_it_cannot_finish(
    ledger: Ledger, database_url: str
) -> None:
    @task("long", retries=0)
    async def long(ctx: TaskContext) -> None:
        await asyncio.Event().wait()

    (job_id,) = await waiting(ledger, "long")
    async with working(database_url, long):
        await in_state(ledger, job_id, "processing")
    row = await row_of(ledger, "jobs", job_id)
    assert row["state"] == "queued"
    (left,) = await rows_of(ledger, "tasks")
    assert (left["worker"], left["attempt"]) == (None, 0)

    @task("long", retries=0)
    async def short(ctx: TaskContext) -> int:
        return ctx.attempt

    async with working(database_url, short):
        assert (await ended(ledger, job_id))["result"] == "1"


async def test_tasks_of_a_type_that_nobody_has_wait(ledger: Ledger, database_url: str) -> None:
    (stranger,) = await waiting(ledger, "stranger")
    (known,) = await waiting(ledger, "sum", data='{"of": []}')
    async with working(database_url, total):
        await ended(ledger, known)
    assert (await row_of(ledger, "jobs", stranger))["state"] == "queued"
    assert not (await looking.read(ledger, stranger, "stranger")).served


async def test_urgent_ones_come_first_and_lines_take_turns(ledger: Ledger, database_url: str) -> None:
    order: list[str] = []

    @task("turns")
    async def turns(ctx: TaskContext, payload: dict[str, str]) -> None:
        order.append(payload["of"])

    project_id = await new_project(ledger)

    async def some(of: str, count: int, **more: object) -> list[UUID]:
        content = json.dumps({"fairness_key": of})
        data = json.dumps({"of": of})
        return await waiting(
            ledger, "turns", count, project_id=project_id, data=data, content=content, **more
        )

    many = await some("many", 30)
    (one,) = await some("one", 1)
    (urgent,) = await some("urgent", 1, priority=Priority.URGENT)
    async with working(database_url, turns, worker_concurrency=1):
        for each in [*many, one, urgent]:
            await ended(ledger, each)
    assert order[0] == "urgent"
    assert order.index("one") <= 2


async def test_a_limit_of_a_type_holds_for_all_workers(ledger: Ledger, database_url: str) -> None:
    at_once, most = 0, 0

    @task("narrow", concurrency=2)
    async def narrow(ctx: TaskContext) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1

    ids = await waiting(ledger, "narrow", 30)
    async with working(database_url, narrow), working(database_url, narrow):
        for each in ids:
            await ended(ledger, each, 40)
    assert most == 2


async def test_a_rate_of_a_type_holds_for_all_workers(ledger: Ledger, database_url: str) -> None:
    began: list[float] = []

    @task("rated", rate="10/s")
    async def rated(ctx: TaskContext) -> None:
        began.append(time.monotonic())

    ids = await waiting(ledger, "rated", 25)
    async with working(database_url, rated), working(database_url, rated):
        for each in ids:
            await ended(ledger, each, 40)
    assert began[-1] - began[0] > 1.2  # 25, of which 10 at once


async def test_what_is_accepted_is_announced_and_told_twice_runs_once(
    ledger: Ledger, database_url: str
) -> None:
    runs: list[int] = []

    @task("once")
    async def once(ctx: TaskContext) -> None:
        runs.append(ctx.attempt)

    ids = await accepted(ledger, "once", 20)
    both = await asyncio.gather(*(enqueue(ledger, ids) for _ in range(4)))
    assert sorted(each for some in both for each in some) == sorted(ids)
    async with working(database_url, once), working(database_url, once):
        for each in ids:
            await ended(ledger, each)
        await asyncio.gather(*(enqueue(ledger, ids) for _ in range(4)))
    assert runs == [1] * 20
