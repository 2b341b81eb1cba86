"""WhatsApp from end to end: by template, within the window, reported, stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.brokers import Broker
from tests.support.installation import TEXT_SERVICES, Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST = 15550200000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    """All services, with the sandbox as provider of WhatsApp messages, and a template that it approved."""
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=TEXT_SERVICES,
        HERMODR_SMS_RETRY_LADDER="300ms,6s",
        HERMODR_CHANNELS="email sms whatsapp",
    ) as installation:
        body = "Hello {{1}}, order {{2}} is ready."
        approved = {"name": "order_ready", "language": "en", "body": body}
        (await installation.sandbox.put("/v1/whatsapp/templates", json=approved)).raise_for_status()
        texts = {
            "body_text": "Hi {{ name }}, order {{ order }} waits for you!",
            "approved": {"name": "order_ready", "parameters": ["{{ name }}", "{{ order }}"]},
        }
        await installation.create("/v1/templates", {"name": "ready", "contents": {"whatsapp": {"en": texts}}})
        yield installation
        assert installation.text_in_logs(["waits for you", "+1555", "pretended-app", "15550200"]) == []


async def ready(running: Installation, number: int | str, **fields: Any) -> str:
    phone = number if isinstance(number, str) else f"+{FIRST + number}"
    wanted = {"type": "ready", "to": {"phone": phone}, "data": {"name": "Ada", "order": 17}} | fields
    return str((await running.create("/v1/notifications", wanted))["job_id"])


async def shown(running: Installation, number: int | str) -> list[Any]:
    phone = number if isinstance(number, str) else f"+{FIRST + number}"
    found = (await running.sandbox.get("/v1/texts", params={"to": phone})).raise_for_status().json()
    return list(found["data"])


async def in_state(running: Installation, job_id: str, state: str) -> Any:
    async def look() -> Any:
        found = (await running.job(job_id))["deliveries"]
        return found[0] if found and found[0]["state"] == state else None

    return await wait_until(look, 30, f"the message is {state}", interval=0.05)


async def attempted(running: Installation, job_id: str) -> list[Any]:
    return [each["detail"] for each in await running.timeline(job_id) if each["event"] == "attempted"]


async def says(running: Installation, text_id: str, body: str) -> None:
    answer = await running.sandbox.post(f"/v1/texts/{text_id}/reply", json={"body": body})
    assert answer.json()["taken"] is True


async def test_by_template_then_freely_until_they_say_stop(running: Installation) -> None:
    verified = await running.sandbox.post(
        "/v1/whatsapp/handshake", json={"verify_token": "pretended-verify-token"}
    )
    assert verified.json() == {"status": 200, "verified": True}
    first = await ready(running, 1)
    await in_state(running, first, "delivered")
    (message,) = await shown(running, 1)
    assert (message["body"], message["template"]) == ("Hello Ada, order 17 is ready.", "order_ready (en)")
    (made,) = await attempted(running, first)
    assert (made["sent_as"], made["because"]) == ("template", "the window is closed")
    (await running.sandbox.post(f"/v1/texts/{message['id']}/read")).raise_for_status()
    assert (await in_state(running, first, "delivered"))["opened_at"] is not None

    given = {"to": {"phone": f"+{FIRST + 1}"}, "channels": ["whatsapp"], "body_text": "Until six."}
    assert (await running.api.post("/v1/notifications", json=given)).status_code == 422
    await says(running, message["id"], "Until when are you open?")
    freely = (await running.create("/v1/notifications", given))["job_id"]
    await in_state(running, freely, "delivered")
    second = await ready(running, 1)
    await in_state(running, second, "delivered")
    (made,) = await attempted(running, second)
    assert (made["sent_as"], made["because"]) == ("text", "the window is open")
    bodies = [each["body"] for each in await shown(running, 1) if not each["inbound"]]
    assert bodies[:2] == ["Hi Ada, order 17 waits for you!", "Until six."]

    await says(running, message["id"], "Stop")
    ended = await running.ended(await ready(running, 1))
    assert (ended["job"]["status"], ended["job"]["error"]) == ("skipped", "suppressed")
    await says(running, message["id"], "START")
    await in_state(running, await ready(running, 1), "delivered")


async def test_what_is_refused_for_now_comes_later(running: Installation) -> None:
    job_id = await ready(running, "+15555775031")
    await in_state(running, job_id, "delivered")
    assert [each["outcome"] for each in await attempted(running, job_id)] == ["transient", "sent"]


async def test_an_unknown_outcome_is_held_until_a_report_settles_it(running: Installation) -> None:
    settled = await ready(running, "+15555770011")
    await in_state(running, settled, "delivered")
    assert len(await shown(running, "+15555770011")) == 1
    held = await ready(running, "+15555770001")
    await in_state(running, held, "unknown")
    assert await shown(running, "+15555770001") == []


async def test_what_is_due_later_fails_without_a_window_and_without_a_template(running: Installation) -> None:
    given = {
        "to": {"phone": f"+{FIRST + 2}"},
        "channels": ["whatsapp"],
        "body_text": "Hello",
        "delay_seconds": 1,
    }
    ended = await running.ended((await running.create("/v1/notifications", given))["job_id"])
    assert (ended["job"]["status"], ended["deliveries"][0]["error"]) == ("failed", "outside_window")
    assert await shown(running, 2) == []


async def test_a_window_that_meta_closed_is_a_bounce_with_a_reason(running: Installation) -> None:
    await in_state(running, await ready(running, 3), "delivered")
    (message,) = await shown(running, 3)
    await says(running, message["id"], "Hello")
    (await running.sandbox.post("/v1/whatsapp/close", json={"phone": f"+{FIRST + 3}"})).raise_for_status()
    given = {"to": {"phone": f"+{FIRST + 3}"}, "channels": ["whatsapp"], "body_text": "Until six."}
    job_id = (await running.create("/v1/notifications", given))["job_id"]
    assert (await in_state(running, job_id, "bounced"))["error"] == "outside_window"

    async def closed() -> Any:
        return (await running.api.post("/v1/notifications", json=given)).status_code == 422

    await wait_until(closed, 30, "the window is closed here, too")
    await in_state(running, await ready(running, 3), "delivered")
    assert (await shown(running, 3))[0]["template"] == "order_ready (en)"


async def test_texts_and_whatsapp_have_lanes_of_their_own(running: Installation) -> None:
    health = await running.read("/health")
    assert health["circuit_breakers"]["whatsapp:whatsapp"] == "closed"
    found = {each["name"]: each["channel"] for each in (await running.read("/v1/providers"))["data"]}
    assert (found["twilio"], found["whatsapp"]) == ("sms", "whatsapp")
    text = {"to": {"phone": f"+{FIRST + 4}"}, "body_text": "A text"}
    job_id = (await running.create("/v1/notifications", text))["job_id"]
    assert (await in_state(running, job_id, "delivered"))["channel"] == "sms"
    assert [each["channel"] for each in await shown(running, 4)] == ["sms"]
