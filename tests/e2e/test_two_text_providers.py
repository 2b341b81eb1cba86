"""Twilio and Vonage beside each other: what one does not take the other does, once, and each reports as it does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.brokers import Broker
from tests.support.installation import TEXT_SERVICES, Installation, installed
from tests.support.texts import ACCOUNT, VONAGE_KEY, VONAGE_SIGNATURE
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST = 15550200000
PRETENDED = "s3cret4horse"


async def wired(environment: Mapping[str, str]) -> Mapping[str, Mapping[str, str]]:
    """Who needs the providers gets both, as the sandbox pretends them; Twilio once more after Vonage."""
    sandbox = f"127.0.0.1:{int(environment['HERMODR_PORT_BASE']) + 25}?tls=off&from=%2B15005550006"
    signature = f"events={VONAGE_SIGNATURE.replace(' ', '%20')}"
    twilio = f"twilio://{ACCOUNT}:{PRETENDED}@{sandbox}"
    providers = f"{twilio} vonage://{VONAGE_KEY}:{PRETENDED}@{sandbox}&{signature} {twilio}&name=last"
    return {name: {"HERMODR_SMS_PROVIDERS": providers} for name in ("api", "sms-sender")}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=TEXT_SERVICES,
        wiring=wired,
        HERMODR_SMS_RETRY_LADDER="300ms,6s",
        HERMODR_CHANNELS="email sms",
        HERMODR_SANDBOX_EVENTS_VONAGE=VONAGE_SIGNATURE,
    ) as installation:
        yield installation
        secrets = ["Code 47", "+1555", "%2B1555", PRETENDED, VONAGE_SIGNATURE]
        assert installation.text_in_logs(secrets) == []


def phone(number: int) -> str:
    return f"+{FIRST + number}"


async def text(running: Installation, to: str, **fields: Any) -> str:
    wanted = {"to": {"phone": to}, "body_text": "Code 4711"} | fields
    return str((await running.create("/v1/notifications", wanted))["job_id"])


async def shown(running: Installation, to: str) -> list[tuple[str, str]]:
    """Who took a text for this phone, and what became of it."""
    found = (await running.sandbox.get("/v1/texts", params={"to": to})).raise_for_status().json()
    return [(each["provider"], each["status"]) for each in found["data"] if not each["inbound"]]


async def delivery_in(running: Installation, job_id: str, *states: str) -> Any:
    async def look() -> Any:
        found = (await running.job(job_id))["deliveries"]
        return found[0] if found and found[0]["state"] in states else None

    return await wait_until(look, 30, f"the text is {' or '.join(states)}", interval=0.05)


async def attempts(running: Installation, job_id: str) -> list[tuple[str, str, str | None]]:
    tried = (await running.job(job_id))["delivery_logs"]
    return [(each["provider"], each["outcome"], each["code"]) for each in tried]


async def throttled(running: Installation, provider: str, to: str) -> None:
    rule = {"stage": "rcpt", "provider": provider, "recipient": to, "action": {"kind": "throttle"}}
    (await running.sandbox.post("/v1/faults", json=rule | {"first": 1})).raise_for_status()


async def rest_is_over(running: Installation, provider: str) -> None:
    """A provider that was too fast is asked again once a text passes."""

    async def passes() -> Any:
        job_id = await text(running, phone(900))
        await delivery_in(running, job_id, "delivered")
        return (await attempts(running, job_id))[0][0] == provider

    await wait_until(passes, 60, f"{provider} is asked again", interval=0.5)


async def test_what_twilio_throttles_vonage_takes_at_once(running: Installation) -> None:
    to = phone(1)
    await throttled(running, "twilio", to)
    job_id = await text(running, to)
    delivery = await delivery_in(running, job_id, "delivered")
    assert await shown(running, to) == [("vonage", "delivered")]
    tried = await attempts(running, job_id)
    assert [each[:2] for each in tried] == [("twilio", "throttled"), ("vonage", "sent")]
    assert tried[0][2] == "twilio_20429"
    assert (delivery["segments"], delivery["country"]) == (1, "US")
    assert (await running.job(job_id))["job"]["retry_count"] == 0
    told = [each["detail"]["kind"] for each in await running.timeline(job_id) if each["event"] == "reported"]
    assert told == ["sent", "delivered"]


async def test_what_vonage_throttles_twilio_takes_at_once(running: Installation) -> None:
    await rest_is_over(running, "twilio")
    to = phone(2)
    for provider in ("twilio", "vonage"):
        await throttled(running, provider, to)
    job_id = await text(running, to)
    await delivery_in(running, job_id, "delivered")
    assert await shown(running, to) == [("twilio", "delivered")]
    tried = [(name, code) for name, _, code in await attempts(running, job_id)]
    assert tried == [("twilio", "twilio_20429"), ("vonage", "vonage_1010"), ("last", None)]
    assert (await running.job(job_id))["job"]["retry_count"] == 0


async def test_a_text_by_vonage_alone_is_reported_with_its_code(running: Installation) -> None:
    tested = await running.create("/v1/providers/vonage/test", {"to": phone(3)})
    await delivery_in(running, tested["job_id"], "delivered")
    assert await shown(running, phone(3)) == [("vonage", "delivered")]
    gone = "+15558801190"
    tested = await running.create("/v1/providers/vonage/test", {"to": gone})
    delivery = await delivery_in(running, tested["job_id"], "bounced")
    assert delivery["error"] == "vonage_1190"
    found = (await running.read(f"/v1/suppressions?address=%2B{gone[1:]}"))["data"]
    assert [each["reason"] for each in found] == ["bounce"]


async def test_a_phone_that_answers_vonage_stop_is_texted_by_nobody(running: Installation) -> None:
    to = phone(4)
    tested = await running.create("/v1/providers/vonage/test", {"to": to})
    await delivery_in(running, tested["job_id"], "delivered")
    (sent,) = (await running.sandbox.get("/v1/texts", params={"to": to})).json()["data"]
    answer = await running.sandbox.post(f"/v1/texts/{sent['id']}/reply", json={"body": "Stop"})
    assert answer.json()["taken"] is True
    ended = await running.ended(await text(running, to))
    assert (ended["job"]["status"], ended["job"]["error"]) == ("skipped", "suppressed")
    await running.sandbox.post(f"/v1/texts/{sent['id']}/reply", json={"body": "START"})
    await delivery_in(running, await text(running, to), "delivered")
    assert len(await shown(running, to)) == 2


async def test_both_are_shown(running: Installation) -> None:
    health = await running.read("/health")
    breakers = {health["circuit_breakers"][f"sms:{name}"] for name in ("twilio", "vonage")}
    assert breakers == {"closed"}
    found = {each["name"]: each for each in (await running.read("/v1/providers"))["data"]}
    assert (found["vonage"]["channel"], found["vonage"]["breaker"]) == ("sms", "closed")
