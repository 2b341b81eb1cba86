"""A person's data: shown completely, and erased."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from hermodr_api.access.exports import OF_USER
from hermodr_contracts.vocabulary import DeliveryState, JobState
from hermodr_ledger.access import audit
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.jobs.decisions import Decision, NewDelivery, Note, record_decisions, requested_jobs
from hermodr_ledger.privacy import personal_data
from hermodr_servicekit.ids import child_id
from tests.support.api import ApiUnderTest, problem
from tests.support.ledgers import attempt, decisions_of, emptied, row_of

URL = "/v1/recipients"
SECRET = "Adas geheime Nachricht"
NAME, EMAIL = "Ada Augusta Byron", "ada.augusta@example.com"


async def job_for(api: ApiUnderTest, person: dict[str, Any], **fields: object) -> UUID:
    wanted = {
        "to": {"recipient_id": person["id"]},
        "subject": SECRET,
        "body_text": SECRET,
        "data": {"secret": SECRET},
        "metadata": {"about": SECRET},
    }
    made = await api.http.post("/v1/notifications", json=wanted | fields)
    assert made.status_code == 202, made.text
    return UUID(made.json()["job_id"])


async def decided(api: ApiUnderTest, *jobs: UUID) -> list[UUID]:
    """With what a dispatcher would note; returns their deliveries."""
    decisions = [
        Decision(
            each.job,
            each.state,
            tuple(
                NewDelivery(delivery.id, delivery.channel, EMAIL, NAME, delivery.on_unknown, 4)
                for delivery in each.deliveries
            ),
            (Note("decided", {"channel": "email", "locale": "de", "wish": {"type": "x"}}),),
        )
        for each in await decisions_of(api.api.ledger, jobs)
    ]
    await record_decisions(api.api.ledger, decisions)
    return [child_id(each, 1) for each in jobs]


async def claimed(api: ApiUnderTest, *deliveries: UUID) -> None:
    assert len(await claim(api.api.ledger, deliveries, owner="me", lease_seconds=60)) == len(deliveries)


async def sent(api: ApiUnderTest, delivery: UUID) -> None:
    made = attempt(delivery, 1, Outcome.SENT, detail=f"250 {EMAIL}", provider_message_id="<p@x>")
    await record(api.api.ledger, [(made, Settlement(DeliveryState.SENT))])


async def person_with_jobs(api: ApiUnderTest) -> tuple[dict[str, Any], dict[str, UUID]]:
    key = {"idempotency-key": "p-1"}
    fields = {
        "name": NAME,
        "email": EMAIL,
        "user_id": "ada",
        "external_id": "customer-4711",
        "phone": "+15550100999",
    }
    person = (await api.http.post(URL, json=fields, headers=key)).json()
    jobs = {name: await job_for(api, person) for name in ("sent", "queued", "decided", "sending", "failing")}
    jobs["scheduled"] = await job_for(api, person, delay_seconds=3600, singleton_key="ada's")
    done, _, sending, failing = await decided(
        api, jobs["sent"], jobs["decided"], jobs["sending"], jobs["failing"]
    )
    await claimed(api, done, sending, failing)
    await sent(api, done)
    return person, jobs


async def test_an_export_has_all_there_is_of_a_person(api: ApiUnderTest) -> None:
    person, jobs = await person_with_jobs(api)
    group = (await api.http.post("/v1/groups", json={"name": "Us"})).json()
    base = f"/v1/groups/{group['id']}"
    added = await api.http.post(
        f"{base}/members", json={"members": [{"external_id": "customer-4711", "role": "x"}]}
    )
    (member,) = added.json()["data"]
    posted = (await api.http.post(f"{base}/updates", json={"title": "Hi"})).json()
    written = (await api.http.post(f"{base}/updates", json={"title": "Me", "author_id": person["id"]})).json()
    await api.http.post(f"{base}/members/{member['id']}/read", json={"update_ids": [posted["id"]]})
    of_digests = {"recipient_id": person["id"], "group_id": group["id"], "frequency": "daily"}
    digests = (await api.http.post("/v1/digest-schedules", json=of_digests)).json()
    answer = await api.http.get(f"{URL}/{person['id']}/export")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    assert document["recipient"] == person
    assert [each["group_name"] for each in document["memberships"]] == ["Us"]
    assert [each["id"] for each in document["updates_written"]] == [written["id"]]
    assert [each["id"] for each in document["updates_read"]] == [posted["id"]]
    assert [each["id"] for each in document["digest_schedules"]] == [digests["id"]]
    assert [each["id"] for each in document["jobs"]] == sorted(map(str, jobs.values()))
    (shown,) = [each for each in document["jobs"] if each["id"] == str(jobs["sent"])]
    assert (shown["status"], shown["priority"], shown["data"]) == ("completed", "normal", {"secret": SECRET})
    (delivery,) = shown["deliveries"]
    assert (delivery["address"], delivery["attempts"][0]["outcome"]) == (EMAIL, "sent")
    assert delivery["attempts"][0]["finished_at"]
    assert [each["kind"] for each in shown["events"]] == ["decided"]


async def test_an_export_is_read_in_pages_and_loses_nothing(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal_data, "JOBS_A_PAGE", 3)
    person, other = await api.recipient(), await api.recipient()
    mine = [await job_for(api, person) for _ in range(7)]
    await job_for(api, other)
    document = (await api.http.get(f"{URL}/{person['id']}/export")).json()
    assert [each["id"] for each in document["jobs"]] == sorted(map(str, mine))
    empty = (await api.http.get(f"{URL}/{(await api.recipient())['id']}/export")).json()
    assert (empty["jobs"], empty["memberships"]) == ([], [])


async def test_a_users_exports_are_few(api: ApiUnderTest) -> None:
    person = await api.recipient(user_id="uma")
    url, uma = f"{URL}/{person['id']}/export", api.user("uma")
    for _ in range(OF_USER.burst):
        assert (await uma.get(url)).status_code == 200
    assert problem(await uma.get(url), 429, "rate-limited")
    assert (await api.http.get(url)).status_code == 200  # the application's are its own


async def test_an_export_is_for_its_user_alone(api: ApiUnderTest) -> None:
    person = await api.recipient(user_id="ada")
    url = f"{URL}/{person['id']}/export"
    assert (await api.user("ada").get(url)).json()["recipient"]["id"] == person["id"]
    problem(await api.user("eve").get(url), 404, "not-found")
    problem(await (await api.caller(["read"], "others of theirs")).get(url), 404, "not-found")


async def everything(api: ApiUnderTest) -> str:
    tables = await api.api.ledger.fetch(
        "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'hermodr' AND c.relkind = 'r'"
    )
    texts = []
    for table in tables:
        rows = await api.api.ledger.fetch(f'SELECT t::text AS row FROM hermodr."{table["name"]}" t')
        texts += [f"{table['name']}: {row['row']}" for row in rows]
    answers = await api.api.ledger.fetch(
        "SELECT convert_from(response, 'UTF8') AS text FROM hermodr.idempotency_keys WHERE response IS NOT NULL"
    )
    return "\n".join([*texts, *(row["text"] for row in answers)])


async def test_erasing_leaves_counts_and_no_personal_data_anywhere(api: ApiUnderTest) -> None:
    await emptied(api.api.ledger)
    await api.api.ledger.fetch("DELETE FROM hermodr.recipients")
    person, jobs = await person_with_jobs(api)
    group = (await api.http.post("/v1/groups", json={"name": "Us"})).json()
    await api.http.post(
        f"/v1/groups/{group['id']}/members", json={"members": [{"external_id": "customer-4711"}]}
    )
    await api.api.ledger.fetch(
        "INSERT INTO hermodr.dead_letters (id, project_id, source_id, queue, reason, body, headers, job_id)"
        " VALUES ($1, $2, 'source', 'email.dead', 'why', convert_to($3, 'UTF8'), '{\"x\": \"Ada Augusta Byron\"}', $1)",
        jobs["sent"],
        api.project_id,
        EMAIL,
    )
    before = await everything(api)
    for secret in (SECRET, NAME, EMAIL, "+15550100999"):
        assert secret in before
    assert (await api.http.delete(f"{URL}/{person['id']}")).status_code == 204
    after = await everything(api)
    for secret in (SECRET, NAME, EMAIL, "+15550100999", "ada's", "customer-4711"):
        assert secret not in after, [line for line in after.splitlines() if secret in line]
    states = {name: (await row_of(api.api.ledger, "jobs", job))["state"] for name, job in jobs.items()}
    assert states == {
        "sent": "completed",
        "queued": "cancelled",
        "scheduled": "cancelled",
        "decided": "cancelled",
        "sending": "processing",
        "failing": "processing",
    }
    timeline = (await api.http.get(f"/v1/jobs/{jobs['scheduled']}/timeline")).json()["data"]
    assert timeline[-1] | {"at": None} == {
        "at": None,
        "event": "cancelled",
        "detail": {"error": "recipient_erased"},
        "delivery_id": None,
    }
    problem(await api.http.delete(f"{URL}/{person['id']}"), 404, "not-found")


async def test_what_a_sender_holds_while_its_person_is_erased_ends_as_it_does(api: ApiUnderTest) -> None:
    person, jobs = await person_with_jobs(api)
    await api.http.delete(f"{URL}/{person['id']}")
    ledger = api.api.ledger
    assert await claim(ledger, [child_id(jobs["decided"], 1)], owner="me", lease_seconds=60) == []
    await sent(api, child_id(jobs["sending"], 1))
    failed = attempt(child_id(jobs["failing"], 1), 1, Outcome.PERMANENT)
    await record(ledger, [(failed, Settlement(DeliveryState.FAILED))])
    states = [(await row_of(ledger, "jobs", jobs[name]))["state"] for name in ("sending", "failing")]
    assert states == [JobState.COMPLETED, JobState.FAILED]


async def test_a_decision_that_was_under_way_sends_nothing_to_somebody_erased(api: ApiUnderTest) -> None:
    person = await api.recipient()
    job_id = await job_for(api, person)
    decisions = await decisions_of(api.api.ledger, [job_id])
    await api.http.delete(f"{URL}/{person['id']}")
    assert await record_decisions(api.api.ledger, decisions) == {}
    assert await requested_jobs(api.api.ledger, [job_id]) == []


async def test_others_are_left_as_they_are(api: ApiUnderTest) -> None:
    person, other = await api.recipient(), await api.recipient(email=EMAIL)
    theirs = await job_for(api, other)
    before = dict(await row_of(api.api.ledger, "jobs", theirs))
    await api.http.delete(f"{URL}/{person['id']}")
    assert dict(await row_of(api.api.ledger, "jobs", theirs)) == before
    shown = (await api.http.get(URL, params={"email": EMAIL.upper()})).json()["data"]
    assert [each["id"] for each in shown] == [other["id"]]


async def test_what_is_requested_and_decided_while_a_person_is_erased_is_forgotten_too(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await api.recipient(name=NAME, email=EMAIL)
    late: list[UUID] = []
    record_line = audit.record

    async def request_meanwhile(*arguments: Any) -> None:
        """The erasing is not committed yet: others still see the person."""
        late.append(await job_for(api, person))
        await decided(api, *late)
        await record_line(*arguments)

    monkeypatch.setattr(audit, "record", request_meanwhile)
    assert (await api.http.delete(f"{URL}/{person['id']}")).status_code == 204
    (job_id,) = late
    job = await row_of(api.api.ledger, "jobs", job_id)
    delivery = await row_of(api.api.ledger, "deliveries", child_id(job_id, 1))
    assert (job["state"], job["content"], job["data"]) == ("cancelled", None, "{}")
    assert (delivery["state"], delivery["address"], delivery["address_name"]) == ("cancelled", "", None)


async def test_of_several_who_erase_a_person_one_does(api: ApiUnderTest) -> None:
    person = await api.recipient()
    answers = await asyncio.gather(*(api.http.delete(f"{URL}/{person['id']}") for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404]
