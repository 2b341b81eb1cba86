"""What an end user may do with jobs: theirs are seen, and what they asked for themselves is cancelled and retried."""

import asyncio
import random
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.rates import parse
from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.jobs.decisions import NewDelivery, Note, record_decisions
from hermodr_servicekit.ids import child_id
from tests.support.api import ApiUnderTest, api_over, problem
from tests.support.ledgers import attempt, decisions_of
from tests.support.waiting import wait_until

TASK: dict[str, Any] = {"type": "data-export", "payload": {"format": "csv"}}
SECRET = "zq7-reset-link"
NOTED: dict[str, Any] = {"external_id": None, "relationship": None, "attributes": {}, "webhook_url": None}
"""How a user sees what the application notes of them."""
COPY = "boss@example.com"


async def asked(api: ApiUnderTest, user: str = "ada", **fields: object) -> str:
    await api.tasks_for_users("data-export")
    made = await api.user(user).post("/v1/jobs", json=TASK | fields)
    assert made.status_code == 202, made.text
    return str(made.json()["job_id"])


async def mail_to(api: ApiUnderTest, person: dict[str, Any], **fields: object) -> str:
    wanted = {
        "to": {"recipient_id": person["id"]},
        "subject": SECRET,
        "body_text": SECRET,
        "data": {"of": SECRET},
        "metadata": {"of": SECRET},
        "cancel_key": SECRET,
        "singleton_key": SECRET,
        "cc": [COPY],
    }
    made = await api.http.post("/v1/notifications", json=wanted | fields)
    assert made.status_code == 202, made.text
    return str(made.json()["job_id"])


async def test_what_a_user_asked_for_they_cancel_and_retry(api: ApiUnderTest) -> None:
    for fields in ({}, {"singleton_key": "one"}):
        job = await asked(api, **fields)
        ada = api.user("ada")
        assert (await ada.delete(f"/v1/jobs/{job}")).json()["status"] == "cancelled"
        again = await ada.post(f"/v1/jobs/{job}/retry")
        assert (again.status_code, again.json()["status"]) == (202, "queued")
        assert (await ada.delete(f"/v1/jobs/{job}")).is_success
        assert (await ada.post(f"/v1/jobs/{job}/retry")).is_success


async def test_what_the_application_asked_for_they_only_see(api: ApiUnderTest) -> None:
    job = await mail_to(api, await api.recipient(user_id="ada"))
    ada = api.user("ada")
    for call in (ada.delete(f"/v1/jobs/{job}"), ada.post(f"/v1/jobs/{job}/retry")):
        refused = problem(await call, 403, "forbidden")
        assert "application" in refused["detail"]
        assert refused["job_id"] == job
    assert (await ada.get(f"/v1/jobs/{job}")).json()["job"]["status"] == "queued"
    assert (await api.http.delete(f"/v1/jobs/{job}")).is_success


async def test_a_digest_that_the_application_sends_is_not_the_users(api: ApiUnderTest) -> None:
    """Its owner is the user, who did not ask for it."""
    job = await asked(api)
    await api.api.ledger.fetch("DELETE FROM hermodr.events WHERE job_id = $1", job)
    problem(await api.user("ada").delete(f"/v1/jobs/{job}"), 403, "forbidden")


@pytest.mark.parametrize("who", ["key", "sql"])
async def test_what_the_application_cancelled_stays_cancelled(api: ApiUnderTest, who: str) -> None:
    job = await asked(api)
    ada = api.user("ada")
    assert (await ada.delete(f"/v1/jobs/{job}")).is_success
    assert (await ada.post(f"/v1/jobs/{job}/retry")).is_success
    if who == "key":
        assert (await api.http.delete(f"/v1/jobs/{job}")).is_success
    else:
        await api.api.ledger.fetch("SELECT hermodr.update_notification_status($1, 'cancelled')", job)
    refused = problem(await ada.post(f"/v1/jobs/{job}/retry"), 403, "forbidden")
    assert "cancelled" in refused["detail"]
    assert (await api.http.post(f"/v1/jobs/{job}/retry")).is_success
    assert (await ada.delete(f"/v1/jobs/{job}")).is_success


