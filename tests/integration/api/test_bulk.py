"""Bulk requests: one bad item refuses no other, and a request is stored whole or not at all."""

import asyncio
import itertools
import json
from collections.abc import Sequence

import asyncpg
import httpx
import pytest

from hermodr_api.http import bulk_turns
from hermodr_api.notifications import bulk
from tests.support.api import MAIL, ApiUnderTest, problem
from tests.support.sessions import fresh_name

URL = "/v1/notifications/bulk"
NDJSON = {"content-type": "application/x-ndjson"}


async def test_good_items_are_accepted_beside_bad_ones(api: ApiUnderTest) -> None:
    recipient = await api.recipient()
    items: list[object] = [
        MAIL,
        MAIL | {"colour": 1},
        MAIL | {"to": {"email": "nobody"}},
        {"type": "nope", "to": {"email": "a@b.co"}},
        7,
        MAIL | {"subject": "\0"},
        MAIL | {"to": {"recipient_id": recipient["id"]}, "priority": "urgent"},
        MAIL | {"to": {"external_id": "nobody"}},
        MAIL | {"delay_seconds": 3600},
    ]
    answer = await api.http.post(URL, json=items)
    assert answer.status_code == 202
    body = answer.json()
    assert body["accepted"] == 3
    flaws = {each["index"]: each["errors"][0]["loc"] for each in body["rejected"]}
    assert flaws == {
        1: ["colour"],
        2: ["to", "email"],
        3: ["type"],
        4: [],
        5: ["subject"],
        7: ["to", "external_id"],
    }
    batch = (await api.http.get(f"/v1/batches/{body['batch_id']}")).json()
    assert batch["counts"] == {"queued": 2, "scheduled": 1}
    assert (batch["accepted"], batch["rejected"], batch["finished"]) == (3, 6, False)


async def test_lines_are_as_good_as_an_array(api: ApiUnderTest) -> None:
    text = f"{json.dumps(MAIL)}\n\n{{broken\n{json.dumps(MAIL)}\r\n"
    body = (await api.http.post(URL, content=text, headers=NDJSON)).json()
    assert body["accepted"] == 2
    assert [each["index"] for each in body["rejected"]] == [1]
    assert "line 3 column 2" in body["rejected"][0]["errors"][0]["msg"]  # of the upload, blank lines counted


async def test_an_item_without_the_data_of_its_template_is_refused_alone(api: ApiUnderTest) -> None:
    await api.template()
    short = {"type": "magic_link", "to": {"email": "a@b.co"}, "data": {"name": "Ada"}}
    whole = short | {"data": {"name": "Ada", "magic_link": "x"}}
    for request in (
        {"json": [whole, short, MAIL, whole]},
        {"content": "\n".join(map(json.dumps, [whole, short, MAIL, whole])), "headers": NDJSON},
    ):
        body = (await api.http.post(URL, **request)).json()
        assert body["accepted"] == 3
        assert [(each["index"], each["errors"][0]["loc"]) for each in body["rejected"]] == [
            (1, ["data", "magic_link"])
        ]


async def test_the_jobs_of_items_are_told_when_asked_for(api: ApiUnderTest) -> None:
    keyed = MAIL | {"idempotency_key": fresh_name()}
    single = MAIL | {"singleton_key": "one"}
    before = (await api.http.post(URL, json=[keyed], params={"include": "job_ids"})).json()
    items = [MAIL, 7, keyed, single, single]
    body = (await api.http.post(URL, json=items, params={"include": "job_ids"})).json()
    ids = body["job_ids"]
    assert [each["index"] for each in body["rejected"]] == [1, 4]
    assert (ids[1], ids[4]) == (None, None)
    assert [ids[2]] == before["job_ids"]
    listed = (await api.http.get("/v1/jobs", params={"batch_id": body["batch_id"]})).json()["data"]
    assert {each["id"] for each in listed} == {ids[0], ids[3]}
    assert "job_ids" not in (await api.http.post(URL, json=[MAIL])).json()
    for query in ({"include": "jobs"}, {"included": "job_ids"}):
        problem(await api.http.post(URL, json=[MAIL], params=query), 422, "invalid-request")


