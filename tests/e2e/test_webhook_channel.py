"""Notifications to recipients' own URLs, from end to end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from standardwebhooks.webhooks import Webhook

from hermodr_devkit.supervisor import ALL
from tests.support.brokers import Broker
from tests.support.hook_server import Came, HookServer, hang, hook_server, status
from tests.support.installation import Installation, installed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEMPLATE = {
    "name": "order.paid",
    "contents": {"email": {"en": {"subject": "Paid", "body_text": "Thank you, {{ recipient.name }}"}}},
}
OWN = {
    "name": "order.sent",
    "contents": {
        "webhook": {
            "en": {"body_text": '{"text": {{ ("Order " ~ number)|tojson }}}'},
            "de": {"body_text": '{"text": {{ ("Bestellung " ~ number)|tojson }}}'},
        }
    },
}
KEY = "the-key-of-this-installation-of-tests"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(database_url: str, broker: Broker, logs: Path) -> AsyncIterator[Installation]:
    async with installed(
        logs,
        database_url=database_url,
        amqp_url=broker.amqp_url,
        prefix=broker.prefix,
        management_url=broker.management_url,
        specs=ALL,
        HERMODR_CHANNELS="email webhook",
        HERMODR_SECRET_KEY=KEY,
        HERMODR_WEBHOOK_ALLOW="127.0.0.0/8",
        HERMODR_WEBHOOK_RETRY_LADDER="300ms,400ms,500ms",
        HERMODR_WEBHOOK_SECONDS="2",
    ) as installation:
        for template in (TEMPLATE, OWN):
            await installation.create("/v1/templates", template)
        yield installation
        assert installation.text_in_logs(["s3cret", "whsec_", "/hooks/", KEY]) == []


@pytest_asyncio.fixture(loop_scope="module")
async def receiver() -> AsyncIterator[HookServer]:
    async with hook_server() as served:
        yield served


async def person(running: Installation, receiver: HookServer, **fields: Any) -> str:
    url = receiver.url("/hooks/s3cret?token=s3cret")
    made = await running.create("/v1/recipients", {"name": "Ada", "webhook_url": url} | fields)
    return str(made["id"])


async def notify(running: Installation, who: str, **fields: Any) -> str:
    wanted = {
        "type": "order.paid",
        "to": {"recipient_id": who},
        "channels": ["webhook"],
        "data": {"order": 17, "total": 1.10},
    }
    return str((await running.create("/v1/notifications", wanted | fields))["job_id"])


async def verified(running: Installation, who: str, came: Came) -> Any:
    secret = (await running.read(f"/v1/recipients/{who}/webhook-secret"))["secret"]
    return Webhook(secret).verify(came.body.decode(), came.headers)


async def test_the_data_is_posted_signed(running: Installation, receiver: HookServer) -> None:
    who = await person(running, receiver)
    found = await running.ended(await notify(running, who))
    (delivery,) = found["deliveries"]
    assert (found["job"]["status"], delivery["state"]) == ("completed", "sent")
    assert (delivery["channel"], delivery["provider"]) == ("webhook", "endpoint")
    assert delivery["address"] == f"http://127.0.0.1:{receiver.port}"
    (came,) = receiver.came
    assert came.path == "/hooks/s3cret?token=s3cret"
    assert came.headers["webhook-id"] == delivery["id"]
    posted = await verified(running, who, came)
    assert (posted["type"], posted["data"]) == ("order.paid", {"order": 17, "total": 1.10})
    assert set(posted) == {"type", "timestamp", "data"}
    assert "s3cret" not in json.dumps([found, await running.timeline(found["job"]["id"])])


async def test_a_template_makes_the_payload_in_the_recipients_language(
    running: Installation, receiver: HookServer
) -> None:
    who = await person(running, receiver, locale="de-AT")
    await running.ended(await notify(running, who, type="order.sent", channels=None, data={"number": 'a"4'}))
    assert await verified(running, who, receiver.came[0]) == {"text": 'Bestellung a"4'}


async def test_what_fails_comes_again_under_the_same_id(running: Installation, receiver: HookServer) -> None:
    answers = [status(503, "retry-after: 0"), status(503), status(204)]

    async def one_after_another(came: Came, writer: asyncio.StreamWriter) -> None:
        await answers.pop(0)(came, writer)

    receiver.answer = one_after_another
    who = await person(running, receiver)
    found = await running.ended(await notify(running, who))
    assert found["job"]["status"] == "completed"
    assert [each["code"] for each in found["delivery_logs"]] == ["http_503", "http_503", None]
    assert len({came.headers["webhook-id"] for came in receiver.came}) == 1
    assert len({came.body for came in receiver.came}) == 1
    for came in receiver.came:
        await verified(running, who, came)


async def test_what_is_gone_is_not_tried_again(running: Installation, receiver: HookServer) -> None:
    receiver.answer = status(410)
    found = await running.ended(await notify(running, await person(running, receiver)))
    assert (found["job"]["status"], found["deliveries"][0]["state"]) == ("failed", "failed")
    assert [each["code"] for each in found["delivery_logs"]] == ["http_410"]
    suppressed = await running.read("/v1/suppressions")
    assert suppressed["data"] == []


async def test_what_never_succeeds_is_a_dead_letter(running: Installation, receiver: HookServer) -> None:
    receiver.answer = status(302, "location: http://127.0.0.1:1/elsewhere")
    job_id = await notify(running, await person(running, receiver))
    found = await running.ended(job_id)
    assert [each["code"] for each in found["delivery_logs"]] == ["http_3xx"] * 4
    assert len(receiver.came) == 4
    assert len(await running.dead_letters(job_id)) == 1
    letters = await running.api.get("/v1/dead-letters")
    assert "s3cret" not in letters.text


async def test_a_sender_that_is_killed_loses_nothing(running: Installation, receiver: HookServer) -> None:
    receiver.answer = hang
    who = await person(running, receiver)
    job_id = await notify(running, who)
    await wait_until(lambda: len(receiver.came) == 1, 30)
    await running.fleet["webhook-sender"].kill()
    receiver.answer = status(204)
    await running.fleet["webhook-sender"].start()
    found = await running.ended(job_id)
    assert found["job"]["status"] == "completed"
    assert [each["outcome"] for each in found["delivery_logs"]] == ["unknown", "sent"]
    assert len({came.headers["webhook-id"] for came in receiver.came}) == 1


async def test_one_that_hangs_and_one_that_fails_keep_nobody_else_waiting(
    running: Installation, receiver: HookServer
) -> None:
    async with hook_server(hang) as hanging, hook_server(status(500)) as failing:
        stuck, broken = await person(running, hanging), await person(running, failing)
        for who in (stuck, broken):
            await asyncio.gather(*(notify(running, who, max_retries=0) for _ in range(60)))
        well = await person(running, receiver)
        jobs = await asyncio.gather(*(notify(running, well) for _ in range(30)))
        ended = await asyncio.gather(*(running.ended(each, 20) for each in jobs))
        assert {each["job"]["status"] for each in ended} == {"completed"}
        health = (await running.api.get("/health")).json()
        assert health["circuit_breakers"]["webhook:endpoint"] == "closed"


async def test_wishes_and_erasure_hold_for_webhooks(running: Installation, receiver: HookServer) -> None:
    who = await person(running, receiver)
    wishes = {"preferences": [{"channel": "webhook", "enabled": False}]}
    (await running.api.put(f"/v1/recipients/{who}/preferences", json=wishes)).raise_for_status()
    assert (await running.ended(await notify(running, who)))["job"]["status"] == "skipped"
    gone = await person(running, receiver)
    job_id = await notify(running, gone, delay_seconds=3600)
    (await running.api.delete(f"/v1/recipients/{gone}")).raise_for_status()
    assert (await running.ended(job_id))["job"]["status"] == "cancelled"
    assert receiver.came == []


async def test_what_cannot_be_a_webhook_is_refused(running: Installation, receiver: HookServer) -> None:
    who = await person(running, receiver)
    given = {"to": {"recipient_id": who}, "channels": ["webhook"], "subject": "x", "body_text": "{}"}
    refused = await running.api.post("/v1/notifications", json=given)
    assert refused.status_code == 422
    assert "needs a template" in refused.json()["errors"][0]["msg"]
    without = await running.create("/v1/recipients", {"name": "Bo"})
    ended = await running.ended(await notify(running, without["id"]))
    assert (ended["job"]["status"], ended["job"]["error"]) == ("failed", "no_address")