async def test_who_retries_while_the_application_cancels_is_refused(api: ApiUnderTest) -> None:
    """The retry waits for the cancellation's commit, then sees it."""
    job = await asked(api)
    async with api.api.ledger.transaction() as transaction:
        await transaction.fetch("SELECT hermodr.update_notification_status($1, 'cancelled')", job)
        (pid,) = await transaction.fetch("SELECT pg_backend_pid() AS pid")
        retry = asyncio.create_task(api.user("ada").post(f"/v1/jobs/{job}/retry"))

        blocked = "SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))"

        async def waits() -> bool:
            return bool(await api.api.ledger.cold.fetch(blocked, pid["pid"]))

        waiting: bool = await wait_until(waits)
    assert waiting
    assert "cancelled" in problem(await retry, 403, "forbidden")["detail"]


@pytest.mark.parametrize("seed", range(3))
async def test_in_any_order_a_user_undoes_only_their_own_cancellation(api: ApiUnderTest, seed: int) -> None:
    acts = random.Random(seed)
    job = await asked(api)
    callers = {"user": api.user("ada"), "key": api.http}
    cancelled_by: str | None = None
    for _ in range(25):
        who, act = acts.choice(["user", "key"]), acts.choice(["cancel", "retry"])
        call = (
            callers[who].delete(f"/v1/jobs/{job}")
            if act == "cancel"
            else callers[who].post(f"/v1/jobs/{job}/retry")
        )
        answer = await call
        if act == "cancel":
            expected, after = (200, who) if cancelled_by is None else (409, cancelled_by)
        elif cancelled_by is None:
            expected, after = 409, None
        else:
            allowed = who == "key" or cancelled_by == "user"
            expected, after = (202, None) if allowed else (403, cancelled_by)
        assert answer.status_code == expected, (seed, who, act, cancelled_by, answer.text)
        cancelled_by = after


async def test_jobs_of_others_are_not_there(api: ApiUnderTest) -> None:
    job = await asked(api)
    await api.caller(["read"], "a project of others")
    for stranger in (api.user("eve"), api.user("ada", "a project of others")):
        problem(await stranger.delete(f"/v1/jobs/{job}"), 404, "not-found")
        problem(await stranger.post(f"/v1/jobs/{job}/retry"), 404, "not-found")


async def test_users_start_only_what_is_declared_for_them(api: ApiUnderTest) -> None:
    ada = api.user("ada")
    refused = problem(await ada.post("/v1/jobs", json={"type": "reindex"}), 403, "forbidden")
    assert "users=True" in refused["detail"]
    await api.api.ledger.fetch("INSERT INTO hermodr.task_types (name) VALUES ('reindex')")
    problem(await ada.post("/v1/jobs", json={"type": "reindex"}), 403, "forbidden")
    assert (await api.http.post("/v1/jobs", json={"type": "reindex"})).status_code == 202
    assert await api.jobs() == 1


async def test_users_start_tasks_at_their_own_rate(database_url: str) -> None:
    async with api_over(database_url, user_task_limit=parse("2/h")) as api:
        for user in ("ada", "eve"):
            for _ in range(2):
                await asked(api, user)
            refused = await api.user(user).post("/v1/jobs", json=TASK)
            problem(refused, 429, "rate-limited")
            assert int(refused.headers["retry-after"]) > 1000
        assert (await api.http.post("/v1/jobs", json=TASK)).status_code == 202


async def test_a_retry_counts_as_a_task(database_url: str) -> None:
    async with api_over(database_url, user_task_limit=parse("2/h")) as api:
        job, ada = await asked(api), api.user("ada")
        for status in (202, 429):
            assert (await ada.delete(f"/v1/jobs/{job}")).is_success
            assert (await ada.post(f"/v1/jobs/{job}/retry")).status_code == status
            await api.http.post(f"/v1/jobs/{job}/retry")


