"""`deliver_at`, the time of day by the recipient's clock, at the doors for single notifications and for many."""

from typing import Any

import pytest

from tests.support.api import MAIL, ApiUnderTest, problem

URL = "/v1/notifications"
NINE = {"local_time": "09:00", "days": [1, 2, 3, 4, 5]}


async def stored(api: ApiUnderTest) -> list[str]:
    rows = await api.api.ledger.fetch(
        "SELECT deliver_at FROM hermodr.jobs WHERE project_id = $1 ORDER BY id", api.project_id
    )
    return [row["deliver_at"] for row in rows]


async def test_it_is_kept_as_it_was_wished(api: ApiUnderTest) -> None:
    one = await api.http.post(URL, json=MAIL | {"deliver_at": NINE})
    many = await api.http.post(f"{URL}/bulk", json=[MAIL | {"deliver_at": {"local_time": "00:00"}}])
    assert (one.status_code, one.json()["status"], many.json()["accepted"]) == (202, "queued", 1)
    assert await stored(api) == [
        '{"days": [1, 2, 3, 4, 5], "local_time": "09:00"}',
        '{"days": [1, 2, 3, 4, 5, 6, 7], "local_time": "00:00"}',
    ]


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"deliver_at": "09:00"}, ["deliver_at"]),
        ({"deliver_at": {}}, ["deliver_at", "local_time"]),
        ({"deliver_at": {"local_time": "24:00"}}, ["deliver_at", "local_time"]),
        ({"deliver_at": {"local_time": "9:00"}}, ["deliver_at", "local_time"]),
        ({"deliver_at": NINE | {"days": []}}, ["deliver_at", "days"]),
        ({"deliver_at": NINE | {"days": [8]}}, ["deliver_at", "days", 0]),
        ({"deliver_at": NINE | {"days": [1, 1]}}, ["deliver_at"]),
        ({"deliver_at": NINE | {"zone": "UTC"}}, ["deliver_at", "zone"]),
        ({"deliver_at": NINE, "delay_seconds": 1}, ["deliver_at"]),
        ({"deliver_at": NINE, "scheduled_for": "2020-01-01T00:00:00Z"}, ["deliver_at"]),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_name(
    api: ApiUnderTest, wrong: dict[str, Any], place: list[object]
) -> None:
    before = await api.jobs()
    refused = await api.http.post(URL, json=MAIL | wrong)
    (flaw,) = problem(refused, 422, "invalid-request")["errors"]
    assert flaw["loc"] == ["body", *place]
    assert place[-1] != "local_time" or "required" in flaw["msg"] or "time of day" in flaw["msg"]
    many = (await api.http.post(f"{URL}/bulk", json=[MAIL | wrong])).json()
    ((rejected,),) = [each["errors"] for each in many["rejected"]]
    assert rejected["loc"] == place
    assert await api.jobs() == before
