"""A page has a bounded size, and the database is not asked for more."""

import itertools
import json
import random
from typing import Any
from uuid import UUID

import pytest

from hermodr_ledger.engine import Ledger
from hermodr_servicekit.ids import new_job_id
from tests.support.api import MAIL, ApiUnderTest, problem

MOST = 4 * 2**20
LONG = 900_000
ENVELOPE = 200_000
"""The rest of a page."""


async def made(ledger: Ledger, project_id: UUID, sizes: list[int]) -> list[str]:
    ids = [new_job_id() for _ in sizes]
    for start in range(0, len(ids), 10):
        await _insert(ledger, project_id, ids[start : start + 10], sizes[start : start + 10])
    return [str(each) for each in ids]


async def _insert(ledger: Ledger, project_id: UUID, ids: list[UUID], sizes: list[int]) -> None:
    await ledger.fetch(
        "INSERT INTO hermodr.jobs (id, project_id, kind, state, priority, data, metadata, result)"
        " SELECT id, $2, 'notification', 'completed', 1, '{}', jsonb_build_object('is', repeat('x', size)),"
        " jsonb_build_object('n', size) FROM unnest($1::uuid[], $3::int[]) i(id, size)",
        ids,
        project_id,
        sizes,
    )


async def pages(api: ApiUnderTest, url: str, **query: Any) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    cursor = None
    while cursor is not None or not found:
        answer = await api.http.get(url, params=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        assert len(answer.content) <= MOST + ENVELOPE
        found.append(answer.json()["data"])
        cursor = answer.json()["next_cursor"]
    return found


async def test_two_hundred_long_jobs_are_listed_in_small_pages(api: ApiUnderTest) -> None:
    ids = await made(api.api.ledger, api.project_id, [LONG] * 200)
    ((*shown,),) = await pages(api, "/v1/jobs", limit=200)
    assert [each["id"] for each in shown] == ids
    assert not {"metadata", "result"} & {name for each in shown for name in each}
    for sort in ("created_at", "-created_at"):
        whole = await pages(api, "/v1/jobs", limit=200, include="metadata", sort=sort)
        assert [each["id"] for page in whole for each in page] == (ids if sort == "created_at" else ids[::-1])
        assert {len(page) for page in whole} == {4}
        assert all(len(each["metadata"]["is"]) == LONG and "result" not in each for each in whole[0])


async def test_pages_of_any_sizes_fit_together(api: ApiUnderTest) -> None:
    chance = random.Random(14)
    sizes = [chance.choice([1, 10, 1000, 100_000, LONG]) for _ in range(90)]
    ids = await made(api.api.ledger, api.project_id, sizes)
    for limit in (7, 200):
        whole = await pages(api, "/v1/jobs", limit=limit, include="result,metadata")
        rows = list(itertools.chain(*whole))
        assert [each["id"] for each in rows] == ids
        assert [len(each["metadata"]["is"]) for each in rows] == sizes
        assert [each["result"]["n"] for each in rows] == sizes


@pytest.mark.parametrize("value", ["", "data", "metadata,", "metadata,data", "Metadata", "metadata result"])
async def test_what_is_no_payload_cannot_be_included(api: ApiUnderTest, value: str) -> None:
    answer = await api.http.get("/v1/jobs", params={"include": value})
    assert problem(answer, 422, "invalid-request")["errors"][0]["loc"] == ["query", "include"]


async def test_one_job_and_an_empty_list_are_shown_whole(api: ApiUnderTest) -> None:
    assert await pages(api, "/v1/jobs", include="metadata") == [[]]
    await api.http.post("/v1/notifications", json=MAIL | {"metadata": {"order": 17}})
    ((job,),) = await pages(api, "/v1/jobs", include="metadata,result")
    assert (job["metadata"], job["result"]) == ({"order": 17}, None)
    shown = (await api.http.get(f"/v1/jobs/{job['id']}")).json()["job"]
    assert shown["metadata"] == {"order": 17}


async def test_groups_and_updates_have_their_metadata_when_asked(api: ApiUnderTest) -> None:
    group = (await api.http.post("/v1/groups", json={"name": "Tall", "metadata": {"is": "x" * LONG}})).json()
    url = f"/v1/groups/{group['id']}/updates"
    for number in range(6):
        body = {"title": str(number), "body": "é" * 50_000, "metadata": {"is": "x" * LONG}}
        assert (await api.http.post(url, json=body)).status_code == 201
    assert "metadata" not in (await pages(api, "/v1/groups"))[0][0]
    ((whole_group,),) = await pages(api, "/v1/groups", include="metadata")
    assert whole_group == group
    (without,) = await pages(api, url)
    assert [each["title"] for each in without] == list("012345")
    assert "metadata" not in without[0]
    whole = await pages(api, url, include="metadata")
    assert [each["title"] for page in whole for each in page] == list("012345")
    assert len(whole) == 2
    assert len(whole[0][0]["metadata"]["is"]) == LONG
    reader = await api.recipient()
    member = await api.http.post(
        f"/v1/groups/{group['id']}/members", json={"members": [{"recipient_id": reader["id"]}]}
    )
    mine = f"/v1/groups/{group['id']}/members/{member.json()['data'][0]['id']}/unread"
    assert (await api.http.post(url, json={"title": "new", "metadata": {"a": 1}})).status_code == 201
    assert "metadata" not in (await pages(api, mine))[0][0]
    assert (await pages(api, mine, include="metadata"))[0][0]["metadata"] == {"a": 1}


async def test_long_recipients_make_short_pages(api: ApiUnderTest) -> None:
    wish = json.dumps([{"type": "t" * 200, "channel": "email", "enabled": False}] * 4000)
    await api.api.ledger.fetch(
        "INSERT INTO hermodr.recipients (id, project_id, preferences)"
        " SELECT gen_random_uuid(), $1, $2::jsonb FROM generate_series(1, 12)",
        api.project_id,
        wish,
    )
    found = await pages(api, "/v1/recipients", limit=200)
    assert sum(map(len, found)) == 12
    assert len(found) >= 3


async def test_templates_make_short_pages(api: ApiUnderTest) -> None:
    text = "word " * 15_000
    locales = {
        each: {"subject": "Hi", "body_text": text} for each in ("en", "de", "fr", "it", "es", "pt", "nl")
    }
    names = [f"t{number}" for number in range(10)]
    for name in names:
        made = await api.http.post("/v1/templates", json={"name": name, "contents": {"email": locales}})
        assert made.status_code == 201, made.text
    whole = list(itertools.chain(*await pages(api, "/v1/templates")))
    assert [each["name"] for each in whole] == names
    assert len(await pages(api, "/v1/templates")) == 2
    one = f"/v1/templates/{whole[0]['id']}"
    assert whole[0] == (await api.http.get(one)).json()
    for _ in range(9):
        changed = await api.http.patch(
            one, json={"contents": {"email": {"en": {"subject": "Ho", "body_text": text}}}}
        )
        assert changed.status_code == 200
    versions = await pages(api, f"{one}/versions")
    assert [each["version"] for page in versions for each in page] == list(range(10, 0, -1))
    assert len(versions) == 2
    assert versions[0][0]["contents"] == (await api.http.get(one)).json()["contents"]
