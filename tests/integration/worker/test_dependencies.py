"""Tasks that begin when others have completed."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.cancelling import cancel
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.tasks import dependencies, looking, rescuing
from hermodr_ledger.tasks.dependencies import DEPENDENCY_FAILED, Place
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_worker import TaskContext, TaskFailed, task
from tests.support.ledgers import emptied, new_project, opened, row_of, rows_of
from tests.support.tasks import accepted, ended, working

ME = Actor("key", None)
order: list[UUID] = []


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    order.clear()
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


@task("part", retries=0)
async def part(ctx: TaskContext, payload: dict[str, bool]) -> None:
    order.append(ctx.job_id)
    if payload.get("fails"):
        raise TaskFailed("as asked")


async def requested(ledger: Ledger, project_id: UUID, *on: UUID, fails: bool = False, **more: Any) -> UUID:
    content = json.dumps({"depends_on": [str(each) for each in on]})
    data = json.dumps({"fails": fails})
    (job_id,) = await accepted(ledger, "part", project_id=project_id, content=content, data=data, **more)
    return job_id


async def looked(ledger: Ledger) -> None:
    """As the scheduler does."""
    found, _ = await dependencies.look(ledger, Place(), 100)
    await dependencies.settle(ledger, found)


async def test_a_task_begins_when_all_it_depends_on_have_completed(ledger: Ledger, database_url: str) -> None:
    project_id = await new_project(ledger)
    parts = [await requested(ledger, project_id) for _ in range(3)]
    last = await requested(ledger, project_id, *parts)
    assert await enqueue(ledger, [last]) == []
    await rescuing.tidy(ledger, 10)
    assert set((await looking.read(ledger, last, "part")).waits_for) == set(parts)
    assert set(await enqueue(ledger, parts)) == set(parts)
    async with working(database_url, part):
        assert (await ended(ledger, last))["state"] == "completed"
    assert (order[-1], set(order[:-1])) == (last, set(parts))
    assert await rows_of(ledger, "task_dependencies") == []


async def test_what_has_completed_before_the_task_was_decided_holds_nothing_up(
    ledger: Ledger, database_url: str
) -> None:
    project_id = await new_project(ledger)
    first = await requested(ledger, project_id)
    await enqueue(ledger, [first])
    async with working(database_url, part):
        await ended(ledger, first)
        second = await requested(ledger, project_id, first)
        assert await enqueue(ledger, [second]) == [second]
        assert (await ended(ledger, second))["state"] == "completed"


async def test_a_failure_fails_all_that_wait_for_it_and_they_can_be_asked_for_again(
    ledger: Ledger, database_url: str
) -> None:
    project_id = await new_project(ledger)
    first = await requested(ledger, project_id, fails=True)
    second = await requested(ledger, project_id, first, singleton_key=None)
    third = await requested(ledger, project_id, second)
    await enqueue(ledger, [second, third])
    await enqueue(ledger, [first])
    async with working(database_url, part):
        for each in (second, third):
            row = await ended(ledger, each)
            assert (row["state"], row["error"]) == ("failed", DEPENDENCY_FAILED)
    assert order == [first]
    noted = [row for row in await rows_of(ledger, "events") if row["kind"] == DEPENDENCY_FAILED]
    assert {row["job_id"]: json.loads(row["detail"])["depends_on"] for row in noted} == {
        second: str(first),
        third: str(second),
    }
    letters = await rows_of(ledger, "dead_letters")
    assert letters == []  # its author foresaw the first, and the others have failed as it did
    await ledger.fetch("UPDATE hermodr.jobs SET data = '{}' WHERE id = $1", first)
    async with ledger.transaction() as transaction:
        await requeue(transaction, project_id, [first, second, third], by="key")
    await enqueue(ledger, [third, second, first])
    async with working(database_url, part):
        assert (await ended(ledger, third))["state"] == "completed"
    assert order == [first, first, second, third]


async def test_the_scheduler_finds_those_that_nobody_told(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    first = await requested(ledger, project_id)
    second = await requested(ledger, project_id, first)
    dropped = await requested(ledger, project_id, first)
    await enqueue(ledger, [first, second, dropped])
    await looked(ledger)
    assert (await row_of(ledger, "jobs", second))["state"] == "queued"
    for each in (first, dropped):
        await cancel(ledger, project_id, each, ME)
    await looked(ledger)
    assert (await row_of(ledger, "jobs", second))["error"] == DEPENDENCY_FAILED
    assert (await row_of(ledger, "jobs", dropped))["state"] == "cancelled"
    assert await rows_of(ledger, "task_dependencies") == []


async def test_a_dependency_of_another_project_or_that_is_gone_is_none(ledger: Ledger) -> None:
    project_id, other = await new_project(ledger), await new_project(ledger)
    foreign = await requested(ledger, other)
    for of in (foreign, uuid4()):
        job_id = await requested(ledger, project_id, of)
        assert await enqueue(ledger, [job_id]) == []
        assert (await row_of(ledger, "jobs", job_id))["error"] == DEPENDENCY_FAILED


async def test_of_several_that_settle_a_task_one_does(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    first = await requested(ledger, project_id)
    waits = [await requested(ledger, project_id, first) for _ in range(5)]
    await enqueue(ledger, [first, *waits])
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'completed', finished_at = now() WHERE id = $1", first
    )
    told = await asyncio.gather(*(dependencies.settle(ledger, waits) for _ in range(6)))
    await looked(ledger)
    rows = await rows_of(ledger, "tasks")
    assert {row["job_id"] for row in rows} - {first} == set(waits)
    ready = [each for settled in told for each in settled.ready]
    assert len(ready) == len(set(ready))


async def test_a_look_goes_round_in_batches(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    first = await requested(ledger, project_id)
    waits = [await requested(ledger, project_id, first) for _ in range(5)]
    await enqueue(ledger, waits)
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'completed', finished_at = now() WHERE id = $1", first
    )
    seen: list[UUID] = []
    place: Place | None = Place()
    while place is not None:
        found, place = await dependencies.look(ledger, place, 2)
        seen += found
    assert sorted(seen) == sorted(waits)
