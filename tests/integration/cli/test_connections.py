"""`hermodr connections`, as processes, against an API process and a worker with the role of its own."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest_asyncio

from hermodr_devkit.supervisor.identities import identities
from hermodr_ledger.access import keys
from hermodr_ledger.engine import Ledger
from hermodr_ledger.tasks.queueing import enqueue
from tests.support.api import WEBHOOK_KEY
from tests.support.api_process import answering
from tests.support.sessions import fresh_name
from tests.support.shell import Shell
from tests.support.tasks import worker_process
from tests.support.waiting import wait_until

HOUSE = {"connection_allow": "127.0.0.0/8"}


@pytest_asyncio.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    opened = Ledger(database_url, service="test")
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def shell(database_url: str, ledger: Ledger, tmp_path: Path) -> AsyncIterator[Shell]:
    """Files that tasks make are in a folder of the test's."""
    secret = (await keys.create(ledger, fresh_name(), ["admin"])).secret
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HERMODR_")}
    kept["HERMODR_CONNECTION_PASSWORD"] = unquote(urlsplit(database_url).password or "")
    more = HOUSE | {"files_url": (tmp_path / "files").as_uri()}
    async with answering(database_url, **more) as url:
        more |= {"secret_key": WEBHOOK_KEY, "public_url": url}
        own = await identities(database_url)
        async with worker_process(own.database["worker"], **more):
            yield Shell(kept | {"HERMODR_PORT_BASE": url.rpartition(":")[2], "HERMODR_API_KEY": secret})


async def ran(shell: Shell, ledger: Ledger, *arguments: str, status: int = 0) -> str:
    """What a command that waits for a task says; here is no dispatcher, so the test queues the task."""
    command = asyncio.create_task(shell.run(*arguments, status=status))

    async def queued() -> Any:
        rows = await ledger.fetch("SELECT id FROM hermodr.jobs WHERE state = 'queued' AND kind = 'task'")
        await enqueue(ledger, [row["id"] for row in rows])
        return command.done() or None

    await wait_until(queued, 60, "the command's end")
    return await command


async def test_a_connection_is_added_read_exported_from_and_deleted(
    shell: Shell, ledger: Ledger, database_url: str, tmp_path: Path
) -> None:
    assert await shell.json("connections", "list") == {"data": []}
    place = urlsplit(database_url)
    to = ("--host", "127.0.0.1", "--port", str(place.port), "--user", unquote(place.username or ""))
    await shell.run("connections", "add", "ours", *to, "--database", "zq_nowhere", status=1)
    made = await shell.json("connections", "add", "ours", *to, "--database", place.path.strip("/"))
    connection = made["id"]
    assert "password" not in made
    assert connection in await shell.run("connections", "list")
    changed = await shell.json("connections", "change", connection, "--name", "ours still", "--owner", "ada")
    assert (changed["name"], changed["owner"]) == ("ours still", "ada")
    await shell.run("connections", "schema", connection, status=1)
    assert " tables, " in await ran(shell, ledger, "connections", "rebuild", connection)
    assert '"connections"' in await shell.run("connections", "schema", connection)
    file = tmp_path / "out.csv"
    said = await ran(
        shell, ledger, "connections", "export", connection, "SELECT 1 AS one", "--file", str(file)
    )
    assert said == f"1 rows: {file}\n"
    assert file.read_bytes() == b"one\r\n1\r\n"
    await ran(shell, ledger, "connections", "export", connection, "DELETE FROM hermodr.jobs", status=1)
    await shell.run("connections", "delete", connection)
    await shell.run("connections", "show", connection, status=1)
