"""Changes by operators are logged in the same transaction."""

from typing import Any

import pytest

from hermodr_ledger.access import audit, keys
from tests.support.api import ApiUnderTest, problem

URL = "/v1/audit-log"


async def log(api: ApiUnderTest, **filters: str) -> list[dict[str, Any]]:
    answer = await api.http.get(URL, params={"sort": "created_at", **filters})
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json()["data"]
    return entries


async def test_every_change_of_keys_templates_and_people_is_there(api: ApiUnderTest) -> None:
    me = (await api.http.get("/v1/api-keys")).json()["data"][0]["id"]
    key = (await api.http.post("/v1/api-keys", json={"name": "shop", "scopes": ["send"]})).json()["id"]
    await api.http.patch(f"/v1/api-keys/{key}", json={"name": "till"})
    for _ in range(2):
        assert (await api.http.delete(f"/v1/api-keys/{key}")).status_code == 204
    template = (await api.template())["id"]
    await api.http.patch(f"/v1/templates/{template}", json={"critical": True})
    await api.http.post(f"/v1/templates/{template}/rollback", json={"version": 1})
    await api.http.delete(f"/v1/templates/{template}")
    person = (await api.recipient(name="Ottilie"))["id"]
    await api.http.delete(f"/v1/recipients/{person}")
    first, *mine = await log(api)
    assert (first["actor"], first["action"], first["subject"]) == ("cli", "api-key.create", me)
    assert {each["actor"] for each in mine} == {"key"}
    assert {each["actor_id"] for each in mine} == {me}
    assert [(each["action"], each["subject"]) for each in mine] == [
        ("api-key.create", key),
        ("api-key.change", key),
        ("api-key.revoke", key),
        ("template.create", template),
        ("template.change", template),
        ("template.rollback", template),
        ("template.delete", template),
        ("recipient.create", person),
        ("recipient.erase", person),
    ]
    assert "ottilie" not in str(mine).lower()


async def test_times_in_details_are_rfc_3339(api: ApiUnderTest) -> None:
    wanted = {"scopes": ["send"], "expires_at": "2999-01-02T03:04:05+01:00"}
    key = (await api.http.post("/v1/api-keys", json=wanted)).json()["id"]
    (entry,) = (each for each in await log(api) if each["subject"] == key)
    assert entry["detail"]["expires_at"] == "2999-01-02T02:04:05Z"


async def test_what_is_refused_leaves_no_line(api: ApiUnderTest) -> None:
    before = await log(api)
    await api.template()
    problem(
        await api.http.post("/v1/templates", json={"name": "magic_link", "contents": {}}),
        422,
        "invalid-request",
    )
    problem(await api.http.delete(f"/v1/recipients/{before[0]['id']}"), 404, "not-found")
    problem(await api.http.delete(f"/v1/api-keys/{before[0]['id']}"), 404, "not-found")
    assert [each["action"] for each in (await log(api))[len(before) :]] == ["template.create"]


async def test_a_change_that_is_undone_takes_its_line_along(api: ApiUnderTest) -> None:
    before = await log(api)

    async def change_and_fail() -> None:
        async with api.api.ledger.transaction() as transaction:
            await audit.record(transaction, api.project_id, audit.CLI, "job.cancel", api.project_id)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await change_and_fail()
    assert await log(api) == before


async def test_the_log_is_filtered_and_paged(api: ApiUnderTest) -> None:
    for number in range(5):
        await audit.record(
            api.api.ledger, api.project_id, audit.Actor("sql", "ops"), "queue.pause", f"q{number}"
        )
    assert [each["subject"] for each in await log(api, actor="sql")] == [f"q{n}" for n in range(5)]
    assert [each["subject"] for each in await log(api, subject="q3", actor_id="ops")] == ["q3"]
    assert await log(api, action="queue.resume") == []
    middle = (await log(api, actor="sql"))[2]["at"]
    assert [each["subject"] for each in await log(api, actor="sql", until=middle)] == ["q0", "q1"]
    assert [each["subject"] for each in await log(api, actor="sql", since=middle)] == ["q2", "q3", "q4"]
    seen, cursor = [], None
    while True:
        query: dict[str, str | int] = {"actor": "sql", "limit": 2, "sort": "-created_at"}
        if cursor:
            query["cursor"] = cursor
        page = (await api.http.get(URL, params=query)).json()
        seen += [each["subject"] for each in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["q4", "q3", "q2", "q1", "q0"]


async def test_the_log_is_for_administrators_of_the_project(api: ApiUnderTest) -> None:
    problem(await (await api.caller(["read", "manage", "send"])).get(URL), 403, "forbidden")
    problem(await api.user("ada").get(URL), 403, "forbidden")
    await keys.create(api.api.ledger, "neighbour", ["read"])
    theirs = (await (await api.caller(["admin"], "neighbour")).get(URL)).json()["data"]
    assert theirs
    assert not {each["id"] for each in theirs} & {each["id"] for each in await log(api)}
