"""The built-in task `data-export`, asked for over HTTP, run by a worker, against the real PostgreSQL; and its links."""

import asyncio
import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID
from xml.etree import ElementTree

import asyncpg
import pytest

from hermodr_ledger.connections import querying, reaching
from hermodr_ledger.connections.reaching import Login
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_scheduler.duties.files import OldFiles
from hermodr_servicekit.files import Files
from hermodr_servicekit.sealing import Sealer
from hermodr_worker.built_in import tables
from hermodr_worker.built_in.data_export import data_export
from hermodr_worker.built_in.stored import Store
from hermodr_worker.context import TaskContext
from hermodr_worker.definition import AnyTask, task
from tests.support.api import WEBHOOK_KEY, ApiUnderTest, api_over, problem
from tests.support.connected import HOUSE, OWNER, connected
from tests.support.tasks import ended, in_state, waiting, working
from tests.support.waiting import wait_until

VALUES = """
SELECT * FROM (VALUES
    (1, 12.50, true, 'plain', timestamptz '2026-11-30 08:00+02', '{"a": [1]}'::jsonb, ARRAY[1, 2]),
    (-2, 123456789012345678901234567890.5, false, '=1+1', NULL, NULL, '{}'),
    (3, 'NaN', NULL, 'with "quotes", and' || chr(10) || 'a line ✓', NULL, NULL, NULL)
) AS v(id, price, paid, note, at, doc, list) ORDER BY id DESC;
"""


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, files_url=(tmp_path / "files").as_uri()) as under_test:
        under_test.api.connections.reach = partial(reaching.attempt, HOUSE)
        await under_test.tasks_for_users("data-export")
        yield under_test


