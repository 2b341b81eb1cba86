"""Schedules in the console: made, changed, paused, fired and deleted by forms; when they are due."""

from collections.abc import Mapping
from uuid import uuid4

import pytest

from tests.support.api import ApiUnderTest
from tests.support.console import STRANGER, Browser, browsing, logged_in

JOB = '{"type": "report", "payload": {"a": 1}}'
FORM = {"name": "weekly", "cron": "0 9 * * 1", "timezone": "Europe/Vienna", "misfire": "skip", "job": JOB}


async def posted(browser: Browser, path: str, fields: Mapping[str, str]) -> tuple[int, str, str]:
    """Status, where it leads, and what it says."""
    answer = await browser.post(path, {}, csrf=await browser.csrf(), **fields)
    return answer.status_code, answer.headers.get("location", ""), answer.text


async def made(api: ApiUnderTest, **fields: object) -> str:
    request = {"name": f"s {uuid4()}", "cron": "30 2 * * *", "timezone": "Europe/Vienna", **fields}
    answer = await api.http.post("/v1/schedules", json={"job": {"type": "report", "payload": {}}, **request})
    assert answer.status_code == 201, answer.text
    return f"/console/schedules/{answer.json()['id']}"


async def current(api: ApiUnderTest, page: str) -> dict[str, object]:
    return dict((await api.http.get(page.replace("/console", "/v1"))).json())


async def test_a_schedule_is_made_once(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        form = FORM | {"once": str(uuid4())}
        status, page, text = await posted(browser, "/console/schedules/new", form)
        assert status == 303, text
        assert (await posted(browser, "/console/schedules/new", form))[1] == page
        found = await current(api, page)
        assert (found["cron"], found["timezone"], found["misfire"]) == ("0 9 * * 1", "Europe/Vienna", "skip")
        assert found["job"] == {"type": "report", "payload": {"a": 1}}
        shown = (await browser.get(page)).text
        assert "09:00" in shown
        assert "Europe/Vienna" in shown
        assert page in (await browser.get("/console/schedules")).text


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": STRANGER}, "cron"),
        ({"every": "1x", "cron": ""}, "every"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"misfire": "x"}, "misfire"),
        ({"job": "{"}, "job"),
        ({"job": ""}, "job"),
        ({"job": "[]"}, "job"),
        ({"job": '{"to": {"email": "nobody"}, "subject": "x", "body_text": "y"}'}, "job"),
        ({"every": "1h"}, ""),
        ({"cron": ""}, ""),
    ],
)
async def test_what_is_wrong_is_said_beside_what_was_typed(
    api: ApiUnderTest, fields: dict[str, str], field: str
) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        for path in ("/console/schedules/new", f"{page}/edit"):
            seen = (await browser.hidden(path)).get("seen", "")
            status, _, text = await posted(browser, path, FORM | {"seen": seen} | fields)
            if path.endswith("edit") and fields.get("every") == "1h":
                continue
            assert status == 422, (path, text)
            assert 'role="alert"' in text
            assert f'href="#{field}' in text or field == "" or path.endswith("edit")
            assert "<script>alert" not in text
            assert "Europe/Vienna" in text


async def test_only_what_changed_is_changed(api: ApiUnderTest) -> None:
    page = await made(api, cron=None, every="1h", timezone="UTC")
    before = await current(api, page)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        text = (await browser.get(f"{page}/edit")).text
        seen = text.partition('name="seen" value="')[2].partition('"')[0]
        form = {"name": "hourly", "every": "1h", "timezone": "UTC", "misfire": "coalesce", "seen": seen}
        status, _, text = await posted(
            browser, f"{page}/edit", form | {"job": '{"type": "report", "payload": {}}'}
        )
        assert status == 303, text
        after = await current(api, page)
        assert after["name"] == "hourly"
        assert after["next_run_at"] == before["next_run_at"], "the rule goes on counting from when it was set"
        status, _, text = await posted(browser, f"{page}/edit", form | {"name": "late", "job": JOB})
        assert status == 409
        assert 'value="late"' in text


async def test_pause_resume_and_fire(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert (await posted(browser, f"{page}/pause", {}))[:2] == (303, page)
        assert (await current(api, page))["is_active"] is False
        assert "It is paused" in (await browser.get(page)).text
        await posted(browser, f"{page}/resume", {})
        assert (await current(api, page))["is_active"] is True
        once = {"once": str(uuid4())}
        for _ in range(2):
            assert (await posted(browser, f"{page}/run", once))[0] == 303
        shown = (await browser.get(page)).text
        assert shown.count("by hand") == 1, "pressed twice, fired once"
        assert (await posted(browser, f"{page}/dance", {}))[0] == 404


async def test_a_calendar_of_months(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get(page)).text
        later = text.partition(f'href="{page}?month=')[2].partition("#")[0]
        assert f"{page}?month={later}" in text
        assert 'class="calendar"' in (await browser.get(f"{page}?month={later}")).text
        for nonsense in ("x", "9999-99", "%00", "0001-01"):
            assert (await browser.get(f"{page}?month={nonsense}")).status_code in (200, 404)


async def test_a_schedule_is_deleted_after_a_question(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert "Delete this schedule?" in (await browser.get(f"{page}/delete")).text
        assert (await posted(browser, f"{page}/delete", {}))[1] == "/console/schedules"
        assert (await browser.get(page)).status_code == 404


async def test_whoever_reads_changes_nothing(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        assert f"{page}/" not in (await browser.get(page)).text
        for path in ("/console/schedules/new", f"{page}/edit", f"{page}/delete"):
            assert (await browser.get(path)).status_code == 403
        for path in (
            "/console/schedules/new",
            *(f"{page}/{each}" for each in ("edit", "run", "pause", "delete")),
        ):
            assert (await posted(browser, path, FORM))[0] == 403


async def test_nothing_of_another_project(api: ApiUnderTest) -> None:
    stranger = await api.caller(["admin"], f"project-{uuid4().hex}")
    job = {"type": "report", "payload": {}}
    theirs = (await stranger.post("/v1/schedules", json={"name": "x", "every": "1h", "job": job})).json()[
        "id"
    ]
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        page = f"/console/schedules/{theirs}"
        for path in (page, f"{page}/edit", f"{page}/delete"):
            assert (await browser.get(path)).status_code == 404
        for deed in ("edit", "pause", "run", "delete"):
            assert (await posted(browser, f"{page}/{deed}", FORM))[0] == 404
