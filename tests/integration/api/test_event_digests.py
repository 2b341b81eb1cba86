"""`digest` at the doors for single notifications and for many, and what is said of events and their message."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.batching import closing, joining
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.decisions import Decision, requested_jobs
from tests.support.api import ApiUnderTest, problem

URL = "/v1/notifications"
WINDOW: dict[str, Any] = {"key": "photo-1", "window": "10m"}
CONTENTS = {
    "email": {
        "en": {
            "subject": "{{ total }} comments for {{ name }}",
            "body_text": "{% for item in items %}{{ item.text }}\n{% endfor %}",
        }
    }
}
EVENT: dict[str, Any] = {
    "type": "comments",
    "to": {"email": "ada@example.com"},
    "data": {"name": "Ada", "text": "Nice"},
    "digest": WINDOW,
}


@pytest.fixture
async def template(api: ApiUnderTest) -> str:
    found = await api.http.get("/v1/templates?name=comments")
    if found.status_code == 200 and found.json()["data"]:
        return "comments"
    made = await api.template(name="comments", contents=CONTENTS)
    return str(made["name"])


async def wait(ledger: Ledger, job_ids: list[str]) -> None:
    """As the dispatcher lets events wait."""
    found = await requested_jobs(ledger, job_ids)  # type: ignore[arg-type]
    await joining.record(ledger, [Decision(job, JobState.PROCESSING, joining=job.joining) for job in found])


async def close(ledger: Ledger) -> str:
    await ledger.fetch("UPDATE hermodr.event_windows SET closes_at = now() WHERE closed_at IS NULL")
    (carrier,) = (await closing.close_due(ledger.cold, 10)).carriers
    return str(carrier.id)


async def test_the_template_needs_only_what_is_not_supplied(api: ApiUnderTest, template: str) -> None:
    one = await api.http.post(URL, json=EVENT)
    many = await api.http.post(f"{URL}/bulk", json=[EVENT, EVENT | {"data": {"text": "x"}}])
    assert (one.status_code, one.json()["status"]) == (202, "queued")
    (rejected,) = many.json()["rejected"]
    assert (rejected["index"], rejected["errors"][0]["loc"]) == (1, ["data", "name"])
    alone = problem(await api.http.post(URL, json=EVENT | {"digest": None}), 422, "invalid-request")
    assert {tuple(each["loc"]) for each in alone["errors"]} == {
        ("body", "data", "items"),
        ("body", "data", "total"),
    }
    (row,) = await api.api.ledger.fetch(
        "SELECT digest FROM hermodr.jobs WHERE id = $1::uuid", one.json()["job_id"]
    )
    assert json.loads(row["digest"]) == {"key": "photo-1", "window": 600, "max_window": None, "first": "wait"}


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"digest": {}}, ["digest", "key"]),
        ({"digest": WINDOW | {"window": "8d"}}, ["digest", "window"]),
        ({"digest": WINDOW | {"window": 600}}, ["digest", "window"]),
        ({"digest": WINDOW | {"max_window": "9m"}}, ["digest"]),
        ({"digest": WINDOW | {"first": "never"}}, ["digest", "first"]),
        ({"digest": WINDOW | {"extra": 1}}, ["digest", "extra"]),
        ({"data": {"name": "Ada", "items": []}}, ["data", "items"]),
        ({"subject": "Hi", "body_text": "you"}, ["digest"]),
        (
            {"attachments": [{"filename": "a", "content_type": "text/plain", "content": "YQ=="}]},
            ["attachments"],
        ),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_name(
    api: ApiUnderTest, template: str, wrong: dict[str, Any], place: list[object]
) -> None:
    flaws = problem(await api.http.post(URL, json=EVENT | wrong), 422, "invalid-request")["errors"]
    assert ["body", *place] in [each["loc"] for each in flaws]
    (rejected,) = (await api.http.post(f"{URL}/bulk", json=[EVENT | wrong])).json()["rejected"]
    assert place in [each["loc"] for each in rejected["errors"]]


async def foreseen(api: ApiUnderTest, **digest: Any) -> tuple[str, str | None, float]:
    """Verdict, reason, and in how many seconds."""
    asked = EVENT | {"digest": {"key": "foreseen", "window": "10m"} | digest}
    (told,) = (await api.http.post(f"{URL}/simulate", json=asked)).json()["channels"]
    moment = datetime.fromisoformat(told["send_at"])
    return told["verdict"], told["reason"], (moment - datetime.now(UTC)).total_seconds()


async def test_what_would_become_of_an_event_depends_on_its_window(api: ApiUnderTest, template: str) -> None:
    verdict, reason, seconds = await foreseen(api)
    assert (verdict, reason, round(seconds, -1)) == ("defer", "digest", 600)
    verdict, reason, seconds = await foreseen(api, first="now")
    assert (verdict, reason, round(seconds, -1)) == ("send", None, 0)
    event = EVENT | {"digest": {"key": "foreseen", "window": "5m", "max_window": "15m"}}
    await wait(api.api.ledger, [(await api.http.post(URL, json=event)).json()["job_id"]])
    verdict, reason, seconds = await foreseen(api, first="now")
    assert (verdict, reason, round(seconds, -1)) == ("defer", "digest", 300)
    assert round((await foreseen(api, max_window="20m"))[2], -1) == 600
    assert round((await foreseen(api, window="20m", max_window="20m"))[2], -1) == 900
    await close(api.api.ledger)


async def test_the_timelines_of_events_and_message_name_each_other(api: ApiUnderTest, template: str) -> None:
    event = EVENT | {"digest": WINDOW | {"key": "of the timeline"}}
    ids = [(await api.http.post(URL, json=event)).json()["job_id"] for _ in range(2)]
    await wait(api.api.ledger, ids)
    waiting = (await api.http.get(f"/v1/jobs/{ids[0]}")).json()["job"]
    assert waiting["status"] == "scheduled"
    carrier = await close(api.api.ledger)
    lines = (await api.http.get(f"/v1/jobs/{ids[0]}/timeline")).json()["data"]
    told = {line["event"]: line["detail"] for line in lines}
    assert told["waits_in_window"]["key"] == "of the timeline"
    assert told["sent_with"]["job_id"] == carrier
    lines = (await api.http.get(f"/v1/jobs/{carrier}/timeline")).json()["data"]
    (gathered,) = [line["detail"] for line in lines if line["event"] == "gathered"]
    assert (gathered["total"], gathered["items"]) == (2, 2)
    refused = problem(await api.http.delete(f"/v1/jobs/{ids[0]}"), 409, "conflict")
    assert "sent_with" in refused["detail"]
    assert (await api.http.delete(f"/v1/jobs/{carrier}")).status_code == 200
    await closing.settle(api.api.ledger.cold, 10)
    assert (await api.http.get(f"/v1/jobs/{ids[1]}")).json()["job"]["status"] == "cancelled"
    refused = problem(await api.http.post(f"/v1/jobs/{ids[0]}/retry"), 409, "conflict")
    assert "ask for that again" in refused["detail"]
    again = await api.http.post(f"/v1/jobs/{carrier}/retry")
    assert again.status_code == 202, again.text
