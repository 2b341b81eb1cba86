"""Digest schedules over HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.support.api import ApiUnderTest, api_over, problem
from tests.support.clocks import FakeClock
from tests.support.digests import changed_before_the_rules

PATH = "/v1/digest-schedules"
NOW = datetime(2027, 3, 27, 12, tzinfo=UTC)
DIGEST: dict[str, Any] = {
    "name": "digest",
    "contents": {
        "email": {
            "en": {
                "subject": "{{ title }}: {{ total }}",
                "body_text": "{% for item in items %}{{ item.title }} ({{ item.date }}) {% endfor %}",
            }
        }
    },
}


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    """At `NOW`."""
    clock = FakeClock()
    clock.advance((NOW - clock.now()).total_seconds())
    async with api_over(database_url, clock=clock) as api:
        yield api


@pytest.fixture
async def live(database_url: str) -> AsyncIterator[ApiUnderTest]:
    """By the clock that tokens of users are made by."""
    async with api_over(database_url) as api:
        yield api


async def given(api: ApiUnderTest, **changes: Any) -> dict[str, Any]:
    """A reader in a group, for a schedule."""
    reader = await api.recipient(timezone="Europe/Berlin", user_id="ada", locale="en-GB")
    group = (await api.http.post("/v1/groups", json={"name": "Mia"})).json()
    await api.http.post(
        f"/v1/groups/{group['id']}/members", json={"members": [{"recipient_id": reader["id"]}]}
    )
    return {"recipient_id": reader["id"], "group_id": group["id"], "frequency": "daily"} | changes


async def made(api: ApiUnderTest, **changes: Any) -> dict[str, Any]:
    answer = await api.http.post(PATH, json=await given(api, **changes))
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_a_schedule_is_in_the_recipients_zone_and_knows_its_next_time(api: ApiUnderTest) -> None:
    schedule = await made(api)
    assert (schedule["timezone"], schedule["delivery_time"]) == ("Europe/Berlin", "09:00")
    assert schedule["next_digest_scheduled"] == "2027-03-28T07:00:00Z"  # summer time has begun
    assert (schedule["max_updates_per_digest"], schedule["misfire"], schedule["is_active"]) == (
        10,
        "coalesce",
        True,
    )
    shown = await api.http.get(f"{PATH}/{schedule['id']}")
    assert shown.json() == schedule


async def test_occurrences_are_told_in_utc_and_as_the_clock_shows(api: ApiUnderTest) -> None:
    schedule = await made(api, delivery_time="02:30")
    found = (await api.http.get(f"{PATH}/{schedule['id']}/occurrences?count=2")).json()["data"]
    assert found == [
        {"at": "2027-03-28T01:30:00Z", "local": "2027-03-28T03:30:00+02:00"},
        {"at": "2027-03-29T00:30:00Z", "local": "2027-03-29T02:30:00+02:00"},
    ]
    all_of_them = await api.http.get(f"{PATH}/{schedule['id']}/occurrences?count=500")
    assert len(all_of_them.json()["data"]) == 500
    for count in ("0", "501", "x"):
        problem(
            await api.http.get(f"{PATH}/{schedule['id']}/occurrences?count={count}"), 422, "invalid-request"
        )


async def test_a_change_of_the_rule_moves_the_next_time_and_others_do_not(api: ApiUnderTest) -> None:
    schedule = await made(api)
    path = f"{PATH}/{schedule['id']}"
    changed = (await api.http.patch(path, json={"max_updates_per_digest": 3})).json()
    assert changed["next_digest_scheduled"] == schedule["next_digest_scheduled"]
    changed = (
        await api.http.patch(path, json={"frequency": "monthly", "delivery_day": 31, "timezone": "UTC"})
    ).json()
    assert changed["next_digest_scheduled"] == "2027-03-31T09:00:00Z"
    changed = (await api.http.patch(path, json={"is_active": False})).json()
    assert (changed["is_active"], changed["next_digest_scheduled"]) == (False, None)
    changed = (await api.http.patch(path, json={"is_active": True, "frequency": "daily"})).json()
    assert (changed["delivery_day"], changed["next_digest_scheduled"]) == (None, "2027-03-28T09:00:00Z")
    assert (await api.http.delete(path)).status_code == 204
    problem(await api.http.get(path), 404, "not-found")
    problem(await api.http.delete(path), 404, "not-found")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"delivery_day": 1}, "delivery_day"),
        ({"frequency": "weekly"}, "delivery_day"),
        ({"frequency": "weekly", "delivery_day": 8}, "delivery_day"),
        ({"frequency": "monthly", "delivery_day": 32}, "delivery_day"),
        ({"frequency": "hourly"}, "frequency"),
        ({"delivery_time": "24:00"}, "delivery_time"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"max_updates_per_digest": 0}, "max_updates_per_digest"),
        ({"max_updates_per_digest": 101}, "max_updates_per_digest"),
        ({"include_content_types": []}, "include_content_types"),
        ({"include_content_types": ["photo", "photo"]}, "include_content_types"),
        ({"recipient_id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000"}, "recipient_id"),
        ({"group_id": "01a20187-12aa-7c41-b0d6-2f9e6a4c0000"}, "group_id"),
        ({"misfire": "never"}, "misfire"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_field(
    api: ApiUnderTest, changes: dict[str, Any], field: str
) -> None:
    answer = await api.http.post(PATH, json=await given(api, **changes))
    body = problem(answer, 422, "invalid-request")
    assert field in {each["loc"][1] for each in body["errors"]}


@pytest.mark.parametrize(
    "changes", [{"frequency": "weekly"}, {"timezone": None}, {"is_active": None}, {"delivery_day": 3}]
)
async def test_a_change_to_what_makes_no_sense_is_refused(api: ApiUnderTest, changes: dict[str, Any]) -> None:
    schedule = await made(api)
    problem(await api.http.patch(f"{PATH}/{schedule['id']}", json=changes), 422, "invalid-request")
    assert (await api.http.get(f"{PATH}/{schedule['id']}")).json() == schedule


async def test_lists_are_filtered(api: ApiUnderTest) -> None:
    daily = await made(api)
    weekly = await made(api, frequency="weekly", delivery_day=1, is_active=False)
    for query, wanted in (
        ("", [daily, weekly]),
        (f"recipient_id={daily['recipient_id']}", [daily]),
        (f"group_id={weekly['group_id']}", [weekly]),
        ("frequency=weekly", [weekly]),
        ("is_active=true", [daily]),
        ("is_active=true&frequency=weekly", []),
    ):
        assert (await api.http.get(f"{PATH}?{query}")).json()["data"] == wanted


async def test_a_run_by_hand_makes_a_job_once_per_key(live: ApiUnderTest) -> None:
    schedule = await made(live, is_active=False)
    headers = {"idempotency-key": "once"}
    first, again = [await live.http.post(f"{PATH}/{schedule['id']}/run", headers=headers) for _ in range(2)]
    assert (first.status_code, first.json()) == (202, again.json())
    job = (await live.http.get(first.json()["status_url"])).json()
    assert (job["job"]["kind"], job["job"]["type"]) == ("digest", "digest")
    assert job["recipient"]["id"] == schedule["recipient_id"]
    assert await live.jobs() == 1
    owner = live.user("ada")
    assert (await owner.get(first.json()["status_url"])).status_code == 200


async def test_a_preview_shows_what_would_be_sent_and_changes_nothing(api: ApiUnderTest) -> None:
    schedule = await made(api, max_updates_per_digest=2, include_content_types=["photo"])
    path = f"{PATH}/{schedule['id']}/preview"
    assert (await api.http.get(path)).json()["reason"] == "template_missing"
    await api.template(**DIGEST)
    assert (await api.http.get(path)).json()["reason"] == "nothing_new"
    await posted(api, schedule)
    for _ in range(2):
        shown = (await api.http.get(path)).json()
        assert [each["title"] for each in shown["updates"]] == ["photo 0", "photo 1"]
        assert (shown["subject"], shown["more"], shown["locale"], shown["reason"]) == (
            "Mia: 3",
            1,
            "en",
            None,
        )
        assert "photo 0" in shown["text"]
    assert await api.jobs() == 0


async def posted(api: ApiUnderTest, schedule: dict[str, Any]) -> None:
    for number in range(3):
        for kind in ("photo", "text"):
            await api.http.post(
                f"/v1/groups/{schedule['group_id']}/updates",
                json={"title": f"{kind} {number}", "content_type": kind},
            )


NEVER = "2999-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("of", "wish", "reason"),
    [
        ("preferences", {"preferences": [{"type": "digest", "enabled": False}]}, "preference"),
        ("preferences", {"preferences": [{"channel": "email", "enabled": False}]}, "preference"),
        ("preferences", {"preferences": [{"type": "other", "enabled": False}]}, None),
        ("preferences", {"muted_until": NEVER}, "muted"),
        ("member", {"muted_until": NEVER}, "group_muted"),
        ("recipient", {"email": None}, "no_address"),
    ],
)
async def test_a_preview_heeds_the_readers_wishes(
    api: ApiUnderTest, of: str, wish: dict[str, Any], reason: str | None
) -> None:
    schedule = await made(api)
    await api.template(**DIGEST)
    await posted(api, schedule)
    reader, group = schedule["recipient_id"], schedule["group_id"]
    member = (await api.http.get(f"/v1/groups/{group}/members")).json()["data"][0]["id"]
    answer = await {
        "recipient": lambda: api.http.patch(f"/v1/recipients/{reader}", json=wish),
        "preferences": lambda: api.http.put(f"/v1/recipients/{reader}/preferences", json=wish),
        "member": lambda: api.http.patch(f"/v1/groups/{group}/members/{member}", json=wish),
    }[of]()
    assert answer.status_code == 200, answer.text
    shown = (await api.http.get(f"{PATH}/{schedule['id']}/preview")).json()
    assert shown["reason"] == reason
    assert (shown["subject"] is None) == (reason is not None)
    assert shown["until"] is None


async def test_a_preview_in_quiet_hours_tells_when_they_end(live: ApiUnderTest) -> None:
    schedule = await made(live)
    await live.template(**DIGEST)
    await posted(live, schedule)
    now = datetime.now(UTC)
    hours = {"start": f"{(now - timedelta(hours=3)):%H:%M}", "end": f"{(now + timedelta(hours=3)):%H:%M}"}
    reader = f"/v1/recipients/{schedule['recipient_id']}"
    await live.http.patch(reader, json={"timezone": "UTC"})
    changed = await live.http.put(f"{reader}/preferences", json={"quiet_hours": hours})
    assert changed.status_code == 200, changed.text
    shown = (await live.http.get(f"{PATH}/{schedule['id']}/preview")).json()
    assert (shown["reason"], shown["subject"], shown["updates"]) == ("quiet_hours", None, [])
    assert datetime.fromisoformat(shown["until"]).strftime("%H:%M") == hours["end"]


async def test_end_users_change_the_schedules_of_their_own_recipients(live: ApiUnderTest) -> None:
    theirs, other = await given(live), await given(live)
    await live.http.patch(f"/v1/recipients/{other['recipient_id']}", json={"user_id": "eve"})
    mine, hers = [(await live.http.post(PATH, json=each)).json() for each in (theirs, other)]
    ada, path, foreign = live.user("ada"), f"{PATH}/{mine['id']}", f"{PATH}/{hers['id']}"
    assert [each["id"] for each in (await ada.get(PATH)).json()["data"]] == [mine["id"]]
    assert (await ada.get(f"{path}/occurrences")).status_code == 200
    changed = await ada.patch(path, json={"delivery_time": "08:00", "is_active": False})
    assert (changed.status_code, changed.json()["is_active"]) == (200, False)
    for call in (
        ada.get(foreign),
        ada.get(f"{foreign}/occurrences"),
        ada.patch(foreign, json={"is_active": False}),
    ):
        problem(await call, 404, "not-found")


async def test_end_users_neither_make_nor_send_nor_read_digests(live: ApiUnderTest) -> None:
    wanted = await given(live)
    path = f"{PATH}/{(await live.http.post(PATH, json=wanted)).json()['id']}"
    ada = live.user("ada")
    for call in (
        ada.post(PATH, json=wanted),
        ada.get(f"{path}/preview"),
        ada.post(f"{path}/run"),
        ada.delete(path),
    ):
        problem(await call, 403, "forbidden")
    assert await live.jobs() == 0


async def test_keys_need_their_scopes(api: ApiUnderTest) -> None:
    schedule = await made(api)
    reading = await api.caller(["read"])
    assert (await reading.get(f"{PATH}/{schedule['id']}")).status_code == 200
    problem(await reading.post(f"{PATH}/{schedule['id']}/run"), 403, "forbidden")
    problem(await reading.patch(f"{PATH}/{schedule['id']}", json={}), 403, "forbidden")


@pytest.mark.parametrize(
    ("types", "shown"),
    [("ARRAY[NULL, 'photo']", ["photo"]), ("ARRAY[NULL]::text[]", None), ("'{{a},{b}}'", None)],
)
async def test_a_row_that_came_by_sql_before_the_rules_can_be_seen_and_mended(
    api: ApiUnderTest, types: str, shown: list[str] | None
) -> None:
    schedule = await made(api)
    path = f"{PATH}/{schedule['id']}"
    await api.http.post(
        f"/v1/groups/{schedule['group_id']}/updates", json={"title": "Steps", "content_type": "photo"}
    )
    await changed_before_the_rules(
        api.api.ledger, UUID(schedule["id"]), f"timezone = '<+05>-5', include_content_types = {types}"
    )
    listed = (await api.http.get(PATH)).json()["data"]
    (row,) = [each for each in listed if each["id"] == schedule["id"]]
    assert (row["timezone"], row["include_content_types"]) == ("<+05>-5", shown)
    for call in (api.http.get(f"{path}/occurrences"), api.http.patch(path, json={"delivery_time": "08:00"})):
        assert "time zone '<+05>-5'" in problem(await call, 409, "conflict")["detail"]
    assert (await api.http.get(f"{path}/preview")).status_code == 200
    assert (await api.http.post(f"{path}/run")).status_code == 202
    mended = await api.http.patch(path, json={"timezone": "UTC", "include_content_types": None})
    assert mended.status_code == 200, mended.text
    assert (await api.http.get(f"{path}/occurrences")).status_code == 200


@pytest.mark.parametrize("zone", ["localtime", "Factory", "utc", "Z"])
async def test_names_that_are_no_zones_are_refused(api: ApiUnderTest, zone: str) -> None:
    refused = problem(await api.http.post(PATH, json=await given(api, timezone=zone)), 422, "invalid-request")
    assert refused["errors"][0]["loc"] == ["body", "timezone"]
