"""The console over HTTP, as a browser would use it."""

import re
from uuid import UUID, uuid4

import pytest

from hermodr_ledger.access import keys
from hermodr_ledger.dead_letters.burying import bury_job
from tests.support.api import MAIL, ApiUnderTest
from tests.support.console import STRANGER, asked, browsing, logged_in

PAGES = (
    "",
    "/messages",
    "/recipients",
    "/templates",
    "/schedules",
    "/digests",
    "/auto-syncs",
    "/tasks",
    "/dead-letters",
    "/queues",
    "/providers",
    "/groups",
    "/suppressions",
    "/webhooks",
    "/project",
)


async def test_what_is_wrong_with_the_installation_is_told_to_operators(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        text = (await browser.get("/console")).text
        assert "of the installation, not of this project: ask whoever operates it" in text
        assert "no live instance of dispatcher" not in text
        await api.operate()
        text = (await browser.get("/console")).text
        assert "What is wrong now" in text
        assert "no live instance of dispatcher" in text
        assert "Start it, and look why it ended" in text


async def test_what_is_wrong_in_a_project_is_told_to_it_alone(api: ApiUnderTest) -> None:
    job = UUID(await asked(api))
    assert await bury_job(api.api.ledger, job, "undecidable")
    task = (await api.http.post("/v1/jobs", json={"type": "report", "payload": {}})).json()["job_id"]
    waits = "INSERT INTO hermodr.tasks (job_id, project_id, type, priority) VALUES ($1, $2, 'report', 1)"
    await api.api.ledger.fetch(waits, UUID(task), api.project_id)
    others = (await keys.create(api.api.ledger, f"others-{uuid4()}", ["read"])).secret
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get("/console")).text
        assert "1 dead letters" in text
        assert "tasks wait, 1 of them, whose types no worker has" in text
        assert "/console/dead-letters" in text.partition("What is wrong now")[2].partition("</section>")[0]
        assert "hermodr doctor" not in text
    async with browsing(api) as browser:
        await browser.post("/console/login", key=others, next="/console")
        text = (await browser.get("/console")).text
        assert "ask whoever operates it" in text
        assert "1 dead letters" not in text
        assert "tasks wait" not in text


async def test_failures_lead_to_what_is_alike(api: ApiUnderTest) -> None:
    task = (await api.http.post("/v1/jobs", json={"type": "report", "payload": {}})).json()["job_id"]
    failed = "UPDATE hermodr.jobs SET state = 'failed', error = $2, finished_at = now() WHERE id = $1"
    await api.api.ledger.fetch(failed, UUID(task), "RuntimeError")
    await api.api.ledger.fetch(failed, UUID(await asked(api)), "smtp_550")
    skipped = "UPDATE hermodr.jobs SET state = 'skipped', finished_at = now() WHERE id = $1"
    await api.api.ledger.fetch(skipped, UUID(await asked(api)))
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get("/console")).text
        assert 'href="/console/messages?error=smtp_550"' in text
        path = "/console/messages?kind=task&status=failed&type=report"
        assert path.replace("&", "&amp;") in text
        assert f"row-{task}" in (await browser.get(path)).text
        assert 'href="/console/messages?status=skipped"><b>1</b>' in text


async def test_how_long_messages_took_is_told(api: ApiUnderTest) -> None:
    times = {
        "soon": "200 ms",
        "later": "1 h",
        "again": "2 h",
        "others": "2 h",
        "steps": "2 h",
        "early": "-5 s",
    }
    jobs = {name: UUID(await asked(api)) for name in times}
    ended = """UPDATE hermodr.jobs SET state = 'completed', finished_at = created_at + $2::text::interval"""
    for name, took in times.items():
        await api.api.ledger.fetch(f"{ended} WHERE id = $1", jobs[name], took)
    changes = {
        "later": "scheduled_for = finished_at - interval '3 s'",
        "again": "requeues = 1",
        "others": """digest = '{"window_id": null}'""",
        "steps": """escalate = '{"after": ["5m"]}'""",
    }
    for name, change in changes.items():
        await api.api.ledger.fetch(f"UPDATE hermodr.jobs SET {change} WHERE id = $1", jobs[name])
    endless = UUID(await asked(api))
    await api.api.ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'completed', finished_at = 'infinity' WHERE id = $1", endless
    )
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get("/console")).text
        assert "half of 3 messages took up to <b>200 ms</b>, 95 % up to <b>3.0 s</b>" in text
        assert "50 % within 200 ms" in text


