"""`hermodr tasks`, as processes, against an API process."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
import pytest_asyncio

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from hermodr_ledger.tasks import claiming, logs, recording
from hermodr_ledger.tasks.claiming import Claim, Offer, Turn
from hermodr_ledger.tasks.logs import Line, Logged
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_worker.domain import Ended, settled
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
    # another span of time for each look: what took long to count is shown again for a while
    assert await shell.json("tasks", "metrics", "--hours", "3") == {"data": []}
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


async def _begun(ledger: Ledger, job_id: str) -> Claim:
    await enqueue(ledger, [UUID(job_id)])
    (claim,) = await claiming.claim(ledger, "me:1", [Offer("logs", 1, False)], 1, 30.0, Turn())
    return claim


async def _kept(ledger: Ledger, claim: Claim, *lines: tuple[int, str]) -> None:
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    kept = [Line(number, at, text) for number, text in lines]
    await logs.keep(ledger, "me:1", [Logged(claim.job_id, claim.claimed_at, kept)])


async def test_what_a_task_logs_is_shown_and_followed_to_its_end(shell: Shell, ledger: Ledger) -> None:
    job_id = (await shell.json("tasks", "run", "logs"))["job_id"]
    claim = await _begun(ledger, job_id)
    await _kept(ledger, claim, (1, "begun"), (4, "two\nlines \x1b[31m"))
    said = (await shell.run("jobs", "logs", job_id)).splitlines()
    assert said[0].endswith("  begun")
    assert said[1] == "… 2 not kept"
    assert said[2].endswith("  two")
    assert (said[3].strip()[:5], "\x1b" in said[3]) == ("lines", False)
    following = await shell.begin("jobs", "logs", job_id, "--follow", "--json")
    assert following.stdout is not None
    first = json.loads(await asyncio.wait_for(following.stdout.readline(), 30))
    assert (first["attempt"], first["number"], first["text"]) == (1, 1, "begun")
    await _kept(ledger, claim, (5, "done"))
    result = settled(claim, Ended("completed", result="1"), 1.0, None)
    assert result is not None
    await recording.record(ledger, "me:1", [result])
    rest, complaint = await asyncio.wait_for(following.communicate(), 30)
    assert (following.returncode, complaint) == (0, b"")
    assert [json.loads(line)["text"] for line in rest.splitlines()] == ["two\nlines \x1b[31m", "done"]
