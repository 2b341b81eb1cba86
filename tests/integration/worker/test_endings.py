"""What follows the end of a task."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.vocabulary import JobKind
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.cancelling import cancel
from hermodr_ledger.jobs.intake import accept_many
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.people import recipients
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_scheduler.duties.task_endings import JOB_STATUS, TaskEndings, Telling
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_worker import TaskContext, TaskFailed, task
from tests.support.ledgers import emptied, new_job, new_project, opened, rows_of
from tests.support.tasks import ended, working

ME = Actor("key", None)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


@task("work", retries=0)
async def work(ctx: TaskContext, payload: dict[str, bool]) -> None:
    if payload.get("fails"):
        raise TaskFailed("no disk")


class _Bell:
    def __init__(self) -> None:
        self.rung: list[UUID] = []

    def jobs(self, priority: object, ids: Any) -> None:
        self.rung += ids


def duty(ledger: Ledger, telling: Telling = "mail", batch: int = 10) -> tuple[TaskEndings, _Bell]:
    bell: Any = _Bell()
    metrics = SchedulerMetrics(CollectorRegistry())
    return TaskEndings(ledger, bell, metrics, telling=telling, batch=batch), bell


async def requested(
    ledger: Ledger, project_id: UUID, *, owner: str | None = "u1", fails: bool = False, **content: Any
) -> UUID:
    job = new_job(
        project_id,
        kind=JobKind.TASK,
        type="work",
        to_email=None,
        data=json.dumps({"fails": fails}),
        content=json.dumps(content),
        owner_id=owner,
        followed=True,
    )
    async with ledger.transaction() as transaction:
        await accept_many(transaction, [job], wait_seconds=1.0)
    return job.id


async def told(ledger: Ledger) -> list[Any]:
    return [row for row in await rows_of(ledger, "jobs") if row["kind"] == "notification"]


async def somebody(ledger: Ledger, project_id: UUID) -> None:
    await recipients.create(ledger, project_id, {"user_id": "u1", "email": "ada@example.com"})


async def test_an_owner_is_told_once_of_each_end(ledger: Ledger, database_url: str) -> None:
    project_id = await new_project(ledger)
    await somebody(ledger, project_id)
    done, broken = await requested(ledger, project_id), await requested(ledger, project_id, fails=True)
    dropped = await requested(ledger, project_id)
    await cancel(ledger, project_id, dropped, ME)
    await enqueue(ledger, [done, broken])
    async with working(database_url, work):
        await ended(ledger, done)
        await ended(ledger, broken)
    first, bell = duty(ledger)
    second, other = duty(ledger)
    await asyncio.gather(first.tick(), second.tick())
    await first.tick()
    rows = await told(ledger)
    assert sorted(bell.rung + other.rung) == sorted(row["id"] for row in rows)
    said = {UUID(json.loads(row["data"])["job_id"]): json.loads(row["content"])["subject"] for row in rows}
    assert said == {done: "Done: work", broken: "Failed: work", dropped: "Cancelled: work"}
    assert len(rows) == 3
    assert {(row["type"], row["owner_id"]) for row in rows} == {(JOB_STATUS, "u1")}
    assert [row["channels"] for row in rows] == [["in_app", "email"]] * 3
    async with ledger.transaction() as transaction:
        await requeue(transaction, project_id, [broken], by="user")
    await enqueue(ledger, [broken])
    async with working(database_url, work):
        await ended(ledger, broken)
    await first.tick()
    assert len(await told(ledger)) == 4


async def test_an_owner_is_told_in_their_language(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    await recipients.create(
        ledger, project_id, {"user_id": "u1", "email": "ada@example.com", "locale": "de-AT"}
    )
    await cancel(ledger, project_id, await requested(ledger, project_id), ME)
    await duty(ledger)[0].tick()
    (row,) = await told(ledger)
    content = json.loads(row["content"])
    assert content["subject"] == "Abgebrochen: work"
    assert content["body_text"] == "Die Aufgabe work wurde abgebrochen."


async def test_a_projects_own_template_says_it(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    await somebody(ledger, project_id)
    await ledger.fetch(
        "INSERT INTO hermodr.templates (id, project_id, name, current_version)"
        " VALUES (gen_random_uuid(), $1, $2, 1)",
        project_id,
        JOB_STATUS,
    )
    await cancel(ledger, project_id, await requested(ledger, project_id), ME)
    await duty(ledger)[0].tick()
    (row,) = await told(ledger)
    assert (row["content"], row["channels"]) == (None, None)
    assert json.loads(row["data"])["state"] == "cancelled"


async def test_nothing_is_told_before_the_end_to_strangers_or_when_it_is_off(
    ledger: Ledger,
) -> None:
    project_id = await new_project(ledger)
    job_id = await requested(ledger, project_id)
    looking, _ = duty(ledger)
    await looking.tick()
    assert len(await rows_of(ledger, "task_endings")) == 1
    await cancel(ledger, project_id, job_id, ME)
    await looking.tick()
    await somebody(ledger, project_id)
    await cancel(ledger, project_id, await requested(ledger, project_id), ME)
    await duty(ledger, "off")[0].tick()
    assert (await told(ledger), await rows_of(ledger, "task_endings")) == ([], [])
    await cancel(ledger, project_id, await requested(ledger, project_id), ME)
    await duty(ledger, "in_app")[0].tick()
    assert [row["channels"] for row in await told(ledger)] == [["in_app"]]


async def test_the_task_that_follows_is_requested_once_however_the_first_ended(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    follows: dict[str, Any] = {"on_finished": {"type": "tidy", "payload": {"a": 1}}, "fairness_key": "k"}
    first = await requested(ledger, project_id, owner=None, **follows)
    await cancel(ledger, project_id, first, ME)
    for each in (duty(ledger), duty(ledger)):
        await each[0].tick()
    (then,) = [row for row in await rows_of(ledger, "jobs") if row["type"] == "tidy"]
    assert (then["kind"], then["state"], json.loads(then["data"])) == ("task", "queued", {"a": 1})
    assert json.loads(then["content"]) == {"fairness_key": "k"}
    assert json.loads(then["metadata"]) == {"follows": str(first), "state": "cancelled"}


async def test_many_unfinished_tasks_hide_no_end(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    await somebody(ledger, project_id)
    ids = [await requested(ledger, project_id) for _ in range(5)]
    await cancel(ledger, project_id, ids[-1], ME)
    looking, _ = duty(ledger, batch=2)
    for _ in range(3):
        await looking.tick()
    assert len(await told(ledger)) == 1
