"""Tasks by a schedule, from the schedule's request over HTTP to what their owner is told."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from hermodr_ledger.connections import reaching
from hermodr_ledger.engine import Row
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_scheduler.duties.schedules import Schedules
from hermodr_scheduler.duties.task_endings import TaskEndings
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.files import Files
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.sealing import Sealer
from hermodr_worker import TaskContext, task
from hermodr_worker.built_in.data_export import data_export
from hermodr_worker.built_in.schema_rebuild import schema_rebuild
from hermodr_worker.built_in.stored import Store
from tests.support.api import WEBHOOK_KEY, ApiUnderTest, api_over
from tests.support.connected import HOUSE, OWNER, connected
from tests.support.ledgers import row_of, rows_of
from tests.support.schedules import due_since, runs_of
from tests.support.tasks import ended, working


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, files_url=(tmp_path / "files").as_uri()) as under_test:
        under_test.api.connections.reach = partial(reaching.attempt, HOUSE)
        await under_test.recipient(user_id=OWNER, email="ada@example.com")
        yield under_test


@task("press")
async def press(ctx: TaskContext) -> None:
    """Does nothing."""


class _Bell:
    def jobs(self, priority: object, ids: Any) -> None:
        """Nobody hears it."""


async def fired(api: ApiUnderTest, type_name: str, payload: dict[str, Any], **more: Any) -> Row:
    """The task that a weekly schedule makes."""
    wanted = {
        "name": str(new_id()),
        "cron": "0 3 * * 1",
        "job": {"type": type_name, "payload": payload, **more},
    }
    made = await api.http.post("/v1/schedules", json=wanted)
    assert made.status_code == 201, made.text
    schedule_id = UUID(made.json()["id"])
    ledger = api.api.ledger
    await due_since(ledger, timedelta(seconds=1), schedule_id)
    bell: Any = _Bell()
    metrics = SchedulerMetrics(CollectorRegistry())
    await Schedules(ledger, bell, SystemClock(), metrics, batch=100).tick()
    (made_by_it,) = await runs_of(ledger, schedule_id)
    return await row_of(ledger, "jobs", made_by_it["job_id"])


async def run(api: ApiUnderTest, database_url: str, job_id: UUID) -> Row:
    """Its row, when it has ended."""
    settings, ledger, clock = api.api.settings, api.api.ledger.cold, api.api.clock
    assert settings.files_url is not None
    sealer = Sealer(WEBHOOK_KEY)
    store = Store(ledger, clock, Files(settings.files_url), settings.file_links, timedelta(days=7))
    known = (schema_rebuild(ledger, HOUSE, sealer), data_export(ledger, HOUSE, sealer, store, clock), press)
    await enqueue(api.api.ledger, [job_id])
    async with working(database_url, *known):
        row: Row = await ended(api.api.ledger, job_id, 60)
    return row


async def followed(api: ApiUnderTest) -> list[Row]:
    """What the scheduler requests of tasks that have ended."""
    bell: Any = _Bell()
    before = {row["id"] for row in await rows_of(api.api.ledger, "jobs")}
    metrics = SchedulerMetrics(CollectorRegistry())
    await TaskEndings(api.api.ledger, bell, metrics, telling="mail", batch=100).tick()
    return [row for row in await rows_of(api.api.ledger, "jobs") if row["id"] not in before]


@pytest.mark.parametrize(
    ("type_name", "more"),
    [("schema-rebuild", {}), ("data-export", {"query": "SELECT 1 AS one", "format": "csv"})],
)
async def test_a_task_about_a_connection_is_its_owners_who_is_told_of_its_end(
    api: ApiUnderTest, database_url: str, type_name: str, more: dict[str, str]
) -> None:
    connection_id = await connected(api, database_url)
    job = await fired(api, type_name, {"connection_id": connection_id, **more})
    assert job["owner_id"] == OWNER
    shown = await api.user(OWNER).get(f"/v1/jobs/{job['id']}")
    assert shown.json()["job"]["type"] == type_name
    row = await run(api, database_url, job["id"])
    assert (row["state"], row["error"]) == ("completed", None)
    (told,) = await followed(api)
    assert (told["type"], told["owner_id"]) == ("job_status", OWNER)
    assert told["channels"] == ["in_app", "email"]
    assert json.loads(told["data"])["job_id"] == str(job["id"])
    assert await followed(api) == []


async def test_whose_it_is_is_looked_up_each_time(api: ApiUnderTest, database_url: str) -> None:
    connection_id = await connected(api, database_url)
    first = await fired(api, "schema-rebuild", {"connection_id": connection_id})
    await api.http.patch(f"/v1/connections/{connection_id}", json={"owner": None})
    second = await fired(api, "schema-rebuild", {"connection_id": connection_id})
    assert (first["owner_id"], second["owner_id"]) == (OWNER, None)


@pytest.mark.parametrize("named", ["01a2018c-e359-7702-8eb3-8dd0fbf20000", "no id"])
async def test_without_such_a_connection_it_is_nobodys(api: ApiUnderTest, named: str) -> None:
    assert (await fired(api, "schema-rebuild", {"connection_id": named}))["owner_id"] is None


async def test_another_projects_connection_gives_it_no_owner(api: ApiUnderTest, database_url: str) -> None:
    connection_id = await connected(api, database_url)
    async with api_over(database_url) as other:
        job = await fired(other, "schema-rebuild", {"connection_id": connection_id})
    assert job["owner_id"] is None


async def test_what_is_to_come_after_a_scheduled_task_comes(api: ApiUnderTest, database_url: str) -> None:
    job = await fired(api, "press", {}, on_finished={"type": "tidy", "payload": {"a": 1}})
    await run(api, database_url, job["id"])
    (after,) = await followed(api)
    assert (after["type"], json.loads(after["data"]), after["owner_id"]) == ("tidy", {"a": 1}, None)