async def test_a_repeated_request_is_answered_as_before(api: ApiUnderTest) -> None:
    key = {"idempotency-key": "bulk-1"}
    first = await api.http.post(URL, json=[MAIL, {}], headers=key)
    again = await api.http.post(URL, json=[MAIL, {}], headers=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    problem(await api.http.post(URL, json=[MAIL], headers=key), 422, "idempotency-key-reused")
    assert await api.jobs() == 1


async def test_items_have_keys_of_their_own(api: ApiUnderTest) -> None:
    keyed = MAIL | {"idempotency_key": "i-1"}
    first = (await api.http.post(URL, json=[keyed, MAIL, keyed])).json()
    assert (first["accepted"], first["rejected"]) == (3, [])
    jobs = (await api.http.get(f"/v1/jobs?batch_id={first['batch_id']}")).json()["data"]
    assert len(jobs) == await api.jobs() == 2
    assert first["replayed"] == [{"index": 2, "job_id": jobs[0]["id"]}]
    second = (await api.http.post(URL, json=[keyed | {"subject": "Another"}, keyed])).json()
    assert (second["accepted"], second["replayed"]) == (1, [{"index": 1, "job_id": jobs[0]["id"]}])
    assert second["rejected"][0]["errors"][0]["loc"] == ["idempotency_key"]
    assert await api.jobs() == 2


async def test_a_batch_of_repeats_is_finished_when_the_jobs_they_stand_for_are(api: ApiUnderTest) -> None:
    keyed = [MAIL | {"idempotency_key": f"again-{number}"} for number in range(2)]
    gone = MAIL | {"idempotency_key": "again-2", "delay_seconds": 60, "type": "passing"}

    async def progress(items: list[dict[str, object]]) -> tuple[dict[str, object], list[str]]:
        batch_id = (await api.http.post(URL, json=items)).json()["batch_id"]
        jobs = (await api.http.get(f"/v1/jobs?batch_id={batch_id}")).json()["data"]
        return (await api.http.get(f"/v1/batches/{batch_id}")).json(), [each["id"] for each in jobs]

    first, ids = await progress([*keyed, keyed[0], gone])
    assert (first["counts"], first["accepted"]) == ({"queued": 2, "scheduled": 1, "replayed": 1}, 4)
    again, none = await progress([*keyed, gone])
    assert (again["counts"], again["accepted"], again["finished"], none) == ({"replayed": 3}, 3, False, [])
    more, _ = await progress([*keyed, MAIL, MAIL | {"idempotency_key": "again-1"}, {}])
    assert (more["counts"], more["accepted"], more["rejected"]) == ({"queued": 1, "replayed": 3}, 4, 1)
    assert len(ids) == 3
    for job_id in ids:
        assert (await api.http.get(f"/v1/batches/{again['batch_id']}")).json()["finished"] is False
        assert (await api.http.delete(f"/v1/jobs/{job_id}")).status_code == 200
    assert (await api.http.get(f"/v1/batches/{again['batch_id']}")).json()["finished"] is True
    assert (await api.http.get(f"/v1/batches/{more['batch_id']}")).json()["finished"] is False


async def test_a_flawed_item_that_was_accepted_before_counts_as_replayed(api: ApiUnderTest) -> None:
    recipient = await api.recipient(external_id="guest-7")
    item = MAIL | {"to": {"external_id": "guest-7"}, "idempotency_key": "once"}
    assert (await api.http.post(URL, json=[item])).json()["accepted"] == 1
    assert (
        await api.http.patch(f"/v1/recipients/{recipient['id']}", json={"external_id": "guest-8"})
    ).is_success
    again = (await api.http.post(URL, json=[item])).json()
    assert (again["accepted"], again["rejected"]) == (1, [])
    (job,) = (await api.http.get("/v1/jobs")).json()["data"]
    assert again["replayed"] == [{"index": 0, "job_id": job["id"]}]
    batch = (await api.http.get(f"/v1/batches/{again['batch_id']}")).json()
    assert (batch["counts"], batch["finished"]) == ({"replayed": 1}, False)


async def test_a_key_of_a_request_that_was_no_item(api: ApiUnderTest) -> None:
    key = {"idempotency-key": "single"}
    assert (await api.http.post("/v1/notifications", json=MAIL, headers=key)).status_code == 202
    body = (await api.http.post(URL, json=[MAIL | {"idempotency_key": "single"}])).json()
    (error,) = body["rejected"][0]["errors"]
    assert error["msg"] == "was used for another request or item; use a new key for a new item"


async def test_singletons_in_bulk(api: ApiUnderTest) -> None:
    only = MAIL | {"singleton_key": "one"}
    body = (await api.http.post(URL, json=[only, MAIL, only])).json()
    assert body["accepted"] == 2
    assert [each["index"] for each in body["rejected"]] == [2]


async def test_ten_thousand_are_taken_and_one_more_is_not(api: ApiUnderTest) -> None:
    refused = await api.http.post(URL, json=[MAIL] * 10_001)
    problem(refused, 413, "too-large")
    lines = "\n".join([json.dumps(MAIL)] * 10_001)
    problem(await api.http.post(URL, content=lines, headers=NDJSON), 413, "too-large")
    assert await api.jobs() == 0
    body = (await api.http.post(URL, json=[MAIL] * 10_000)).json()
    assert body["accepted"] == 10_000
    batch = (await api.http.get(f"/v1/batches/{body['batch_id']}")).json()
    assert batch["counts"] == {"queued": 10_000}


async def test_what_is_no_list_of_items(api: ApiUnderTest) -> None:
    contents: tuple[object, ...] = ({}, [], 7)
    for content in contents:
        problem(await api.http.post(URL, json=content), 422, "invalid-request")
    malformed = await api.http.post(URL, content=b"[{", headers={"content-type": "application/json"})
    problem(malformed, 400, "malformed-json")
    assert (await api.http.get(f"/v1/batches/{api.project_id}")).status_code == 404


async def test_a_failure_in_the_middle_leaves_nothing(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("as if the process had died here")

    key = {"idempotency-key": "bulk-2"}
    with monkeypatch.context() as patch:
        patch.setattr("hermodr_api.notifications.bulk.record_batch", broken)
        problem(await api.http.post(URL, json=[MAIL] * 1500, headers=key), 500, "internal-error")
    assert await api.jobs() == 0
    assert (await api.http.post(URL, json=[MAIL] * 1500, headers=key)).json()["accepted"] == 1500
    assert await api.jobs() == 1500


async def test_of_many_bulks_of_a_project_two_are_under_way_and_others_are_not_held_up(
    api: ApiUnderTest, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_turns, "PATIENCE_SECONDS", 0.3)
    other = await api.caller(["send"], fresh_name())
    slow = await asyncpg.connect(database_url)
    try:
        await slow.execute("BEGIN")
        await slow.execute("LOCK TABLE hermodr.batches IN ACCESS EXCLUSIVE MODE")
        crowd = [asyncio.ensure_future(api.http.post(URL, json=[MAIL] * 20)) for _ in range(12)]
        refused = await _first(crowd, 10)
        for answer in refused:
            assert "under way" in problem(answer, 429, "quota-exceeded")["detail"]
            assert int(answer.headers["retry-after"]) > 0
        singles = await asyncio.gather(*(other.post("/v1/notifications", json=MAIL) for _ in range(8)))
        assert {each.status_code for each in singles} == {202}
        assert (await api.http.post("/v1/notifications", json=MAIL)).status_code == 202
        await slow.execute("COMMIT")
    finally:
        slow.terminate()
    answers = await asyncio.gather(*crowd)
    assert sorted(each.status_code for each in answers) == [202] * 2 + [429] * 10
    assert (await api.http.post(URL, json=[MAIL])).status_code == 202
    assert await api.jobs() == 2 * 20 + 1 + 1


async def _first(wanted: Sequence[asyncio.Future[httpx.Response]], count: int) -> list[httpx.Response]:
    return [await each for each in itertools.islice(asyncio.as_completed(wanted), count)]


async def test_a_few_bulks_at_once_wait_for_their_turn(api: ApiUnderTest) -> None:
    answers = await asyncio.gather(*(api.http.post(URL, json=[MAIL] * 50) for _ in range(8)))
    assert {each.status_code for each in answers} == {202}
    assert await api.jobs() == 8 * 50


async def test_a_bulk_that_takes_too_long_is_given_up_whole(
    api: ApiUnderTest, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_DEADLINE_SECONDS", 0.5)
    slow = await asyncpg.connect(database_url)
    try:
        await slow.execute("BEGIN")
        await slow.execute("LOCK TABLE hermodr.batches IN ACCESS EXCLUSIVE MODE")
        problem(await api.http.post(URL, json=[MAIL] * 3), 503, "unavailable")
        await slow.execute("ROLLBACK")
    finally:
        slow.terminate()
    assert await api.jobs() == 0
    assert (await api.http.post(URL, json=[MAIL])).status_code == 202
