"""The main path, HTTP to mailbox, as a producer sees it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest
import pytest_asyncio

from tests.support.installation import Installation
from tests.support.invariants import Answer, Asked
from tests.support.load import Load

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOOKING = {
    "name": "booking",
    "default_locale": "en",
    "contents": {
        "email": {
            "en": {"subject": "Room {{ room }}", "body_text": "Welcome to {{ room }}.\n"},
            "de": {"subject": "Zimmer {{ room }}", "body_html": "<p>Willkommen in <b>{{ room }}</b></p>"},
        }
    },
}


async def ask(installation: Installation, address: str, may_fail: bool = False, **fields: Any) -> str:
    """One recorded request; the job's id."""
    answer = await installation.create("/v1/notifications", fields)
    asked = Asked(address, Answer.ACCEPTED, answer["job_id"], may_fail=may_fail)
    installation.asked.append(asked)
    return asked.job_id or ""


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def hopeless(installation: Installation) -> str:
    """A job whose mailbox refuses everything. It climbs the ladder during other tests, so it is not recorded."""
    request = {"to": {"email": "never+451@mood.example.org"}, "subject": "Hello", "body_text": "x"}
    return str((await installation.create("/v1/notifications", request))["job_id"])


async def test_a_single_notification_and_its_timeline(installation: Installation) -> None:
    answer = await installation.api.post(
        "/v1/notifications",
        json={"to": {"email": "ann@one.example.org"}, "subject": "Grüße", "body_text": "Hello Ann"},
    )
    assert answer.status_code == 202
    accepted = answer.json()
    job_id = accepted["job_id"]
    installation.asked.append(Asked("ann@one.example.org", Answer.ACCEPTED, job_id))
    assert accepted["status"] == "queued"
    assert accepted["status_url"] == f"/v1/jobs/{job_id}"
    found = await installation.ended(job_id)
    assert found["job"]["status"] == "completed"
    assert found["job"]["message_id"] == accepted["message_id"]
    assert [each["state"] for each in found["deliveries"]] == ["sent"]
    assert [(each["number"], each["outcome"], each["provider"]) for each in found["delivery_logs"]] == [
        (1, "sent", "smtp")
    ]
    (mail,) = await installation.mails_to("ann@one.example.org")
    assert (mail["message_id"], mail["subject"]) == (accepted["message_id"], "Grüße")
    assert mail["text"].strip() == "Hello Ann"
    events = [entry["event"] for entry in await installation.timeline(job_id)]
    assert events == ["requested", "decided", "attempted", "delivery_sent", "completed"]


@pytest.mark.parametrize("ndjson", [False, True], ids=["json", "ndjson"])
async def test_bulk_takes_the_good_items_and_names_the_bad(installation: Installation, ndjson: bool) -> None:
    domain = f"{'lines' if ndjson else 'array'}.example.org"
    items: list[dict[str, Any]] = [
        {"to": {"email": f"{n}@{domain}"}, "subject": f"Letter {n}", "body_text": "x"} for n in range(120)
    ]
    items[17]["to"]["email"] = "nobody"
    items[64]["colour"] = "red"
    body = b"\n".join(map(orjson.dumps, items)) if ndjson else orjson.dumps(items)
    media = "application/x-ndjson" if ndjson else "application/json"
    answer = await installation.api.post(
        "/v1/notifications/bulk", content=body, headers={"content-type": media}
    )
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted["accepted"] == 118
    assert [each["index"] for each in accepted["rejected"]] == [17, 64]
    for n, item in enumerate(items):
        verdict = Answer.REFUSED if n in (17, 64) else Answer.ACCEPTED
        batch = accepted["batch_id"] if verdict is Answer.ACCEPTED else None
        installation.asked.append(Asked(item["to"]["email"], verdict, batch_id=batch))
    await installation.sound()
    batch = await installation.read(f"/v1/batches/{accepted['batch_id']}")
    assert (batch["finished"], batch["counts"], batch["rejected"]) == (True, {"completed": 118}, 2)


async def test_scheduled_ones_come_at_their_time(installation: Installation) -> None:
    due = datetime.now(UTC) + timedelta(seconds=2)
    jobs = [
        await ask(
            installation,
            f"{n}@later.example.org",
            to={"email": f"{n}@later.example.org"},
            subject="Later",
            body_text="x",
            scheduled_for=due.isoformat(),
        )
        for n in range(20)
    ]
    assert (await installation.job(jobs[0]))["job"]["status"] == "scheduled"
    lateness = []
    for job_id in jobs:
        found = await installation.ended(job_id)
        lateness.append((datetime.fromisoformat(found["job"]["processed_at"]) - due).total_seconds())
    print(f"dispatched {min(lateness) * 1000:.0f} to {max(lateness) * 1000:.0f} ms after their time")
    assert min(lateness) >= 0
    await installation.sound()


