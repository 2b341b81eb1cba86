"""The built-in task `recipients-import`, asked for over HTTP, run by a worker, against the real PostgreSQL."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from hermodr_ledger.people import importing
from hermodr_ledger.people.importing import Overtaken, Standing
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_servicekit.files import Files
from hermodr_worker.built_in import recipients_import as task_module
from hermodr_worker.built_in.recipients_import import recipients_import
from hermodr_worker.built_in.stored import Store
from hermodr_worker.definition import AnyTask
from tests.support.api import ApiUnderTest, api_over, problem
from tests.support.tasks import ended, working

SOURCE = """external_id,name,email,attributes
a,Ada,ada@example.com,"{""plan"": ""family""}"
b,Bo,no address,
c,=1+1,,
a,Ada Lovelace,,
"""


@pytest.fixture
async def api(database_url: str, tmp_path: Path) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, files_url=(tmp_path / "files").as_uri()) as under_test:
        yield under_test


def task_of(api: ApiUnderTest) -> AnyTask:
    settings, ledger = api.api.settings, api.api.ledger.cold
    assert settings.files_url is not None
    files = Files(settings.files_url)
    return recipients_import(
        ledger, Store(ledger, api.api.clock, files, settings.file_links, timedelta(days=7))
    )


async def sent(api: ApiUnderTest, text: str, **headers: str) -> httpx.Response:
    return await api.http.post(
        "/v1/recipients/import", content=text.encode(), headers={"content-type": "text/csv"} | headers
    )


async def imported(api: ApiUnderTest, database_url: str, job_id: UUID) -> Any:
    await enqueue(api.api.ledger, [job_id])
    async with working(database_url, task_of(api)):
        row = await ended(api.api.ledger, job_id, 60)
    assert (row["state"], row["error"]) == ("completed", None)
    return json.loads(row["result"])


async def people(api: ApiUnderTest) -> dict[str, Any]:
    found = (await api.http.get("/v1/recipients")).json()["data"]
    return {each["external_id"]: each for each in found}


async def test_good_lines_are_taken_and_bad_ones_are_a_file(api: ApiUnderTest, database_url: str) -> None:
    await api.recipient(external_id="c", email="c@example.com", name="before")
    answer = await sent(api, SOURCE)
    assert answer.status_code == 202, answer.text
    result = await imported(api, database_url, UUID(answer.json()["job_id"]))
    assert (result["created"], result["updated"], result["rejected"]) == (1, 1, 1)
    found = await people(api)
    assert set(found) == {"a", "c"}
    assert (found["a"]["name"], found["a"]["email"]) == ("Ada Lovelace", "ada@example.com")
    assert found["a"]["attributes"] == {"plan": "family"}
    assert (found["c"]["name"], found["c"]["email"]) == ("=1+1", "c@example.com")
    api.http.headers.pop("authorization")
    report = (await api.http.get(urlsplit(result["file_url"]).path)).text
    head, *lines = list(csv.reader(io.StringIO(report)))
    assert head == ["line", "reason", "external_id", "name", "email", "attributes"]
    assert [(line[0], line[2:]) for line in lines] == [("3", ["b", "Bo", "no address", ""])]
    assert lines[0][1].startswith("email: ")


async def test_the_next_attempt_goes_on_where_the_last_one_was_killed(
    api: ApiUnderTest, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken before is not taken again: it may have been changed since."""
    monkeypatch.setattr(task_module, "TOGETHER", 2)
    answer = await sent(api, SOURCE)
    job_id = UUID(answer.json()["job_id"])
    rows = await api.api.ledger.fetch("SELECT id FROM hermodr.files WHERE job_id = $1", job_id)
    ledger, file_id = api.api.ledger.cold, rows[0]["id"]
    first = {"a": {"external_id": "a", "name": "Ada", "email": "ada@example.com"}}
    async with ledger.transaction() as transaction:
        standing = await importing.take(transaction, api.project_id, file_id, Standing(), 2, first)
    assert standing == Standing(2, 1, 0)
    changed = (await people(api))["a"]["id"]
    await api.http.patch(f"/v1/recipients/{changed}", json={"email": "later@example.com"})
    result = await imported(api, database_url, job_id)
    assert (result["created"], result["updated"], result["rejected"]) == (2, 1, 1)
    assert (await people(api))["a"]["email"] == "later@example.com"
    with pytest.raises(Overtaken):
        async with ledger.transaction() as transaction:
            await importing.take(transaction, api.project_id, file_id, Standing(), 2, first)


