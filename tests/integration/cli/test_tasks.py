"""`hermodr tasks`, as processes, against an API process."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.support.sessions import fresh_name
from tests.support.shell import Shell


@pytest_asyncio.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    ledger = Ledger(database_url, service="test")
    yield ledger
    await ledger.close()


@pytest_asyncio.fixture
async def shell(ledger: Ledger, api_url: str) -> Shell:
    secret = (await keys.create(ledger, fresh_name(), ["admin"])).secret
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    return Shell(kept | {"HERMODR_PORT_BASE": api_url.rpartition(":")[2], "HERMODR_API_KEY": secret})


async def _content(ledger: Ledger, job_id: str) -> str:
    (row,) = await ledger.fetch(
        "SELECT content - 'max_retries' AS content FROM hermodr.jobs WHERE id = $1::uuid", job_id
    )
    return str(row["content"])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("tidy-up", '{"on_finished": {"type": "tidy-up", "payload": {}}}'),
        (
            '{"type": "tidy-up", "payload": {"folder": "a"}}',
            '{"on_finished": {"type": "tidy-up", "payload": {"folder": "a"}}}',
        ),
    ],
)
async def test_a_task_may_be_followed_by_another(shell: Shell, ledger: Ledger, given: str, kept: str) -> None:
    made = await shell.json("tasks", "run", "export", "{}", "--on-finished", given)
    assert await _content(ledger, made["job_id"]) == kept


async def test_a_task_waits_for_others(shell: Shell, ledger: Ledger) -> None:
    parts = [(await shell.json("tasks", "run", "part"))["job_id"] for _ in range(2)]
    named = [word for part in parts for word in ("--depends-on", part)]
    made = await shell.json("tasks", "run", "whole", *named)
    assert await _content(ledger, made["job_id"]) == f'{{"depends_on": ["{parts[0]}", "{parts[1]}"]}}'


async def test_what_cannot_follow_is_refused(shell: Shell) -> None:
    for odd in ('{"payload": {}}', "two words"):
        await shell.run("tasks", "run", "export", "--on-finished", odd, status=1)


async def test_how_tasks_fared_is_shown_by_type(shell: Shell, ledger: Ledger) -> None:
    assert await shell.json("tasks", "metrics") == {"data": []}
    made = [(await shell.json("tasks", "run", each))["job_id"] for each in ("count", "count", "export")]
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'completed', wake_at = NULL, processed_at = now(),"
        " finished_at = now() + interval '90 ms' WHERE id = $1::uuid",
        made[0],
    )
    count, export = (await shell.json("tasks", "metrics"))["data"]
    assert (count["type"], count["total_jobs"], count["completed"], count["failed"]) == ("count", 2, 1, 0)
    assert export["p95_processing_time_ms"] is None
    shown = await shell.run("tasks", "metrics", "--hours", "2")
    assert "90 ms" in shown
    assert "export" in shown