async def test_an_urgent_one_overtakes_a_crowd(installation: Installation) -> None:
    await installation.fault(
        stage="after_data", action={"kind": "delay", "seconds": 0.5}, recipient="*@crowd.*"
    )
    load = Load(installation, "crowd")
    await asyncio.gather(*(load.bulk(100, lane="low") for _ in range(4)))
    urgent = await ask(
        installation,
        "vip@crowd.example.org",
        to={"email": "vip@crowd.example.org"},
        priority="urgent",
        subject="Now",
        body_text="x",
    )
    await installation.ended(urgent)
    in_front = [batch for batch in {each.batch_id for each in installation.asked} if batch]
    counts = [(await installation.read(f"/v1/batches/{batch}"))["counts"] for batch in in_front]
    waiting = sum(number for each in counts for state, number in each.items() if state != "completed")
    assert waiting > 200, "the crowd was gone before the urgent one came"
    await installation.clear_faults()
    await installation.sound()


async def test_templates_speak_the_recipients_language(installation: Installation) -> None:
    await installation.create("/v1/templates", BOOKING)
    for name, locale, subject, text in (
        ("resi", "de-AT", "Zimmer Wien", "Willkommen in Wien"),
        ("fleur", "fr", "Room Wien", "Welcome to Wien."),
    ):
        address = f"{name}@booking.example.org"
        recipient = await installation.create(
            "/v1/recipients", {"name": name, "email": address, "locale": locale}
        )
        job_id = await ask(
            installation, address, type="booking", to={"recipient_id": recipient["id"]}, data={"room": "Wien"}
        )
        found = await installation.ended(job_id)
        (mail,) = await installation.mails_to(address)
        assert (mail["subject"], mail["text"].strip()) == (subject, text)
        decided = next(each for each in await installation.timeline(job_id) if each["event"] == "decided")
        assert decided["detail"]["template_version"] == 1
        assert decided["detail"]["locale"] == subject[:2].replace("Zi", "de").replace("Ro", "en")
        assert found["recipient"]["id"] == recipient["id"]


async def test_a_missing_variable_fails_at_once_and_is_named(installation: Installation) -> None:
    address = "vague@booking.example.org"
    request = {"type": "booking", "to": {"email": address}, "data": {}}
    answer = await installation.api.post("/v1/notifications", json=request)
    assert answer.status_code == 422
    (flaw,) = answer.json()["errors"]
    assert flaw["loc"] == ["body", "data", "room"]
    assert await installation.mails_to(address) == []


async def test_the_same_request_twice_is_one_mail(installation: Installation) -> None:
    address = "twin@same.example.org"
    request = {"to": {"email": address}, "subject": "Once", "body_text": "x"}
    key = {"idempotency-key": "one-and-the-same"}

    async def post(document: dict[str, Any]) -> httpx.Response:
        return await installation.api.post("/v1/notifications", json=document, headers=key)

    answers = await asyncio.gather(*(post(request) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    again = await post(request)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert {answer.json()["job_id"] for answer in answers if answer.status_code == 202} == {
        again.json()["job_id"]
    }
    assert (await post(request | {"subject": "Other"})).status_code == 422
    installation.asked.append(Asked(address, Answer.ACCEPTED, again.json()["job_id"]))
    await installation.sound()


async def test_a_mailbox_that_is_busy_twice_gets_it_at_the_third_attempt(installation: Installation) -> None:
    address = "busy+451x2@mood.example.org"
    job_id = await ask(installation, address, to={"email": address}, subject="Patience", body_text="x")
    found = await installation.ended(job_id)
    assert found["job"]["status"] == "completed"
    assert [each["outcome"] for each in found["delivery_logs"]] == ["transient", "transient", "sent"]
    assert [each["code"] for each in found["delivery_logs"]] == ["smtp_451", "smtp_451", None]
    assert found["job"]["retry_count"] == 2
    assert len(await installation.mails_to(address)) == 1


async def test_an_address_that_is_refused_bounces_at_the_first_attempt(installation: Installation) -> None:
    address = "gone+550@mood.example.org"
    job_id = await ask(
        installation, address, may_fail=True, to={"email": address}, subject="Hello", body_text="x"
    )
    found = await installation.ended(job_id)
    assert found["job"]["status"] == "failed"
    assert [each["state"] for each in found["deliveries"]] == ["bounced"]
    assert [(each["outcome"], each["code"]) for each in found["delivery_logs"]] == [("bounced", "smtp_550")]
    events = [each["event"] for each in await installation.timeline(job_id)]
    assert events == ["requested", "decided", "attempted", "delivery_bounced", "failed"]
    assert await installation.mails_to(address) == []


async def test_attempts_that_run_out_are_a_dead_letter(installation: Installation, hopeless: str) -> None:
    found = await installation.ended(hopeless)
    assert found["job"]["status"] == "failed"
    assert [each["outcome"] for each in found["delivery_logs"]] == ["transient"] * 6
    assert await installation.dead_letters(hopeless) == ["attempts exhausted: smtp_451"]


async def test_no_log_line_tells_what_only_the_recipient_may_know(installation: Installation) -> None:
    """Last, for all tests above."""
    for line in installation.text_in_logs(
        [
            "@",
            "example.org",
            "Grüße",
            "Hello",
            "Letter",
            "link.example",
            "Wien",
            "one-and-the-same",
            installation.key[3:],
        ]
    ):
        raise AssertionError(line)
