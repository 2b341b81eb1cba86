"""`PUT /v1/recipients`: one or many, by their external ids."""

import asyncio
import json
from typing import Any

from tests.support.api import ApiUnderTest, problem

URL = "/v1/recipients"
NDJSON = {"content-type": "application/x-ndjson"}


async def _all(api: ApiUnderTest) -> dict[str, dict[str, Any]]:
    rows = (await api.http.get(URL, params={"limit": 200})).json()["data"]
    return {row["external_id"]: row for row in rows}


async def test_one_is_made_and_then_changed(api: ApiUnderTest) -> None:
    ada = {"external_id": "c-1", "name": "Ada", "email": "ada@example.com", "locale": "de-AT"}
    made = await api.http.put(URL, json=ada)
    assert (made.status_code, made.json()["locale"]) == (201, "de-AT")
    changed = await api.http.put(URL, json={"external_id": "c-1", "email": None, "phone": "+15550100123"})
    assert changed.status_code == 200
    body = changed.json()
    assert body["id"] == made.json()["id"]
    assert (body["name"], body["email"], body["phone"]) == ("Ada", None, "+15550100123")
    again = (await api.http.put(URL, json={"external_id": "c-1", "name": "Ada"})).json()
    assert again == body
    for flawed in (
        {"name": "Ada"},
        {"external_id": "c-2", "email": "nobody"},
        {"external_id": "c-2", "colour": 1},
    ):
        problem(await api.http.put(URL, json=flawed), 422, "invalid-request")
    assert list(await _all(api)) == ["c-1"]


async def test_many_are_made_changed_and_refused_singly(api: ApiUnderTest) -> None:
    await api.http.put(URL, json={"external_id": "b", "name": "Bob", "timezone": "Europe/Berlin"})
    items: list[object] = [
        {"external_id": "c", "name": "Cy"},
        {"external_id": "b", "email": "bob@example.com"},
        {"name": "nobody"},
        7,
        {"external_id": "a", "email": "x"},
        {"external_id": "c", "email": "cy@example.com"},
    ]
    for request in (
        {"json": items},
        {"content": "\n".join(map(json.dumps, items)), "headers": NDJSON},
    ):
        body = (await api.http.put(URL, **request)).json()
        assert [each["index"] for each in body["rejected"]] == [2, 3, 4]
        assert body["rejected"][0]["errors"][0]["loc"] == ["external_id"]
        assert [(each["index"], each["external_id"]) for each in body["results"]] == [
            (0, "c"),
            (1, "b"),
            (5, "c"),
        ]
        assert body["created"] + body["updated"] == 3
    assert (body["created"], body["updated"]) == (0, 3)
    there = await _all(api)
    assert set(there) == {"b", "c"}
    assert (there["b"]["name"], there["b"]["email"]) == ("Bob", "bob@example.com")
    assert there["b"]["timezone"] == "Europe/Berlin"
    assert (there["c"]["name"], there["c"]["email"]) == ("Cy", "cy@example.com")


async def test_attributes_of_many(api: ApiUnderTest) -> None:
    items = [
        {
            "external_id": "a",
            "name": "Ada",
            "relationship": "grandmother",
            "attributes": {"n": 1, "x": [1.5]},
        },
        {"external_id": "b"},
    ]
    await api.http.put(URL, json=items)
    before = await _all(api)
    assert (before["a"]["attributes"], before["b"]["attributes"]) == ({"n": 1, "x": [1.5]}, {})
    await api.http.put(URL, json=items)
    assert await _all(api) == before, "repeating it changes nothing, not even updated_at"
    await api.http.put(URL, json=[{"external_id": "a", "name": "Countess"}])
    kept = (await _all(api))["a"]
    assert (kept["relationship"], kept["attributes"]) == ("grandmother", {"n": 1, "x": [1.5]})
    await api.http.put(URL, json=[{"external_id": "a", "attributes": None, "relationship": None}])
    gone = (await _all(api))["a"]
    assert (gone["relationship"], gone["attributes"]) == (None, {})


async def test_two_at_once_do_not_block_each_other(api: ApiUnderTest) -> None:
    names = [f"customer-{number}" for number in range(2_500)]

    async def put(order: list[str], name: str) -> dict[str, Any]:
        answer = await api.http.put(URL, json=[{"external_id": each, "name": name} for each in order])
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    both = await asyncio.gather(put(names, "One"), put(names[::-1], "Two"))
    assert sum(each["created"] for each in both) == 2_500
    assert sum(each["updated"] for each in both) == 2_500
    rows = await api.api.ledger.fetch(
        "SELECT count(*) AS n, count(DISTINCT name) AS names FROM hermodr.recipients WHERE project_id = $1",
        api.project_id,
    )
    assert (rows[0]["n"], rows[0]["names"]) == (2_500, 1)


async def test_bodies_that_cannot_be(api: ApiUnderTest) -> None:
    problem(await api.http.put(URL, json=[]), 422, "invalid-request")
    problem(
        await api.http.put(URL, content="x", headers={"content-type": "text/csv"}),
        415,
        "unsupported-media-type",
    )
    problem(
        await api.http.put(URL, content="{", headers={"content-type": "application/json"}),
        400,
        "malformed-json",
    )
    reader = await api.caller(["read", "send"])
    problem(await reader.put(URL, json={"external_id": "x"}), 403, "forbidden")