async def test_a_repeat_under_a_key_is_asked_for_once(api: ApiUnderTest) -> None:
    await api.tasks_for_users("data-export")
    key = {"idempotency-key": "once"}
    answers = await asyncio.gather(
        *(api.user("ada").post("/v1/jobs", json=TASK, headers=key) for _ in range(5))
    )
    ids = {each.json()["job_id"] for each in answers if each.status_code == 202}
    assert len(ids) == 1
    (row,) = await api.api.ledger.fetch(
        "SELECT count(*) AS n FROM hermodr.events WHERE job_id = $1 AND kind = 'asked_by_user'", ids.pop()
    )
    assert row["n"] == 1


async def test_the_timeline_says_who_asked(api: ApiUnderTest) -> None:
    job = await asked(api)
    for who in (api.http, api.user("ada")):
        told = (await who.get(f"/v1/jobs/{job}/timeline")).json()["data"]
        assert [each["event"] for each in told] == ["requested"]
        assert told[0]["detail"]["by"] == "user"
    theirs = (await api.http.post("/v1/jobs", json=TASK)).json()["job_id"]
    told = (await api.http.get(f"/v1/jobs/{theirs}/timeline")).json()["data"]
    assert "by" not in told[0]["detail"]


async def sent(api: ApiUnderTest, job: str) -> None:
    """With all that a dispatcher and a sender may note."""
    (decision,) = await decisions_of(api.api.ledger, [UUID(job)])
    (delivery,) = decision.deliveries
    address = NewDelivery(delivery.id, delivery.channel, "ada@example.com", "Ada", delivery.on_unknown, 4)
    note = Note("decided", {"channel": "email", "copies_left_out": 1, "found": SECRET})
    await record_decisions(api.api.ledger, [decision._replace(deliveries=(address,), notes=(note,))])
    held = child_id(UUID(job), 1)
    assert len(await claim(api.api.ledger, [held], owner="me", lease_seconds=60)) == 1
    made = attempt(held, 1, Outcome.SENT, detail=f"250 {SECRET}", provider_message_id="<p@x>")
    await record(api.api.ledger, [(made, Settlement(DeliveryState.SENT))])


async def test_users_see_how_their_jobs_fare_and_nothing_of_what_they_say(api: ApiUnderTest) -> None:
    job = await mail_to(api, await api.recipient(user_id="ada"))
    await sent(api, job)
    for path in (
        f"/v1/jobs/{job}",
        f"/v1/jobs/{job}/timeline",
        "/v1/jobs",
        "/v1/jobs?include=metadata,result",
    ):
        mine, whole = [(await who.get(path)).text for who in (api.user("ada"), api.http)]
        assert "completed" in mine
        assert SECRET in whole, path
        for kept in (SECRET, COPY, "copies_left_out"):
            assert kept not in mine, (path, kept)
    shown = (await api.user("ada").get(f"/v1/jobs/{job}")).json()
    assert shown["deliveries"][0]["address"] == "ada@example.com"
    assert shown["delivery_logs"][0]["outcome"] == "sent"


async def test_users_see_no_address_but_their_own(api: ApiUnderTest) -> None:
    """The recipient was given to somebody else, and then the mail went out."""
    person = await api.recipient(user_id="ada")
    job = await mail_to(api, person)
    await api.http.patch(f"/v1/recipients/{person['id']}", json={"user_id": "eve"})
    await sent(api, job)
    shown = await api.user("ada").get(f"/v1/jobs/{job}")
    assert shown.json()["deliveries"][0]["state"] == "sent"
    assert "@example.com" not in shown.text.replace(shown.json()["job"]["message_id"], "")


async def all_about(api: ApiUnderTest) -> tuple[dict[str, Any], str]:
    """Somebody, and a mail that was sent to them; they posted, organize something and get something daily."""
    person = await api.recipient(user_id="ada")
    group = (await api.http.post("/v1/groups", json={"name": "Us"})).json()
    post = {"title": SECRET, "body": SECRET, "author_id": person["id"], "metadata": {"of": SECRET}}
    sync = {
        "organizer_id": person["id"],
        "group_id": group["id"],
        "event_name": "Party",
        "data": {"of": SECRET},
    }
    mail = {"to": {"recipient_id": person["id"]}, "subject": SECRET, "body_text": SECRET}
    for path, body in (
        (f"/v1/groups/{group['id']}/updates", post),
        ("/v1/auto-syncs", sync),
        ("/v1/schedules", {"name": "daily", "every": "1d", "job": mail}),
    ):
        made = await api.http.post(path, json=body, headers={"idempotency-key": path})
        assert made.status_code == 201, made.text
    job = await mail_to(api, person)
    await sent(api, job)
    await asked(api, payload={"of": SECRET})
    return person, job


