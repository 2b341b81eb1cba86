"""`/v1/schedules`: jobs on a rule."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from hermodr_servicekit.ids import new_id
from tests.support.api import MAIL, ApiUnderTest, problem

NOBODY = "01a20187-12aa-7c41-b0d6-2f9e6a4c0000"
TASK: dict[str, Any] = {"type": "data-export", "payload": {"format": "csv"}}
AT_NINE: dict[str, Any] = {"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin"}
NOBODY = "01a20187-12aa-7c41-b0d6-2f9e6a4cffff"


async def made(http: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    given = {"name": str(new_id()), "every": "15m", "job": MAIL} | fields
    answer = await http.post("/v1/schedules", json={k: v for k, v in given.items() if v is not None})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def run(api: ApiUnderTest, schedule: dict[str, Any]) -> dict[str, Any]:
    answer = await api.http.post(f"/v1/schedules/{schedule['id']}/run")
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_schedule_from_its_creation_to_its_end(api: ApiUnderTest) -> None:
    created = await made(api.http, name="report", every=None, **AT_NINE, job=TASK)
    assert (created["kind"], created["type"], created["job"]) == ("task", "data-export", TASK)
    assert (created["misfire"], created["is_active"]) == ("coalesce", True)
    next_run = moment(created["next_run_at"])
    assert datetime.now(UTC) < next_run <= datetime.now(UTC) + timedelta(days=3, hours=1)
    at = f"/v1/schedules/{created['id']}"
    (listed,) = (await api.http.get("/v1/schedules", params={"name": "report"})).json()["data"]
    assert listed == {name: value for name, value in created.items() if name != "job"}
    (whole,) = (await api.http.get("/v1/schedules", params={"include": "job"})).json()["data"]
    assert whole == created
    paused = await api.http.patch(at, json={"is_active": False})
    assert (paused.json()["next_run_at"], paused.json()["is_active"]) == (None, False)
    assert (await api.http.get("/v1/schedules", params={"is_active": "true"})).json()["data"] == []
    resumed = await api.http.patch(at, json={"is_active": True})
    assert moment(resumed.json()["next_run_at"]) >= next_run
    changed = await api.http.patch(at, json={"every": "90s", "misfire": "skip", "job": MAIL, "name": "mail"})
    assert changed.status_code == 200, changed.text
    shown = changed.json()
    assert (shown["cron"], shown["every"], shown["kind"], shown["type"]) == (
        None,
        "90s",
        "notification",
        None,
    )
    assert timedelta() < moment(shown["next_run_at"]) - datetime.now(UTC) <= timedelta(seconds=91)
    assert (await api.http.get(at)).json() == shown
    assert (await api.http.delete(at)).status_code == 204
    problem(await api.http.get(at), 404, "not-found")
    lines = (await api.http.get("/v1/audit-log", params={"subject": created["id"]})).json()["data"]
    assert [each["action"] for each in lines] == [
        "schedule.create",
        *["schedule.change"] * 3,
        "schedule.delete",
    ]


@pytest.mark.parametrize(
    ("body", "loc", "flaw"),
    [
        ({"cron": "0 9 * *"}, ["cron"], "five fields"),
        ({"cron": "0 25 * * *"}, ["cron"], "no cron expression"),
        ({"cron": "0 0 30 2 *"}, ["cron"], "never occurs"),
        ({"every": "15m", "cron": "0 9 * * *"}, [], "exactly one"),
        ({}, [], "exactly one"),
        ({"every": "0s"}, ["every"], "span"),
        ({"every": "367d"}, ["every"], "366 days"),
        ({"every": "15 m"}, ["every"], "span"),
        ({"every": "4"}, ["every"], "span such as"),
        ({"every": "1m", "timezone": "Mars/Base"}, ["timezone"], "IANA"),
        ({"every": "1m", "misfire": "twice"}, ["misfire"], "coalesce"),
        ({"every": "1m", "job": {}}, ["job", "type"], "required"),
        ({"every": "1m", "job": "x"}, ["job"], "object"),
        ({"every": "1m", "job": TASK | {"subject": "x"}}, ["job", "subject"], "no such field"),
        (
            {"every": "1m", "job": TASK | {"scheduled_for": "2100-01-01T00:00:00Z"}},
            ["job", "scheduled_for"],
            "place",
        ),
        ({"every": "1m", "job": MAIL | {"to": {}}}, ["job", "to"], "exactly one"),
        ({"every": "1m", "job": MAIL | {"delay_seconds": 9}}, ["job", "delay_seconds"], "place"),
        (
            {"every": "1m", "job": MAIL | {"expires_at": "2100-01-01T00:00:00Z"}},
            ["job", "expires_at"],
            "over",
        ),
        (
            {"every": "1m", "job": MAIL | {"idempotency_key": "x"}},
            ["job", "idempotency_key"],
            "no such field",
        ),
        ({"every": "1m", "job": MAIL | {"subject": None}}, ["job", "subject"], "needs a subject"),
        ({"every": "1m", "job": {"type": "nothing", "to": MAIL["to"]}}, ["job", "type"], "unknown type"),
        (
            {"every": "1m", "job": MAIL | {"to": {"external_id": "nobody"}}},
            ["job", "to", "external_id"],
            "no such recipient",
        ),
        (
            {"every": "1m", "job": MAIL | {"to": {"group_id": NOBODY}}},
            ["job", "to", "group_id"],
            "no such group",
        ),
        (
            {"every": "1m", "job": MAIL | {"to": {"group_id": NOBODY, "email": "a@example.com"}}},
            ["job", "to"],
            "exactly one",
        ),
        (
            {"every": "1m", "job": MAIL | {"to": {"group_id": NOBODY}, "singleton_key": "x"}},
            ["job", "singleton_key"],
            "beside",
        ),
        ({"every": "1m", "interval": "1m"}, ["interval"], "no such field"),
        ({"every": "1m", "name": ""}, ["name"], "at least 1"),
    ],
    ids=lambda each: str(each)[:60] if isinstance(each, dict) else "",
)
async def test_what_makes_no_sense_is_refused(
    api: ApiUnderTest, body: dict[str, Any], loc: list[str], flaw: str
) -> None:
    given = {"name": "x", "job": MAIL} | body
    refused = problem(await api.http.post("/v1/schedules", json=given), 422, "invalid-request")
    assert (refused["errors"][0]["loc"], flaw in refused["errors"][0]["msg"]) == (["body", *loc], True), (
        refused
    )
    schedule = await made(api.http)
    if "every" in body or "cron" in body:
        changed = await api.http.patch(f"/v1/schedules/{schedule['id']}", json=body)
        if loc:
            refused = problem(changed, 422, "invalid-request")
            assert refused["errors"][0]["loc"] == ["body", *loc]


async def test_a_new_rule_may_name_the_other_as_null(api: ApiUnderTest) -> None:
    schedule = await made(api.http)
    at = f"/v1/schedules/{schedule['id']}"
    for body in ({"every": "2h", "cron": None}, {"cron": "0 9 * * *", "every": None}):
        changed = await api.http.patch(at, json=body)
        assert changed.status_code == 200
        assert {name: changed.json()[name] for name in body} == body
    refused = problem(await api.http.patch(at, json={"cron": None}), 422, "invalid-request")
    assert refused["errors"][0]["msg"] == "cron cannot be null"


async def test_a_name_is_taken_once(api: ApiUnderTest) -> None:
    first, second = await made(api.http, name="one"), await made(api.http, name="two")
    again = {"name": "one", "every": "1m", "job": MAIL}
    assert problem(await api.http.post("/v1/schedules", json=again), 409, "conflict")["errors"][0]["loc"] == [
        "body",
        "name",
    ]
    problem(await api.http.patch(f"/v1/schedules/{second['id']}", json={"name": "one"}), 409, "conflict")
    assert (await api.http.patch(f"/v1/schedules/{first['id']}", json={"name": "one"})).status_code == 200


async def test_a_repeated_request_is_one(api: ApiUnderTest) -> None:
    person = await api.recipient(external_id="ada")
    wanted = {"name": "x", "every": "1m", "job": MAIL | {"to": {"external_id": "ada"}}}
    key = {"idempotency-key": "once"}
    first = await api.http.post("/v1/schedules", json=wanted, headers=key)
    await api.http.delete(f"/v1/recipients/{person['id']}")
    again = await api.http.post("/v1/schedules", json=wanted, headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.json() == first.json() | {"job": {}}


async def test_occurrences_are_shown_by_its_clock(api: ApiUnderTest) -> None:
    schedule = await made(api.http, every=None, cron="30 2 * * *", timezone="Europe/Berlin", is_active=False)
    assert schedule["next_run_at"] is None
    at = f"/v1/schedules/{schedule['id']}/occurrences"
    found = (await api.http.get(at, params={"count": 400})).json()["data"]
    assert len(found) == 400
    assert all(moment(each["at"]) == moment(each["local"]) for each in found)
    assert all(each["local"][11:16] == "02:30" for each in found if each["local"][5:7] not in ("03", "10"))
    assert {each["local"][11:16] for each in found} == {"02:30", "03:30"}  # the gap in March
    assert len((await api.http.get(at)).json()["data"]) == 10
    for count in ("0", "501", "x", "+5"):
        problem(await api.http.get(at, params={"count": count}), 422, "invalid-request")


async def test_it_is_run_now_once(api: ApiUnderTest) -> None:
    person = await api.recipient(external_id="ada", user_id="user-1")
    job = MAIL | {"to": {"external_id": "ada"}, "metadata": {"n": 12345678901234567890123}, "cancel_key": "k"}
    schedule = await made(api.http, job=job, is_active=False)
    at = f"/v1/schedules/{schedule['id']}"
    key = {"idempotency-key": "now"}
    first = await api.http.post(f"{at}/run", headers=key)
    again = await api.http.post(f"{at}/run", headers=key)
    assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())
    assert await api.jobs() == 1
    fired = first.json()
    assert (fired["state"], fired["manual"], fired["error"], fired["batch_id"]) == ("fired", True, None, None)
    shown = (await api.http.get(f"/v1/jobs/{fired['job_id']}")).json()
    assert shown["recipient"]["id"] == person["id"]
    assert (shown["job"]["status"], shown["job"]["metadata"]) == ("queued", job["metadata"])
    assert (await api.user("user-1").get(f"/v1/jobs/{fired['job_id']}")).status_code == 200
    timeline = (await api.http.get(f"/v1/jobs/{fired['job_id']}/timeline")).json()["data"]
    assert (timeline[0]["event"], timeline[0]["detail"]["schedule_id"]) == ("requested", schedule["id"])
    schedule = (await api.http.get(at)).json()
    assert (schedule["last_job_id"], schedule["last_error"]) == (fired["job_id"], None)
    assert schedule["next_run_at"] is None
    assert (await api.http.get(f"{at}/runs")).json()["data"] == [fired]
    second = (await api.http.post(f"{at}/run")).json()
    assert (await api.http.get(f"{at}/runs")).json()["data"] == [second, fired]
    older = await api.http.get(f"{at}/runs", params={"sort": "created_at", "limit": 1})
    assert older.json()["data"] == [fired]
    newer = (await api.http.get(f"{at}/runs", params={"limit": 1})).json()
    rest = await api.http.get(f"{at}/runs", params={"limit": 1, "cursor": newer["next_cursor"]})
    assert (newer["data"], rest.json()["data"]) == ([second], [fired])


async def test_a_run_that_makes_no_job_says_why(api: ApiUnderTest) -> None:
    person = await api.recipient(external_id="ada")
    template = await api.template(contents={"email": {"en": {"subject": "Hi", "body_text": "there"}}})
    to_person = await made(api.http, job=MAIL | {"to": {"external_id": "ada"}})
    of_template = await made(api.http, job={"type": "magic_link", "to": MAIL["to"]})
    single = await made(api.http, job=TASK | {"singleton_key": "one"})
    assert (await run(api, single))["state"] == "fired"
    await api.http.delete(f"/v1/recipients/{person['id']}")
    await api.http.delete(f"/v1/templates/{template['id']}")
    errors = []
    for each in (to_person, of_template, single):
        failed = await run(api, each)
        assert (failed["state"], failed["job_id"]) == ("failed", None)
        shown = (await api.http.get(f"/v1/schedules/{each['id']}")).json()
        assert shown["last_error"] == failed["error"]
        assert shown["is_active"]
        errors.append(failed["error"])
    assert errors == ["recipient_unknown", "template_unknown", "singleton_taken"]
    shown = (await api.http.get(f"/v1/schedules/{single['id']}/runs", params={"state": "failed"})).json()
    assert [each["error"] for each in shown["data"]] == ["singleton_taken"]


async def test_a_group_is_written_to_as_it_is_at_that_moment(api: ApiUnderTest) -> None:
    group = (await api.http.post("/v1/groups", json={"name": "us"})).json()
    schedule = await made(api.http, job=MAIL | {"to": {"group_id": group["id"]}})
    assert (await run(api, schedule))["error"] == "group_empty"
    people = [await api.recipient() for _ in range(3)]
    members = {"members": [{"recipient_id": each["id"]} for each in people]}
    joined = (await api.http.post(f"/v1/groups/{group['id']}/members", json=members)).json()["data"]
    await api.http.delete(f"/v1/groups/{group['id']}/members/{joined[0]['id']}")
    fired = await run(api, schedule)
    assert (fired["state"], fired["job_id"]) == ("fired", None)
    batch = (await api.http.get(f"/v1/batches/{fired['batch_id']}")).json()
    assert (batch["accepted"], batch["counts"]["queued"]) == (2, 2)
    rows = await api.api.ledger.fetch(
        "SELECT id, recipient_id FROM hermodr.jobs WHERE batch_id = $1", fired["batch_id"]
    )
    in_batch = [row["id"] for row in rows]
    assert {str(row["recipient_id"]) for row in rows} == {each["id"] for each in people[1:]}
    timeline = (await api.http.get(f"/v1/jobs/{in_batch[0]}/timeline")).json()["data"]
    assert timeline[0]["detail"]["schedule_id"] == schedule["id"]
    in_group = (await api.http.get("/v1/jobs", params={"group_id": group["id"]})).json()["data"]
    assert len(in_group) == 2
    await api.http.delete(f"/v1/groups/{group['id']}")
    assert (await run(api, schedule))["error"] == "group_unknown"
    assert (await api.http.get(f"/v1/schedules/{schedule['id']}")).json()["last_batch_id"] == fired[
        "batch_id"
    ]


async def test_mails_get_the_senders_of_that_moment(api: ApiUnderTest) -> None:
    schedule = await made(api.http)
    defaults = {"reply_to": ["help@example.com"]}
    assert (await api.http.patch("/v1/projects/me", json=defaults)).status_code == 200
    fired = await run(api, schedule)
    shown = (await api.http.get(f"/v1/jobs/{fired['job_id']}")).json()
    assert shown["envelope"]["reply_to"] == ["help@example.com"]


async def test_odd_values_are_kept_exactly(api: ApiUnderTest) -> None:
    data = {"n": 10**4000, "f": 0.1, "deep": {"a": [1.5, None, "\u2028 ğ"]}, "": "\U0001f600"}
    schedule = await made(api.http, job=MAIL | {"data": data})
    assert (await api.http.get(f"/v1/schedules/{schedule['id']}")).json()["job"]["data"] == data
    fired = await run(api, schedule)
    rows = await api.api.ledger.fetch(
        "SELECT data::text AS d FROM hermodr.jobs WHERE id = $1", fired["job_id"]
    )
    assert f'"n": 1{"0" * 4000}' in rows[0]["d"]


async def test_what_it_makes_may_wait_for_others_like_it(api: ApiUnderTest) -> None:
    await api.template(contents={"email": {"en": {"subject": "{{ total }} ticks", "body_text": "tick"}}})
    digest = {"key": "ticks", "window": "10m"}
    schedule = await made(api.http, job={"type": "magic_link", "to": MAIL["to"], "digest": digest})
    fired = await run(api, schedule)
    rows = await api.api.ledger.fetch(
        "SELECT digest ->> 'key' AS key FROM hermodr.jobs WHERE id = $1", fired["job_id"]
    )
    assert [row["key"] for row in rows] == ["ticks"]
