"""The console over HTTP, as a browser would use it."""

import re
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.support.api import MAIL, ApiUnderTest
from tests.support.console import STRANGER, browsing, logged_in, secret

PAGES = (
    "",
    "/messages",
    "/recipients",
    "/templates",
    "/schedules",
    "/tasks",
    "/dead-letters",
    "/queues",
    "/providers",
)


async def asked(api: ApiUnderTest, **fields: object) -> str:
    answer = await api.http.post("/v1/notifications", json=MAIL | fields)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


async def test_strangers_are_led_to_the_login_and_back(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        answer = await browser.get("/console/messages?status=failed")
        assert answer.status_code == 303
        login = answer.headers["location"]
        assert login == "/console/login?next=%2Fconsole%2Fmessages%3Fstatus%3Dfailed"
        assert 'value="/console/messages?status=failed"' in (await browser.get(login)).text
        _, key = await secret(api, "read")
        back = await browser.post("/console/login", key=key, next="/console/messages?status=failed")
        assert back.headers["location"] == "/console/messages?status=failed"
        assert (await browser.get(back.headers["location"])).status_code == 200


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/console\\@evil",
        "/consolex",
        "/console/\n",
        "",
    ],
)
async def test_a_login_leads_nowhere_else(api: ApiUnderTest, elsewhere: str) -> None:
    async with browsing(api) as browser:
        _, key = await secret(api, "read")
        answer = await browser.post("/console/login", key=key, next=elsewhere)
        assert answer.headers["location"] == "/console"


async def test_the_cookie_is_for_our_pages_alone(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        _, key = await secret(api, "read")
        cookie = (await browser.post("/console/login", key=key)).headers["set-cookie"].lower()
        for each in ("httponly", "secure", "samesite=strict", "path=/console"):
            assert each in cookie
        assert key not in cookie


@pytest.mark.parametrize("key", ["", "hk_nobody", "x" * 300, "hk_" + "a" * 43, "ключ"])
async def test_a_wrong_key_is_told(api: ApiUnderTest, key: str) -> None:
    async with browsing(api) as browser:
        answer = await browser.post("/console/login", key=key)
        assert answer.status_code == 401
        assert 'role="alert"' in answer.text
        assert "set-cookie" not in answer.headers


async def test_a_key_that_may_only_send_stays_outside(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        _, key = await secret(api, "send")
        answer = await browser.post("/console/login", key=key)
        assert answer.status_code == 403
        assert "scope read" in answer.text


async def test_a_link_works_once(api: ApiUnderTest) -> None:
    made = await api.http.post("/v1/console/links")
    assert made.status_code == 201
    path = urlsplit(made.json()["url"]).path
    async with browsing(api) as first, browsing(api) as second:
        assert (await first.get(path)).headers["location"] == "/console"
        assert (await first.get("/console")).status_code == 200
        assert (await second.get(path)).status_code == 410
        assert (await second.get("/console")).status_code == 303


async def test_a_link_is_no_session_and_a_session_no_link(api: ApiUnderTest) -> None:
    link = urlsplit((await api.http.post("/v1/console/links")).json()["url"]).path.rpartition("/")[2]
    async with browsing(api) as browser:
        browser.cookie = link
        assert (await browser.get("/console")).status_code == 303
        browser.cookie = ""
        await logged_in(api, browser, "read")
        mine, browser.cookie = browser.cookie, ""
        assert (await browser.get(f"/console/enter/{mine}")).status_code == 410


async def test_an_old_link_and_an_old_session_are_over(api: ApiUnderTest) -> None:
    path = urlsplit((await api.http.post("/v1/console/links")).json()["url"]).path
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        await api.api.ledger.fetch("UPDATE hermodr.console_sessions SET expires_at = now() - interval '1 s'")
        assert (await browser.get("/console")).status_code == 303
        assert (await browser.get(path)).status_code == 410
        await logged_in(api, browser, "read")
        rows = await api.api.ledger.fetch("SELECT count(*) AS n FROM hermodr.console_sessions")
        assert rows[0]["n"] == 1, "what is over is removed when somebody comes"


async def test_logging_out_ends_the_session(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        mine = browser.cookie
        answer = await browser.post("/console/logout", csrf=await browser.csrf())
        assert answer.status_code == 303
        browser.cookie = mine
        assert (await browser.get("/console")).status_code == 303


async def test_a_revoked_key_ends_its_sessions_at_once(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        key_id = await logged_in(api, browser, "read")
        assert (await api.http.delete(f"/v1/api-keys/{key_id}")).status_code == 204
        assert (await browser.get("/console")).status_code == 303


async def test_logins_are_audited(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        key_id = await logged_in(api, browser, "read")
        log = (await api.http.get("/v1/audit-log", params={"action": "console.login"})).json()["data"]
        assert [each["actor_id"] for each in log] == [str(key_id)]


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
        assert "Nobody is called that" in (await browser.get("/console/recipients?search=nobody")).text
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


async def test_a_form_of_somebody_else_changes_nothing(api: ApiUnderTest) -> None:
    job = await asked(api)
    async with browsing(api) as browser, browsing(api) as other:
        await logged_in(api, browser, "read", "manage")
        await logged_in(api, other, "read", "manage")
        for csrf in ("", "ä", await other.csrf()):
            answer = await browser.post(f"/console/messages/{job}/cancel", csrf=csrf)
            assert answer.status_code == 403
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
        for name in ("nothing.js", "..%2Fpages.py", "%2e%2e%2fsessions.py", "console.css%00"):
            assert (await browser.get(f"/console/static/{name}")).status_code == 404
