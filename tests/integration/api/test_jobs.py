from datetime import timedelta
from uuid import UUID

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
