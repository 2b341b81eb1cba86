"""Calls for answers, with the dispatcher that does their jobs."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from hermodr_ledger.engine import Ledger
from tests.support.api import ApiUnderTest, problem
from tests.support.auto_syncs import (
    REMINDER,
    Crew,
    age,
    do_what_is_due,
    jobs_of,
    messages_of,
)
from tests.support.ledgers import opened

URL = "/v1/auto-syncs"
DAY = timedelta(hours=24)
NOBODY = "01a20187-12aa-7c41-b0d6-2f9e6a4cffff"


@pytest_asyncio.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await ledger.fetch("TRUNCATE hermodr.auto_syncs, hermodr.jobs, hermodr.singletons CASCADE")
        yield ledger


@pytest_asyncio.fixture
async def crew(api: ApiUnderTest) -> Crew:
    await api.template(**REMINDER)
    return await Crew.of(api, 3)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_it_reminds_those_who_have_not_answered_and_pauses(crew: Crew, ledger: Ledger) -> None:
    made = await crew.ask(channel="email", timezone="Europe/Vienna", data={"link": "https://example.com"})
    one = made["id"]
    assert made["status"] == "running"
    assert made["counts"] == {"asked": 3, "answered": 0, "unanswered": 3, "needed": 3, "goal_met": False}
    assert made["next"]["type"] == "reminder_24h"
    assert moment(made["next"]["at"]) == moment(made["started_at"]) + DAY
    assert await do_what_is_due(ledger) == []
    assert (await crew.answer(one, 0))["counts"]["unanswered"] == 2
    await age(ledger, one, DAY)
    (reminder,) = await do_what_is_due(ledger)
    messages = await messages_of(ledger, one)
    assert [str(each["recipient_id"]) for each in messages] == crew.recipient_ids[1:]
    assert {(each["type"], each["owner_id"] is None) for each in messages} == {("auto_sync_reminder", False)}
    assert {each["channels"][0] for each in messages} == {"email"}
    assert len({each["batch_id"] for each in messages}) == 1
    shown = await crew.show(one)
    assert shown["reminded_at"] is not None
    assert shown["next"]["type"] == "pause_check_48h"
    assert moment(shown["next"]["at"]) == moment(shown["started_at"]) + 2 * DAY
    told = (await crew.api.http.get(f"/v1/jobs/{reminder}/timeline")).json()
    (said,) = [each["detail"] for each in told["data"] if each["event"] == "reminded"]
    assert (said["asked"], said["answered"]) == (2, 1)
    batch = (await crew.api.http.get(f"/v1/batches/{said['batch_id']}")).json()
    assert batch["accepted"] == 2
    assert (await crew.api.http.get(f"/v1/jobs/{reminder}")).json()["job"]["status"] == "completed"
    await age(ledger, one, DAY)
    assert len(await do_what_is_due(ledger)) == 1
    shown = await crew.show(one)
    assert (shown["status"], shown["next"]) == ("paused", None)
    assert shown["paused_at"] is not None
    assert [state for _, state, _ in await jobs_of(ledger, one)] == ["completed", "completed"]
    assert len(await messages_of(ledger, one)) == 2


async def test_the_message_says_who_asks_what_and_until_when(crew: Crew, ledger: Ledger) -> None:
    start = datetime.now(UTC) - timedelta(days=1)
    data = {"link": "https://example.com"}
    made = await crew.ask(timezone="Asia/Tokyo", started_at=start.isoformat(), data=data)
    assert await do_what_is_due(ledger) == [UUID(made["next"]["job_id"])]
    (message, *_) = await messages_of(ledger, made["id"])
    local = start + 2 * DAY + timedelta(hours=9)
    assert json.loads(message["data"]) == {
        "event_name": "Party",
        "organizer": "M0",
        "deadline": f"{local:%Y-%m-%d %H:%M} (Asia/Tokyo)",
        "link": "https://example.com",
    }


@pytest.mark.parametrize(
    ("goal", "target", "enough"),
    [("everyone", None, 3), ("number", 2, 2), ("percent", 50, 2), ("percent", 34, 2), ("percent", 33, 1)],
)
async def test_the_last_answer_that_the_goal_needs_completes_it(
    crew: Crew, ledger: Ledger, goal: str, target: int | None, enough: int
) -> None:
    made = await crew.ask(response_goal=goal, response_target=target)
    assert made["counts"]["needed"] == enough
    for nth in range(enough):
        shown = await crew.answer(made["id"], nth)
        assert shown["status"] == ("completed" if nth + 1 == enough else "running")
    assert (shown["next"], shown["counts"]["goal_met"]) == (None, True)
    assert await jobs_of(ledger, made["id"]) == [("reminder_24h", "skipped", "goal_met")]
    told = (await crew.api.http.get(f"/v1/jobs/{made['next']['job_id']}/timeline")).json()["data"]
    assert [(each["event"], each["detail"]) for each in told[-2:]] == [
        ("not_sent", {"reason": "goal_met"}),
        ("skipped", {"error": "goal_met"}),
    ]
    later = await crew.answer(made["id"], 2, "late")
    assert later["status"] == "completed"


async def test_two_last_answers_at_once_complete_it(crew: Crew, ledger: Ledger) -> None:
    for _ in range(5):
        made = await crew.ask()
        await asyncio.gather(*(crew.answer(made["id"], nth) for nth in range(3)))
        assert (await crew.show(made["id"]))["status"] == "completed"


async def test_a_later_answer_takes_the_place_of_an_earlier_one(crew: Crew) -> None:
    made = await crew.ask()
    await crew.answer(made["id"], 1, "no")
    shown = await crew.answer(made["id"], 1, "maybe")
    assert shown["counts"]["answered"] == 1
    listed = (await crew.api.http.get(f"{URL}/{made['id']}/responses")).json()["data"]
    assert [each["response"] for each in listed] == [None, "maybe", None]
    assert [each["member_id"] for each in listed] == crew.member_ids


async def test_only_members_who_are_asked_answer(crew: Crew) -> None:
    made = await crew.ask()
    members = (await crew.api.http.get(f"/v1/groups/{crew.group_id}/members")).json()["data"]
    for stranger in (str(uuid4()), members[0]["id"]):
        answer = await crew.api.http.post(
            f"{URL}/{made['id']}/responses", json={"member_id": stranger, "response": "yes"}
        )
        assert problem(answer, 422, "invalid-request")["errors"][0]["loc"] == ["body", "member_id"]


async def test_members_of_the_moment_count(crew: Crew, ledger: Ledger) -> None:
    made = await crew.ask()
    one = made["id"]
    await crew.answer(one, 0)
    await crew.api.http.delete(f"/v1/groups/{crew.group_id}/members/{crew.member_ids[0]}")
    assert (await crew.show(one))["counts"]["answered"] == 0
    newcomer = await crew.api.recipient(phone="+15550109999")
    members = [{"recipient_id": newcomer["id"]}]
    await crew.api.http.post(f"/v1/groups/{crew.group_id}/members", json={"members": members})
    await age(ledger, one, DAY)
    await do_what_is_due(ledger)
    asked = [str(each["recipient_id"]) for each in await messages_of(ledger, one)]
    assert asked == [*crew.recipient_ids[1:], newcomer["id"]]


async def test_a_goal_met_by_a_departure_is_seen_by_the_next_job(crew: Crew, ledger: Ledger) -> None:
    made = await crew.ask()
    await crew.answer(made["id"], 0)
    for each in crew.member_ids[1:]:
        await crew.api.http.delete(f"/v1/groups/{crew.group_id}/members/{each}")
    await age(ledger, made["id"], DAY)
    await do_what_is_due(ledger)
    assert (await crew.show(made["id"]))["status"] == "completed"
    assert await jobs_of(ledger, made["id"]) == [("reminder_24h", "skipped", "goal_met")]
    assert await messages_of(ledger, made["id"]) == []


async def test_a_group_of_nobody_else_meets_no_goal(api: ApiUnderTest, ledger: Ledger) -> None:
    crew = await Crew.of(api, 0)
    made = await crew.ask()
    assert made["counts"] == {"asked": 0, "answered": 0, "unanswered": 0, "needed": 1, "goal_met": False}
    await age(ledger, made["id"], 2 * DAY)
    await do_what_is_due(ledger)
    assert await do_what_is_due(ledger) != []
    assert (await crew.show(made["id"]))["status"] == "paused"


@pytest.mark.parametrize(
    ("what", "reason"), [("pause", "auto_sync_paused"), ("complete", "auto_sync_completed")]
)
async def test_what_waits_is_skipped_when_it_stops(
    crew: Crew, ledger: Ledger, what: str, reason: str
) -> None:
    made = await crew.ask()
    shown = await crew.do(made["id"], what)
    assert (shown["status"], shown["next"]) == (reason.removeprefix("auto_sync_"), None)
    assert await jobs_of(ledger, made["id"]) == [("reminder_24h", "skipped", reason)]
    assert (await crew.do(made["id"], what))["status"] == shown["status"]


async def test_time_stands_still_while_it_is_paused(crew: Crew, ledger: Ledger) -> None:
    made = await crew.ask()
    one = made["id"]
    await age(ledger, one, timedelta(hours=10))
    await crew.do(one, "pause")
    await ledger.cold.fetch(
        "UPDATE hermodr.auto_syncs SET started_at = started_at - interval '20 hours',"
        " paused_at = paused_at - interval '20 hours' WHERE id = $1::uuid",
        one,
    )
    shown = await crew.do(one, "resume")
    left = moment(shown["next"]["at"]) - datetime.now(UTC)
    assert timedelta(hours=13, minutes=58) < left < timedelta(hours=14, minutes=2)
    assert shown["next"]["type"] == "reminder_24h"
    await age(ledger, one, left)
    await do_what_is_due(ledger)
    await crew.do(one, "pause")
    shown = await crew.do(one, "resume")
    assert shown["next"]["type"] == "pause_check_48h"
    assert [each[:2] for each in await jobs_of(ledger, one)] == [
        ("reminder_24h", "skipped"),
        ("reminder_24h", "completed"),
        ("pause_check_48h", "skipped"),
        ("pause_check_48h", "scheduled"),
    ]


async def test_one_that_paused_itself_begins_anew(crew: Crew, ledger: Ledger) -> None:
    made = await crew.ask()
    one = made["id"]
    await age(ledger, one, 3 * DAY)
    await do_what_is_due(ledger)
    await do_what_is_due(ledger)
    assert (await crew.show(one))["status"] == "paused"
    shown = await crew.do(one, "resume")
    assert abs(moment(shown["started_at"]) - datetime.now(UTC)) < timedelta(minutes=2)
    assert (shown["reminded_at"], shown["next"]["type"]) == (None, "reminder_24h")
    await age(ledger, one, DAY)
    await do_what_is_due(ledger)
    assert len(await messages_of(ledger, one)) == 6


async def test_an_answer_to_a_paused_one_counts(crew: Crew) -> None:
    made = await crew.ask(response_goal="number", response_target=1, status="paused")
    assert (made["status"], made["next"]) == ("paused", None)
    assert (await crew.answer(made["id"], 0))["status"] == "completed"


async def test_one_that_has_ended_stays_so(crew: Crew) -> None:
    made = await crew.ask()
    one = f"{URL}/{made['id']}"
    assert (await crew.api.http.patch(one, json={"status": "cancelled"})).json()["status"] == "cancelled"
    for what in ("pause", "resume", "complete"):
        problem(await crew.api.http.post(f"{one}/{what}"), 409, "conflict")
    problem(await crew.api.http.patch(one, json={"channel": "email"}), 409, "conflict")
    answer = {"member_id": crew.member_ids[0], "response": "yes"}
    problem(await crew.api.http.post(f"{one}/responses", json=answer), 409, "conflict")


async def test_changes_move_what_waits(crew: Crew, ledger: Ledger) -> None:
    made = await crew.ask()
    one = f"{URL}/{made['id']}"
    changed = (await crew.api.http.patch(one, json={"reminder_after": "2h", "pause_after": "90m"})).json()
    assert changed["errors"][0]["loc"] == ["body", "pause_after"]
    changed = (await crew.api.http.patch(one, json={"reminder_after": "30m", "pause_after": "90m"})).json()
    assert (changed["reminder_after"], changed["pause_after"]) == ("30m", "90m")
    assert changed["next"]["job_id"] == made["next"]["job_id"]
    assert moment(changed["next"]["at"]) == moment(made["started_at"]) + timedelta(minutes=30)
    await crew.answer(made["id"], 0)
    goal = {"response_goal": "number", "response_target": 1}
    assert (await crew.api.http.patch(one, json=goal)).json()["status"] == "completed"
    await crew.api.http.patch(one, json={"event_name": "Later"})
    assert (await crew.show(made["id"]))["event_name"] == "Later"


async def test_deleting_it_skips_what_waits_and_deleting_the_group_deletes_it(
    crew: Crew, ledger: Ledger
) -> None:
    first, second = await crew.ask(), await crew.ask()
    assert (await crew.api.http.delete(f"{URL}/{first['id']}")).status_code == 204
    problem(await crew.api.http.delete(f"{URL}/{first['id']}"), 404, "not-found")
    assert await jobs_of(ledger, first["id"]) == [("reminder_24h", "skipped", "auto_sync_deleted")]
    await crew.api.http.delete(f"/v1/groups/{crew.group_id}")
    problem(await crew.api.http.get(f"{URL}/{second['id']}"), 404, "not-found")
    assert await jobs_of(ledger, second["id"]) == [("reminder_24h", "skipped", "auto_sync_deleted")]


async def test_an_erased_organizer_cancels_it_and_an_erased_member_is_not_asked(
    api: ApiUnderTest, ledger: Ledger
) -> None:
    await api.template(**REMINDER)
    crew = await Crew.of(api, 3, user_id="olga")
    made = await crew.ask()
    await crew.answer(made["id"], 0)
    await api.http.delete(f"/v1/recipients/{crew.recipient_ids[0]}")
    shown = await crew.show(made["id"])
    assert (shown["counts"]["asked"], shown["counts"]["answered"]) == (2, 0)
    await api.http.delete(f"/v1/recipients/{crew.organizer_id}")
    shown = await crew.show(made["id"])
    assert (shown["status"], shown["organizer_id"], shown["event_name"]) == ("cancelled", None, "")
    rows = await ledger.fetch("SELECT state, finished_at IS NOT NULL AS over FROM hermodr.jobs")
    assert {(row["state"], row["over"]) for row in rows} == {("skipped", True)}
    await age(ledger, made["id"], 2 * DAY)
    assert await do_what_is_due(ledger) == []


async def test_lists_are_filtered(crew: Crew) -> None:
    first = await crew.ask()
    second = await crew.ask(status="paused")

    async def found(**query: str) -> list[str]:
        answer = await crew.api.http.get(URL, params=query)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json()["data"]]

    assert await found() == [first["id"], second["id"]]
    assert await found(status="paused") == [second["id"]]
    assert await found(organizer_id=crew.organizer_id, group_id=crew.group_id) == [first["id"], second["id"]]
    assert await found(organizer_id=crew.recipient_ids[0]) == []


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"organizer_id": NOBODY}, "organizer_id"),
        ({"group_id": NOBODY}, "group_id"),
        ({"event_name": ""}, "event_name"),
        ({"event_name": "two\nlines"}, "event_name"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"reminder_after": "0s"}, "reminder_after"),
        ({"reminder_after": 3600}, "reminder_after"),
        ({"pause_after": "400d"}, "pause_after"),
        ({"channel": "in_app"}, "channel"),
        ({"response_goal": "number"}, None),
        ({"response_target": 3}, None),
        ({"response_goal": "percent", "response_target": 101}, None),
        ({"reminder_after": "48h"}, None),
        ({"started_at": "9999-12-31T23:59:59Z"}, "started_at"),
        ({"started_at": "0001-01-01T00:00:00Z"}, "started_at"),
        ({"data": {"a": "b" * 5000}}, "data"),
        ({"status": "completed"}, "status"),
        ({"next": None}, "next"),
    ],
)
async def test_what_makes_no_sense_is_refused(crew: Crew, fields: dict[str, Any], at: str | None) -> None:
    body = {"organizer_id": crew.organizer_id, "group_id": crew.group_id, "event_name": "Party"}
    answer = await crew.api.http.post(URL, json=body | fields)
    assert problem(answer, 422, "invalid-request")["errors"][0]["loc"] == (["body", at] if at else ["body"])


async def test_what_was_done_to_it_is_in_the_audit_log(crew: Crew) -> None:
    made = await crew.ask()
    one = f"{URL}/{made['id']}"
    await crew.do(made["id"], "pause")
    await crew.do(made["id"], "resume")
    await crew.api.http.patch(one, json={"channel": "email", "event_name": "Secret"})
    await crew.do(made["id"], "run")
    await crew.answer(made["id"], 1)
    await crew.api.http.delete(one)
    log = (await crew.api.http.get("/v1/audit-log", params={"subject": made["id"]})).json()["data"]
    assert [(line["action"], line["detail"]) for line in log] == [
        ("auto_sync.create", {}),
        ("auto_sync.status", {"was": "running", "is": "paused"}),
        ("auto_sync.status", {"was": "paused", "is": "running"}),
        ("auto_sync.change", {"fields": ["channel", "event_name"]}),
        ("auto_sync.run", {"jobs": 0}),
        ("auto_sync.respond", {"member_id": crew.member_ids[1]}),
        ("auto_sync.delete", {}),
    ]
