"""What Twilio tells about texts, on a real database: reports with our delivery's id, and answers STOP and START."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest_asyncio
from twilio.request_validator import RequestValidator

from hermodr_contracts.vocabulary import Channel, DeliveryState, OnUnknown
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.deliveries.receipts import apply_early
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_servicekit.ids import child_id
from tests.support.api import ApiUnderTest, api_over, client_of
from tests.support.ledgers import attempt, decisions_of, row_of
from tests.support.texts import ACCOUNT, PHONE

TOKEN = "the-account-token"
PATH = "/v1/providers/twilio/events"
PUBLIC = "https://mail.example"
VALIDATOR = RequestValidator(TOKEN)
TEXT = {"to": {"phone": PHONE}, "channels": ["sms"], "body_text": "Your code is 4711"}


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    """Behind a proxy: it is reached at another URL than its own."""
    sms = f"twilio://{ACCOUNT}:{TOKEN}@default?from=12345"
    async with api_over(database_url, sms_providers=sms, public_url=PUBLIC) as under_test:
        yield under_test


async def job(api: ApiUnderTest, *, sent: bool = True, **fields: object) -> UUID:
    """A text, perhaps beside a mail, that Twilio has."""
    made = await api.http.post("/v1/notifications", json=TEXT | fields)
    assert made.status_code == 202, made.text
    job_id = UUID(made.json()["job_id"])
    (decision,) = await decisions_of(api.api.ledger, [job_id], deliveries=2)
    mail, text = decision.deliveries
    text = text._replace(channel=Channel.SMS, address=PHONE, on_unknown=OnUnknown.HOLD)
    await record_decisions(api.api.ledger, [decision._replace(deliveries=(mail, text))])
    await claim(api.api.ledger, [text.id], owner="me", lease_seconds=60)
    if sent:
        await settle(api, job_id, Outcome.SENT, DeliveryState.SENT)
    return job_id


async def settle(
    api: ApiUnderTest, job_id: UUID, outcome: Outcome, state: DeliveryState, **more: Any
) -> None:
    made = attempt(child_id(job_id, 2), 1, outcome, provider="twilio")._replace(**more)
    assert await record(api.api.ledger, [(made, Settlement(state))])


async def told(api: ApiUnderTest, form: dict[str, str], query: str = "", status: int = 200) -> dict[str, int]:
    url = f"{PUBLIC}{PATH}" + (f"?{query}" if query else "")
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": VALIDATOR.compute_signature(url, form),
    }
    async with client_of(api.api) as provider:
        path = PATH + (f"?{query}" if query else "")
        answer = await provider.post(path, content=urlencode(form), headers=headers)
    assert answer.status_code == status, answer.text
    counts: dict[str, int] = answer.json()
    return counts


async def report(api: ApiUnderTest, job_id: UUID, what: str, **more: str) -> dict[str, int]:
    form = {"MessageSid": "SM1", "MessageStatus": what, "To": PHONE, "From": "12345"} | more
    return await told(api, form, f"delivery={child_id(job_id, 2)}")


async def says(api: ApiUnderTest, text: str, phone: str = PHONE) -> dict[str, int]:
    return await told(api, {"MessageSid": "SM2", "From": phone, "To": "12345", "Body": text})


async def states(api: ApiUnderTest, job_id: UUID) -> list[str]:
    history = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    return [each["state"] for each in history["deliveries"]]


async def suppressed(api: ApiUnderTest) -> dict[str, str]:
    found = (await api.http.get("/v1/suppressions")).json()["data"]
    return {each["address"]: each["reason"] for each in found}


async def test_a_text_rises_and_the_mail_beside_it_stays(api: ApiUnderTest) -> None:
    job_id = await job(api)
    for status in ("queued", "sent", "delivered"):
        assert await report(api, job_id, status) == {"new": 1, "known": 0, "unknown": 0, "ignored": 0}
    assert await states(api, job_id) == ["queued", "delivered"]
    assert (await report(api, job_id, "sent"))["known"] == 1
    assert await states(api, job_id) == ["queued", "delivered"]
    assert await suppressed(api) == {}


async def test_a_number_that_is_none_is_suppressed_and_a_phone_that_is_off_is_not(api: ApiUnderTest) -> None:
    off = await job(api)
    await report(api, off, "undelivered", ErrorCode="30003")
    assert (await states(api, off), await suppressed(api)) == (["queued", "bounced"], {})
    gone = await job(api)
    await report(api, gone, "undelivered", ErrorCode="30005")
    assert await suppressed(api) == {PHONE: "bounce"}
    history = (await api.http.get(f"/v1/jobs/{gone}")).json()
    assert history["deliveries"][1]["error"] == "twilio_30005"


async def test_a_report_before_the_record_is_applied_after_it(api: ApiUnderTest) -> None:
    job_id = await job(api, sent=False)
    await report(api, job_id, "delivered")
    assert await states(api, job_id) == ["queued", "sending"]
    await settle(api, job_id, Outcome.SENT, DeliveryState.SENT)
    await api.api.ledger.fetch("UPDATE hermodr.early_receipts SET wake_at = now()")
    assert await apply_early(api.api.ledger, 10) == 1
    assert await states(api, job_id) == ["queued", "delivered"]


async def test_even_queued_proves_that_a_held_text_was_accepted(api: ApiUnderTest) -> None:
    job_id = await job(api, sent=False)
    measured = '{"segments": 2, "encoding": "GSM-7", "country": "US"}'
    await settle(api, job_id, Outcome.UNKNOWN, DeliveryState.UNKNOWN, measured=measured)
    await report(api, job_id, "queued")
    assert await states(api, job_id) == ["queued", "sent"]
    history = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    text = history["deliveries"][1]
    assert (text["segments"], text["country"]) == (2, "US")
    (tried,) = history["delivery_logs"]
    assert tried["measured"] == {"segments": 2, "encoding": "GSM-7", "country": "US"}


async def test_what_is_not_signed_for_this_url_is_refused(api: ApiUnderTest) -> None:
    job_id = await job(api)
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    url = f"{PUBLIC}{PATH}?delivery={child_id(job_id, 2)}"
    for signed in (url.replace("https", "http"), url.replace("mail.example", "127.0.0.1:8000"), url + "0"):
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "x-twilio-signature": VALIDATOR.compute_signature(signed, form),
        }
        async with client_of(api.api) as provider:
            path = f"{PATH}?delivery={child_id(job_id, 2)}"
            answer = await provider.post(path, content=urlencode(form), headers=headers)
        assert answer.status_code == 401, answer.text
    assert await states(api, job_id) == ["queued", "sent"]


async def test_forms_of_others_are_counted_and_nonsense_is_refused(api: ApiUnderTest) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "sent"}
    assert (await told(api, form))["unknown"] == 1
    assert (await told(api, form, "delivery=nobody"))["unknown"] == 1
    assert (await told(api, {"MessageSid": "SM1", "MessageStatus": "canceled"}))["ignored"] == 1
    await told(api, {"Hello": "world"}, status=422)
    await told(api, form, "other=1", status=422)
    async with client_of(api.api) as provider:
        answer = await provider.post(PATH, json={"MessageSid": "SM1"})
    assert answer.status_code == 415


async def test_stop_suppresses_the_phone_and_start_takes_it_back(api: ApiUnderTest) -> None:
    stranger = await says(api, "STOP", "+15550100999")
    assert (stranger["new"], stranger["unknown"]) == (0, 1)  # nobody texted it
    assert await suppressed(api) == {}
    await job(api)
    assert await says(api, "Stop.") == {"new": 1, "known": 0, "unknown": 0, "ignored": 0}
    assert await says(api, "stopp") == {"new": 1, "known": 0, "unknown": 0, "ignored": 0}
    assert await suppressed(api) == {PHONE: "opt_out"}
    assert (await says(api, "please stop"))["ignored"] == 1
    await says(api, "START")
    assert await suppressed(api) == {}


async def test_start_takes_back_nothing_but_stop(api: ApiUnderTest) -> None:
    await job(api)
    added = await api.http.post("/v1/suppressions", json={"address": PHONE})
    assert added.status_code == 201
    await says(api, "STOP")
    await says(api, "START")
    assert await suppressed(api) == {PHONE: "manual"}


async def test_stop_counts_for_the_projects_that_texted_the_phone_by_this_provider(
    api: ApiUnderTest, database_url: str
) -> None:
    await job(api)
    async with api_over(database_url) as other:
        await says(api, "STOP")
        assert (await suppressed(api), await suppressed(other)) == ({PHONE: "opt_out"}, {})
    rows = await api.api.ledger.fetch("SELECT id FROM hermodr.deliveries WHERE channel = 'sms'")
    await api.api.ledger.fetch(
        "UPDATE hermodr.deliveries SET provider = 'another' WHERE id = ANY($1::uuid[])",
        [each["id"] for each in rows],
    )
    await says(api, "START")
    assert await suppressed(api) == {PHONE: "opt_out"}


async def test_texts_as_given_are_checked_at_the_door(api: ApiUnderTest) -> None:
    async def flaws(**fields: object) -> list[tuple[str, str]]:
        answer = await api.http.post("/v1/notifications", json=TEXT | fields)
        if answer.status_code == 202:
            return []
        assert answer.status_code == 422, answer.text
        return [(".".join(map(str, each["loc"])), each["msg"]) for each in answer.json()["errors"]]

    assert await flaws() == []
    assert await flaws(channels=None) == []
    assert await flaws(body_text="ж" * 670) == []
    ((at, said),) = await flaws(body_text="ж" * 671)
    assert (at, said.startswith("is 11 segments long")) == ("body.body_text", True)
    assert [at for at, _ in await flaws(body_text=" \n ")] == ["body.body_text"]
    assert [at for at, _ in await flaws(body_text=None, type=None)] == ["body.type"]
    assert [at for at, _ in await flaws(channels=["email"])] == ["body.channels"]
    assert [at for at, _ in await flaws(cc=["max@example.com"])] == ["body.cc"]
    for number in ("+1555", "+2100000000", "15550100123", "+1 555 010 0123"):
        assert [at for at, _ in await flaws(to={"phone": number})] == ["body.to.phone"]
    recipient = await api.recipient(phone=PHONE)
    assert await flaws(to={"recipient_id": recipient["id"]}) == []
    ((at, _),) = await flaws(to={"recipient_id": recipient["id"]}, channels=["email", "sms"])
    assert at == "body.subject"
    bulk = await api.http.post("/v1/notifications/bulk", json=[TEXT, TEXT | {"body_text": "x" * 1531}])
    assert [each["index"] for each in bulk.json()["rejected"]] == [1]


async def test_a_phone_number_is_stored_as_the_world_writes_it(api: ApiUnderTest) -> None:
    made = await api.recipient(phone="+49015112345678")
    assert made["phone"] == "+4915112345678"
    job_id = UUID((await api.http.post("/v1/notifications", json=TEXT)).json()["job_id"])
    assert (await row_of(api.api.ledger, "jobs", job_id))["to_phone"] == PHONE
