"""What providers report: signed, once, in any order."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import orjson
import pytest_asyncio

from hermodr_contracts.vocabulary import DeliveryState, OnUnknown
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.deliveries.receipts import apply_early
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_servicekit.ids import child_id, new_job_id
from tests.support.api import MAIL, ApiUnderTest, api_over, client_of, problem
from tests.support.ledgers import attempt, decisions_of, row_of
from tests.support.receipts import (
    RESEND_SECRET,
    SENDGRID_PUBLIC,
    of_resend,
    of_sendgrid,
    resend_event,
    sendgrid_event,
)

DSNS = (
    f"smtp://127.0.0.1:1025 sendgrid://KEY@default?events={quote(SENDGRID_PUBLIC, safe='')}"
    f" resend://KEY@default?events={quote(RESEND_SECRET, safe='')} resend://KEY@default"
)
ADA = "ada@example.com"
SENDGRID, RESEND = "/v1/providers/sendgrid/events", "/v1/providers/resend/events"


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, email_providers=DSNS) as under_test:
        yield under_test


async def job(api: ApiUnderTest, *, sent: bool = True, **fields: object) -> UUID:
    made = await api.http.post("/v1/notifications", json=MAIL | fields)
    job_id = UUID(made.json()["job_id"])
    (decision,) = await decisions_of(api.api.ledger, [job_id])
    (only,) = decision.deliveries
    await record_decisions(api.api.ledger, [decision._replace(deliveries=(only._replace(address=ADA),))])
    await claim(api.api.ledger, [only.id], owner="me", lease_seconds=60)
    if sent:
        await settle(api, job_id, Outcome.SENT, DeliveryState.SENT)
    return job_id


async def settle(api: ApiUnderTest, job_id: UUID, outcome: Outcome, state: DeliveryState) -> None:
    made = attempt(child_id(job_id, 1), 1, outcome, provider="sendgrid")
    assert await record(api.api.ledger, [(made, Settlement(state))])


async def report(api: ApiUnderTest, *events: dict[str, Any]) -> dict[str, int]:
    body = orjson.dumps(list(events))
    async with client_of(api.api) as provider:
        answer = await provider.post(SENDGRID, content=body, headers=of_sendgrid(body))
    assert answer.status_code == 200, answer.text
    counts: dict[str, int] = answer.json()
    return counts


async def state(api: ApiUnderTest, job_id: UUID) -> tuple[str, str]:
    history = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    return history["deliveries"][0]["state"], history["job"]["status"]


async def suppressed(api: ApiUnderTest) -> dict[str, str]:
    found = (await api.http.get("/v1/suppressions")).json()["data"]
    return {each["address"]: each["reason"] for each in found}


async def test_reports_of_both_providers_change_the_delivery(api: ApiUnderTest) -> None:
    first, second = await job(api), await job(api)
    assert await report(api, sendgrid_event(first, "delivered")) == {
        "new": 1, "known": 0, "unknown": 0, "ignored": 0,
    }  # fmt: skip
    assert await state(api, first) == ("delivered", "completed")
    body = resend_event(second, "email.bounced", to=[ADA], bounce={"type": "Permanent"})
    answer = await api.http.post(RESEND, content=body, headers=of_resend(body, "msg_1"))
    assert answer.status_code == 200, answer.text
    assert await state(api, second) == ("bounced", "completed")  # a completed job stays so
    assert await suppressed(api) == {ADA: "bounce"}
    timeline = (await api.http.get(f"/v1/jobs/{second}/timeline")).json()["data"]
    told = next(each for each in timeline if each["event"] == "reported")
    assert {name: told["detail"][name] for name in ("kind", "provider", "code")} == {
        "kind": "bounced", "provider": "resend", "code": "resend_bounced_permanent",
    }  # fmt: skip
    assert ADA not in str(told)
    assert [each["event"] for each in timeline].count("delivery_sent") == 1
    delivery = (await api.http.get(f"/v1/jobs/{second}")).json()["deliveries"][0]
    assert delivery["error"] == "resend_bounced_permanent"


async def test_no_order_of_reports_moves_a_state_backwards(api: ApiUnderTest) -> None:
    kinds = ("delivered", "open", "bounce", "spamreport")
    for order in itertools.permutations(kinds):
        job_id = await job(api)
        for kind in order:
            await report(api, sendgrid_event(job_id, kind, kind))
            await report(api, sendgrid_event(job_id, kind, kind))
        assert await state(api, job_id) == ("complained", "completed"), order
    job_id = await job(api)
    await report(api, sendgrid_event(job_id, "bounce", "1"), sendgrid_event(job_id, "delivered", "2"))
    assert await state(api, job_id) == ("bounced", "completed")
    assert await suppressed(api) == {ADA: "complaint"}


async def test_repeated_events_are_one_also_from_two_connections_at_once(api: ApiUnderTest) -> None:
    job_id = await job(api)
    event = sendgrid_event(job_id, "open")
    answers = await asyncio.gather(*(report(api, event, event) for _ in range(6)))
    assert sum(each["new"] for each in answers) == 1
    assert sum(each["known"] for each in answers) == 11
    timeline = (await api.http.get(f"/v1/jobs/{job_id}/timeline")).json()["data"]
    assert [each["event"] for each in timeline].count("reported") == 1
    body = resend_event(job_id, "email.clicked")
    replayed = [
        (await api.http.post(RESEND, content=body, headers=of_resend(body, "msg_7"))).json() for _ in range(2)
    ]
    assert [each["new"] for each in replayed] == [1, 0]


async def test_opened_and_clicked_are_shown_and_machines_are_told(api: ApiUnderTest) -> None:
    job_id = await job(api)
    await report(api, sendgrid_event(job_id, "click", "1", useragent="Mimecast/1.0", timestamp=1_800_000_000))
    delivery = (await api.http.get(f"/v1/jobs/{job_id}")).json()["deliveries"][0]
    assert (delivery["state"], delivery["opened_at"], delivery["clicked_at"]) == ("delivered", None, None)
    await report(api, sendgrid_event(job_id, "open", "2", timestamp=1_800_000_050))
    await report(api, sendgrid_event(job_id, "open", "3", timestamp=1_800_000_010))
    await report(api, sendgrid_event(job_id, "click", "4", timestamp=1_800_000_100))
    delivery = (await api.http.get(f"/v1/jobs/{job_id}")).json()["deliveries"][0]
    assert (delivery["opened_at"], delivery["clicked_at"]) == ("2027-01-15T08:00:10Z", "2027-01-15T08:01:40Z")
    timeline = (await api.http.get(f"/v1/jobs/{job_id}/timeline")).json()["data"]
    assert [each["detail"].get("automatic") for each in timeline if each["event"] == "reported"] == [
        True, None, None, None,
    ]  # fmt: skip


async def test_reports_of_other_mails_are_accepted_and_counted(api: ApiUnderTest) -> None:
    strange = [
        sendgrid_event(new_job_id(), "bounce", email="eve@example.com"),
        sendgrid_event("not-ours", "bounce", email="eve@example.com"),
        sendgrid_event(UUID(int=1), "open"),
        {"event": "processed"},
        {"event": "bounce", "sg_event_id": "x", "timestamp": 1, "email": "eve@example.com"},
    ]
    assert await report(api, *strange) == {"new": 0, "known": 0, "unknown": 4, "ignored": 1}
    assert await suppressed(api) == {}
    metrics = (await api.http.get("/metrics")).text
    assert 'hermodr_receipts_total{kind="unknown",provider="sendgrid"} 4.0' in metrics


async def test_a_copys_bounce_is_not_the_recipients(api: ApiUnderTest) -> None:
    job_id = await job(api)
    await report(api, sendgrid_event(job_id, "bounce", email="copy@example.com", type="bounce"))
    assert await state(api, job_id) == ("sent", "completed")
    assert await suppressed(api) == {"copy@example.com": "bounce"}


async def test_a_blocked_mail_suppresses_nobody(api: ApiUnderTest) -> None:
    job_id = await job(api)
    await report(api, sendgrid_event(job_id, "bounce", type="blocked"))
    assert await state(api, job_id) == ("bounced", "completed")
    assert await suppressed(api) == {}


async def test_a_report_before_our_own_commit_is_kept_and_applied(api: ApiUnderTest) -> None:
    job_id = await job(api, sent=False)
    assert (await report(api, sendgrid_event(job_id, "delivered")))["new"] == 1
    assert await state(api, job_id) == ("sending", "processing")
    await settle(api, job_id, Outcome.SENT, DeliveryState.SENT)
    await api.api.ledger.fetch("UPDATE hermodr.early_receipts SET wake_at = now()")
    assert await apply_early(api.api.ledger, 10) == 1
    assert await state(api, job_id) == ("delivered", "completed")
    assert await apply_early(api.api.ledger, 10) == 0


async def test_a_report_proves_that_an_unknown_attempt_was_accepted(api: ApiUnderTest) -> None:
    for on_unknown, settled in (
        (OnUnknown.HOLD, DeliveryState.UNKNOWN),
        (OnUnknown.RESEND, DeliveryState.RETRYING),
    ):
        job_id = await job(api, sent=False, on_unknown=on_unknown)
        made = attempt(child_id(job_id, 1), 1, Outcome.UNKNOWN, provider="sendgrid")
        patience = 3600.0 if settled is DeliveryState.RETRYING else None
        await record(api.api.ledger, [(made, Settlement(settled, patience=patience))])
        await report(api, sendgrid_event(job_id, "delivered"))
        assert await state(api, job_id) == ("delivered", "completed")
        (logged,) = (await api.http.get(f"/v1/jobs/{job_id}")).json()["delivery_logs"]
        assert logged["outcome"] == "sent"


async def test_what_failed_for_certain_stays_so(api: ApiUnderTest) -> None:
    job_id = await job(api, sent=False)
    await settle(api, job_id, Outcome.PERMANENT, DeliveryState.FAILED)
    await report(api, sendgrid_event(job_id, "delivered"))
    assert await state(api, job_id) == ("failed", "failed")


async def test_an_erased_persons_complaint_suppresses_without_the_address(api: ApiUnderTest) -> None:
    person = await api.recipient(email=ADA)
    job_id = await job(api, to={"recipient_id": person["id"]})
    await api.http.delete(f"/v1/recipients/{person['id']}")
    await report(api, sendgrid_event(job_id, "spamreport", email=ADA))
    (entry,) = (await api.http.get("/v1/suppressions", params={"address": ADA})).json()["data"]
    assert (entry["address"], entry["reason"]) == (None, "complaint")
    row = await row_of(api.api.ledger, "deliveries", child_id(job_id, 1))
    assert (row["state"], row["address"]) == ("complained", "")


async def test_ten_thousand_events_are_taken(api: ApiUnderTest) -> None:
    jobs = [await job(api) for _ in range(3)]
    small = [{"event": "x"}] * 9500
    events = [sendgrid_event(jobs[number % 3], "open", str(number)) for number in range(500)]
    counts = await report(api, *small, *events)
    assert (counts["new"], counts["ignored"]) == (500, 9500)


async def test_hostile_reports_change_nothing(api: ApiUnderTest) -> None:
    job_id = await job(api)
    good = orjson.dumps([sendgrid_event(job_id, "bounce")])
    headers = of_sendgrid(good)
    async with client_of(api.api) as anyone:

        async def post(body: bytes, headers: dict[str, str], url: str = SENDGRID) -> httpx.Response:
            return await anyone.post(url, content=body, headers=headers)

        problem(await post(good + b" ", headers), 401, "unauthenticated")
        problem(await post(good, {"content-type": "application/json"}), 401, "unauthenticated")
        problem(await post(good, of_sendgrid(good, time.time() - 400)), 401, "unauthenticated")
        problem(await post(good, of_resend(good, "msg_1")), 401, "unauthenticated")
        problem(await post(good, headers, RESEND), 401, "unauthenticated")
        for name in ("smtp", "resend-2", "nobody", "x" * 40):
            problem(await post(good, headers, f"/v1/providers/{name}/events"), 404, "not-found")
        problem(await post(good, headers, f"{SENDGRID}?x=1"), 422, "invalid-request")
        huge = b"[" + b" " * (256 * 1024) + b"]"
        problem(await post(huge, of_sendgrid(huge)), 413, "too-large")
        for body, status, slug in (
            (b"", 400, "malformed-json"),
            (b"{", 400, "malformed-json"),
            (b"{}", 422, "invalid-request"),
            (b"[" * 5000 + b"]" * 5000, 422, "invalid-request"),
            (b'[{"event": "bounce"}]', 422, "invalid-request"),
        ):
            problem(await post(body, of_sendgrid(body)), status, slug)
        form = of_sendgrid(good) | {"content-type": "application/x-www-form-urlencoded"}
        problem(await post(good, form), 415, "unsupported-media-type")
        wrong_key = await anyone.post(
            SENDGRID, content=good, headers=headers | {"authorization": "Bearer hk_no"}
        )
        assert wrong_key.status_code == 200
    assert await state(api, job_id) == ("bounced", "completed")


async def test_of_many_reports_a_bounded_number_is_kept(api: ApiUnderTest) -> None:
    job_id = await job(api)
    await report(api, *(sendgrid_event(job_id, "open", str(number)) for number in range(700)))
    await report(api, sendgrid_event(job_id, "spamreport", "last"))
    rows = await api.api.ledger.fetch("SELECT count(*) AS n FROM hermodr.events WHERE job_id = $1", job_id)
    assert rows[0]["n"] <= 510
    assert (await state(api, job_id))[0] == "complained"
