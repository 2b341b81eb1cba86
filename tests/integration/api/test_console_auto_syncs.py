"""Auto-syncs in the console: a group is asked by a form, answers are recorded, and it is paused, resumed and ended."""

from collections.abc import Mapping
from uuid import uuid4

import pytest

from tests.support.api import ApiUnderTest
from tests.support.auto_syncs import Crew
from tests.support.console import STRANGER, Browser, browsing, logged_in

FORM = {
    "event_name": "Summer party",
    "response_goal": "number",
    "response_target": "2",
    "reminder_after": "24h",
    "pause_after": "48h",
    "channel": "email",
    "timezone": "Europe/Vienna",
    "data": '{"link": "https://example.com/party"}',
    "status": "running",
}


async def posted(browser: Browser, path: str, fields: Mapping[str, str]) -> tuple[int, str, str]:
    """Status, where it leads, and what it says."""
    answer = await browser.send(path, {**fields, "csrf": await browser.csrf()})
    return answer.status_code, answer.headers.get("location", ""), answer.text


async def asked(api: ApiUnderTest, **fields: object) -> tuple[Crew, str, str]:
    """A crew of three, its auto-sync's id, and its page."""
    crew = await Crew.of(api, 3)
    sync = str((await crew.ask(**fields))["id"])
    return crew, sync, f"/console/auto-syncs/{sync}"


async def test_a_group_is_asked_once(api: ApiUnderTest) -> None:
    boss = await api.recipient(external_id=f"boss-{uuid4()}", name="Olga")
    made = await api.http.post("/v1/groups", json={"name": "Choir", "external_id": f"choir-{uuid4()}"})
    group = made.json()
    named = {"organizer_id": boss["external_id"], "group_id": group["external_id"]}
    form = FORM | named | {"once": str(uuid4())}
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert (await browser.get("/console/auto-syncs/new")).status_code == 200
        status, page, text = await posted(browser, "/console/auto-syncs/new", form)
        assert status == 303, text
        assert (await posted(browser, "/console/auto-syncs/new", form))[1] == page
        found = (await api.http.get(page.replace("/console", "/v1"))).json()
        assert (found["organizer_id"], found["group_id"]) == (boss["id"], group["id"])
        assert (found["response_goal"], found["response_target"], found["timezone"]) == (
            "number",
            2,
            "Europe/Vienna",
        )
        assert found["data"] == {"link": "https://example.com/party"}
        shown = (await browser.get(page)).text
        assert "Olga" in shown
        assert "has no members but who asks" in shown
        listed = (await browser.get("/console/auto-syncs?status=running")).text
        assert page in listed
        assert "Choir" in listed
        assert page not in (await browser.get("/console/auto-syncs?status=cancelled")).text


@pytest.mark.parametrize(
    "fields",
    [
        {"organizer_id": "nobody"},
        {"organizer_id": "00000000-0000-4000-8000-000000000000"},
        {"group_id": STRANGER},
        {"response_target": "many"},
        {"reminder_after": "soon"},
        {"data": "{"},
        {"data": "[]"},
        {"timezone": "Mars/Base"},
        {"channel": "pigeon"},
        {"started_at": "yesterday"},
        {"event_name": "x" * 300},
    ],
)
async def test_what_is_wrong_is_said(api: ApiUnderTest, fields: dict[str, str]) -> None:
    crew = await Crew.of(api, 1)
    form = FORM | {"organizer_id": crew.organizer_id, "group_id": crew.group_id} | fields
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        status, _, text = await posted(browser, "/console/auto-syncs/new", form)
        assert status == 422
        assert f'href="#{next(iter(fields))}' in text
        assert "<script>alert" not in text
        assert 'value="48h"' in text
        unknown = "there is no recipient with this id, external id or name"
        assert (unknown in text) is (fields.get("organizer_id") == "nobody")