async def test_without_messages_there_are_no_times(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        assert "No message was sent in the last hour." in (await browser.get("/console")).text


async def test_paths_that_lead_nowhere(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        assert (await browser.get("/console/")).headers["location"] == "/console"
        assert (await browser.get("/console/nonsense")).status_code == 303
        await logged_in(api, browser, "read")
        for path in ("/console/nonsense", "/console/messages/x/y", "/console/recipients/x"):
            answer = await browser.get(path)
            assert answer.status_code == 404
            assert answer.headers["content-type"].startswith("text/html")


async def test_a_task_is_shown_as_one(api: ApiUnderTest) -> None:
    job = (await api.http.post("/v1/jobs", json={"type": "report", "payload": {}})).json()["job_id"]
    await api.api.ledger.fetch(
        """UPDATE hermodr.jobs SET state = 'completed', result = '{"file_name": "a.csv"}' WHERE id = $1""",
        UUID(job),
    )
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        text = (await browser.get(f"/console/messages/{job}")).text
        assert "a.csv" in text
        assert "Deliveries" not in text
        assert "<h2>To</h2>" not in text, "it is for nobody"


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_shown_and_runs_nothing(api: ApiUnderTest, path: str) -> None:
    await asked(api, to={"email": "ada@example.com", "name": STRANGER}, metadata={STRANGER: STRANGER})
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        answer = await browser.get(f"/console{path}")
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"\son\w+=|style=|javascript:", answer.text)


async def test_searching(api: ApiUnderTest) -> None:
    person = await api.recipient(external_id="c-17", email="grace@example.com", name="Grace")
    by_person = await asked(api, to={"recipient_id": person["id"]}, type="invoice")
    other = await asked(api, type="reset")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")

        async def found(search: str) -> set[str]:
            text = (await browser.get(f"/console/messages?search={search}")).text
            return {each for each in (by_person, other) if f"/console/messages/{each}" in text}

        assert await found("") == {by_person, other}
        assert await found("c-17") == {by_person}
        assert await found("Ada@example.com") == {other}
        assert await found(person["id"]) == {by_person}
        assert await found("reset") == {other}
        assert await found("nothing-like-it") == set()
        direct = await browser.get(f"/console/messages?search={other}")
        assert direct.headers["location"] == f"/console/messages/{other}"


@pytest.mark.parametrize(
    "query",
    [
        "search=%00",
        "search=%ED%A0%80",
        "status=nowhere",
        "kind=x",
        "channel=pigeon",
        "search=%2B12",
        "type=%00",
    ],
)
async def test_nonsense_is_told(api: ApiUnderTest, query: str) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        answer = await browser.get(f"/console/messages?{query}")
        assert answer.status_code in (200, 404)
        assert answer.headers["content-type"].startswith("text/html")


async def test_older_ones_are_on_the_next_page(api: ApiUnderTest) -> None:
    jobs = [await asked(api) for _ in range(60)]
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        first = (await browser.get("/console/messages")).text
        older = re.search(r'href="(/console/messages\?cursor=[^"]+)"', first)
        assert older is not None
        second = (await browser.get(older[1])).text
        shown = [{each for each in jobs if each in text} for text in (first, second)]
        assert [len(each) for each in shown] == [50, 10]
        assert not shown[0] & shown[1]


async def test_people_are_found_and_shown_with_their_wishes(api: ApiUnderTest) -> None:
    person = await api.recipient(
        external_id="c-17", user_id="u-17", name=STRANGER, email="grace@example.com", attributes={STRANGER: 1}
    )
    wishes = {"preferences": [{"type": "news", "channel": "email", "enabled": False}]}
    await api.http.put(f"/v1/recipients/{person['id']}/preferences", json=wishes)
    await api.recipient(external_id="c-18", name="Somebody else")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        for words in ("c-17", "u-17", "grace@example.com"):
            text = (await browser.get(f"/console/recipients?search={words}")).text
            assert person["id"] in text
            assert "Somebody else" not in text
        assert "Nobody is found" in (await browser.get("/console/recipients?search=nobody")).text
        assert (await browser.get("/console/recipients?search=%00")).status_code == 200
        shown = (await browser.get(f"/console/recipients/{person['id']}")).text
        assert "news" in shown
        assert "Inbox: 0 unread" in shown
        assert "<script>alert" not in shown
        assert (await browser.get(f"/console/recipients/{uuid4()}")).status_code == 404
        assert (await browser.get("/console/recipients/nonsense")).status_code == 404


async def test_an_inbox_is_shown_to_those_who_manage(api: ApiUnderTest) -> None:
    person = await api.recipient(user_id="u-17")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        assert "Inbox:" not in (await browser.get(f"/console/recipients/{person['id']}")).text


async def test_templates_are_shown_as_they_are_written(api: ApiUnderTest) -> None:
    texts = {"subject": "Hi", "body_text": STRANGER + "{{ name }}"}
    template = await api.template(name="odd", contents={"email": {"en": texts}})
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get(f"/console/templates/{template['id']}")).text
        assert "{{ name }}" in text
        assert "<script>alert" not in text


