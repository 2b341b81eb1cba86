"""`/v1/queues` and pausing."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import Channel, JobKind, Priority
from hermodr_ledger.access import operating
from hermodr_ledger.deliveries.attempts import claim
from hermodr_ledger.deliveries.lanes import Rate, report_rates
from hermodr_ledger.deliveries.provider_limits import ProviderLimits, report
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.heartbeats import beat
from hermodr_ledger.engine.setting_aside import set_aside
from hermodr_ledger.jobs import reading
from hermodr_ledger.tasks import types
from hermodr_ledger.tasks.types import TaskType
from hermodr_servicekit.periodic import running
from tests.support.api import ApiUnderTest, api_over, problem
from tests.support.brokers import Broker
from tests.support.ledgers import emptied, new_deliveries, new_jobs, row_of
from tests.support.tasks import waiting
from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def health_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the cache of half a second."""
    monkeypatch.setattr("hermodr_api.health.service.REMEMBERED_SECONDS", 0.0)


@pytest.fixture
async def house(database_url: str, broker: Broker) -> AsyncIterator[ApiUnderTest]:
    """The API with a broker, over an empty ledger."""
    async with api_over(database_url, broker.amqp_url, broker.prefix) as api:
        await emptied(api.api.ledger)
        await api.operate()
        async with running(api.api.broker.run()):
            await wait_until(lambda: bool(api.api.broker.connected))
            yield api


def lane(queues: Any, name: str) -> dict[str, Any]:
    (found,) = [each for each in queues["data"][0]["lanes"] if each["lane"] == name]
    return dict(found)


async def test_providers_are_shown_as_all_senders_together_know_them(house: ApiUnderTest) -> None:
    ledger = house.api.ledger
    first = ProviderLimits(Channel.EMAIL, "relay", 3, 10, 5.0, rate_configured=50.0, place="mail.example:587")
    first = replace(first, weight=3, calls_of_hour=40, accepted_of_hour=39, project_rate=5.0)
    at = datetime(2026, 11, 29, 14, tzinfo=UTC)
    second = ProviderLimits(Channel.EMAIL, "backup", 10, 10, place="other.example:25", position=2)
    for instance in ("a", "b", "gone"):
        await report(ledger, instance, [first, second])
    failing = replace(first, breaker="open", probes_at=datetime.now(UTC) + timedelta(seconds=9))
    await report(ledger, "b", [replace(failing, failed_code="http_500", failed_at=at)])
    await report(ledger, "b", [second])
    for instance in ("a", "b"):
        await beat(ledger, "email-sender", instance, datetime.now(UTC))
    answer = await house.http.get("/v1/providers")
    assert answer.status_code == 200, answer.text
    relay, backup = answer.json()["data"]
    assert relay.pop("probes_at") > datetime.now(UTC).isoformat()
    assert relay == {
        "channel": "email",
        "name": "relay",
        "place": "mail.example:587",
        "position": 1,
        "instances": 2,
        "calls_at_once": 6,
        "calls_at_once_configured": 20,
        "calls_per_second": 10.0,
        "calls_per_second_configured": 50.0,
        "calls_per_second_per_project": 5.0,
        "rests_until": None,
        "cause": None,
        "code": None,
        "breaker": "open",
        "weight": 3,
        "calls_last_hour": 80,
        "success_rate_percent": 97.5,
        "last_error": {"code": "http_500", "at": "2026-11-29T14:00:00Z"},
    }
    assert (backup["breaker"], backup["success_rate_percent"], backup["last_error"]) == ("closed", None, None)
    health = (await house.http.get("/health")).json()
    assert health["circuit_breakers"] == {"email:relay": "open", "email:backup": "closed"}
    assert [each for each in health["warnings"] if "email:relay does not work" in each]
    assert (backup["name"], backup["calls_per_second"], backup["calls_per_second_configured"]) == (
        "backup",
        None,
        None,
    )
    reader = await house.caller(["read"])
    shown = (await reader.get("/v1/providers")).json()["data"]
    assert [(each["name"], each["place"]) for each in shown] == [("relay", None), ("backup", None)]
    assert (await (await house.caller(["send"])).get("/v1/providers")).status_code == 403


