"""Frequency caps at the doors of recipients and projects."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.api import MAIL, ApiUnderTest, problem

CAP = {"max": 1, "per": "24h", "types": None, "overflow": "skip"}


async def test_they_are_kept_with_the_other_wishes_and_taken_away(api: ApiUnderTest) -> None:
    person = await api.recipient()
    url = f"/v1/recipients/{person['id']}"
    assert person["caps"] == []
    put = await api.http.put(f"{url}/preferences", json={"caps": [{"max": 1, "per": "24h"}]})
    assert put.json()["caps"] == [CAP | {"overflow": "defer"}]
    other = await api.http.put(f"{url}/preferences", json={"muted_until": None})
    assert other.json()["caps"] == [CAP | {"overflow": "defer"}]
    exported = (await api.http.get(f"{url}/export")).json()
    assert exported["recipient"]["caps"] == [CAP | {"overflow": "defer"}]
    nothing: Any
    for nothing in (None, []):
        await api.http.put(f"{url}/preferences", json={"caps": [CAP]})
        cleared = await api.http.put(f"{url}/preferences", json={"caps": nothing})
        assert cleared.json()["caps"] == []


async def test_the_projects_are_kept_beside_its_senders(api: ApiUnderTest) -> None:
    changed = await api.http.patch("/v1/projects/me", json={"caps": [CAP], "reply_to": ["a@example.com"]})
    assert (changed.json()["caps"], changed.json()["reply_to"]) == ([CAP], ["a@example.com"])
    shown = await api.http.patch("/v1/projects/me", json={"reply_to": []})
    assert shown.json()["caps"] == [CAP]
    assert (await api.http.patch("/v1/projects/me", json={"caps": None})).json()["caps"] == []
    assert (await api.http.get("/v1/projects/me")).json()["caps"] == []


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"max": 0}, ["max"]),
        ({"max": 1001}, ["max"]),
        ({"max": "3"}, ["max"]),
        ({"per": "24"}, ["per"]),
        ({"per": "32d"}, ["per"]),
        ({"per": "0s"}, ["per"]),
        ({"types": []}, ["types"]),
        ({"types": "news"}, ["types"]),
        ({"overflow": "drop"}, ["overflow"]),
        ({"window": "1h"}, ["window"]),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_name(
    api: ApiUnderTest, wrong: dict[str, Any], place: list[str]
) -> None:
    person = await api.recipient()
    body = {"caps": [CAP | wrong]}
    preferences = f"/v1/recipients/{person['id']}/preferences"
    for refused in (
        await api.http.put(preferences, json=body),
        await api.http.patch("/v1/projects/me", json=body),
    ):
        (flaw,) = problem(refused, 422, "invalid-request")["errors"]
        assert flaw["loc"] == ["body", "caps", 0, *place]


async def test_a_simulation_counts_those_before_it(api: ApiUnderTest) -> None:
    person = await api.recipient()
    wanted = MAIL | {"to": {"recipient_id": person["id"]}, "type": "news"}
    await api.http.put(f"/v1/recipients/{person['id']}/preferences", json={"caps": [CAP]})
    answer = await api.http.post("/v1/notifications/simulate", json=[wanted, wanted])
    first, second = [each["channels"][0] for each in answer.json()["data"]]
    assert (first["verdict"], second["verdict"], second["reason"]) == ("send", "skip", "capped")
    again = await api.http.post("/v1/notifications/simulate", json=wanted)
    assert again.json()["channels"][0]["verdict"] == "send"


async def test_those_gathered_above_a_cap_are_foreseen_as_one_message(api: ApiUnderTest) -> None:
    await api.template(contents={"email": {"en": {"subject": "News", "body_text": "{{ total|d(1) }}"}}})
    person = await api.recipient()
    await api.http.put(
        f"/v1/recipients/{person['id']}/preferences", json={"caps": [CAP | {"overflow": "digest"}]}
    )
    wanted = {"type": "magic_link", "to": {"recipient_id": person["id"]}, "data": {}}
    answer = await api.http.post("/v1/notifications/simulate", json=[wanted] * 4)
    first, *others = [each["channels"][0] for each in answer.json()["data"]]
    assert first["verdict"] == "send"
    assert {(each["verdict"], each["reason"]) for each in others} == {("defer", "cap")}
    assert len({each["send_at"] for each in others}) == 1


async def test_several_wait_in_one_window_and_what_comes_alone_after_it(api: ApiUnderTest) -> None:
    await api.template(contents={"email": {"en": {"subject": "News", "body_text": "{{ total|d(1) }}"}}})
    person = await api.recipient()
    caps = [CAP | {"per": "1h", "overflow": "digest"}]
    await api.http.put(f"/v1/recipients/{person['id']}/preferences", json={"caps": caps})
    to = {"to": {"recipient_id": person["id"]}}
    wanted = {"type": "magic_link", "data": {}, **to}
    answer = await api.http.post("/v1/notifications/simulate", json=[wanted, wanted, wanted, MAIL | to])
    first, second, third, alone = [
        datetime.fromisoformat(each["channels"][0]["send_at"]) for each in answer.json()["data"]
    ]
    hour = timedelta(hours=1)
    assert (second - first, third - first, alone - first) == (hour, hour, 2 * hour)
