"""Who gets into the console, and for how long."""

from urllib.parse import urlsplit

import pytest

from hermodr_api.realtime.watching import MOST_OF_A_SESSION
from tests.support.api import ApiUnderTest, client_of
from tests.support.console import asked, browsing, logged_in, secret


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
        "/console/../v1",
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


async def test_a_long_address_is_come_back_to_after_the_login(api: ApiUnderTest) -> None:
    page = f"/console/messages?search={'a' * 300}&cursor={'b' * 500}"
    async with browsing(api) as browser:
        login = (await browser.get(page)).headers["location"]
        assert (await browser.get(login)).status_code == 200


async def test_nobody_is_led_into_a_strangers_session_unasked(api: ApiUnderTest) -> None:
    path = urlsplit((await api.http.post("/v1/console/links")).json()["url"]).path
    led = {"sec-fetch-site": "cross-site"}
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        mine = browser.cookie
        assert (await browser.get(path, {"sec-purpose": "prefetch;prerender"})).status_code == 204
        asked = await browser.get(path, led)
        assert (asked.status_code, browser.cookie) == (200, mine)
        assert f'action="{path}"' in asked.text
        assert (await browser.post(path, led)).status_code == 403
        assert browser.cookie == mine
        assert (await browser.post(path, {"sec-fetch-site": "same-origin"})).headers["location"] == "/console"
        assert browser.cookie != mine
        assert (await browser.post(path)).status_code == 410


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


async def test_a_link_of_a_key_that_has_ended_begins_nothing(api: ApiUnderTest) -> None:
    key_id, key = await secret(api, "read")
    client = client_of(api.api, key)
    path = urlsplit((await client.post("/v1/console/links")).json()["url"]).path
    await client.aclose()
    assert (await api.http.delete(f"/v1/api-keys/{key_id}")).status_code == 204
    async with browsing(api) as browser:
        answer = await browser.get(path)
        assert answer.status_code == 410
        assert "set-cookie" not in answer.headers
    log = (await api.http.get("/v1/audit-log", params={"action": "console.login"})).json()["data"]
    assert log == []


async def test_nobody_is_logged_in_by_a_page_of_strangers(api: ApiUnderTest) -> None:
    _, key = await secret(api, "read")
    async with browsing(api) as browser:
        answer = await browser.post("/console/login", {"sec-fetch-site": "cross-site"}, key=key)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        answer = await browser.post("/console/login", {"sec-fetch-site": "same-origin"}, key=key)
        assert answer.status_code == 303


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


async def test_a_form_of_somebody_else_changes_nothing(api: ApiUnderTest) -> None:
    job = await asked(api)
    async with browsing(api) as browser, browsing(api) as other:
        await logged_in(api, browser, "read", "manage")
        await logged_in(api, other, "read", "manage")
        for csrf in ("", "ä", await other.csrf()):
            answer = await browser.post(f"/console/messages/{job}/cancel", csrf=csrf)
            assert answer.status_code == 403
        assert (await api.http.get(f"/v1/jobs/{job}")).json()["job"]["status"] == "queued"


async def test_only_visitors_follow_what_changes(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        assert (await browser.get("/console/events")).headers["location"].startswith("/console/login")
        await logged_in(api, browser, "read")
        watching = api.api.real_time.watching
        watching.close()  # streams end at once
        answer = await browser.get("/console/events")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "event: changed" in answer.text


async def test_a_session_follows_a_bounded_number_of_pages(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        csrf = await browser.csrf()
        held = [api.api.real_time.watching.begin(api.project_id, csrf) for _ in range(MOST_OF_A_SESSION)]
        refused = await browser.get("/console/events")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "30"
        for each in held:
            api.api.real_time.watching.leave(each)