async def test_a_provider_is_tested_by_a_job_of_its_own(house: ApiUnderTest) -> None:
    ledger = house.api.ledger
    await report(ledger, "a", [ProviderLimits(Channel.EMAIL, "relay", 3, 10)])
    await beat(ledger, "email-sender", "a", datetime.now(UTC))
    path = "/v1/providers/relay/test"
    keyed = {"Idempotency-Key": "test-of-relay"}
    answer = await house.http.post(path, json={"to": "ops@example.com"}, headers=keyed)
    assert answer.status_code == 202, answer.text
    again = await house.http.post(path, json={"to": "ops@example.com"}, headers=keyed)
    assert again.json() == answer.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    job = await row_of(ledger, "jobs", UUID(answer.json()["job_id"]))
    assert json.loads(job["envelope"]) == {"provider": "relay"}
    assert (job["type"], job["to_email"], job["max_retries"]) == ("provider_test", "ops@example.com", 0)
    assert "relay" in job["content"]
    log = (await house.http.get("/v1/audit-log", params={"action": "provider.test"})).json()["data"]
    assert [line["subject"] for line in log] == ["relay"]
    unknown = await house.http.post("/v1/providers/gone/test", json={"to": "ops@example.com"})
    assert (unknown.status_code, "gone" in unknown.json()["detail"]) == (404, True)
    assert (await house.http.post(path, json={"to": "nobody"})).status_code == 422
    assert (await house.http.post(path, json={})).status_code == 422
    sender = await house.caller(["send"])
    assert (await sender.post(path, json={"to": "ops@example.com"})).status_code == 403


async def test_every_lane_shows_broker_and_ledger_together(house: ApiUnderTest) -> None:
    ledger = house.api.ledger
    ids = await new_deliveries(ledger, 3)
    await claim(ledger, ids[:1], owner="me", lease_seconds=60)
    await ledger.fetch(
        "UPDATE hermodr.deliveries SET due_at = now() + interval '1 hour' WHERE id = $1", ids[1]
    )
    await new_jobs(ledger, 2, priority=Priority.LOW)
    await new_jobs(ledger, 1, kind=JobKind.TASK)
    for instance in ("a", "b"):
        await report_rates(
            ledger, "email-sender", instance, {(Channel.EMAIL, Priority.NORMAL): Rate(100.5, 0.5)}
        )
    await ledger.fetch("UPDATE hermodr.lane_rates SET at = now() - interval '1 minute' WHERE instance = 'b'")
    answer = await house.http.get("/v1/queues")
    assert answer.status_code == 200, answer.text
    queues = answer.json()
    assert queues["broker_connected"] is True
    email = next(each for each in queues["data"] if each["channel"] == "email")
    assert (email["channel"], email["paused"], email["dead_ready"], email["retry_ready"]) == (
        "email",
        False,
        0,
        0,
    )
    normal = lane(queues, "normal")
    assert normal.pop("oldest_seconds") >= 0
    assert normal == {
        "lane": "normal",
        "queue": "email.normal",
        "ready": 0,
        "consumers": 0,
        "waiting": 1,
        "later": 1,
        "sending": 1,
        "sent_per_second": 100.5,
        "failed_per_second": 0.5,
    }
    assert lane(queues, "urgent")["waiting"] == 0
    assert [(each["lane"], each["waiting"]) for each in queues["dispatch"]] == [
        ("urgent", 0),
        ("normal", 0),
        ("low", 2),
    ]
    assert queues["waiting_tasks"] == 1


async def test_without_the_broker_its_part_is_unknown(api: ApiUnderTest) -> None:
    queues = (await api.http.get("/v1/queues")).json()
    assert queues["broker_connected"] is False
    assert (lane(queues, "low")["ready"], lane(queues, "low")["waiting"]) == (None, 0)


async def test_pausing_is_idempotent_on_record_and_told_by_health(house: ApiUnderTest) -> None:
    first = (await house.http.post("/v1/queues/email/pause", json={"reason": "moving house"})).json()
    assert (first["paused"], first["reason"], first["changed"]) == (True, "moving house", True)
    again = (await house.http.post("/v1/queues/email/pause")).json()
    assert again == first | {"changed": False}
    listed = (await house.http.get("/v1/queues")).json()["data"]
    email = next(each for each in listed if each["channel"] == "email")
    assert (email["paused"], email["paused_at"], email["reason"]) == (
        True,
        first["paused_at"],
        "moving house",
    )
    health = await house.http.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    (warning,) = [each for each in health.json()["warnings"] if "paused" in each]
    assert warning.startswith("channel email is paused since ")
    assert "moving house" not in health.text  # anybody may ask
    mail = {"to": {"email": "ada@example.com"}, "subject": "Hi", "body_text": "you"}
    assert (await house.http.post("/v1/notifications", json=mail)).status_code == 202
    resumed = (await house.http.post("/v1/queues/email/resume", json={"reason": "moved"})).json()
    assert resumed == {
        "channel": "email",
        "paused": False,
        "paused_at": None,
        "reason": None,
        "changed": True,
    }
    assert (await house.http.post("/v1/queues/email/resume")).json()["changed"] is False
    assert "paused" not in (await house.http.get("/health")).text
    rows = await house.api.ledger.fetch(
        "SELECT action FROM hermodr.audit_log WHERE project_id = $1 AND subject = 'email' ORDER BY id",
        house.project_id,
    )
    assert [row["action"] for row in rows] == ["queue.pause", "queue.pause", "queue.resume", "queue.resume"]