@pytest.fixture
async def source(database_url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


def task_of(api: ApiUnderTest) -> AnyTask:
    settings, ledger, clock = api.api.settings, api.api.ledger.cold, api.api.clock
    assert settings.files_url is not None
    store = Store(ledger, clock, Files(settings.files_url), settings.file_links, timedelta(days=7))
    return data_export(ledger, HOUSE, Sealer(WEBHOOK_KEY), store, clock)


async def exported(api: ApiUnderTest, database_url: str, query: str, of: str = "csv", **more: Any) -> Any:
    """The row of the job, when it has ended."""
    connection_id = more.pop("connection_id", None) or await connected(api, database_url)
    payload = {"connection_id": connection_id, "query": query, "format": of}
    asked = {"type": "data-export", "payload": payload, "max_retries": 0}
    answer = await api.user(more.pop("user", OWNER)).post("/v1/jobs", json=asked)
    assert answer.status_code == 202, answer.text
    job_id = UUID(answer.json()["job_id"])
    await enqueue(api.api.ledger, [job_id])
    async with working(database_url, task_of(api)):
        return await ended(api.api.ledger, job_id, 60)


async def fetched(api: ApiUnderTest, row: Any) -> tuple[dict[str, Any], bytes]:
    """The result, and the file that its link leads to."""
    assert (row["state"], row["error"]) == ("completed", None)
    result = json.loads(row["result"])
    api.http.headers.pop("authorization")
    got = await api.http.get(urlsplit(result["file_url"]).path)
    assert got.status_code == 200, got.text
    assert got.headers["content-disposition"] == f'attachment; filename="{result["file_name"]}"'
    return result, got.content


async def test_a_query_becomes_a_csv_with_values_as_the_server_writes_them(
    api: ApiUnderTest, database_url: str
) -> None:
    result, file = await fetched(api, await exported(api, database_url, VALUES))
    assert result["row_count"] == 3
    assert result["file_name"].startswith("our-shop-2")
    assert result["file_name"].endswith(".csv")
    rows = list(csv.reader(io.StringIO(file.decode(), newline="")))
    assert rows == [
        ["id", "price", "paid", "note", "at", "doc", "list"],
        ["3", "NaN", "", 'with "quotes", and\na line ✓', "", "", ""],
        ["1", "12.50", "true", "plain", "2026-11-30 06:00:00+00", '{"a": [1]}', "{1,2}"],
        ["-2", "123456789012345678901234567890.5", "false", "'=1+1", "", "", "{}"],
    ]


async def test_a_query_becomes_json_without_a_rounded_number(api: ApiUnderTest, database_url: str) -> None:
    _, file = await fetched(api, await exported(api, database_url, VALUES, "json"))
    assert b'"price": 123456789012345678901234567890.5' in file
    found = json.loads(file)
    assert found[1] == {
        "id": 1,
        "price": 12.5,
        "paid": True,
        "note": "plain",
        "at": "2026-11-30T06:00:00+00:00",
        "doc": {"a": [1]},
        "list": [1, 2],
    }
    assert (found[0]["price"], found[2]["note"]) == ("NaN", "=1+1")


async def test_a_query_becomes_a_sheet_without_formulas(api: ApiUnderTest, database_url: str) -> None:
    _, file = await fetched(api, await exported(api, database_url, VALUES, "xlsx"))
    with zipfile.ZipFile(io.BytesIO(file)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    cells = {
        each.attrib["r"]: (each.attrib.get("t", "n"), "".join(each.itertext()))
        for each in sheet.iter(f"{space}c")
    }
    assert not list(sheet.iter(f"{space}f"))
    assert cells["A1"] == ("inlineStr", "id")
    assert (cells["A3"], cells["B3"], cells["C3"]) == (("n", "1"), ("n", "12.5"), ("b", "1"))
    assert cells["B4"] == ("inlineStr", "123456789012345678901234567890.5")
    assert cells["D4"] == ("inlineStr", "=1+1")


@pytest.mark.parametrize("of", ["csv", "json", "xlsx"])
async def test_many_rows_come_in_pieces(api: ApiUnderTest, database_url: str, of: str) -> None:
    query = "SELECT n AS same, repeat('x', 200) AS same FROM generate_series(1, 20000) n"
    result, file = await fetched(api, await exported(api, database_url, query, of))
    assert result["row_count"] == 20000
    if of == "json":
        found = json.loads(file)
        assert (len(found), found[-1]) == (20000, {"same": 20000, "same_2": "x" * 200})


async def test_an_answer_without_rows_is_a_file_too(api: ApiUnderTest, database_url: str) -> None:
    result, file = await fetched(api, await exported(api, database_url, "TABLE pg_class LIMIT 0", "json"))
    assert (result["row_count"], json.loads(file)) == (0, [])


async def test_what_would_write_fails(
    api: ApiUnderTest, database_url: str, source: "asyncpg.Connection[Any]"
) -> None:
    await source.execute("CREATE TABLE zq_kept AS SELECT 1 AS id")
    gone = "WITH gone AS (DELETE FROM zq_kept RETURNING *) SELECT * FROM gone"
    row = await exported(api, database_url, gone)
    assert row["state"] == "failed"
    assert (
        row["error"] == "the query would change something, or is nothing that can be exported, at character 6"
    )
    assert await source.fetchval("SELECT count(*) FROM zq_kept") == 1


async def test_users_export_from_their_own_connections_only(api: ApiUnderTest, database_url: str) -> None:
    theirs = await connected(api, database_url, owner="eve")
    row = await exported(api, database_url, "SELECT 1", connection_id=theirs)
    assert (row["state"], row["error"]) == ("failed", "there is no such connection")


async def test_more_than_fits_is_refused(
    api: ApiUnderTest, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_BYTES", 1024 * 1024)
    query = "SELECT repeat('x', 1000) FROM generate_series(1, 2000)"
    row = await exported(api, database_url, query)
    assert (row["state"], row["error"]) == ("failed", "the answer has more than 1 MiB; ask for less")
    monkeypatch.setitem(tables.MOST_ROWS, "csv", 10)
    row = await exported(api, database_url, query)
    assert row["error"] == "the answer has more than 10 rows, the most of csv; ask for less"


async def test_a_link_is_good_until_it_expires_and_then_the_file_is_deleted(
    api: ApiUnderTest, database_url: str, tmp_path: Path
) -> None:
    row = await exported(api, database_url, "SELECT 1 AS one")
    result, file = await fetched(api, row)
    assert file == b"one\r\n1\r\n"
    path = urlsplit(result["file_url"]).path
    for other in (
        f"{path[:-1]}{'A' if path[-1] != 'A' else 'B'}",
        f"{path}A",
        "/v1/files/x",
        "/v1/files/%C3%A9",
    ):
        problem(await api.http.get(other), 404, "not-found")
    problem(await api.http.get(path, params={"name": "x"}), 422, "invalid-request")
    kept = list((tmp_path / "files").iterdir())
    assert len(kept) == 1
    duty = OldFiles(api.api.ledger.cold, Files((tmp_path / "files").as_uri()))
    await duty.tick()
    assert (await api.http.get(path)).status_code == 200
    await api.api.ledger.fetch(
        "UPDATE hermodr.files SET expires_at = now() WHERE id = $1::uuid", kept[0].name
    )
    problem(await api.http.get(path), 404, "not-found")
    await duty.tick()
    assert not list((tmp_path / "files").iterdir())
    assert not await api.api.ledger.fetch("SELECT FROM hermodr.files WHERE id = $1::uuid", kept[0].name)


async def test_an_attempt_deletes_what_an_earlier_one_left(
    api: ApiUnderTest, database_url: str, tmp_path: Path
) -> None:
    connection_id = await connected(api, database_url)
    payload = {"connection_id": connection_id, "query": "SELECT 1", "format": "csv"}
    made = await api.http.post("/v1/jobs", json={"type": "data-export", "payload": payload})
    job_id = UUID(made.json()["job_id"])
    (tmp_path / "left").write_text("half")
    left = UUID(int=7)
    await Files((tmp_path / "files").as_uri()).put(left, tmp_path / "left")
    await api.api.ledger.fetch(
        "INSERT INTO hermodr.files (id, project_id, job_id, kind, name, media_type, expires_at)"
        " VALUES ($1, $2, $3, 'export', 'x.csv', 'text/csv', now() + interval '1 day')",
        left,
        api.project_id,
        job_id,
    )
    await enqueue(api.api.ledger, [job_id])
    async with working(database_url, task_of(api)):
        await fetched(api, await ended(api.api.ledger, job_id, 60))
    await OldFiles(api.api.ledger.cold, Files((tmp_path / "files").as_uri())).tick()
    assert len(list((tmp_path / "files").iterdir())) == 1


LIFTED = """
SELECT set_config('statement_timeout', '0', false), pg_sleep(100 * (n - 1)), '%s' FROM generate_series(1, 2) n
"""


async def asked_for(
    api: ApiUnderTest, connection_id: str, query: str, user: str = OWNER, **more: Any
) -> UUID:
    payload = {"connection_id": connection_id, "query": query, "format": "csv"}
    asked = {"type": "data-export", "payload": payload, "max_retries": 0} | more
    answer = await api.user(user).post("/v1/jobs", json=asked)
    assert answer.status_code == 202, answer.text
    job_id = UUID(answer.json()["job_id"])
    await enqueue(api.api.ledger, [job_id])
    return job_id


@pytest.mark.parametrize("how", ["cancelled", "timeout"])
async def test_a_query_ends_at_the_server_with_its_export(
    api: ApiUnderTest, database_url: str, source: "asyncpg.Connection[Any]", how: str
) -> None:
    connection_id = await connected(api, database_url)
    more: dict[str, Any] = {"timeout_seconds": 2} if how == "timeout" else {}
    sleeping = "state = 'active' AND wait_event = 'PgSleep'"
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hermodr' AND {sleeping}"

    async def sleep() -> Any:
        return await source.fetchval(asked)

    async def nobody() -> Any:
        return await source.fetchval(asked) == 0

    async with working(database_url, task_of(api)):
        job_id = await asked_for(api, connection_id, LIFTED % how, **more)
        await wait_until(sleep, 15, "the query")
        if how == "cancelled":
            assert (await api.user(OWNER).delete(f"/v1/jobs/{job_id}")).status_code < 300
        row = await ended(api.api.ledger, job_id)
        assert row["state"] == ("cancelled" if how == "cancelled" else "failed")
        await wait_until(nobody, 5, "the query's end at the server")


async def test_a_query_cannot_lift_the_time_of_the_next_piece(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(querying, "_LIMIT", "SET LOCAL statement_timeout = '300ms'")
    with pytest.raises(querying.BadQuery, match="took longer"):
        await sizes(database_url, LIFTED % "x")


async def test_wide_rows_come_one_at_a_time_and_have_an_end(database_url: str) -> None:
    wide = "SELECT repeat('x', 1000000) AS a, repeat('y', 1000000) AS b FROM generate_series(1, 5)"
    assert await sizes(database_url, wide) == [1, 1, 1, 1, 1]
    wider = "SELECT " + ", ".join("repeat('x', 1000000)" for _ in range(17))
    with pytest.raises(querying.BadQuery, match="a row has more than 16777216 characters"):
        await sizes(database_url, wider)


async def sizes(database_url: str, query: str) -> list[int]:
    """Of the pieces."""
    at = urlsplit(database_url)
    user, password = unquote(at.username or ""), unquote(at.password or "")
    login = Login(at.hostname or "", at.port or 5432, at.path[1:], user, password, "prefer")
    async with querying.answered(HOUSE, login, query, json=False) as answer:
        return [len(rows) async for rows in answer.pieces()]


async def test_two_exports_of_a_user_run_at_once_and_others_go_on(
    api: ApiUnderTest, database_url: str
) -> None:
    @task("quick")
    async def quick(_: TaskContext) -> None:
        pass

    mine = await connected(api, database_url)
    theirs = await connected(api, database_url, owner="eve")
    ledger = api.api.ledger
    asleep = [
        await asked_for(api, mine, "SELECT pg_sleep(100)", fairness_key=f"x{n}", priority="urgent")
        for n in range(6)
    ]
    async with working(database_url, task_of(api), quick, worker_concurrency=4):
        for each in asleep[:2]:
            await in_state(ledger, each, "processing")
        (other,) = await waiting(ledger, "quick")
        assert (await ended(ledger, other))["state"] == "completed"
        hers = await asked_for(api, theirs, "SELECT 1", "eve")
        assert (await ended(ledger, hers))["state"] == "completed"
        rows = await ledger.fetch("SELECT state FROM hermodr.jobs WHERE id = ANY($1) ORDER BY id", asleep)
        assert [row["state"] for row in rows] == ["processing"] * 2 + ["queued"] * 4
        await asyncio.gather(*(api.user(OWNER).delete(f"/v1/jobs/{each}") for each in asleep))


@pytest.mark.parametrize("name", ["data-export", "recipients-import"])
async def test_a_key_that_only_sends_starts_neither(api: ApiUnderTest, name: str) -> None:
    for asked in (
        {"type": name, "payload": {}},
        {"type": "other", "payload": {}, "on_finished": {"type": name, "payload": {}}},
    ):
        answer = await (await api.caller(["send"])).post("/v1/jobs", json=asked)
        assert "needs the scope manage" in problem(answer, 403, "forbidden")["detail"]
