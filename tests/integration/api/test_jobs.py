from datetime import timedelta
from uuid import UUID

import pytest

from hermodr_api.http.fields import sought
from hermodr_contracts.vocabulary import Channel, DeliveryState, JobState, OnUnknown
from hermodr_ledger.deliveries import attempts
from hermodr_ledger.deliveries.attempts import Attempt, Outcome, Settlement
from hermodr_ledger.jobs import decisions
from hermodr_ledger.jobs.decisions import Decision, NewDelivery, Note
from hermodr_servicekit.ids import child_id
from tests.support.api import MAIL, ApiUnderTest, problem


async def _decide(api: ApiUnderTest, job_id: UUID) -> UUID:
    job = (await decisions.requested_jobs(api.api.ledger, [job_id]))[0]
    delivery = NewDelivery(
        id=child_id(job_id, 1),
        channel=Channel.EMAIL,
        address="ada@example.com",
        address_name=None,
        on_unknown=OnUnknown.RESEND,
        max_attempts=4,
    )
    notes = (Note("decided", {"channel": "email"}, delivery.id),)
    await decisions.record_decisions(api.api.ledger, [Decision(job, JobState.PROCESSING, (delivery,), notes)])
    return delivery.id


async def _send(api: ApiUnderTest, delivery_id: UUID) -> None:
    ledger = api.api.ledger
    claimed = await attempts.claim(ledger, [delivery_id], owner="test", lease_seconds=60)
    now = api.api.clock.now()
    attempt = Attempt(
        delivery_id=delivery_id,
        number=claimed[0].attempt,
        outcome=Outcome.SENT,
        started_at=now,
        finished_at=now + timedelta(milliseconds=3),
        provider="sandbox",
        code="250",
    )
    await attempts.record(ledger, [(attempt, Settlement(DeliveryState.SENT))])


async def test_the_end_comes_after_what_explains_it(api: ApiUnderTest) -> None:
    answer = (await api.http.post("/v1/notifications", json=MAIL)).json()
    (job,) = await decisions.requested_jobs(api.api.ledger, [UUID(answer["job_id"])])
    why = Note("not_sent", {"channel": "email", "reason": "muted"})
    await decisions.record_decisions(api.api.ledger, [Decision(job, JobState.SKIPPED, notes=(why,))])
    timeline = (await api.http.get(f"{answer['status_url']}/timeline")).json()
    assert [entry["event"] for entry in timeline["data"]] == ["requested", "not_sent", "skipped"]
    assert [entry["at"] for entry in timeline["data"]] == sorted(entry["at"] for entry in timeline["data"])


async def test_a_jobs_whole_story(api: ApiUnderTest) -> None:
    answer = (await api.http.post("/v1/notifications", json=MAIL)).json()
    delivery_id = await _decide(api, UUID(answer["job_id"]))
    await _send(api, delivery_id)
    body = (await api.http.get(answer["status_url"])).json()
    assert body["job"]["status"] == "completed"
    assert body["job"]["delivery_method"] == "email"
    assert body["job"]["processing_time_ms"] >= 0
    assert body["job"]["retry_count"] == 0
    assert [each["state"] for each in body["deliveries"]] == ["sent"]
    assert [each["outcome"] for each in body["delivery_logs"]] == ["sent"]
    timeline = (await api.http.get(f"{answer['status_url']}/timeline")).json()
    story = [entry["event"] for entry in timeline["data"]]
    assert story[:2] == ["requested", "decided"]
    assert set(story[2:]) == {"attempted", "delivery_sent", "completed"}
    assert [entry["at"] for entry in timeline["data"]] == sorted(entry["at"] for entry in timeline["data"])


async def test_neighbours_are_not_mixed_up(api: ApiUnderTest) -> None:
    first, second = [(await api.http.post("/v1/notifications", json=MAIL)).json() for _ in range(2)]
    await _decide(api, UUID(second["job_id"]))
    assert (await api.http.get(first["status_url"])).json()["deliveries"] == []
    assert len((await api.http.get(second["status_url"])).json()["deliveries"]) == 1


async def test_a_scheduled_job_says_for_when(api: ApiUnderTest) -> None:
    answer = (await api.http.post("/v1/notifications", json=MAIL | {"delay_seconds": 60})).json()
    timeline = (await api.http.get(f"{answer['status_url']}/timeline")).json()
    assert [entry["event"] for entry in timeline["data"]] == ["requested", "scheduled"]
    problem(await api.http.get(f"/v1/jobs/{api.project_id}"), 404, "not-found")


async def test_jobs_are_found_by_address(api: ApiUnderTest) -> None:
    async def sent(**changes: object) -> str:
        return str((await api.http.post("/v1/notifications", json=MAIL | changes)).json()["job_id"])

    async def found(address: str, **others: str) -> list[str]:
        answer = await api.http.get("/v1/jobs", params={"address": address} | others)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["data"]]

    bare = await sent(to={"email": "Grace.Hopper@example.com"}, delay_seconds=3600)
    person = {"external_id": "grace", "email": "ada@example.com"}
    assert (await api.http.post("/v1/recipients", json=person)).status_code == 201
    theirs = await sent(to={"external_id": "grace"})
    assert await found("grace.hopper@EXAMPLE.com") == [bare]
    assert await found("ada@example.com") == []  # nothing went there yet
    await _send(api, await _decide(api, UUID(theirs)))
    changed = await api.http.get("/v1/recipients", params={"external_id": "grace"})
    await api.http.patch(
        f"/v1/recipients/{changed.json()['data'][0]['id']}", json={"email": "new@example.com"}
    )
    assert await found("ADA@example.com", status="completed", sort="-processed_at") == [theirs]
    assert await found("new@example.com") == []
    dry = {"filter": {"address": "Ada@Example.com", "status": "failed"}, "dry_run": True}
    assert (await api.http.post("/v1/jobs/retry", json=dry)).json()["matched"] == 0
    await api.http.delete(f"/v1/recipients/{changed.json()['data'][0]['id']}")
    assert await found("ada@example.com") == []
    for wrong in ("", "ada", "ada@", "+0555", "a\x00@example.com"):
        problem(await api.http.get("/v1/jobs", params={"address": wrong}), 422, "invalid-request")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Ada@EXAMPLE.com", "Ada@example.com"),
        (" ada@example.com ", "ada@example.com"),
        ("ada@BÜCHER.example", "ada@bücher.example"),
        ("+15550100123", "+15550100123"),
        (" 15550100123", "+15550100123"),
        ("+1 (555) 010-0123", "+15550100123"),
        ("0015550100123", "+15550100123"),
    ],
)
def test_an_address_is_searched_for_as_it_is_stored(given: str, stored: str) -> None:
    assert sought(given) == stored