async def test_health_shows_what_providers_bear_over_all_senders(house: ApiUnderTest) -> None:
    ledger = house.api.ledger
    now = datetime.now(UTC)
    one = ProviderLimits(Channel.EMAIL, "smtp", 3, 10, 4.5, None, "pace", "smtp_454")
    resting = replace(
        one, calls=1, rests_until=now + timedelta(minutes=5), cause="access", code="auth_failed"
    )
    await report(ledger, "a", [one])
    await report(ledger, "b", [resting])
    await report(ledger, "gone", [resting])
    for instance in ("a", "b"):
        await beat(ledger, "email-sender", instance, now)
    health = (await house.http.get("/health")).json()
    assert health["providers"] == {
        "email:smtp": {
            "calls_at_once": 4,
            "calls_at_once_configured": 20,
            "calls_per_second": 9.0,
            "rests_until": None,
            "cause": "access",
            "code": "auth_failed",
        }
    }
    assert not [each for each in health["warnings"] if "provider" in each]
    await report(ledger, "a", [replace(resting, rate=None, rests_until=now + timedelta(minutes=2))])
    health = (await house.http.get("/health")).json()
    (smtp,) = health["providers"].values()
    assert smtp["calls_per_second"] is None
    assert datetime.fromisoformat(smtp["rests_until"]) == now + timedelta(minutes=2)
    (warning,) = [each for each in health["warnings"] if "provider" in each]
    assert "email:smtp takes nothing from us (access: auth_failed)" in warning
    assert health["status"] == "degraded"


async def test_health_tells_of_tasks_that_wait(house: ApiUnderTest) -> None:
    await waiting(house.api.ledger, "stranger", 2)
    await waiting(house.api.ledger, "known")
    await types.declare(house.api.ledger, [TaskType("known", False, None, 60.0, 3, None, None)])
    health = (await house.http.get("/health")).json()
    assert "tasks wait, 2 of them, whose types no worker has" in health["warnings"]
    assert set(health) == {
        "status",
        "database",
        "broker",
        "circuit_breakers",
        "providers",
        "services",
        "warnings",
    }


async def test_health_does_not_depend_on_how_long_counting_takes(
    house: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting millions takes seconds."""
    counted = asyncio.Event()

    async def laboriously(ledger: Ledger) -> int:
        await counted.wait()
        return 7

    monkeypatch.setattr(reading, "under_way", laboriously)
    monkeypatch.setattr("hermodr_api.health.service._COUNTING_SECONDS", 0.01)
    monkeypatch.setattr("hermodr_api.health.counts.SMALL_SECONDS", 0.0)
    health = await house.http.get("/health")
    assert (health.status_code, health.json()["database"]["reachable"]) == (200, True)
    assert health.json()["broker"]["queues"]["active"] is None
    counted.set()
    await wait_until(lambda: not house.api.counts.busy)
    counted.clear()
    assert (await house.http.get("/health")).json()["broker"]["queues"]["active"] == 7


async def test_who_may_not_and_what_is_not_there(api: ApiUnderTest) -> None:
    manager = await api.caller(["read", "manage", "send"])
    problem(await manager.post("/v1/queues/email/pause"), 403, "forbidden")
    problem(await api.user("ann").post("/v1/queues/email/pause"), 403, "forbidden")
    await api.operate()
    problem(await api.http.post("/v1/queues/pigeon/pause"), 404, "not-found")
    problem(await api.http.post("/v1/queues/sms/resume"), 404, "not-found")
    inbox = await api.http.post("/v1/queues/in_app/pause")
    assert (inbox.status_code, "has no queue" in inbox.json()["detail"]) == (404, True)
    problem(await api.http.post("/v1/queues/email/pause", json={"why": "?"}), 422, "invalid-request")
    problem(await api.http.post("/v1/queues/email/pause", content=b"x"), 415, "unsupported-media-type")
    assert (await manager.get("/v1/queues")).json()["data"][0]["paused"] is False


async def test_only_the_operators_project_pauses(api: ApiUnderTest) -> None:
    await operating.appoint(api.api.ledger, "the operators")
    refused = problem(await api.http.post("/v1/queues/email/pause"), 403, "forbidden")
    assert "operators' project" in refused["detail"]
    manager = await api.caller(["read", "manage", "send"], "the operators")
    problem(await manager.post("/v1/queues/email/pause"), 403, "forbidden")
    operator = await api.caller(["admin"], "the operators")
    assert (await operator.post("/v1/queues/email/pause")).status_code == 200
    assert (await operator.post("/v1/queues/email/resume")).status_code == 200


async def test_health_names_what_the_scheduler_has_set_aside(api: ApiUnderTest) -> None:
    await set_aside(
        api.api.ledger, "due jobs", {"0199": ValueError("with data of somebody"), "0200": ValueError()}
    )
    (warning,) = [each for each in (await api.http.get("/health")).json()["warnings"] if "set aside" in each]
    assert warning.startswith("scheduler, due jobs: 2 set aside since ")
    assert "(such as 0199: ValueError); the rest goes on" in warning
    await api.api.ledger.fetch("DELETE FROM hermodr.set_aside")
