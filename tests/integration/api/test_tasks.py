import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hermodr_ledger.engine import Row
from tests.support.api import ApiUnderTest, client_of, problem

TASK: dict[str, Any] = {"type": "data-export", "payload": {"format": "csv"}}


async def row(api: ApiUnderTest, job_id: str) -> Row:
    (found,) = await api.api.ledger.fetch("SELECT * FROM hermodr.jobs WHERE id = $1", job_id)
    return found


async def test_a_task_is_accepted_and_can_be_followed(api: ApiUnderTest) -> None:
    wanted = TASK | {"priority": "low", "max_retries": 0, "timeout_seconds": 60, "singleton_key": "one"}
    made = await api.http.post("/v1/jobs", json=wanted)
    assert made.status_code == 202, made.text
    body = made.json()
    assert body == {
        "job_id": body["job_id"],
        "status": "queued",
        "status_url": f"/v1/jobs/{body['job_id']}",
    }
    shown = (await api.http.get(body["status_url"])).json()["job"]
    assert (shown["kind"], shown["type"], shown["status"], shown["priority"]) == (
        "task",
        "data-export",
        "queued",
        "low",
    )
    kept = await row(api, body["job_id"])
    assert json.loads(kept["data"]) == {"format": "csv"}
    assert json.loads(kept["content"]) == {"max_retries": 0, "timeout_seconds": 60}
    assert kept["owner_id"] is None


async def test_a_scheduled_task_waits_for_its_time(api: ApiUnderTest) -> None:
    moment = datetime.now(UTC) + timedelta(hours=1)
    made = (await api.http.post("/v1/jobs", json=TASK | {"scheduled_for": moment.isoformat()})).json()
    assert made["status"] == "scheduled"
    assert (await row(api, made["job_id"]))["wake_at"] == moment
    past = (await api.http.post("/v1/jobs", json=TASK | {"scheduled_for": "2020-01-01T00:00:00Z"})).json()
    assert past["status"] == "queued"


async def test_of_many_with_one_singleton_key_one_is_taken_and_named_to_the_others(api: ApiUnderTest) -> None:
    answers = await asyncio.gather(
        *(api.http.post("/v1/jobs", json=TASK | {"singleton_key": "rebuild"}) for _ in range(20))
    )
    (taken,) = [each.json()["job_id"] for each in answers if each.status_code == 202]
    for each in answers:
        if each.status_code != 202:
            assert problem(each, 409, "singleton-taken")["job_id"] == taken
    assert await api.jobs() == 1


async def test_the_same_key_brings_the_same_answer(api: ApiUnderTest) -> None:
    headers = {"Idempotency-Key": "k-1"}
    first = await api.http.post("/v1/jobs", json=TASK, headers=headers)
    again = await api.http.post("/v1/jobs", json=TASK, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    problem(
        await api.http.post("/v1/jobs", json=TASK | {"type": "other"}, headers=headers),
        422,
        "idempotency-key-reused",
    )
    assert await api.jobs() == 1


async def test_end_users_own_their_tasks_and_share_no_keys(api: ApiUnderTest) -> None:
    await api.tasks_for_users("data-export")
    ann, bob = api.user("ann"), api.user("bob")
    headers = {"Idempotency-Key": "same"}
    wanted = TASK | {"singleton_key": "export"}
    hers = (await ann.post("/v1/jobs", json=wanted, headers=headers)).json()
    his = (await bob.post("/v1/jobs", json=wanted, headers=headers)).json()
    assert hers["job_id"] != his["job_id"]
    assert (await row(api, hers["job_id"]))["owner_id"] == "ann"
    assert (await ann.get(hers["status_url"])).status_code == 200
    problem(await bob.get(hers["status_url"]), 404, "not-found")
    assert (
        problem(await ann.post("/v1/jobs", json=wanted), 409, "singleton-taken")["job_id"] == hers["job_id"]
    )
    assert (await api.http.post("/v1/jobs", json=wanted)).status_code == 202


@pytest.mark.parametrize(
    ("flaw", "loc"),
    [
        ({"type": ""}, ["body", "type"]),
        ({"type": None}, ["body", "type"]),
        ({"payload": []}, ["body", "payload"]),
        ({"payload": {"a": "\0"}}, ["body", "payload", "a"]),
        ({"priority": "high"}, ["body", "priority"]),
        ({"max_retries": 101}, ["body", "max_retries"]),
        ({"max_retries": -1}, ["body", "max_retries"]),
        ({"max_retries": True}, ["body", "max_retries"]),
        ({"timeout_seconds": 0}, ["body", "timeout_seconds"]),
        ({"timeout_seconds": 86401}, ["body", "timeout_seconds"]),
        ({"singleton_key": ""}, ["body", "singleton_key"]),
        ({"scheduled_for": "2999-01-01T00:00:00Z"}, ["body", "scheduled_for"]),
        ({"scheduled_for": "2026-01-01T00:00:00"}, ["body", "scheduled_for"]),
        ({"kind": "task"}, ["body", "kind"]),
    ],
)
async def test_every_flaw_is_named(api: ApiUnderTest, flaw: dict[str, Any], loc: list[str]) -> None:
    document = problem(await api.http.post("/v1/jobs", json=TASK | flaw), 422, "invalid-request")
    assert loc in [each["loc"] for each in document["errors"]]
    assert await api.jobs() == 0


async def test_who_may_not(api: ApiUnderTest) -> None:
    reader = await api.caller(["read"])
    problem(await reader.post("/v1/jobs", json=TASK), 403, "forbidden")
    async with client_of(api.api) as anyone:
        problem(await anyone.post("/v1/jobs", json=TASK), 401, "unauthenticated")
