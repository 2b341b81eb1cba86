"""What Vonage tells about texts, on a real database: signed tokens, reports with our delivery's id, STOP and START."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import orjson
import pytest_asyncio

from hermodr_contracts.vocabulary import Channel, DeliveryState, OnUnknown
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_servicekit.ids import child_id
from tests.support.api import ApiUnderTest, api_over, client_of
from tests.support.ledgers import attempt, decisions_of
from tests.support.receipts import of_vonage, vonage_status
from tests.support.texts import PHONE, VONAGE_KEY, VONAGE_SIGNATURE

PATH = "/v1/providers/vonage/events"
TEXT = {"to": {"phone": PHONE}, "channels": ["sms"], "body_text": "Your code is 4711"}
ONE_NEW = {"new": 1, "known": 0, "unknown": 0, "ignored": 0}


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    events = VONAGE_SIGNATURE.replace(" ", "%20")
    dsn = f"vonage://{VONAGE_KEY}:SECRET@default?from=12345"
    async with api_over(database_url, sms_providers=f"{dsn}&events={events} {dsn}&name=mute") as under_test:
        yield under_test


async def job(api: ApiUnderTest, outcome: Outcome, state: DeliveryState) -> UUID:
    """A text that Vonage has, or may have."""
    made = await api.http.post("/v1/notifications", json=TEXT)
    assert made.status_code == 202, made.text
    job_id = UUID(made.json()["job_id"])
    (decision,) = await decisions_of(api.api.ledger, [job_id], deliveries=1)
    (text,) = decision.deliveries
    text = text._replace(channel=Channel.SMS, address=PHONE, on_unknown=OnUnknown.HOLD)
    await record_decisions(api.api.ledger, [decision._replace(deliveries=(text,))])
    await claim(api.api.ledger, [text.id], owner="me", lease_seconds=60)
    tried = attempt(text.id, 1, outcome, provider="vonage")
    assert await record(api.api.ledger, [(tried, Settlement(state))])
    return job_id


async def sent(api: ApiUnderTest) -> UUID:
    return await job(api, Outcome.SENT, DeliveryState.SENT)


async def told(api: ApiUnderTest, document: Any, status: int = 200, **signing: Any) -> dict[str, int]:
    body = orjson.dumps(document)
    headers = of_vonage(body, VONAGE_SIGNATURE, VONAGE_KEY, **signing)
    async with client_of(api.api) as provider:
        answer = await provider.post(PATH, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    counts: dict[str, int] = answer.json()
    return counts


async def report(api: ApiUnderTest, job_id: UUID, status: str, code: str | None = None) -> dict[str, int]:
    return await told(api, vonage_status(child_id(job_id, 1), status, code))


async def says(api: ApiUnderTest, text: str, phone: str = PHONE) -> dict[str, int]:
    inbound = {"message_uuid": "b", "from": phone[1:], "to": "12345", "channel": "sms", "text": text}
    return await told(api, inbound)


async def delivery(api: ApiUnderTest, job_id: UUID) -> tuple[str, str | None]:
    (only,) = (await api.http.get(f"/v1/jobs/{job_id}")).json()["deliveries"]
    return only["state"], only["error"]


async def suppressed(api: ApiUnderTest) -> dict[str, str]:
    found = (await api.http.get("/v1/suppressions")).json()["data"]
    return {each["address"]: each["reason"] for each in found}


async def test_a_text_rises_once_by_what_is_reported(api: ApiUnderTest) -> None:
    job_id = await sent(api)
    assert await report(api, job_id, "submitted") == ONE_NEW
    assert await delivery(api, job_id) == ("sent", None)
    assert await report(api, job_id, "delivered") == ONE_NEW
    assert (await report(api, job_id, "delivered"))["known"] == 1
    assert (await report(api, job_id, "submitted"))["known"] == 1
    assert await delivery(api, job_id) == ("delivered", None)


async def test_a_number_that_is_none_is_suppressed_and_a_phone_that_is_off_is_not(api: ApiUnderTest) -> None:
    for status, code, error, reasons in (
        ("rejected", "1180", "vonage_1180", {}),
        ("undeliverable", None, "vonage_undeliverable", {}),
        ("rejected", "1190", "vonage_1190", {PHONE: "bounce"}),
    ):
        job_id = await sent(api)
        assert await report(api, job_id, status, code) == ONE_NEW
        assert await delivery(api, job_id) == ("bounced", error)
        assert await suppressed(api) == reasons


async def test_even_unknown_to_the_carrier_proves_that_a_held_text_was_accepted(api: ApiUnderTest) -> None:
    job_id = await job(api, Outcome.UNKNOWN, DeliveryState.UNKNOWN)
    assert await report(api, job_id, "unknown") == ONE_NEW
    assert (await delivery(api, job_id))[0] == "sent"


async def test_what_is_not_signed_for_this_moment_key_and_body_is_refused(api: ApiUnderTest) -> None:
    job_id = await sent(api)
    document = vonage_status(child_id(job_id, 1), "delivered")
    await told(api, document, 401, at=0)
    await told(api, document, 401, api_key="another0")
    await told(api, document, 401, payload_hash="0" * 64)
    body = orjson.dumps(document)
    async with client_of(api.api) as provider:
        wrong = of_vonage(body, VONAGE_SIGNATURE[::-1], VONAGE_KEY)
        assert (await provider.post(PATH, content=body, headers=wrong)).status_code == 401
        unsigned = await provider.post(PATH, content=body, headers={"content-type": "application/json"})
        assert unsigned.status_code == 503  # Vonage then sends it again, signed
        mute = PATH.replace("vonage", "mute")
        assert (await provider.post(mute, content=body, headers=wrong)).status_code == 404
        assert (await provider.get(PATH, headers=wrong)).status_code == 422  # no handshake of Meta's
    assert await delivery(api, job_id) == ("sent", None)


async def test_words_of_others_are_counted_and_nonsense_is_refused(api: ApiUnderTest) -> None:
    assert (await told(api, vonage_status("nobody", "submitted")))["unknown"] == 1
    assert (await told(api, vonage_status("nobody", "pondered")))["ignored"] == 1
    await told(api, {"hello": "world"}, 422)
    await told(api, [], 422)


async def test_stop_suppresses_the_phone_and_start_takes_it_back(api: ApiUnderTest) -> None:
    assert (await says(api, "STOP", "+15550100999"))["unknown"] == 1  # nobody texted it
    await sent(api)
    assert await says(api, "Stopp!") == ONE_NEW
    assert await suppressed(api) == {PHONE: "opt_out"}
    assert (await says(api, "please stop"))["ignored"] == 1
    await says(api, "START")
    assert await suppressed(api) == {}
