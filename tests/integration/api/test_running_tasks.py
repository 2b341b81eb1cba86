"""What the api says of tasks that workers declare and run."""

from typing import Any
from uuid import UUID

import pytest

from hermodr_ledger.tasks import claiming, recording, types
from hermodr_ledger.tasks.claiming import Claim, Offer, Turn
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_ledger.tasks.types import TaskType
from hermodr_worker.domain import Ended, settled
from tests.support.api import ApiUnderTest, problem

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"of": {"type": "array", "items": {"type": "integer"}}},
    "required": ["of"],
}


async def declared(api: ApiUnderTest, name: str, schema: dict[str, Any] | None = None) -> None:
    await types.declare(api.api.ledger, [TaskType(name, False, schema, 60.0, 1, None, None)])


async def begun(api: ApiUnderTest, name: str) -> tuple[str, Claim]:
    """A job, and the claim of a worker that runs it."""
    made = await api.http.post("/v1/jobs", json={"type": name, "payload": {"of": [1]}})
    job_id = made.json()["job_id"]
    await enqueue(api.api.ledger, [UUID(job_id)])
    (claim,) = await claiming.claim(api.api.ledger, "me:1", [Offer(name, 1, False)], 5, 30.0, Turn())
    return job_id, claim


@pytest.mark.parametrize(
    ("payload", "loc", "msg"),
    [
        ({}, ["body", "payload"], '"of" is a required property'),
        ({"of": [1, "hunter2"]}, ["body", "payload", "of", 1], 'it is not of type "integer"'),
    ],
)
async def test_a_payload_that_does_not_fit_its_declared_type_is_refused_without_being_quoted(
    api: ApiUnderTest, payload: dict[str, Any], loc: list[Any], msg: str
) -> None:
    await declared(api, "sum-strictly", SCHEMA)
    refused = await api.http.post("/v1/jobs", json={"type": "sum-strictly", "payload": payload})
    document = problem(refused, 422, "invalid-request")
    assert document["errors"] == [{"loc": loc, "msg": msg}]
    assert "hunter2" not in refused.text
    planned = await api.http.post(
        "/v1/schedules",
        json={"name": "s", "every": "1h", "job": {"type": "sum-strictly", "payload": payload}},
    )
    document = problem(planned, 422, "invalid-request")
    assert document["errors"][0]["loc"] == ["body", "job", "payload", *loc[2:]]


async def test_a_payload_that_fits_or_is_of_an_unknown_type_is_taken(api: ApiUnderTest) -> None:
    await declared(api, "sum-kindly", SCHEMA)
    for name, payload in (("sum-kindly", {"of": [10**30]}), ("nobody-has-it", {"a": 1})):
        made = await api.http.post("/v1/jobs", json={"type": name, "payload": payload})
        assert made.status_code == 202, made.text
    shown = (await api.http.get(made.json()["status_url"])).json()
    assert shown["task"] == {
        "served": False,
        "began_at": None,
        "stopping": False,
        "waits_for": [],
        "attempts": [],
    }


