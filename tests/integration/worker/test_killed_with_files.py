"""Exports and imports whose worker, a process, is killed in the middle, or which are cancelled: nothing is done twice,
and no file is left."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hermodr_ledger.connections import reaching
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_scheduler.duties.files import OldFiles
from hermodr_servicekit.files import Files
from hermodr_worker.built_in.folders import PREFIX
from hermodr_worker.built_in.recipients_import import TOGETHER
from tests.support.api import WEBHOOK_KEY, ApiUnderTest, api_over
from tests.support.connected import HOUSE, OWNER, connected
from tests.support.ledgers import row_of
from tests.support.tasks import Called, attempts_of, ended, rescued, worker_process
from tests.support.waiting import wait_until

LINES = 4 * TOGETHER
EXPORTED = "SELECT id, pg_sleep(pause) IS NULL AS slept FROM zq_slow"


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, files_url=(tmp_path / "files").as_uri()) as under_test:
        under_test.api.connections.reach = lambda login: reaching.attempt(HOUSE, login)
        await under_test.tasks_for_users("data-export")
        yield under_test


@pytest.fixture
async def source(database_url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """With a table that takes 40 s to read."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "CREATE TABLE zq_slow AS SELECT n AS id, 0.01 AS pause FROM generate_series(1, 4000) n"
    )
    yield connection
    await connection.execute("DROP TABLE zq_slow")
    await connection.close()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Of the worker processes, whose temporary folder is theirs alone."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    return {
        "secret_key": WEBHOOK_KEY,
        "files_url": (tmp_path / "files").as_uri(),
        "connection_allow": "127.0.0.0/8",
    }


def kept(tmp_path: Path) -> list[str]:
    return sorted(each.name for each in (tmp_path / "files").iterdir())


def folders(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "tmp").glob(f"{PREFIX}*"))


async def export(api: ApiUnderTest, database_url: str) -> UUID:
    """A slow one, that waits for a worker."""
    connection_id = await connected(api, database_url)
    payload = {"connection_id": connection_id, "query": EXPORTED, "format": "csv"}
    answer = await api.user(OWNER).post("/v1/jobs", json={"type": "data-export", "payload": payload})
    assert answer.status_code == 202, answer.text
    job_id = UUID(answer.json()["job_id"])
    await enqueue(api.api.ledger, [job_id])
    return job_id


async def in_the_middle(api: ApiUnderTest, job_id: UUID, words: str) -> None:
    """Until its progress says so."""

    async def look() -> bool:
        found = await api.api.ledger.fetch("SELECT progress FROM hermodr.tasks WHERE job_id = $1", job_id)
        progress = json.loads(found[0]["progress"] or "{}") if found else {}
        return str(progress.get("message", "")).endswith(words)

    _: bool = await wait_until(look, 30, words)


async def deleted(api: ApiUnderTest, tmp_path: Path) -> None:
    """What is over, and what was begun and not finished, as if a day had passed."""
    await api.api.ledger.fetch("UPDATE hermodr.files SET expires_at = now() WHERE bytes IS NULL")
    await OldFiles(api.api.ledger.cold, Files((tmp_path / "files").as_uri())).tick()


async def test_an_export_whose_worker_is_killed_is_one_file_in_the_end(
    api: ApiUnderTest,
    database_url: str,
    tmp_path: Path,
    source: "asyncpg.Connection[Any]",
    settings: dict[str, str],
) -> None:
    job_id = await export(api, database_url)
    async with worker_process(database_url, **settings) as first:
        await in_the_middle(api, job_id, "rows written")
        await first.kill()
        assert len(folders(tmp_path)) == 1
        await rescued(api.api.ledger, Called())
    await source.execute("UPDATE zq_slow SET pause = 0")
    async with worker_process(database_url, **settings):
        row = await ended(api.api.ledger, job_id, 60)
        assert (row["state"], json.loads(row["result"])["row_count"]) == ("completed", 4000)
        await wait_until(lambda: not folders(tmp_path), 10, "the killed one's folder to go")
    assert [each["outcome"] for each in await attempts_of(api.api.ledger, job_id)] == ["lost", "completed"]
    await deleted(api, tmp_path)
    rows = await api.api.ledger.fetch("SELECT id FROM hermodr.files WHERE job_id = $1", job_id)
    assert kept(tmp_path) == [str(each["id"]) for each in rows]
    assert len(rows) == 1