async def test_a_repeated_request_is_one_import(api: ApiUnderTest) -> None:
    first = await sent(api, SOURCE, **{"idempotency-key": "monday"})
    again = await sent(api, SOURCE, **{"idempotency-key": "monday"})
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    other = await sent(api, SOURCE + "d,,,\n", **{"idempotency-key": "monday"})
    problem(other, 422, "idempotency-key-reused")
    kept = await api.api.ledger.fetch("SELECT FROM hermodr.files WHERE project_id = $1", api.project_id)
    assert len(kept) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name\nAda\n", "needs a header with the column external_id"),
        ("external_id,nmae\na,b\n", "has a column that is not known, 'nmae'"),
        ("external_id;name\na;b\n", "between commas, not semicolons"),
        ("external_id,name,name\na,b,c\n", "has a column twice"),
        ("external_id\n", "has no lines"),
        ('external_id\n"a\n', "is not CSV at line 2"),
        ("external_id\n" + "a\n" * 100_001, "has more than 100000 lines"),
    ],
)
async def test_what_is_no_csv_of_recipients_is_refused(api: ApiUnderTest, text: str, said: str) -> None:
    assert said in problem(await sent(api, text), 422, "invalid-request")["detail"]


async def test_nobody_imports_another_jobs_file(api: ApiUnderTest, database_url: str) -> None:
    await sent(api, SOURCE)
    rows = await api.api.ledger.fetch("SELECT id FROM hermodr.files WHERE project_id = $1", api.project_id)
    payload = {"file_id": str(rows[0]["id"]), "rows": 4}
    made = await api.http.post("/v1/jobs", json={"type": "recipients-import", "payload": payload})
    job_id = UUID(made.json()["job_id"])
    await enqueue(api.api.ledger, [job_id])
    async with working(database_url, task_of(api)):
        row = await ended(api.api.ledger, job_id, 60)
    assert (row["state"], row["error"]) == ("failed", "the file is not there any more")


@pytest.mark.parametrize(
    "value", ['{"a": 1e999}', '{"a": "\\ud800"}', '{"a": "\\u0000"}', '{"a": 1, "a": 2}']
)
async def test_attributes_that_put_refuses_are_the_lines_flaw(
    api: ApiUnderTest, database_url: str, value: str
) -> None:
    cell = value.replace('"', '""')
    answer = await sent(api, f'external_id,attributes\na,"{cell}"\nb,{{}}\n')
    result = await imported(api, database_url, UUID(answer.json()["job_id"]))
    assert (result["created"], result["rejected"]) == (1, 1)


async def test_a_line_that_the_database_refuses_refuses_no_other(
    api: ApiUnderTest, database_url: str
) -> None:
    await api.api.ledger.fetch(
        "ALTER TABLE hermodr.recipients ADD CONSTRAINT zq_no CHECK (name <> 'zq-refused') NOT VALID"
    )
    try:
        answer = await sent(api, "external_id,name\na,zq-refused\nb,Bo\na,Ada\nc,zq-refused\n")
        result = await imported(api, database_url, UUID(answer.json()["job_id"]))
    finally:
        await api.api.ledger.fetch("ALTER TABLE hermodr.recipients DROP CONSTRAINT zq_no")
    assert (result["created"], result["rejected"]) == (2, 1)
    report = (await api.http.get(urlsplit(result["file_url"]).path)).text
    assert "5,the database refuses it,c,zq-refused" in report
