"""What would become of a notification, without anything stored or sent."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.api import MAIL, ApiUnderTest, problem

URL = "/v1/notifications/simulate"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def told(api: ApiUnderTest, **fields: object) -> list[dict[str, Any]]:
    answer = await api.http.post(URL, json=fields)
    assert answer.status_code == 200, answer.text
    channels: list[dict[str, Any]] = answer.json()["channels"]
    return channels


def around_now() -> dict[str, str]:
    now = datetime.now(UTC)
    return {"start": f"{now - timedelta(hours=2):%H:%M}", "end": f"{now + timedelta(hours=2):%H:%M}"}


async def test_a_bare_address_gets_it_at_once_and_nothing_is_stored(api: ApiUnderTest) -> None:
    (email,) = await told(api, **MAIL)
    assert (email["channel"], email["verdict"], email["reason"]) == ("email", "send", None)
    assert datetime.fromisoformat(email["send_at"]) <= datetime.now(UTC) + timedelta(seconds=60)
    assert email["subject"] == MAIL["subject"]
    assert email["body_sha256"] == sha256(MAIL["body_text"])
    assert email["provider"] is None
    assert await api.jobs() == 0


async def test_a_template_is_rendered_with_its_data_and_recipient(api: ApiUnderTest) -> None:
    text = "{{ recipient.name }}: {{ magic_link }}"
    await api.template(contents={"email": {"en": {"subject": "Hi {{ name }}", "body_text": text}}})
    person = await api.recipient(name="Ada")
    wanted: dict[str, Any] = {"type": "magic_link", "to": {"recipient_id": person["id"]}}
    (email,) = await told(api, **wanted, data={"name": "Ada", "magic_link": "https://x.example"})
    assert (email["subject"], email["body_sha256"]) == ("Hi Ada", sha256("Ada: https://x.example"))
    refused = await api.http.post(URL, json=wanted)
    (first, second) = problem(refused, 422, "invalid-request")["errors"]
    assert [first["loc"], second["loc"]] == [["body", "data", "magic_link"], ["body", "data", "name"]]


async def test_html_is_what_the_hash_is_of(api: ApiUnderTest) -> None:
    (email,) = await told(api, **MAIL, body_html="<p>Ü</p>")
    assert email["body_sha256"] == sha256("<p>Ü</p>")


async def test_a_text_that_cannot_be_made_fails(api: ApiUnderTest) -> None:
    text = "{{ order.lines[0].name }}"
    await api.template(contents={"email": {"en": {"subject": "Hi", "body_text": text}}})
    (email,) = await told(api, type="magic_link", to=MAIL["to"], data={"order": {"lines": [{"name": "x"}]}})
    assert email["verdict"] == "send"
    (email,) = await told(api, type="magic_link", to=MAIL["to"], data={"order": {"lines": []}})
    assert (email["verdict"], email["reason"]) == ("fail", "render_missing_variable")
    assert (email["send_at"], email["body_sha256"]) == (None, None)


async def test_wishes_count(api: ApiUnderTest) -> None:
    person = await api.recipient()
    of_person = MAIL | {"to": {"recipient_id": person["id"]}, "type": "news"}
    preferences = f"/v1/recipients/{person['id']}/preferences"
    hours = around_now()
    await api.http.put(preferences, json={"quiet_hours": hours})
    (email,) = await told(api, **of_person)
    assert (email["verdict"], email["reason"]) == ("defer", "quiet_hours")
    assert f"{datetime.fromisoformat(email['send_at']):%H:%M}" == hours["end"]
    (urgent,) = await told(api, **of_person, priority="urgent")
    assert urgent["verdict"] == "send"
    soon = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    (expired,) = await told(api, **of_person, expires_at=soon)
    assert (expired["verdict"], expired["reason"], expired["send_at"]) == ("skip", "expired", None)
    await api.http.put(preferences, json={"preferences": [{"type": "news", "enabled": False}]})
    (unwanted,) = await told(api, **of_person)
    assert (unwanted["verdict"], unwanted["reason"]) == ("skip", "preference")
    await api.http.put(preferences, json={"muted_until": "9999-01-01T00:00:00Z"})
    (muted,) = await told(api, **of_person)
    assert (muted["verdict"], muted["reason"]) == ("skip", "muted")


async def test_suppressed_and_unreachable(api: ApiUnderTest) -> None:
    await api.http.post("/v1/suppressions", json={"address": "ada@example.com", "reason": "manual"})
    (email,) = await told(api, **MAIL)
    assert (email["verdict"], email["reason"]) == ("skip", "suppressed")
    nobody = await api.recipient(email=None)
    (email,) = await told(api, **MAIL | {"to": {"recipient_id": nobody["id"]}})
    assert (email["verdict"], email["reason"]) == ("fail", "no_address")


async def test_later_is_deferred_by_whatever_comes_first(api: ApiUnderTest) -> None:
    later = datetime.now(UTC) + timedelta(days=3)
    (email,) = await told(api, **MAIL, scheduled_for=later.isoformat())
    assert (email["verdict"], email["reason"]) == ("defer", "scheduled")
    assert datetime.fromisoformat(email["send_at"]) == later
    (email,) = await told(api, **MAIL, delay_seconds=3600)
    assert (email["verdict"], email["reason"]) == ("defer", "scheduled")
    (email,) = await told(api, **MAIL, deliver_at={"local_time": "09:00", "days": [3]})
    assert (email["verdict"], email["reason"]) == ("defer", "deliver_at")
    assert datetime.fromisoformat(email["send_at"]).isoweekday() == 3


async def test_many_are_told_each_in_its_place(api: ApiUnderTest) -> None:
    bad = {"to": {"email": "nobody"}, "subject": "x", "body_text": "y"}
    answer = await api.http.post(URL, json=[MAIL, bad, MAIL | {"type": "t", "body_text": "other"}])
    first, second, third = answer.json()["data"]
    assert first["channels"][0]["verdict"] == "send"
    assert second["errors"][0]["loc"] == ["to", "email"]
    assert third["channels"][0]["body_sha256"] == sha256("other")
    thousand = await api.http.post(URL, json=[MAIL] * 1000)
    assert len(thousand.json()["data"]) == 1000
    problem(await api.http.post(URL, json=[MAIL] * 1001), 413, "too-large")
    problem(await api.http.post(URL, json=[]), 422, "invalid-request")
    assert await api.jobs() == 0


async def test_a_repeat_gets_the_first_answer(api: ApiUnderTest) -> None:
    key = {"Idempotency-Key": "once"}
    first = await api.http.post(URL, json=MAIL, headers=key)
    again = await api.http.post(URL, json=MAIL, headers=key)
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    other = await api.http.post(URL, json=MAIL | {"subject": "Other"}, headers=key)
    problem(other, 422, "idempotency-key-reused")


async def test_an_event_waits_for_the_end_of_its_window(api: ApiUnderTest) -> None:
    text = "{{ total }}: {% for item in items %}{{ item.name }}{% endfor %}"
    await api.template(contents={"email": {"en": {"subject": "News", "body_text": text}}})
    event = {"key": "thread", "window": "10m"}
    (email,) = await told(api, type="magic_link", to=MAIL["to"], data={"name": "Ada"}, digest=event)
    assert (email["verdict"], email["reason"]) == ("defer", "digest")
    assert email["body_sha256"] == sha256("1: Ada")
    ahead = datetime.fromisoformat(email["send_at"]) - datetime.now(UTC)
    assert timedelta(minutes=8) < ahead <= timedelta(minutes=10, seconds=5)


async def test_of_an_array_one_opens_the_window_and_the_others_join_it(api: ApiUnderTest) -> None:
    await api.template(contents={"email": {"en": {"subject": "News", "body_text": "{{ total }}"}}})
    event = {"key": "thread", "window": "10m", "first": "now"}
    wanted = {"type": "magic_link", "to": MAIL["to"], "data": {}, "digest": event}
    other = wanted | {"digest": event | {"key": "other"}}
    answer = await api.http.post(URL, json=[wanted, wanted, other])
    found = [each["channels"][0] for each in answer.json()["data"]]
    assert [each["verdict"] for each in found] == ["send", "defer", "send"]
    await api.api.ledger.fetch(
        "INSERT INTO hermodr.event_windows (id, project_id, addressee, type, cause, key, closes_at, latest)"
        " SELECT gen_random_uuid(), $1, encode(hermodr.suppression_hash("
        "   (SELECT key FROM hermodr.suppression_key), $1, 'ada@example.com'), 'hex'), 'magic_link', 'digest',"
        " 'thread', now() + interval '3 minutes', now() + interval '3 minutes'",
        api.project_id,
    )
    (email,) = await told(api, **wanted)
    assert (email["verdict"], email["reason"]) == ("defer", "digest")
    assert datetime.fromisoformat(email["send_at"]) < datetime.now(UTC) + timedelta(minutes=4)
