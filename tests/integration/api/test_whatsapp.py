"""WhatsApp on a real database: windows that people's messages open, reports, approved templates, the door."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest_asyncio

from hermodr_contracts.vocabulary import Channel, DeliveryState, OnUnknown
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_ledger.people import windows
from hermodr_ledger.people.windows import Message
from hermodr_ledger.privacy.erasure import erase
from hermodr_servicekit.ids import child_id
from tests.support.api import ApiUnderTest, api_over, client_of
from tests.support.ledgers import attempt, decisions_of

SECRET = "the-secret-of-the-app"
NUMBER, OTHER = "106540352242922", "106540352242923"
PATH = "/v1/providers/whatsapp/events"
PHONE = "+15550100123"
GIVEN = {"to": {"phone": PHONE}, "channels": ["whatsapp"], "body_text": "We are open until six."}
READY = {
    "name": "order_ready",
    "parameters": ["{{ name }}", "{{ order.number }}"],
    "buttons": ["{{ token }}"],
}


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    sms = (
        f"whatsapp://{NUMBER}:token@default?events={SECRET}&verify=a-word "
        f"whatsapp://{OTHER}:token@default?events={SECRET}&name=second"
    )
    async with api_over(database_url, sms_providers=sms) as under_test:
        await under_test.api.ledger.fetch("TRUNCATE hermodr.whatsapp_windows")
        yield under_test


async def told(
    api: ApiUnderTest, *values: dict[str, Any], number: str = NUMBER, status: int = 200, secret: str = SECRET
) -> dict[str, int]:
    changes = [
        {"field": "messages", "value": {"metadata": {"phone_number_id": number}, **value}} for value in values
    ]
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": changes}]}).encode()
    headers = {
        "content-type": "application/json",
        "x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    async with client_of(api.api) as provider:
        answer = await provider.post(PATH, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    counts: dict[str, int] = answer.json()
    return counts


def says(text: str, phone: str = PHONE, ago: float = 0.0) -> dict[str, Any]:
    at = str(int(time.time() - ago))
    said = {"from": phone[1:], "id": "wamid.in", "timestamp": at, "type": "text", "text": {"body": text}}
    return {"messages": [said]}


def became(job_id: UUID, status: str, *codes: int) -> dict[str, Any]:
    known = {"id": "wamid.1", "status": status, "timestamp": str(int(time.time()))}
    known |= {"biz_opaque_callback_data": str(child_id(job_id, 2))}
    return {"statuses": [{**known, "errors": [{"code": each} for each in codes]}]}


async def job(api: ApiUnderTest, *, sent: bool = True, **fields: object) -> UUID:
    """A message, beside a mail, that Meta has."""
    later = {"delay_seconds": 1000}  # at the door it is not known whether there is a window then
    made = await api.http.post("/v1/notifications", json=GIVEN | later | fields)
    assert made.status_code == 202, made.text
    job_id = UUID(made.json()["job_id"])
    await api.api.ledger.fetch("UPDATE hermodr.jobs SET state = 'queued' WHERE id = $1", job_id)
    (decision,) = await decisions_of(api.api.ledger, [job_id], deliveries=2)
    mail, text = decision.deliveries
    text = text._replace(channel=Channel.WHATSAPP, address=PHONE, on_unknown=OnUnknown.HOLD)
    await record_decisions(api.api.ledger, [decision._replace(deliveries=(mail, text))])
    await claim(api.api.ledger, [text.id], owner="me", lease_seconds=60)
    outcome, state = (Outcome.SENT, DeliveryState.SENT) if sent else (Outcome.UNKNOWN, DeliveryState.UNKNOWN)
    made_attempt = attempt(text.id, 1, outcome, provider="whatsapp")
    assert await record(api.api.ledger, [(made_attempt, Settlement(state))])
    return job_id


async def delivery(api: ApiUnderTest, job_id: UUID) -> Any:
    return (await api.http.get(f"/v1/jobs/{job_id}")).json()["deliveries"][1]


async def suppressed(api: ApiUnderTest) -> dict[str, str]:
    found = (await api.http.get("/v1/suppressions")).json()["data"]
    return {each["address"]: each["reason"] for each in found}


async def flaws(api: ApiUnderTest, **fields: object) -> list[str]:
    answer = await api.http.post("/v1/notifications", json=GIVEN | fields)
    if answer.status_code == 202:
        return []
    assert answer.status_code == 422, answer.text
    return [".".join(map(str, each["loc"])) for each in answer.json()["errors"]]


async def test_a_message_opens_the_window_of_its_number_for_a_day(api: ApiUnderTest) -> None:
    assert await flaws(api) == ["body.channels"]
    assert await told(api, says("Hello")) == {"new": 1, "known": 0, "unknown": 0, "ignored": 0}
    assert await flaws(api) == []
    ledger = api.api.ledger.cold
    assert (await windows.open_with(ledger, [PHONE, "+15550100999"])) == {
        PHONE: {"whatsapp"},
        "+15550100999": frozenset(),
    }
    await told(api, says("Hi"), number=OTHER)
    assert (await windows.open_with(ledger, [PHONE]))[PHONE] == {"whatsapp", "second"}
    await api.api.ledger.fetch(
        "UPDATE hermodr.whatsapp_windows SET opened_at = now() - interval '23 hours 59 minutes 1 second'"
    )
    assert (await windows.open_with(ledger, [PHONE]))[PHONE] == frozenset()
    assert await flaws(api) == ["body.channels"]
    await told(api, says("Still there?", ago=3600), says("Yes", ago=7200))
    rows = await api.api.ledger.fetch(
        "SELECT now() - opened_at AS age FROM hermodr.whatsapp_windows WHERE provider = 'whatsapp'"
    )
    assert timedelta(minutes=59) < rows[0]["age"] < timedelta(minutes=61)


async def test_what_is_too_old_or_of_tomorrow_opens_no_more_than_a_day(api: ApiUnderTest) -> None:
    now = datetime.now(UTC)
    ledger = api.api.ledger.cold
    await windows.opened(ledger, [Message("whatsapp", PHONE, now - timedelta(days=2))])
    assert (await windows.open_with(ledger, [PHONE]))[PHONE] == frozenset()
    await windows.opened(ledger, [Message("whatsapp", PHONE, now + timedelta(days=2))])
    (row,) = await ledger.fetch("SELECT opened_at <= now() AS past FROM hermodr.whatsapp_windows")
    assert row["past"]


async def test_windows_end_by_the_hour_by_the_provider_and_with_the_person(api: ApiUnderTest) -> None:
    now, ledger = datetime.now(UTC), api.api.ledger.cold
    phones = ["+15550100001", "+15550100002", "+5215512345678"]
    await windows.opened(ledger, [Message("whatsapp", each, now) for each in phones])
    await windows.opened(ledger, [Message("whatsapp", "+15550100003", now - timedelta(hours=25))])
    await windows.forget_closed(ledger, now)
    assert len(await ledger.fetch("SELECT 1 AS one FROM hermodr.whatsapp_windows")) == 3
    await windows.close(ledger, [windows.Message("whatsapp", phones[0], now - timedelta(minutes=5))])
    assert (await windows.open_with(ledger, phones[:1]))[phones[0]] == {"whatsapp"}
    await windows.close(ledger, [windows.Message("whatsapp", phones[0], now + timedelta(minutes=5))])
    assert (await windows.open_with(ledger, phones[:1]))[phones[0]] == frozenset()
    mexican = await api.recipient(phone="+525512345678")  # as we write to it
    assert (await windows.open_with(ledger, ["+525512345678"]))["+525512345678"] == {"whatsapp"}
    (row,) = await ledger.fetch(
        "SELECT project_id FROM hermodr.recipients WHERE id = $1", UUID(mexican["id"])
    )
    assert await erase(api.api.ledger, row["project_id"], UUID(mexican["id"]), Actor("key", "test"))
    left = await ledger.fetch("SELECT phone FROM hermodr.whatsapp_windows")
    assert [each["phone"] for each in left] == [phones[1]]


async def test_a_delivery_rises_and_the_mail_beside_it_stays(api: ApiUnderTest) -> None:
    job_id = await job(api)
    for status in ("sent", "delivered", "read"):
        assert (await told(api, became(job_id, status)))["new"] == 1
    assert (await told(api, became(job_id, "delivered"), became(job_id, "read")))["known"] == 2
    found = await delivery(api, job_id)
    assert (found["state"], found["opened_at"] is not None) == ("delivered", True)
    history = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    assert history["deliveries"][0]["state"] == "queued"
    timeline = (await api.http.get(f"/v1/jobs/{job_id}/timeline")).json()["data"]
    assert [e["detail"]["kind"] for e in timeline if e["event"] == "reported"] == [
        "sent",
        "delivered",
        "opened",
    ]


async def test_what_failed_is_told_with_its_code_and_suppresses_nobody(api: ApiUnderTest) -> None:
    for code, error in ((131026, "whatsapp_131026"), (131047, "outside_window")):
        job_id = await job(api)
        await told(api, became(job_id, "failed", code))
        found = await delivery(api, job_id)
        assert (found["state"], found["error"]) == ("bounced", error)
    assert await suppressed(api) == {}


async def test_a_window_that_there_is_not_is_closed(api: ApiUnderTest) -> None:
    await told(api, says("Hello", ago=5))
    refused = became(await job(api), "failed", 131047)
    refused["statuses"][0]["recipient_id"] = PHONE[1:]
    await told(api, refused, number=OTHER)
    assert await flaws(api) == []
    again = became(await job(api), "failed", 131047)
    again["statuses"][0] |= {"recipient_id": PHONE[1:], "id": "wamid.2"}
    await told(api, again)
    assert await flaws(api) == ["body.channels"]


async def test_any_status_proves_that_a_held_message_was_accepted(api: ApiUnderTest) -> None:
    job_id = await job(api, sent=False)
    assert (await delivery(api, job_id))["state"] == "unknown"
    await told(api, became(job_id, "sent"))
    assert (await delivery(api, job_id))["state"] == "sent"


async def test_stop_suppresses_and_start_takes_it_back_however_the_number_is_spelt(api: ApiUnderTest) -> None:
    assert (await told(api, says("STOP", "+15550100998")))["unknown"] == 1  # nobody wrote to it
    await job(api)
    await api.api.ledger.fetch(
        "UPDATE hermodr.deliveries SET address = '+5511987654321' WHERE channel = 'whatsapp'"
    )
    assert await told(api, says("Parar", "+551187654321")) == {
        "new": 2,
        "known": 0,
        "unknown": 0,
        "ignored": 0,
    }
    assert await suppressed(api) == {"+5511987654321": "opt_out"}
    await told(api, says("START", "+551187654321"), number=OTHER)
    assert await suppressed(api) == {"+5511987654321": "opt_out"}  # another number of ours never wrote
    await told(api, says("START", "+551187654321"))
    assert await suppressed(api) == {}


async def test_thousands_of_answers_in_one_body_are_heeded_together(api: ApiUnderTest) -> None:
    """Statement by statement they would need longer than a provider waits."""
    job_id, number = await job(api), 3000
    await api.api.ledger.fetch(
        """
        INSERT INTO hermodr.deliveries (id, job_id, project_id, channel, priority, state, address, on_unknown,
            max_attempts, provider)
        SELECT hermodr.new_id(now()), job_id, project_id, channel, priority, 'sent', '+1555' || (1000000 + n),
            on_unknown, max_attempts, 'whatsapp'
        FROM hermodr.deliveries d CROSS JOIN generate_series(1, $2::int) n WHERE d.job_id = $1
        """,
        job_id,
        number,
    )
    phones = [f"+1555{1_000_000 + nth}" for nth in range(1, number + 1)]
    answers = [says(word, phone) for phone in phones for word in ("Hello", "STOP")]
    answers += [says("START", phone) for phone in phones[:10]]
    assert (await told(api, *answers))["unknown"] == 0
    rows = await api.api.ledger.fetch(
        "SELECT address FROM hermodr.suppressions WHERE address = ANY ($1::text[])", phones
    )
    assert sorted(row["address"] for row in rows) == phones[10:]


async def test_who_did_not_sign_is_refused_and_the_handshake_needs_the_word(api: ApiUnderTest) -> None:
    await told(api, says("Hello"), status=401, secret="another-secret-of-an-app")
    assert await flaws(api) == ["body.channels"]
    asked = {"hub.mode": "subscribe", "hub.verify_token": "a-word", "hub.challenge": "1158201444"}
    async with client_of(api.api) as meta:
        answer = await meta.get(PATH, params=asked)
        assert (answer.status_code, answer.text) == (200, "1158201444")
        assert answer.headers["content-type"].startswith("text/plain")
        for wrong, status in (
            ({"hub.verify_token": "another"}, 403),
            ({"hub.mode": "unsubscribe"}, 403),
            ({"hub.challenge": "x" * 500}, 422),
            ({"more": "1"}, 422),
        ):
            assert (await meta.get(PATH, params=asked | wrong)).status_code == status
        assert (await meta.get(PATH)).status_code == 422
        for name in ("second", "smtp", "nobody"):
            assert (await meta.get(f"/v1/providers/{name}/events", params=asked)).status_code == 404


async def test_content_as_given_is_checked_at_the_door(api: ApiUnderTest) -> None:
    who = await api.recipient(phone="+15550100555", email="five@example.org")
    without = await api.recipient(email="six@example.org")
    to = {"recipient_id": who["id"]}
    assert await flaws(api, to=to) == ["body.channels"]
    assert await flaws(api, channels=None) == ["body.channels"]  # texts are not served here
    assert await flaws(api, to=to, delay_seconds=60) == []
    assert await flaws(api, to=to, channels=["email", "whatsapp"], subject="Hello") == []
    assert await flaws(api, to={"recipient_id": without["id"]}) == []  # the timeline says: no_address
    assert await flaws(api, to={"recipient_id": "01900000-0000-7000-8000-000000000001"}) == [
        "body.to.recipient_id"
    ]
    items = [
        GIVEN,
        GIVEN | {"to": to},
        GIVEN | {"delay_seconds": 60},
        GIVEN | {"type": "x", "body_text": None},
    ]
    answer = (await api.http.post("/v1/notifications/bulk", json=items)).json()
    assert [each["index"] for each in answer["rejected"]] == [0, 1, 3]
    await told(api, says("Hello", "+15550100555"))
    assert await flaws(api, to=to) == []
    answer = (await api.http.post("/v1/notifications/bulk", json=items)).json()
    assert [each["index"] for each in answer["rejected"]] == [0, 3]


async def test_a_template_has_an_approved_one_at_every_door(api: ApiUnderTest) -> None:
    texts = {"body_text": "Hi {{ name }}", "approved": READY}
    contents = {"whatsapp": {"en": texts, "de-AT": {"approved": READY | {"header": "{{ shop }}"}}}}
    made = await api.http.post("/v1/templates", json={"name": "ready", "contents": contents})
    assert made.status_code == 201, made.text
    template = made.json()
    shown = template["contents"]["whatsapp"]
    assert shown["en"]["approved"] == READY | {"language": "en", "header": None}
    assert shown["de-AT"]["approved"]["language"] == "de_AT"
    wanted = {"type": "ready", "to": {"phone": PHONE}, "data": {"name": "Ada"}}
    missing = await api.http.post("/v1/notifications", json=wanted)
    assert sorted(each["loc"][2:] for each in missing.json()["errors"]) == [
        ["order", "number"],
        ["shop"],
        ["token"],
    ]
    changed = await api.http.patch(
        f"/v1/templates/{template['id']}",
        json={"contents": {"whatsapp": {"de-AT": None, "en": {"body_text": "Hi {{ name }}"}}}},
    )
    assert "there is no approved template" in changed.json()["warnings"][0]
    data = {"name": "Ada", "order": {"number": 17}, "token": "x1"}
    who = await api.recipient(phone=PHONE)

    async def preview(**more: object) -> Any:
        asked = {"channel": "whatsapp", "data": data, "recipient_id": who["id"]} | more
        answer = await api.http.post(f"/v1/templates/{template['id']}/preview", json=asked)
        return answer.json()

    first = await preview(version=1)
    assert (first["text"], first["sent_as"]) == ("Hi Ada", "template")
    assert first["approved"]["parameters"] == ["Ada", "17"]
    assert (first["approved"]["buttons"], first["variables"]) == (["x1"], ["name", "order", "token"])
    second = await preview()
    assert (second["approved"], second["sent_as"]) == (None, "nothing")
    assert (await preview(version=1, recipient_id=None))["sent_as"] is None
    await told(api, says("Hello"))
    assert ((await preview(version=1))["sent_as"], (await preview())["sent_as"]) == ("text", "text")
    rolled = await api.http.post(f"/v1/templates/{template['id']}/rollback", json={"version": 1})
    assert rolled.json()["contents"]["whatsapp"]["en"]["approved"]["name"] == "order_ready"


async def test_what_cannot_be_an_approved_template_is_told_with_its_place(api: ApiUnderTest) -> None:
    async def places(contents: Any) -> list[str]:
        answer = await api.http.post("/v1/templates", json={"name": "bad", "contents": contents})
        assert answer.status_code == 422, answer.text
        return [".".join(map(str, each["loc"])) for each in answer.json()["errors"]]

    at = "body.contents.whatsapp.en.approved"
    bad = READY | {"parameters": ["ok", "{{ a"], "header": "{% if %}", "buttons": [None, "{{ 1 + }}"]}
    assert sorted(await places({"whatsapp": {"en": {"approved": bad}}})) == [
        f"{at}.buttons.1",
        f"{at}.header",
        f"{at}.parameters.1",
    ]
    assert await places({"sms": {"en": {"body_text": "x", "approved": READY}}}) == [
        "body.contents.sms.en.approved"
    ]
    for wrong in ({"name": "Order Ready"}, {"language": "german"}, {"image": "x"}, {"buttons": ["x"] * 11}):
        (place,) = await places({"whatsapp": {"en": {"approved": READY | wrong}}})
        assert place.startswith(at)
    assert await places({"whatsapp": {"en": {"subject": "only"}}}) == ["body.contents.whatsapp.en.body_text"]