async def test_a_running_task_shows_its_progress_is_told_to_stop_and_tells_how_it_went(
    api: ApiUnderTest,
) -> None:
    ledger = api.api.ledger
    await declared(api, "followed")
    job_id, claim = await begun(api, "followed")
    progress = '{"current": 1, "total": 4, "percentage": 25, "message": "Going"}'
    await claiming.renew(ledger, "me:1", 30.0, {(claim.job_id, claim.attempt): progress})
    shown = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    assert (shown["job"]["status"], shown["job"]["progress"]["percentage"]) == ("processing", 25)
    assert (shown["task"]["served"], shown["task"]["stopping"]) == (True, False)
    assert shown["task"]["began_at"] is not None
    told = await api.http.delete(f"/v1/jobs/{job_id}")
    assert (told.status_code, told.json()["status"]) == (200, "processing")
    assert (await api.http.get(f"/v1/jobs/{job_id}")).json()["task"]["stopping"]
    result = settled(claim, Ended("failed", error="E", detail="a.py:1 in f"), 10.0, progress)
    assert result is not None
    assert await recording.record(ledger, "me:1", [result]) == {claim.job_id: "cancelled"}
    shown = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    assert (shown["job"]["status"], shown["job"]["progress"]["current"]) == ("cancelled", 1)
    (attempt,) = shown["task"]["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["detail"]) == (1, "cancelled", "a.py:1 in f")
    events = (await api.http.get(f"/v1/jobs/{job_id}/timeline")).json()["data"]
    kinds = [each["event"] for each in events]
    assert kinds == ["requested", "began", "cancel_requested", "attempted", "cancelled"]
    assert events[1]["detail"] == {"number": 1, "worker": "me:1"}


async def test_a_running_task_is_stopped_by_its_key_and_by_sql(api: ApiUnderTest) -> None:
    ledger = api.api.ledger
    await declared(api, "keyed")
    job_id, claim = await begun(api, "keyed")
    await ledger.fetch("UPDATE hermodr.jobs SET cancel_key = 'k' WHERE id = $1", claim.job_id)
    answer = (await api.http.post("/v1/jobs/cancel", json={"cancel_key": "k"})).json()
    assert answer == {"cancelled": 1, "too_late": 0}
    assert (await api.http.get(f"/v1/jobs/{job_id}")).json()["task"]["stopping"]
    other_id, other = await begun(api, "keyed")
    (done,) = await ledger.fetch(
        "SELECT hermodr.update_notification_status($1, 'cancelled') AS done", other.job_id
    )
    assert done["done"]
    shown = (await api.http.get(f"/v1/jobs/{other_id}")).json()
    assert (shown["job"]["status"], shown["task"]["stopping"]) == ("processing", True)


async def test_a_task_names_what_it_depends_on(api: ApiUnderTest) -> None:
    wanted = {"type": "after-others", "payload": {}}
    first = (await api.http.post("/v1/jobs", json=wanted)).json()["job_id"]
    made = await api.http.post("/v1/jobs", json=wanted | {"depends_on": [first, first]})
    assert made.status_code == 202, made.text
    assert await enqueue(api.api.ledger, [UUID(made.json()["job_id"])]) == []
    shown = (await api.http.get(made.json()["status_url"])).json()
    assert (shown["job"]["status"], shown["task"]["waits_for"]) == ("queued", [first])
    refused = await api.http.post("/v1/jobs", json=wanted | {"depends_on": [first, str(UUID(int=7))]})
    document = problem(refused, 422, "invalid-request")
    assert document["errors"] == [{"loc": ["body", "depends_on", 1], "msg": "there is no such job"}]
    planned = await api.http.post(
        "/v1/schedules", json={"name": "s", "every": "1h", "job": wanted | {"depends_on": [first]}}
    )
    document = problem(planned, 422, "invalid-request")
    assert document["errors"][0]["loc"] == ["body", "job", "depends_on"]


async def test_a_task_names_the_one_that_follows_it(api: ApiUnderTest) -> None:
    await declared(api, "sum-after", SCHEMA)
    after = {"type": "sum-after", "payload": {"of": [1]}}
    wanted = {"type": "before-sum", "payload": {}, "on_finished": after}
    made = await api.http.post("/v1/jobs", json=wanted, headers={"Idempotency-Key": "once"})
    assert made.status_code == 202, made.text
    rows = await api.api.ledger.fetch(
        "SELECT count(*) AS n FROM hermodr.task_endings WHERE job_id = $1", UUID(made.json()["job_id"])
    )
    assert rows[0]["n"] == 1
    job = wanted | {"on_finished": {"type": "sum-after", "payload": {"of": 1}}}
    refused = await api.http.post("/v1/jobs", json=job)
    document = problem(refused, 422, "invalid-request")
    assert document["errors"][0]["loc"] == ["body", "on_finished", "payload", "of"]
    planned = await api.http.post("/v1/schedules", json={"name": "s", "every": "1h", "job": job})
    document = problem(planned, 422, "invalid-request")
    assert document["errors"][0]["loc"] == ["body", "job", "on_finished", "payload", "of"]


async def test_an_end_user_starts_nothing_by_way_of_another_task(api: ApiUnderTest) -> None:
    await api.tasks_for_users("open-to-users")
    user = api.user("u1")
    closed = {"type": "open-to-users", "payload": {}, "on_finished": {"type": "closed-to-users"}}
    problem(await user.post("/v1/jobs", json=closed), 403, "forbidden")
    made = await user.post("/v1/jobs", json=closed | {"on_finished": {"type": "open-to-users"}})
    assert made.status_code == 202, made.text
    theirs = (await api.http.post("/v1/jobs", json={"type": "x", "payload": {}})).json()["job_id"]
    refused = await user.post("/v1/jobs", json={"type": "open-to-users", "depends_on": [theirs]})
    problem(refused, 422, "invalid-request")