async def test_schedules_and_tasks_are_listed(api: ApiUnderTest) -> None:
    job = {"type": "report", "payload": {}}
    made = await api.http.post("/v1/schedules", json={"name": "weekly", "cron": "0 9 * * 1", "job": job})
    assert made.status_code == 201, made.text
    task = (await api.http.post("/v1/jobs", json=job)).json()["job_id"]
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        assert "0 9 * * 1" in (await browser.get("/console/schedules")).text
        assert task in (await browser.get("/console/tasks")).text


async def test_one_message_tells_its_story(api: ApiUnderTest) -> None:
    job = await asked(api, type="invoice", metadata={"order": STRANGER})
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get(f"/console/messages/{job}")).text
        assert "Requested: invoice, priority normal" in text
        assert "ada@example.com" in text
        assert "alert(1)" in text
        assert "<script>alert" not in text
        assert "/cancel" not in text, "what a key may not do is not shown"


async def test_a_message_is_cancelled_and_asked_for_again(api: ApiUnderTest) -> None:
    job = await asked(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        page = f"/console/messages/{job}"
        answer = await browser.post(f"{page}/cancel", csrf=await browser.csrf(page))
        assert answer.headers["location"] == page
        assert (await api.http.get(f"/v1/jobs/{job}")).json()["job"]["status"] == "cancelled"
        again = await browser.post(f"{page}/cancel", csrf=await browser.csrf(page))
        assert again.status_code == 409
        assert "cancelled already" in again.text
        assert (await browser.post(f"{page}/retry", csrf=await browser.csrf(page))).status_code == 303
        assert (await api.http.get(f"/v1/jobs/{job}")).json()["job"]["status"] == "queued"


async def test_a_key_that_only_reads_changes_nothing(api: ApiUnderTest) -> None:
    job = await asked(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        answer = await browser.post(f"/console/messages/{job}/cancel", csrf=await browser.csrf())
        assert answer.status_code == 403
        assert (
            await browser.post("/console/queues/email/pause", csrf=await browser.csrf())
        ).status_code == 403
        assert (await api.http.get(f"/v1/jobs/{job}")).json()["job"]["status"] == "queued"


async def test_only_operators_see_and_press_pause(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        assert "/pause" not in (await browser.get("/console/queues")).text
        assert (
            await browser.post("/console/queues/email/pause", csrf=await browser.csrf())
        ).status_code == 403
        await api.operate()
        page = (await browser.get("/console/queues")).text
        assert "/console/queues/email/pause" in page
        answer = await browser.post(
            "/console/queues/email/pause", csrf=await browser.csrf(), reason="the provider moves"
        )
        assert answer.status_code == 303
        page = (await browser.get("/console/queues")).text
        assert "the provider moves" in page
        await browser.post("/console/queues/email/resume", csrf=await browser.csrf())
        assert "the provider moves" not in (await browser.get("/console/queues")).text


async def test_nothing_of_another_project_is_shown(api: ApiUnderTest) -> None:
    stranger = await api.caller(["admin"], f"project-{uuid4().hex}")
    theirs = (await stranger.post("/v1/notifications", json=MAIL)).json()["job_id"]
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        answer = await browser.get(f"/console/messages/{theirs}")
        assert answer.status_code == 404
        assert "There is no such thing" in answer.text
        assert theirs not in (await browser.get("/console/messages")).text
        searched = await browser.get(f"/console/messages?search={theirs}")
        assert searched.status_code == 200
        answer = await browser.post(f"/console/messages/{theirs}/cancel", csrf=await browser.csrf())
        assert answer.status_code == 404


async def test_files_of_pages_and_no_others(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        for name in ("console.css", "console.js", "htmx.min.js", "icon.svg", "htmx.LICENSE.txt"):
            assert (await browser.get(f"/console/static/{name}")).status_code == 200
        await logged_in(api, browser, "read")
        for name in ("nothing.js", "..%2Fpages.py", "%2e%2e%2fsessions.py", "console.css%00"):
            assert (await browser.get(f"/console/static/{name}")).status_code == 404
