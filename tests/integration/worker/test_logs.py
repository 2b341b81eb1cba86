"""What tasks log, from their code to the ledger."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.privacy.erasure import erase
from hermodr_ledger.tasks import claiming, logs, recording, rescuing
from hermodr_ledger.tasks.claiming import Claim, Offer, Turn
from hermodr_ledger.tasks.logs import Line, Log, Logged
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_ledger.upkeep.due import take_due_jobs
from hermodr_servicekit.ids import new_id
from hermodr_worker import TaskContext, task
from hermodr_worker.domain import Ended, settled
from hermodr_worker.lines import MOST_KEPT, MOST_WAITING
from tests.support.ledgers import emptied, opened, row_of, rows_of
from tests.support.tasks import attempts_of, ended, in_state, waiting, working
from tests.support.waiting import wait_until

ME = Actor("key", None)
OFFERS = [Offer("logs", 3, False)]
AT = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


@task("logs", retries=1, retry_delay=0)
async def logs_and_fails(ctx: TaskContext) -> None:
    await ctx.log(f"attempt {ctx.attempt} begins")
    ctx.log("and ends")
    raise RuntimeError


@task("thread")
def in_a_thread(ctx: TaskContext) -> None:
    ctx.log("from a thread")


@task("process", process=True, retries=0)
def in_a_process(ctx: TaskContext) -> None:
    ctx.log("from a process")
    ctx.log("its last words")
    os.kill(os.getpid(), signal.SIGSEGV)


@task("flood")
async def flood(ctx: TaskContext) -> None:
    for number in range(1, 10_001):
        ctx.log(f"line {number}")


async def log_of(ledger: Ledger, job_id: UUID, limit: int = 5000) -> Log:
    project_id = (await row_of(ledger, "jobs", job_id))["project_id"]
    found = await logs.read(ledger, project_id, job_id, limit)
    assert found is not None
    return found


async def texts_of(ledger: Ledger, job_id: UUID) -> list[str]:
    return [each.text for each in (await log_of(ledger, job_id)).lines]


async def test_each_attempt_has_its_lines(ledger: Ledger, database_url: str) -> None:
    (job_id,) = await waiting(ledger, "logs")
    async with working(database_url, logs_and_fails):
        await in_state(ledger, job_id, "retrying")

        async def due() -> Any:
            return [each.id for each in await take_due_jobs(ledger, 10)]

        assert await wait_until(due) == [job_id]
        assert await enqueue(ledger, [job_id]) == [job_id]
        await ended(ledger, job_id)
    found = await log_of(ledger, job_id)
    assert [(each.attempt, each.number, each.text, each.left_out) for each in found.lines] == [
        (1, 1, "attempt 1 begins", 0),
        (1, 2, "and ends", 0),
        (2, 1, "attempt 2 begins", 0),
        (2, 2, "and ends", 0),
    ]
    assert found.ended
    assert not found.more


async def test_threads_and_processes_log_too_also_one_that_crashes(ledger: Ledger, database_url: str) -> None:
    (thread,) = await waiting(ledger, "thread")
    (process,) = await waiting(ledger, "process")
    async with working(database_url, in_a_thread, in_a_process):
        await ended(ledger, thread)
        await ended(ledger, process)
    assert await texts_of(ledger, thread) == ["from a thread"]
    assert await texts_of(ledger, process) == ["from a process", "its last words"]


@asynccontextmanager
async def going_on(ledger: Ledger, database_url: str) -> AsyncIterator[tuple[UUID, asyncio.Event]]:
    """A task that has logged a line, which is kept, and goes on until the event; a worker runs it."""
    over = asyncio.Event()

    @task("goes-on")
    async def goes_on(ctx: TaskContext) -> None:
        ctx.log("so far")
        await over.wait()

    (job_id,) = await waiting(ledger, "goes-on")
    async with working(database_url, goes_on):

        async def look() -> Any:
            return await texts_of(ledger, job_id) == ["so far"]

        await wait_until(look)
        yield job_id, over


async def test_lines_are_there_while_the_task_runs(ledger: Ledger, database_url: str) -> None:
    async with going_on(ledger, database_url) as (job_id, over):
        assert not (await log_of(ledger, job_id)).ended
        over.set()
        await ended(ledger, job_id)
    assert await texts_of(ledger, job_id) == ["so far"]


async def test_a_flood_is_bounded_and_says_how_much_is_missing(ledger: Ledger, database_url: str) -> None:
    (job_id,) = await waiting(ledger, "flood")
    async with working(database_url, flood):
        await ended(ledger, job_id)
    found = (await log_of(ledger, job_id)).lines
    assert len(found) <= MOST_KEPT + MOST_WAITING
    assert [each.number for each in found[-MOST_WAITING:]] == list(range(10_001 - MOST_WAITING, 10_001))
    assert len(found) + sum(each.left_out for each in found) == 10_000


async def test_a_task_ends_though_its_log_cannot_be_kept(
    ledger: Ledger, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> set[UUID]:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(logs, "keep", away)
    (job_id,) = await waiting(ledger, "thread")
    async with working(database_url, in_a_thread):
        assert (await ended(ledger, job_id))["state"] == "completed"
    assert await texts_of(ledger, job_id) == []


async def test_lines_that_could_not_be_kept_are_kept_later(
    ledger: Ledger, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, tried = logs.keep, []

    async def at_first_away(ledger: Ledger, worker: str, logged: Sequence[Logged]) -> set[UUID]:
        tried.append(logged)
        if len(tried) == 1:
            raise LedgerUnavailable("away")
        return await whole(ledger, worker, logged)

    monkeypatch.setattr(logs, "keep", at_first_away)
    async with going_on(ledger, database_url) as (_, over):
        over.set()
    assert len(tried) == 2


async def claimed(ledger: Ledger) -> Claim:
    (claim,) = await claiming.claim(ledger, "w", OFFERS, 1, 30.0, Turn())
    return claim


def of(claim: Claim, *lines: str) -> list[Logged]:
    return [Logged(claim.job_id, claim.claimed_at, [Line(n, AT, text) for n, text in enumerate(lines, 1)])]


async def test_lines_are_kept_once_and_only_of_a_task_that_is_held(ledger: Ledger) -> None:
    (job_id,) = await waiting(ledger, "logs")
    claim = await claimed(ledger)
    assert await logs.keep(ledger, "w", of(claim, "a", "b")) == {job_id}
    assert await logs.keep(ledger, "w", of(claim, "a", "b", "c")) == {job_id}
    assert await logs.keep(ledger, "other", of(claim, "a", "b", "c", "d")) == set()
    await ledger.fetch("UPDATE hermodr.tasks SET lease_until = now()")
    await rescuing.rescue(ledger, 10)
    assert await logs.keep(ledger, "w", of(claim, "a", "b", "c", "d")) == set()
    assert await texts_of(ledger, job_id) == ["a", "b", "c"]


async def test_pages_of_the_project_are_told_that_there_are_lines(ledger: Ledger, database_url: str) -> None:
    told: list[object] = []
    await waiting(ledger, "logs")
    claim = await claimed(ledger)
    async with opened(database_url, tell=told.extend) as heard:
        await logs.keep(heard, "other", of(claim, "a"))
        assert told == []
        await logs.keep(heard, "w", of(claim, "a"))
    assert told == [claim.project_id]


async def test_what_an_attempt_logged_stays_when_it_is_handed_back(ledger: Ledger) -> None:
    (job_id,) = await waiting(ledger, "logs")
    first = await claimed(ledger)
    await logs.keep(ledger, "w", of(first, "a", "b"))
    back = settled(first, Ended("handed_back"), 1.0, None)
    assert back is not None
    await recording.record(ledger, "w", [back])
    second = await claimed(ledger)
    assert (second.attempt, second.claimed_at > first.claimed_at) == (1, True)
    await logs.keep(ledger, "w", of(second, "c"))
    found = (await log_of(ledger, job_id)).lines
    assert [(each.attempt, each.number, each.text) for each in found] == [
        (1, 1, "a"),
        (1, 2, "b"),
        (1, 1, "c"),
    ]


async def test_pages_follow_each_other_and_know_what_is_missing(ledger: Ledger) -> None:
    (job_id,) = await waiting(ledger, "logs")
    claim = await claimed(ledger)
    lines = [Line(number, AT, f"{number}") for number in (1, 2, 5, 9)]
    await logs.keep(ledger, "w", [Logged(job_id, claim.claimed_at, lines)])
    found = await log_of(ledger, job_id, 2)
    assert [(each.number, each.left_out) for each in found.lines] == [(1, 0), (2, 0)]
    assert found.more
    rest = await logs.read(ledger, claim.project_id, job_id, 2, after=found.last)
    assert rest is not None
    assert [(each.number, each.left_out) for each in rest.lines] == [(5, 2), (9, 3)]
    assert not rest.more
    last = await logs.latest(ledger, claim.project_id, job_id, 2)
    assert last is not None
    assert [(each.number, each.left_out) for each in last.lines] == [(5, 2), (9, 3)]
    assert last.more
    assert await logs.read(ledger, UUID(int=7), job_id, 2) is None


async def test_a_log_goes_with_its_attempt(ledger: Ledger) -> None:
    kept: list[UUID] = []
    for _ in range(3):
        (job_id,) = await waiting(ledger, "logs")
        claim = await claimed(ledger)
        await logs.keep(ledger, "w", of(claim, "a"))
        result = settled(claim, Ended("completed", result="1"), 1.0, None)
        assert result is not None
        await recording.record(ledger, "w", [result])
        kept.append(job_id)
    old, asked_again, new = kept
    long_ago = datetime.now(UTC) - timedelta(days=40)
    for each in (old, asked_again):
        await ledger.fetch(
            "UPDATE hermodr.task_attempts SET finished_at = $2 WHERE job_id = $1", each, long_ago
        )
    await ledger.fetch("UPDATE hermodr.jobs SET finished_at = $2 WHERE id = $1", old, long_ago)
    await rescuing.forget(ledger, datetime.now(UTC) - timedelta(days=30))
    assert {row["id"] for row in await rows_of(ledger, "jobs")} == {asked_again, new}
    assert {row["job_id"] for row in await rows_of(ledger, "task_logs")} == {new}


async def test_nothing_is_kept_of_somebody_who_is_erased_meanwhile(ledger: Ledger, database_url: str) -> None:
    erased = asyncio.Event()

    @task("theirs")
    async def theirs(ctx: TaskContext) -> None:
        ctx.log("Ada's")
        await erased.wait()
        ctx.log("Ada's once more")

    (job_id,) = await waiting(ledger, "theirs", owner_id="ada")
    project_id = (await row_of(ledger, "jobs", job_id))["project_id"]
    recipient_id = new_id()
    await ledger.fetch(
        "INSERT INTO hermodr.recipients (id, project_id, user_id) VALUES ($1, $2, 'ada')",
        recipient_id,
        project_id,
    )
    async with working(database_url, theirs):

        async def look() -> Any:
            return await texts_of(ledger, job_id) == ["Ada's"]

        await wait_until(look)
        assert await erase(ledger, project_id, recipient_id, ME) is not None
        erased.set()
    assert await rows_of(ledger, "task_logs") == []


async def test_a_cancelled_task_keeps_what_it_logged_last(ledger: Ledger, database_url: str) -> None:
    begun = asyncio.Event()

    @task("stops", retries=0)
    async def stops(ctx: TaskContext) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ctx.log("tidied up")

    (job_id,) = await waiting(ledger, "stops")
    async with working(database_url, stops):
        await begun.wait()
        await ledger.fetch("UPDATE hermodr.tasks SET cancel_requested_at = now()")
        await in_state(ledger, job_id, "cancelled")
    assert await texts_of(ledger, job_id) == ["tidied up"]
    assert [each["outcome"] for each in await attempts_of(ledger, job_id)] == ["cancelled"]
