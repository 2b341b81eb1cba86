"""Channels that follow each other until somebody looked, at every door."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.api.test_inbox import MESSAGE, changed, decided, inbox
from tests.support.api import ApiUnderTest, api_over, problem
from tests.support.ledgers import row_of

STEPS = {"channels": ["in_app", "email"], "escalate": {"after": "1h"}}
WANTED = {"to": {"user_id": "ada"}, **MESSAGE, **STEPS}


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url) as api:
        if not (await api.http.get("/v1/recipients?user_id=ada")).json()["data"]:
            await api.recipient(user_id="ada", name="Ada", email="ada@example.com")
        yield api


async def stored(api: ApiUnderTest, job_id: str) -> Any:
    return json.loads((await row_of(api.api.ledger, "jobs", UUID(job_id)))["escalate"])


async def test_what_was_read_in_the_inbox_stops_the_mail(api: ApiUnderTest) -> None:
    answer = await api.http.post("/v1/notifications", json=WANTED)
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job_id"]
    assert await stored(api, job_id) == {"after": [3600], "unless": "read"}
    await decided(api)
    shown = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    assert shown["job"]["status"] == "processing"
    assert [each["channel"] for each in shown["deliveries"]] == ["in_app"]
    listed = (await api.http.get("/v1/jobs?status=processing")).json()["data"]
    assert job_id in [each["id"] for each in listed]
    ada = api.user("ada")
    (one,) = [each for each in (await inbox(ada))["data"] if each["job_id"] == job_id]
    await changed(ada, one, "read")
    timeline = (await api.http.get(f"/v1/jobs/{job_id}/timeline")).json()
    assert timeline["status"] == "completed"
    told = [each["event"] for each in timeline["data"]]
    assert told == [
        "requested",
        "decided",
        "waits_for_look",
        "attempted",
        "delivery_delivered",
        "inbox_read",
        "not_sent",
        "completed",
    ]
    details = {each["event"]: each["detail"] for each in timeline["data"]}
    assert details["not_sent"] == {"channel": "email", "reason": "read"}
    assert details["waits_for_look"]["channel"] == "email"
    assert details["waits_for_look"]["until"].startswith(shown["job"]["deferred_until"][:19])


@pytest.mark.parametrize(
    ("changes", "at", "reason"),
    [
        ({"channels": None}, ["escalate"], "needs channels"),
        ({"channels": ["email"]}, ["escalate"], "needs channels"),
        ({"channels": ["email", "email"]}, ["channels"], "stands twice"),
        ({"escalate": {"after": "soon"}}, ["escalate", "after"], "is not a span"),
        ({"escalate": {"after": ["1h", "1h"]}}, ["escalate", "after"], "needs one span"),
        ({"escalate": {"after": "31d"}}, ["escalate", "after"], "is longer than 30 days"),
        ({"escalate": {"after": []}}, ["escalate", "after"], "at least 1"),
        ({"escalate": {"after": "1h", "unless": "never"}}, ["escalate", "unless"], "'read'"),
        ({"escalate": {}}, ["escalate", "after"], "required"),
        ({"escalate": {"after": "1h", "until": "x"}}, ["escalate", "until"], "no such field"),
        (
            {"escalate": {"after": ["16d", "16d"]}, "channels": ["in_app", "email", "sms"]},
            ["escalate", "after"],
            "is longer than 30 days",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused(
    api: ApiUnderTest, changes: dict[str, Any], at: list[str], reason: str
) -> None:
    answer = await api.http.post("/v1/notifications", json=WANTED | changes)
    errors = problem(answer, 422, "invalid-request")["errors"]
    assert any(each["loc"][1 : len(at) + 1] == at and reason in each["msg"] for each in errors), errors


async def test_it_does_not_stand_beside_a_digest(api: ApiUnderTest) -> None:
    wanted = WANTED | {"digest": {"key": "a", "window": "10m"}}
    errors = problem(await api.http.post("/v1/notifications", json=wanted), 422, "invalid-request")["errors"]
    assert ["body", "escalate"] in [each["loc"] for each in errors]


async def test_a_simulation_tells_each_step(api: ApiUnderTest) -> None:
    answer = await api.http.post("/v1/notifications/simulate", json=WANTED)
    assert answer.status_code == 200, answer.text
    first, second = answer.json()["channels"]
    assert (first["channel"], first["verdict"], first["reason"]) == ("in_app", "send", None)
    assert (second["channel"], second["verdict"], second["reason"]) == ("email", "defer", "escalate")
    begins, follows = (datetime.fromisoformat(each["send_at"]) for each in (first, second))
    assert follows - begins == timedelta(hours=1)


async def test_in_bulk_for_groups_and_by_schedules(api: ApiUnderTest) -> None:
    several = WANTED | {"escalate": {"after": ["10m"]}}
    answer = await api.http.post("/v1/notifications/bulk?include=job_ids", json=[several])
    (job_id,) = answer.json()["job_ids"]
    assert await stored(api, job_id) == {"after": [600], "unless": "read"}
    schedule = {"name": "evening", "every": "1d", "job": WANTED}
    made = (await api.http.post("/v1/schedules", json=schedule)).json()
    run = await api.http.post(f"/v1/schedules/{made['id']}/run")
    assert run.status_code == 202, run.text
    assert await stored(api, run.json()["job_id"]) == {"after": [3600], "unless": "read"}
    group = (await api.http.post("/v1/groups", json={"name": "family"})).json()
    (person,) = (await api.http.get("/v1/recipients?user_id=ada")).json()["data"]
    joined = await api.http.post(
        f"/v1/groups/{group['id']}/members", json={"members": [{"recipient_id": person["id"]}]}
    )
    assert joined.is_success, joined.text
    answer = await api.http.post("/v1/notifications", json=WANTED | {"to": {"group_id": group["id"]}})
    (job,) = (await api.http.get(f"/v1/jobs?batch_id={answer.json()['batch_id']}")).json()["data"]
    assert await stored(api, job["id"]) == {"after": [3600], "unless": "read"}
