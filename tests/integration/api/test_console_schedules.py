"""Schedules in the console: made, changed, paused, fired and deleted by forms; when they are due."""

from collections.abc import Mapping
from uuid import uuid4

import pytest

from tests.support.api import ApiUnderTest
from tests.support.console import STRANGER, Browser, browsing, logged_in

JOB = '{"type": "report", "payload": {"a": 1}}'
RULE = {"name": "weekly", "cron": "0 9 * * 1", "timezone": "Europe/Vienna", "misfire": "skip"}
FORM = RULE | {"job.does": "json", "job.json": JOB}
MESSAGE = RULE | {"job.does": "message", "job.message.kind": "recipient", "job.message.priority": "normal"}
DEEP = f"job.message.data.{'.'.join('a' * 1000)}"
TASK = RULE | {"job.does": "task", "job.task.type": "report", "job.task.priority": "normal"}


async def posted(browser: Browser, path: str, fields: Mapping[str, str]) -> tuple[int, str, str]:
    """Status, where it leads, and what it says."""
    answer = await browser.post(path, {}, csrf=await browser.csrf(), **fields)
    return answer.status_code, answer.headers.get("location", ""), answer.text


def value_of(text: str, name: str) -> str:
    """What stands in a field of a page."""
    return text.partition(f' name="{name}"')[2].partition('value="')[2].partition('"')[0]


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
        ({"job.json": "{"}, "job.json"),
        ({"job.json": ""}, "job.json"),
        ({"job.json": "[]"}, "job.json"),
        ({"job.json": '{"to": {"email": "nobody"}, "subject": "x", "body_text": "y"}'}, "job.json"),
        ({"job.does": "x", "job.json": "{"}, "job.json"),
        ({"job.does": "message"}, "job.message.to"),
        ({"job.does": "message", "job.message.to": "Nobody"}, "job.message.to"),
        ({"job.does": "message", "job.message.to": "Nobody", "job.message.kind": "group"}, "job.message.to"),
        ({"job.does": "message", "job.message.to": "nobody", "job.message.kind": "email"}, "job.message.to"),
        ({"job.does": "message", "job.message.to": "a", "job.message.more": "1"}, "job.message.more"),
        ({"job.does": "message", "job.message.to": "a", DEEP: "x"}, "job.message.more"),
        ({"job.does": "message", "job.message.to": "a", DEEP: "x", "step": "json"}, "job.message.more"),
        ({"job.does": "task"}, "job.task.type"),
        ({"job.does": "task", "job.task.type": "report", "job.task.payload": "x"}, "job.task.payload"),
        ({"job.does": "task", "job.task.type": "report", "job.task.priority": "x"}, "job.task.priority"),
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
        form = TASK | {"cron": "", "every": "1h", "timezone": "UTC", "misfire": "coalesce", "seen": seen}
        form |= {"name": "hourly", "job.message.kind": "recipient", "job.message.priority": "normal"}
        status, _, text = await posted(browser, f"{page}/edit", form)
        assert status == 303, text
        after = await current(api, page)
        assert after["name"] == "hourly"
        assert after["next_run_at"] == before["next_run_at"], "the rule goes on counting from when it was set"
        status, _, text = await posted(
            browser, f"{page}/edit", form | {"name": "late", "job.task.payload": "{}"}
        )
        assert status == 409
        assert 'value="late"' in text


async def test_a_message_by_its_template(api: ApiUnderTest) -> None:
    name, who = f"weekly_{uuid4().hex[:8]}", f"who-{uuid4().hex[:8]}"
    texts = {"subject": "{{ title }}", "body_text": "{{ order.number }} {{ count }}"}
    await api.template(name=name, contents={"email": {"en": texts}})
    await api.http.post(
        "/v1/recipients", json={"external_id": who, "name": f"Name {who}", "email": f"{who}@example.com"}
    )
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        known = (await browser.get(f"/console/known/anybody?job.message.to=name+{who}")).text
        assert f'<option value="{who}">Name {who}</option>' in known
        assert name in (await browser.get(f"/console/known/template?x={name[:9]}")).text
        form = MESSAGE | {"job.message.to": f"Name {who}", "job.message.type": name}
        status, _, text = await posted(browser, "/console/schedules/new", form | {"step": "fields"})
        assert status == 200
        assert 'role="alert"' not in text
        assert 'name="job.message.data.order.number"' in text
        assert f'value="Name {who}"' in text
        status, _, text = await posted(browser, "/console/schedules/new", form)
        assert status == 422
        assert 'id="job.message.data.title-flaw"' in text, text
        form |= {
            "job.message.data.title": "News",
            "job.message.data.order.number": "A 7",
            "job.message.more": '{"count": 3}',
            "job.message.channel.email": "yes",
        }
        status, page, text = await posted(browser, "/console/schedules/new", form)
        assert status == 303, text
        job = (await current(api, page))["job"]
        assert isinstance(job, dict)
        assert job.pop("to").keys() == {"recipient_id"}
        data = {"count": 3, "title": "News", "order": {"number": "A 7"}}
        assert job == {"type": name, "channels": ["email"], "data": data}
        shown = (await browser.get(f"{page}/edit")).text
        assert value_of(shown, "job.message.data.title") == "News"
        assert value_of(shown, "job.message.data.order.number") == "A 7"


