import asyncio
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.deliveries import attempts
from hermodr_ledger.deliveries.attempts import Attempt, Outcome, Settlement
from hermodr_ledger.jobs.redeciding import record_all
from tests.support.api import MAIL, ApiUnderTest, problem
from tests.support.ledgers import decisions_of
from tests.support.waiting import wait_until


async def _request(api: ApiUnderTest, **changes: object) -> UUID:
    answer = await api.http.post("/v1/notifications", json=MAIL | changes)
    assert answer.status_code == 202, answer.text
    return UUID(answer.json()["job_id"])


async def _sent(api: ApiUnderTest, job_id: UUID, outcome: Outcome) -> None:
    """Decides the job and ends its delivery so."""
    ledger = api.api.ledger
    lanes = await record_all(ledger, await decisions_of(ledger, [job_id]))
    (claimed,) = await attempts.claim(
        ledger, [each for ids in lanes.values() for each in ids], owner="test", lease_seconds=60
    )
    now = api.api.clock.now()
    attempt = Attempt(claimed.id, claimed.attempt, outcome, now, now, provider="sandbox", code="550")
    state = DeliveryState.SENT if outcome is Outcome.SENT else DeliveryState.FAILED
    await attempts.record(ledger, [(attempt, Settlement(state))])


async def _ids(api: ApiUnderTest, **query: Any) -> list[UUID]:
    answer = await api.http.get("/v1/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return [UUID(each["id"]) for each in answer.json()["data"]]


async def _audited(api: ApiUnderTest) -> list[str]:
    rows = await api.api.ledger.fetch(
        "SELECT action FROM hermodr.audit_log WHERE project_id = $1 AND action LIKE 'job.%' ORDER BY id",
        api.project_id,
    )
    return [row["action"] for row in rows]


async def test_a_list_goes_page_by_page_and_its_cursor_is_good_for_it_alone(api: ApiUnderTest) -> None:
    made = [await _request(api) for _ in range(5)]
    assert await _ids(api) == made
    assert await _ids(api, sort="-created_at") == made[::-1]
    first = (await api.http.get("/v1/jobs", params={"limit": 2})).json()
    assert [UUID(each["id"]) for each in first["data"]] == made[:2]
    rest = await api.http.get("/v1/jobs", params={"limit": 3, "cursor": first["next_cursor"]})
    assert [UUID(each["id"]) for each in rest.json()["data"]] == made[2:]
    assert rest.json()["next_cursor"] is None
    for other in ({"sort": "-created_at"}, {"status": "failed"}, {"sort": "status"}, {"type": "news"}):
        answer = await api.http.get("/v1/jobs", params={"cursor": first["next_cursor"]} | other)
        assert problem(answer, 422, "invalid-request")["errors"][0]["loc"] == ["query", "cursor"]
    for nonsense in ("", "x", "A" * 44, "%00"):
        problem(await api.http.get("/v1/jobs", params={"cursor": nonsense}), 422, "invalid-request")
    for flaw in ({"sort": "type"}, {"status": "gone"}, {"limit": 0}, {"limit": 201}, {"recipient_id": "x"}):
        problem(await api.http.get("/v1/jobs", params=flaw), 422, "invalid-request")


async def test_filters(api: ApiUnderTest) -> None:
    await api.template()
    person = (await api.recipient(user_id="ann"))["id"]
    later = await _request(api, delay_seconds=3600)
    typed = UUID(
        (
            await api.http.post(
                "/v1/notifications",
                json={
                    "type": "magic_link",
                    "to": {"recipient_id": person},
                    "data": {"name": "Ann", "magic_link": "x"},
                    "channels": ["email"],
                },
            )
        ).json()["job_id"]
    )
    lost = await _request(api)
    await _sent(api, lost, Outcome.PERMANENT)
    assert await _ids(api, status="scheduled") == [later]
    assert await _ids(api, status="failed") == [lost]
    assert await _ids(api, status="queued") == [typed]
    assert await _ids(api, type="magic_link") == [typed]
    assert await _ids(api, recipient_id=person) == [typed]
    assert await _ids(api, kind="task") == []
    assert await _ids(api, delivery_method="email") == [typed, lost]
    assert await _ids(api, created_after="2099-01-01T00:00:00Z") == []
    assert await _ids(api, created_before="2099-01-01T00:00:00Z") == [later, typed, lost]
    assert await _ids(api, sort="scheduled_for") == [later, typed, lost]
    assert await _ids(api, sort="-processed_at") == [lost, typed, later]
    assert await _ids(api, sort="status") == [lost, typed, later]


async def test_cancelling(api: ApiUnderTest) -> None:
    job_id = await _request(api, delay_seconds=3600, singleton_key="once")
    answer = await api.http.delete(f"/v1/jobs/{job_id}")
    assert answer.status_code == 200
    assert answer.json()["status"] == "cancelled"
    assert (await api.http.get(f"/v1/jobs/{job_id}")).json()["job"]["status"] == "cancelled"
    assert problem(await api.http.delete(f"/v1/jobs/{job_id}"), 409, "conflict")["job_status"] == "cancelled"
    await _request(api, singleton_key="once")
    story = [each["event"] for each in (await api.http.get(f"/v1/jobs/{job_id}/timeline")).json()["data"]]
    assert story == ["requested", "scheduled", "cancel_requested", "cancelled"]
    problem(await api.http.delete(f"/v1/jobs/{api.project_id}"), 404, "not-found")
    reader = await api.caller(["read", "send"])
    problem(await reader.delete(f"/v1/jobs/{job_id}"), 403, "forbidden")
    stranger = await api.caller(["admin"], project="elsewhere-cancel")
    problem(await stranger.delete(f"/v1/jobs/{job_id}"), 404, "not-found")
    assert await _audited(api) == ["job.cancel"]


async def test_what_is_being_sent_cannot_be_cancelled_at_that_moment(api: ApiUnderTest) -> None:
    job_id = await _request(api)
    ledger = api.api.ledger
    lanes = await record_all(ledger, await decisions_of(ledger, [job_id]))
    ids = [each for ids in lanes.values() for each in ids]
    await attempts.claim(ledger, ids, owner="test", lease_seconds=60)
    answer = await api.http.delete(f"/v1/jobs/{job_id}")
    assert "being sent" in problem(answer, 409, "conflict")["detail"]
    assert answer.headers["retry-after"] == "1"
    assert (await api.http.get(f"/v1/jobs/{job_id}")).json()["job"]["status"] == "processing"


async def test_asking_again(api: ApiUnderTest) -> None:
    job_id = await _request(api)
    path = f"/v1/jobs/{job_id}/retry"
    assert problem(await api.http.post(path), 409, "conflict")["job_status"] == "queued"
    await _sent(api, job_id, Outcome.PERMANENT)
    key = {"Idempotency-Key": "again-1"}
    answer = await api.http.post(path, headers=key)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    replayed = await api.http.post(path, headers=key)
    assert (replayed.status_code, replayed.json()) == (202, answer.json())
    assert replayed.headers["idempotent-replayed"] == "true"
    await _sent(api, job_id, Outcome.SENT)
    body = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    assert body["job"]["status"] == "completed"
    assert [each["number"] for each in body["delivery_logs"]] == [1, 2]
    assert problem(await api.http.post(path), 409, "conflict")["job_status"] == "completed"
    problem(await api.http.post(f"/v1/jobs/{api.project_id}/retry"), 404, "not-found")
    problem(await api.http.post(path, content=b'{"now": true}'), 422, "invalid-request")
    assert await _audited(api) == ["job.retry"]


async def test_asking_again_for_many(api: ApiUnderTest) -> None:
    lost = [await _request(api) for _ in range(5)]
    for each in lost:
        await _sent(api, each, Outcome.PERMANENT)
    fine = await _request(api)
    await _sent(api, fine, Outcome.SENT)
    dry = await api.http.post("/v1/jobs/retry", json={"dry_run": True})
    assert dry.status_code == 200
    assert dry.json() == {"dry_run": True, "matched": 5, "retried": 0, "not_retried": [], "next_cursor": None}
    assert await _ids(api, status="failed") == lost
    assert await _audited(api) == []
    some = (await api.http.post("/v1/jobs/retry", json={"limit": 2})).json()
    assert (some["matched"], some["retried"]) == (2, 2)
    assert await _ids(api, status="failed") == lost[2:]
    both = await asyncio.gather(*(api.http.post("/v1/jobs/retry", json={"filter": {}}) for _ in range(2)))
    assert sum(each.json()["retried"] for each in both) == 3
    assert await _ids(api, status="queued") == lost
    assert (await _audited(api)).count("job.retry_many") >= 2
    last = (await api.http.post("/v1/jobs/retry", json={"filter": {"status": "cancelled"}})).json()
    assert (last["matched"], last["retried"]) == (0, 0)
    problem(
        await api.http.post("/v1/jobs/retry", json={"filter": {"status": "completed"}}),
        422,
        "invalid-request",
    )
    problem(await api.http.post("/v1/jobs/retry", json={"everything": True}), 422, "invalid-request")
    reader = await api.caller(["read", "send"])
    problem(await reader.post("/v1/jobs/retry", json={}), 403, "forbidden")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_the_words_of_other_routes_are_no_job_ids(api: ApiUnderTest, method: str) -> None:
    answer = await api.http.request(method, "/v1/jobs/retry")
    problem(answer, 422, "invalid-request")


async def test_metrics(api: ApiUnderTest) -> None:
    empty = (await api.http.get("/v1/jobs/metrics")).json()
    assert empty["summary"] == {
        "total_jobs": 0,
        "success_rate_percent": None,
        "avg_processing_time_ms": None,
        "p95_processing_time_ms": None,
        "overdue_jobs": 0,
    }
    outcomes = [Outcome.SENT, Outcome.SENT, Outcome.SENT, Outcome.PERMANENT]
    made = [await _request(api) for _ in outcomes]
    for job_id, outcome in zip(made, outcomes, strict=True):
        await _sent(api, job_id, outcome)
    late, waiting = await _request(api), await _request(api, delay_seconds=3600)
    task = UUID((await api.http.post("/v1/jobs", json={"type": "export"})).json()["job_id"])
    await api.api.ledger.fetch(
        "UPDATE hermodr.jobs SET created_at = now() - interval '2 minutes' WHERE id = $1", task
    )
    await api.api.ledger.fetch(
        "UPDATE hermodr.jobs SET created_at = now() - interval '2 minutes' WHERE id = $1", late
    )
    await _until_counted(api, 7)
    body = (await api.http.get("/v1/jobs/metrics?hours=1")).json()
    assert body["summary"]["total_jobs"] == 7
    assert body["summary"]["success_rate_percent"] == 75.0
    assert body["summary"]["overdue_jobs"] == 1  # not the task: nobody decides upon those
    assert (
        0 <= body["summary"]["avg_processing_time_ms"] <= body["summary"]["p95_processing_time_ms"] * 1.0001
    )
    counts = {state: number for state, number in body["status_counts"].items() if number}
    assert counts == {"completed": 3, "failed": 1, "queued": 2, "scheduled": 1}
    assert body["delivery_methods"] == {"email": {"total": 4, "failed": 1, "sent": 3}}
    assert [(each["job_id"], each["error"]) for each in body["recent_failures"]] == [(str(made[3]), "550")]
    assert body["queue_health"]["depth"] == 2
    assert body["queue_health"]["oldest_seconds"] >= 120
    assert body["queue_health"]["connected"] is False
    mails = (await api.http.get("/v1/jobs/metrics?hours=1&kind=notification")).json()
    assert mails["summary"] | {"total_jobs": 7} == body["summary"]
    assert (mails["summary"]["total_jobs"], mails["queue_health"]["depth"]) == (6, 1)
    assert mails["delivery_methods"] == body["delivery_methods"]
    tasks = (await api.http.get("/v1/jobs/metrics?hours=1&kind=task")).json()
    assert (tasks["summary"]["total_jobs"], tasks["queue_health"]["depth"]) == (1, 1)
    assert (tasks["delivery_methods"], tasks["recent_failures"]) == ({}, [])
    assert (body["task_types"], mails["task_types"]) == (None, None)
    assert [(each["type"], each["status_counts"]) for each in tasks["task_types"]] == [
        ("export", {"queued": 1})
    ]
    assert (await api.http.get(f"/v1/jobs/{waiting}")).json()["job"]["status"] == "scheduled"
    for odd in ("hours=0", "hours=x", "hours=100000", "kind=parcel"):
        problem(await api.http.get(f"/v1/jobs/metrics?{odd}"), 422, "invalid-request")
    stranger = await api.caller(["read"], project="elsewhere-metrics")
    assert (await stranger.get("/v1/jobs/metrics")).json()["summary"]["total_jobs"] == 0


async def _until_counted(api: ApiUnderTest, jobs: int) -> None:
    async def counted() -> bool:
        summary = (await api.http.get("/v1/jobs/metrics?hours=1")).json()["summary"]
        return bool(summary["total_jobs"] == jobs)

    there: bool = await wait_until(counted)
    assert there