async def test_an_import_whose_worker_is_killed_goes_on_where_it_was(
    api: ApiUnderTest, database_url: str, tmp_path: Path, settings: dict[str, str]
) -> None:
    held = (await api.recipient(external_id=f"c{LINES}", name="before"))["id"]
    text = "external_id,name,email\n" + "".join(f"c{n},Name {n},\n" for n in range(1, LINES + 1))
    answer = await api.http.post(
        "/v1/recipients/import",
        content=(text + "odd,Odd,no address\n").encode(),
        headers={"content-type": "text/csv"},
    )
    assert answer.status_code == 202, answer.text
    job_id = UUID(answer.json()["job_id"])
    await enqueue(api.api.ledger, [job_id])
    blocker = await asyncpg.connect(database_url)
    lock = blocker.transaction()  # for which the last lines have to wait
    await lock.start()
    await blocker.execute("SELECT FROM hermodr.recipients WHERE id = $1::uuid FOR UPDATE", held)
    async with worker_process(database_url, **settings) as first:
        await in_the_middle(api, job_id, f"{LINES - TOGETHER} lines")
        await first.kill()
        assert len(folders(tmp_path)) == 1
    await lock.rollback()
    await blocker.close()
    (one,) = (await api.http.get("/v1/recipients", params={"external_id": "c1"})).json()["data"]
    await api.http.patch(f"/v1/recipients/{one['id']}", json={"name": "changed since"})
    await rescued(api.api.ledger, Called())
    async with worker_process(database_url, **settings):
        row = await ended(api.api.ledger, job_id, 60)
        await wait_until(lambda: not folders(tmp_path), 10, "the killed one's folder to go")
    result = json.loads(row["result"])
    assert (row["state"], result["created"], result["updated"], result["rejected"]) == (
        "completed",
        LINES - 1,
        1,
        1,
    )
    (one,) = (await api.http.get("/v1/recipients", params={"external_id": "c1"})).json()["data"]
    assert one["name"] == "changed since"
    (many,) = await api.api.ledger.fetch(
        "SELECT count(*) AS n FROM hermodr.recipients WHERE project_id = $1", api.project_id
    )
    assert many["n"] == LINES
    await deleted(api, tmp_path)
    rows = await api.api.ledger.fetch("SELECT id, kind FROM hermodr.files WHERE job_id = $1", job_id)
    assert kept(tmp_path) == sorted(str(each["id"]) for each in rows)
    assert sorted(each["kind"] for each in rows) == ["import", "report"]


async def test_an_export_is_cancelled_while_it_runs(
    api: ApiUnderTest,
    database_url: str,
    tmp_path: Path,
    source: "asyncpg.Connection[Any]",
    settings: dict[str, str],
) -> None:
    job_id = await export(api, database_url)
    async with worker_process(database_url, **settings):
        await in_the_middle(api, job_id, "rows written")
        answer = await api.user(OWNER).delete(f"/v1/jobs/{job_id}")
        assert answer.status_code in (200, 202), answer.text
        row = await ended(api.api.ledger, job_id, 10)
        assert (row["state"], row["result"]) == ("cancelled", None)
        await wait_until(lambda: not folders(tmp_path), 10, "its folder to go")

        async def given_up() -> bool:
            asked = (
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%' || $1 AND pid <> pg_backend_pid()"
            )
            return bool(await source.fetchval(asked, "FROM hermodr_answer") == 0)

        _: bool = await wait_until(given_up, 10, "the database to be left alone")
    assert (await row_of(api.api.ledger, "jobs", job_id))["state"] == "cancelled"
    await deleted(api, tmp_path)
    assert kept(tmp_path) == []
    assert not await api.api.ledger.fetch("SELECT FROM hermodr.files WHERE job_id = $1", job_id)
