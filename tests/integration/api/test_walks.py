"""Cursors over HTTP miss nothing."""

from typing import Any
from uuid import UUID

import asyncpg

from hermodr_servicekit.ids import new_job_id
from tests.support.api import MAIL, ApiUnderTest, problem

INSERT = (
    "INSERT INTO hermodr.jobs (id, project_id, kind, state, priority, data, wake_at)"
    " SELECT id, $2, 'notification', 'queued', 1, '{}', now() FROM unnest($1::uuid[]) i(id)"
)


async def page(api: ApiUnderTest, **query: Any) -> dict[str, Any]:
    answer = await api.http.get("/v1/jobs", params={"limit": 200} | query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_bulk_committed_behind_the_cursor_is_shown(api: ApiUnderTest, database_url: str) -> None:
    bulk = [new_job_id() for _ in range(5000)]
    slow = await asyncpg.connect(database_url)
    try:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute(INSERT, bulk, api.project_id)
        quick = [(await api.http.post("/v1/notifications", json=MAIL)).json()["job_id"] for _ in range(15)]
        tail = await page(api, cursor="now")
        assert tail["data"] == []
        first = await page(api, limit=10)
        assert [job["id"] for job in first["data"]] == quick[:10]
        await transaction.commit()
    finally:
        slow.terminate()
    found, cursor = [job["id"] for job in first["data"]], first["next_cursor"]
    while cursor is not None:
        following = await page(api, cursor=cursor)
        found, cursor = found + [job["id"] for job in following["data"]], following["next_cursor"]
    assert len(found) == len(set(found)) == 5015
    assert {UUID(each) for each in found} == {*bulk, *map(UUID, quick)}
    late: list[str] = []
    while len(late) < 5000:
        tail = await page(api, cursor=tail["next_cursor"])
        assert tail["data"]
        late += [job["id"] for job in tail["data"]]
    assert {UUID(each) for each in late} == set(bulk)
    tail = await page(api, cursor=tail["next_cursor"])
    assert tail["data"] == []
    assert tail["next_cursor"]


async def test_only_a_list_in_ascending_order_goes_on_from_now(api: ApiUnderTest) -> None:
    answer = await api.http.get("/v1/jobs", params={"cursor": "now", "sort": "-created_at"})
    assert problem(answer, 422, "invalid-request")["errors"][0]["loc"] == ["query", "cursor"]
    other = (await page(api, cursor="now"))["next_cursor"]
    problem(await api.http.get("/v1/jobs", params={"cursor": other, "kind": "task"}), 422, "invalid-request")