async def test_answers_are_recorded_until_the_goal_is_met(api: ApiUnderTest) -> None:
    crew, sync, page = await asked(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        text = (await browser.get(page)).text
        assert "<b>0</b> of 3" in text
        answer = {"member_id": crew.member_ids[0], "response": STRANGER}
        assert (await posted(browser, page, answer))[0] == 303
        text = (await browser.get(page)).text
        assert "<b>1</b> of 3" in text
        assert "<script>alert" not in text
        for strange in ({"member_id": str(uuid4()), "response": "yes"}, {"member_id": crew.member_ids[1]}):
            status, _, text = await posted(browser, page, strange)
            assert status == 422
            assert "This was not saved" in text
        for member in crew.member_ids[1:]:
            await posted(browser, page, {"member_id": member, "response": "yes"})
        assert (await crew.show(sync))["status"] == "completed"
        assert ">completed<" in (await browser.get(page)).text


async def test_it_is_changed_paused_resumed_and_ended(api: ApiUnderTest) -> None:
    crew, sync, page = await asked(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        text = (await browser.get(f"{page}/edit")).text
        seen = text.partition('name="seen" value="')[2].partition('"')[0]
        form = FORM | {"event_name": "Winter party", "pause_after": "3d", "seen": seen}
        status, _, text = await posted(browser, f"{page}/edit", form)
        assert status == 303, text
        found = await crew.show(sync)
        assert (found["event_name"], found["pause_after"], found["response_target"]) == (
            "Winter party",
            "72h",
            2,
        )
        assert (await posted(browser, f"{page}/edit", form))[0] == 409
        await posted(browser, f"{page}/pause", {})
        assert (await crew.show(sync))["status"] == "paused"
        await posted(browser, f"{page}/resume", {})
        assert (await crew.show(sync))["status"] == "running"
        location = (await posted(browser, f"{page}/run", {}))[1]
        assert "Nothing was due" in (await browser.get(location)).text
        assert "Complete it now?" in (await browser.get(f"{page}/complete")).text
        await posted(browser, f"{page}/complete", {})
        assert (await crew.show(sync))["status"] == "completed"
        assert (await posted(browser, f"{page}/pause", {}))[0] == 409
        assert (await posted(browser, f"{page}/delete", {}))[1] == "/console/auto-syncs"
        assert (await browser.get(page)).status_code == 404


async def test_a_cancelled_one_takes_no_answers(api: ApiUnderTest) -> None:
    crew, sync, page = await asked(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert "Cancel it?" in (await browser.get(f"{page}/cancel")).text
        await posted(browser, f"{page}/cancel", {})
        assert (await crew.show(sync))["status"] == "cancelled"
        assert "Record an answer" not in (await browser.get(page)).text
        answer = {"member_id": crew.member_ids[0], "response": "yes"}
        assert (await posted(browser, page, answer))[0] == 409


async def test_who_may_not_manage_sees_and_changes_nothing(api: ApiUnderTest) -> None:
    crew, sync, page = await asked(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get(page)).text
        assert "Record an answer" not in text
        assert "Pause" not in text.partition("<main")[2]
        assert "Ask a group" not in (await browser.get("/console/auto-syncs")).text
        for path in (f"{page}/edit", f"{page}/cancel", "/console/auto-syncs/new"):
            assert (await browser.get(path)).status_code == 403
        for path in (f"{page}/pause", f"{page}/delete", page):
            assert (await posted(browser, path, {}))[0] == 403
        assert (await crew.show(sync))["status"] == "running"


async def test_nothing_of_another_project(api: ApiUnderTest) -> None:
    theirs = await api.caller(["read", "manage"], project="another")
    organizer = (await theirs.post("/v1/recipients", json={"name": "Olga", "external_id": "boss"})).json()[
        "id"
    ]
    group = (await theirs.post("/v1/groups", json={"name": "Secret choir"})).json()["id"]
    body = {"organizer_id": organizer, "group_id": group, "event_name": "Secret party"}
    sync = (await theirs.post("/v1/auto-syncs", json=body)).json()["id"]
    page = f"/console/auto-syncs/{sync}"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert "Secret" not in (await browser.get("/console/auto-syncs")).text
        for path in (page, f"{page}/edit", f"{page}/cancel", f"{page}/nonsense"):
            assert (await browser.get(path)).status_code == 404
        for path in (f"{page}/pause", f"{page}/run", f"{page}/delete"):
            assert (await posted(browser, path, {}))[0] == 404
        form = FORM | {"organizer_id": "boss", "group_id": group}
        assert (await posted(browser, "/console/auto-syncs/new", form))[0] == 422
