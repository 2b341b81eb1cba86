"""`hermodr schedules`, as processes, against an API process."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from tests.support.sessions import fresh_name
from tests.support.shell import Shell

MAIL = '{"to": {"email": "ada@example.com"}, "subject": "Hi", "body_text": "there"}'


@pytest_asyncio.fixture
async def shell(database_url: str, api_url: str) -> AsyncIterator[Shell]:
    ledger = Ledger(database_url, service="test")
    secret = (await keys.create(ledger, fresh_name(), ["admin"])).secret
    await ledger.close()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    yield Shell(kept | {"HERMODR_PORT_BASE": api_url.rpartition(":")[2], "HERMODR_API_KEY": secret})


async def test_a_schedule_is_made_paused_run_and_deleted(shell: Shell, tmp_path: Path) -> None:
    assert await shell.json("schedules", "list") == {"data": []}
    await shell.run("schedules", "create", "x", "--every", "1h", "--job", "{", status=1)
    await shell.run("schedules", "create", "x", "--every", "1h", "--job", "[]", status=1)
    await shell.run("schedules", "create", "x", "--every", "1h", "--job", f"@{tmp_path}/none", status=1)
    await shell.run("schedules", "create", "x", "--cron", "0 9 * *", "--job", MAIL, status=1)
    rule = ("--cron", "0 9 * * 1-5", "--timezone", "Europe/Berlin")
    made = await shell.json("schedules", "create", "good morning", *rule, "--job", MAIL)
    assert (made["kind"], made["is_active"]) == ("notification", True)
    (tmp_path / "job.json").write_text('{"type": "data-export"}')
    said = await shell.run(
        "schedules", "create", "export", "--every", "24h", "--job", f"@{tmp_path}/job.json", "--paused"
    )
    assert "every 24h, paused" in said
    listed = await shell.run("schedules")
    assert "good morning" in listed
    assert "0 9 * * 1-5 Europe/Berlin" in listed
    shown = await shell.run("schedules", "show", "good morning")
    assert made["id"] in shown
    assert "ada@example.com" in shown
    assert "paused" in await shell.run("schedules", "pause", made["id"])
    assert "next in" in await shell.run("schedules", "resume", "good morning")
    unfired = await shell.begin("schedules", "runs", "good morning")
    assert b"it has not fired yet" in (await unfired.communicate())[1]
    fired = await shell.json("schedules", "run", "good morning")
    assert fired["state"] == "fired"
    assert fired["job_id"] in await shell.run("schedules", "runs", "good morning")
    (run,) = (await shell.json("schedules", "runs", "good morning", "--state", "fired"))["data"]
    assert run["id"] == fired["id"]
    found = (await shell.json("schedules", "occurrences", "good morning", "-n", "3"))["data"]
    assert [each["local"][11:16] for each in found] == ["09:00"] * 3
    assert "09:00:00" in await shell.run("schedules", "occurrences", "good morning")
    await shell.run("schedules", "delete", "good morning")
    await shell.run("schedules", "show", "good morning", status=1)