async def test_who_is_typed_by_an_id_of_theirs_stays_called_that(api: ApiUnderTest) -> None:
    who = f"who-{uuid4().hex[:8]}"
    person = {"external_id": who, "user_id": f"user-{who}", "email": f"{who}@example.com"}
    await api.http.post("/v1/recipients", json=person)
    group = (await api.http.post("/v1/groups", json={"name": f"Group {who}"})).json()["id"]
    texts = {"job.message.subject": "Hello", "job.message.body_text": "It is time.\nGo."}
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        for kind, words, to in (
            ("recipient", who, {"external_id": who}),
            ("recipient", f"user-{who}", {"user_id": f"user-{who}"}),
            ("group", f"Group {who}", {"group_id": group}),
            ("email", "ada@example.com", {"email": "ada@example.com"}),
        ):
            form = MESSAGE | texts | {"name": f"s {uuid4()}"}
            form |= {"job.message.kind": kind, "job.message.to": words}
            status, page, text = await posted(browser, "/console/schedules/new", form)
            assert status == 303, text
            job = (await current(api, page))["job"]
            assert job == {"to": to, "subject": "Hello", "body_text": "It is time.\nGo."}
            seen = (await browser.hidden(f"{page}/edit"))["seen"]
            known = {"job.message.to": str(next(iter(to.values()))), "job.task.priority": "normal"}
            form |= known | {"job.message.subject": "Hi", "seen": seen}
            status, _, text = await posted(browser, f"{page}/edit", form)
            assert status == 303, text
            job = (await current(api, page))["job"]
            assert job == {"to": to, "subject": "Hi", "body_text": "It is time.\nGo."}


async def test_going_on_as_json(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        form = TASK | {"job.task.payload": '{"a": [1, 2]}', "step": "json"}
        status, _, text = await posted(browser, "/console/schedules/new", form)
        assert status == 200
        assert 'value="json" checked' in text
        assert "&#34;a&#34;: [\n      1,\n" in text
        status, _, text = await posted(
            browser, "/console/schedules/new", form | {"job.task.payload": '{\n"a": }'}
        )
        assert status in (400, 422)
        assert '<span class="wrong"><b>2</b>' in text
        assert "&#34;a&#34;: }" in text


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


async def test_who_is_meant_goes_on_as_json_as_it_is_saved(api: ApiUnderTest) -> None:
    who = f"who-{uuid4().hex[:8]}"
    person = {"external_id": who, "name": f"Name {who}", "email": f"{who}@example.com"}
    reader = (await api.http.post("/v1/recipients", json=person)).json()["id"]
    group = (await api.http.post("/v1/groups", json={"name": f"Group {who}"})).json()["id"]
    texts = {"job.message.subject": "Hello", "job.message.body_text": "It is time."}
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        for kind, words, to in (
            ("recipient", f"Name {who}", {"recipient_id": reader}),
            ("recipient", reader, {"recipient_id": reader}),
            ("recipient", who, {"external_id": who}),
            ("group", f"Group {who}", {"group_id": group}),
        ):
            form = MESSAGE | texts | {"name": f"s {uuid4()}"}
            form |= {"job.message.kind": kind, "job.message.to": words}
            _, page, text = await posted(browser, "/console/schedules/new", form)
            assert (await current(api, page))["job"]["to"] == to, text  # type: ignore[index]
            known = form | {"job.message.to": str(next(iter(to.values())))}
            for path, fields in (("/console/schedules/new", form), (f"{page}/edit", known)):
                status, _, text = await posted(browser, path, fields | {"step": "json"})
                assert status == 200, text
                ((name, value),) = to.items()
                assert f"&#34;{name}&#34;: &#34;{value}&#34;" in text
        form = MESSAGE | texts | {"job.message.to": "Nobody at all", "step": "json"}
        status, _, text = await posted(browser, "/console/schedules/new", form)
        assert status == 422
        assert 'id="job.message.to-flaw"' in text
        assert 'value="Nobody at all"' in text


async def test_a_task_that_no_worker_has_is_said(api: ApiUnderTest) -> None:
    name = f"nobody_has_{uuid4().hex[:8]}"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        _, page, text = await posted(browser, "/console/schedules/new", TASK | {"job.task.type": name})
        assert page, text
        assert "No worker has said that it has the task" in (await browser.get(page)).text
        assert "no worker has said yet" in (await browser.get(f"{page}/edit")).text
        await api.api.ledger.fetch("INSERT INTO hermodr.task_types (name) VALUES ($1)", name)
        assert "No worker has" not in (await browser.get(page)).text
        assert "no worker has" not in (await browser.get(f"{page}/edit")).text
