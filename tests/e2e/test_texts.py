"""Texts from end to end: counted, reported, held, and not sent when they must not be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.brokers import Broker
from tests.support.installation import TEXT_SERVICES, Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST = 15550100000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    """All services, with the sandbox as provider of texts."""
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=TEXT_SERVICES,
        HERMODR_SMS_RETRY_LADDER="300ms,6s",
        HERMODR_CHANNELS="email sms",
    ) as installation:
        yield installation
        assert installation.text_in_logs(["Code 47", "+1555", "%2B1555", "pretended"]) == []


async def text(running: Installation, number: int | str, **fields: Any) -> str:
    phone = number if isinstance(number, str) else f"+{FIRST + number}"
    wanted = {"to": {"phone": phone}, "body_text": "Code 4711"} | fields
    return str((await running.create("/v1/notifications", wanted))["job_id"])


async def person(running: Installation, number: int, **fields: Any) -> str:
    made = await running.create("/v1/recipients", {"phone": f"+{FIRST + number}"} | fields)
    return str(made["id"])


async def shown(running: Installation, number: int | str) -> list[Any]:
    phone = number if isinstance(number, str) else f"+{FIRST + number}"
    found = (await running.sandbox.get("/v1/texts", params={"to": phone})).raise_for_status().json()
    return list(found["data"])


async def delivered(running: Installation, job_id: str) -> Any:
    async def look() -> Any:
        found = (await running.job(job_id))["deliveries"]
        return found[0] if found and found[0]["state"] == "delivered" else None

    return await wait_until(look, 30, "the text is reported as delivered", interval=0.05)


async def events(running: Installation, job_id: str) -> list[tuple[str, Any]]:
    return [(each["event"], each["detail"]) for each in await running.timeline(job_id)]


async def test_a_long_text_is_counted_and_reported(running: Installation) -> None:
    job_id = await text(running, 1, body_text="Code 47 für Zoë, 5 € – " + "x" * 60)
    delivery = await delivered(running, job_id)
    assert (delivery["channel"], delivery["segments"], delivery["country"]) == ("sms", 2, "US")
    (sent,) = await shown(running, 1)
    assert (sent["segments"], sent["encoding"], sent["status"]) == (2, "UCS-2", "delivered")
    assert delivery["provider_message_id"] == sent["sid"]
    told = [detail["kind"] for event, detail in await events(running, job_id) if event == "reported"]
    assert told == ["queued", "sent", "delivered"]


async def test_a_template_has_texts_for_sms_and_needs_no_subject(running: Installation) -> None:
    texts = {"en": {"body_text": "Code {{ code }}"}, "de": {"body_text": "Kode {{ code }}"}}
    await running.create("/v1/templates", {"name": "code", "contents": {"sms": texts}})
    wanted = {"type": "code", "to": {"phone": f"+{FIRST + 2}", "locale": "de"}, "data": {"code": "4712"}}
    job_id = (await running.create("/v1/notifications", wanted))["job_id"]
    await delivered(running, job_id)
    assert [each["body"] for each in await shown(running, 2)] == ["Kode 4712"]
    missing = await running.api.post("/v1/notifications", json=wanted | {"data": {}})
    assert missing.status_code == 422
    long = await running.create("/v1/notifications", wanted | {"data": {"code": "x" * 1600}})
    ended = await running.ended(long["job_id"])
    assert (ended["job"]["status"], ended["deliveries"][0]["error"]) == ("failed", "too_many_segments")


async def test_what_is_refused_for_now_comes_later(running: Installation) -> None:
    job_id = await text(running, "+15555775031")
    await delivered(running, job_id)
    outcomes = [each["outcome"] for each in (await running.job(job_id))["delivery_logs"]]
    assert outcomes == ["transient", "sent"]


async def test_an_unknown_outcome_is_settled_by_the_report(running: Installation) -> None:
    job_id = await text(running, "+15555770011")
    await delivered(running, job_id)
    assert len(await shown(running, "+15555770011")) == 1


async def test_an_unknown_outcome_is_not_sent_again_without_a_proof(running: Installation) -> None:
    """Nothing was taken: the list of messages is empty, which is believed after a minute only."""
    job_id = await text(running, "+15555770001")

    async def waits() -> Any:
        found = (await running.job(job_id))["deliveries"]
        return bool(found and found[0]["attempt"] == 1 and found[0]["state"] == "retrying")

    await wait_until(waits, 30, "the text waits for a proof")
    await asyncio.sleep(1.5)  # its ladder's steps are shorter
    assert await waits()
    assert await shown(running, "+15555770001") == []
    assert (await running.api.delete(f"/v1/jobs/{job_id}")).status_code == 200


async def test_stop_suppresses_and_start_allows_again(running: Installation) -> None:
    await delivered(running, await text(running, 3))
    (sent,) = await shown(running, 3)
    answer = await running.sandbox.post(f"/v1/texts/{sent['id']}/reply", json={"body": "Stop"})
    assert answer.json()["taken"] is True
    ended = await running.ended(await text(running, 3))
    assert (ended["job"]["status"], ended["job"]["error"]) == ("skipped", "suppressed")
    await running.sandbox.post(f"/v1/texts/{sent['id']}/reply", json={"body": "START"})
    await delivered(running, await text(running, 3))
    assert len([each for each in await shown(running, 3) if not each["inbound"]]) == 2


async def test_a_suppressed_number_is_not_texted(running: Installation) -> None:
    await running.create("/v1/suppressions", {"address": f"+{FIRST + 4}"})
    ended = await running.ended(await text(running, 4))
    assert (ended["job"]["status"], ended["deliveries"][0]["state"]) == ("skipped", "suppressed")
    assert await shown(running, 4) == []


async def test_a_number_that_is_none_is_suppressed_once_reported(running: Installation) -> None:
    number = "+15558830006"
    await running.ended(await text(running, number))

    async def bounced() -> Any:
        found = (await running.read(f"/v1/suppressions?address=%2B{number[1:]}"))["data"]
        return [each["reason"] for each in found] == ["bounce"]

    await wait_until(bounced, 30, "the number is suppressed")
    assert (await running.ended(await text(running, number)))["job"]["status"] == "skipped"


async def test_who_is_muted_is_not_texted(running: Installation) -> None:
    muted = datetime.now(UTC) + timedelta(days=1)
    who = await person(running, 5)
    wishes: dict[str, Any] = {"preferences": [], "muted_until": muted.isoformat(), "quiet_hours": None}
    (await running.api.put(f"/v1/recipients/{who}/preferences", json=wishes)).raise_for_status()
    job_id = await text(running, 5, to={"recipient_id": who}, channels=["sms"])
    assert (await running.ended(job_id))["job"]["status"] == "skipped"
    assert ("muted", "sms") in [(d.get("reason"), d.get("channel")) for _, d in await events(running, job_id)]
    assert await shown(running, 5) == []


async def test_quiet_hours_put_a_text_off(running: Installation) -> None:
    now = datetime.now(UTC)
    hours = {"start": f"{now - timedelta(hours=2):%H:%M}", "end": f"{now + timedelta(hours=2):%H:%M}"}
    who = await person(running, 6, timezone="UTC")
    wishes: dict[str, Any] = {"preferences": [], "muted_until": None, "quiet_hours": hours}
    (await running.api.put(f"/v1/recipients/{who}/preferences", json=wishes)).raise_for_status()
    job_id = await text(running, 6, to={"recipient_id": who}, channels=["sms"])

    async def put_off() -> Any:
        return bool((await running.job(job_id))["job"]["deferred_until"])

    await wait_until(put_off, 30, "the text is put off")
    urgent = await text(running, 6, to={"recipient_id": who}, channels=["sms"], priority="urgent")
    await delivered(running, urgent)
    assert len(await shown(running, 6)) == 1


async def test_a_text_that_expired_is_not_sent(running: Installation) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    number = "+15555775030"  # is refused for now, always
    job_id = await text(running, number, expires_at=soon.isoformat())
    ended = await running.ended(job_id)
    assert (ended["job"]["status"], ended["job"]["error"]) == ("skipped", "expired")
    assert await shown(running, number) == []


async def test_a_cancelled_text_is_not_sent(running: Installation) -> None:
    job_id = await text(running, 7, delay_seconds=600, cancel_key="order-7")
    answer = await running.create("/v1/jobs/cancel", {"cancel_key": "order-7"})
    assert answer["cancelled"] == 1
    assert (await running.job(job_id))["job"]["status"] == "cancelled"
    assert await shown(running, 7) == []


async def test_nobody_is_texted_unasked(running: Installation) -> None:
    who = await person(running, 8, email="eight@example.org")
    given = {"to": {"recipient_id": who}, "subject": "Hello", "body_text": "Code 4713"}
    job_id = (await running.create("/v1/notifications", given))["job_id"]
    ended = await running.ended(job_id)
    assert [each["channel"] for each in ended["deliveries"]] == ["email"]
    assert await shown(running, 8) == []


async def test_health_and_providers_know_the_channel(running: Installation) -> None:
    health = await running.read("/health")
    assert health["services"]["sms-sender"]["instances"] == 1
    assert health["circuit_breakers"]["sms:twilio"] == "closed"
    found = {each["name"]: each for each in (await running.read("/v1/providers"))["data"]}
    assert (found["twilio"]["channel"], found["twilio"]["breaker"]) == ("sms", "closed")
    tested = await running.create("/v1/providers/twilio/test", {"to": f"+{FIRST + 9}"})
    await delivered(running, tested["job_id"])
    for name, to in (("twilio", "ops@example.com"), ("smtp", f"+{FIRST + 9}")):
        assert (await running.api.post(f"/v1/providers/{name}/test", json={"to": to})).status_code == 422