async def test_exports_for_users_leave_out_contents(api: ApiUnderTest) -> None:
    person, job = await all_about(api)
    url = f"/v1/recipients/{person['id']}/export"
    whole, mine = await api.http.get(url), await api.user("ada").get(url)
    assert (whole.json()["contents"], mine.json()["contents"]) == (True, False)
    for kept in (SECRET, COPY):
        assert kept in whole.text
        assert kept not in mine.text
    document = mine.json()
    assert document["recipient"] == person | NOTED
    (shown,) = document["jobs"]
    assert (shown["id"], shown["status"], shown["deliveries"][0]["address"]) == (
        job,
        "completed",
        "ada@example.com",
    )
    assert shown["deliveries"][0]["attempts"][0]["outcome"] == "sent"
    assert shown["events"][0]["detail"] == {"channel": "email"}
    sections = ("requested", "updates_written", "auto_syncs", "schedules", "kept_answers")
    for section in sections:  # that there are such things, they may know
        assert len(document[section]) == len(whole.json()[section]) >= 1, section


async def test_a_project_may_let_users_export_contents(api: ApiUnderTest) -> None:
    person, _ = await all_about(api)
    url = f"/v1/recipients/{person['id']}/export"
    for wanted in (True, False):
        changed = await api.http.patch("/v1/projects/me", json={"users_export_contents": wanted})
        assert (changed.status_code, changed.json()["users_export_contents"]) == (200, wanted)
        document = await api.user("ada").get(url)
        assert (SECRET in document.text) is wanted
        assert document.json()["contents"] is wanted
    for wrong in (None, "yes", 1):
        refused = await api.http.patch("/v1/projects/me", json={"users_export_contents": wrong})
        assert problem(refused, 422, "invalid-request")["errors"][0]["loc"] == [
            "body",
            "users_export_contents",
        ]


@pytest.mark.parametrize("contents", [False, True])
async def test_an_export_holds_nothing_of_the_user_before(api: ApiUnderTest, contents: bool) -> None:
    """The recipient was given to somebody else; what was sent when they were nobody's user is theirs."""
    person = await api.recipient()
    before = await mail_to(api, person, singleton_key=None)
    url = f"/v1/recipients/{person['id']}"
    await api.http.patch("/v1/projects/me", json={"users_export_contents": contents})
    await api.http.patch(url, json={"user_id": "ada"})
    adas = await mail_to(api, person)
    await api.http.patch(url, json={"user_id": "eve"})
    document = (await api.user("eve").get(f"{url}/export")).json()
    assert [each["id"] for each in document["jobs"]] == [before]
    assert [each["id"] for each in (await api.http.get(f"{url}/export")).json()["jobs"]] == [before, adas]


async def test_what_the_application_notes_of_a_user_they_do_not_see(api: ApiUnderTest) -> None:
    noted = {"external_id": SECRET, "relationship": SECRET, "attributes": {"note": SECRET}}
    person = await api.recipient(user_id="ada", **noted)
    job = await mail_to(api, person)
    ada, url = api.user("ada"), f"/v1/recipients/{person['id']}"
    assert (await ada.get(url)).json() == person | NOTED
    shown = [
        await ada.get(url),
        await ada.get("/v1/recipients"),
        await ada.patch(url, json={"name": "Ada"}),
        await ada.put(f"{url}/preferences", json={"muted_until": None}),
        await ada.get(f"/v1/jobs/{job}"),
        await ada.get(f"{url}/export"),
    ]
    for answer in shown:
        assert answer.status_code == 200
        assert SECRET not in answer.text
    for filtered in (f"/v1/jobs?cancel_key={SECRET}", f"/v1/recipients?external_id={SECRET}"):
        problem(await ada.get(filtered), 422, "invalid-request")
        assert len((await api.http.get(filtered)).json()["data"]) == 1
