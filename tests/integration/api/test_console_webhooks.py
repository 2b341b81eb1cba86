"""Webhook endpoints in the console: made, tested, and what was sent there."""

import re
from datetime import UTC, datetime
from uuid import uuid4

from tests.support.api import ApiUnderTest
from tests.support.console import STRANGER, browsing, logged_in

WEBHOOKS = "/console/webhooks"
NEW = f"{WEBHOOKS}/new"
URL = "https://hooks.example.com:8443/in?key=s3cr3t"


async def _made(api: ApiUnderTest) -> str:
    answer = await api.http.post("/v1/webhooks", json={"url": URL})
    assert answer.status_code == 201, answer.text
    return f"{WEBHOOKS}/{answer.json()['id']}"


async def test_an_endpoint_is_made_and_its_secret_shown_once(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(NEW)
        wrong = await browser.send(NEW, hidden | {"url": "ftp://x", "description": STRANGER})
        assert wrong.status_code == 422
        assert 'id="url-flaw"' in wrong.text
        given = {"url": URL, "description": STRANGER, "event.job.failed": "yes"}
        made = await browser.send(NEW, hidden | given)
        assert made.status_code == 200
        assert "whsec_" in made.text
        assert made.headers["cache-control"] == "no-store"
        again = await browser.send(NEW, hidden | given)
        assert "whsec_" not in again.text
        assert "shown once only" in again.text
        (endpoint,) = (await api.http.get("/v1/webhooks")).json()["data"]
        assert endpoint["events"] == ["job.failed"]
        page = f"{WEBHOOKS}/{endpoint['id']}"
        for path in (WEBHOOKS, page):
            text = (await browser.get(path)).text
            assert "whsec_" not in text
            assert "<script>alert" not in text
        edit = f"{page}/edit"
        text = (await browser.get(edit)).text
        assert re.search(r'name="event.job.failed" value="yes" checked', text)
        assert (await browser.send(edit, await browser.hidden(edit) | {"url": URL})).status_code == 303
        assert (await api.http.get(f"/v1{page.removeprefix('/console')}")).json()["events"] is None


async def test_a_test_is_sent_and_sent_again(api: ApiUnderTest) -> None:
    page = await _made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        csrf = await browser.csrf()
        assert (await browser.post(f"{page}/test", csrf=csrf)).status_code == 303
        text = (await browser.get(f"{page}?event=webhook.test&state=waiting")).text
        sent = re.search(rf'href="({page}/deliveries/[0-9a-f-]+)"', text)
        assert sent is not None
        assert "webhook.test" in (await browser.get(sent[1])).text
        assert (await browser.post(f"{sent[1]}/redeliver", csrf=csrf)).status_code == 303
        assert "Nothing like that" in (await browser.get(f"{page}?state=failed")).text
        assert (await browser.get(f"{page}?state=nonsense")).status_code == 422


async def test_it_rests_recovers_and_goes(api: ApiUnderTest) -> None:
    page = await _made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        csrf = await browser.csrf()
        await browser.post(f"{page}/disable", csrf=csrf)
        assert "disabled: manual" in (await browser.get(page)).text
        recover = f"{page}/recover"
        since = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M")
        hidden = await browser.hidden(recover)
        resting = await browser.send(recover, hidden | {"since": since})
        assert resting.status_code == 409
        assert "enable it first" in resting.text
        await browser.post(f"{page}/enable", csrf=csrf)
        assert 'id="since-flaw"' in (await browser.send(recover, hidden)).text
        assert "0 messages are sent again" in (await browser.send(recover, hidden | {"since": since})).text
        rotate = f"{page}/rotate"
        new = await browser.send(rotate, await browser.hidden(rotate))
        assert "whsec_" in new.text
        assert "signs as well until" in (await browser.get(page)).text
        await browser.post(f"{page}/delete", csrf=csrf)
        assert (await browser.get(page)).status_code == 404


async def test_who_only_reads_sees_no_url_and_changes_nothing(api: ApiUnderTest) -> None:
    page = await _made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get(page)).text
        assert "s3cr3t" not in text
        assert text.count('method="post"') == 1, "but for the logout"
        for deed in ("edit", "rotate", "recover", "delete"):
            assert (await browser.get(f"{page}/{deed}")).status_code == 403
        for deed in ("edit", "rotate", "recover", "delete", "test", "disable", "enable"):
            assert (await browser.post(f"{page}/{deed}", csrf=await browser.csrf())).status_code == 403


async def test_endpoints_of_another_project_are_nobodys(api: ApiUnderTest) -> None:
    stranger = await api.caller(["admin"], f"project-{uuid4().hex}")
    theirs = (await stranger.post("/v1/webhooks", json={"url": URL})).json()["id"]
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        for deed in ("", "/edit", "/rotate", "/recover", "/delete"):
            assert (await browser.get(f"{WEBHOOKS}/{theirs}{deed}")).status_code == 404
        for deed in ("edit", "rotate", "recover", "delete", "test", "disable", "enable"):
            path = f"{WEBHOOKS}/{theirs}/{deed}"
            assert (await browser.post(path, csrf=await browser.csrf())).status_code == 404
