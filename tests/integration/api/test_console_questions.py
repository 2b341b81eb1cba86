"""Before what cannot be taken back the console asks on a page, which posts; whoever only reads is not asked."""

import re
from html import unescape
from uuid import uuid4

from tests.support.api import ApiUnderTest
from tests.support.console import asked, browsing, logged_in


async def pages_that_ask(api: ApiUnderTest) -> dict[str, tuple[str, str]]:
    """Of each the page with the link that leads there, and what it asks."""
    job = await asked(api, delay_seconds=600)
    name = f"t_{uuid4().hex[:8]}"
    texts = {"subject": "Hello", "body_text": "It works."}
    template = await api.template(name=name, contents={"email": {"en": texts, "de": texts}})
    await api.http.patch(f"/v1/templates/{template['id']}", json={"contents": {"email": {"de": texts}}})
    person = await api.recipient()
    group = (await api.http.post("/v1/groups", json={"name": "Family"})).json()["id"]
    members = {"members": [{"recipient_id": person["id"]}]}
    member = (await api.http.post(f"/v1/groups/{group}/members", json=members)).json()["data"][0]["id"]
    update = {"content_type": "text", "title": "A", "body": "b"}
    update_id = (await api.http.post(f"/v1/groups/{group}/updates", json=update)).json()["id"]
    address = {"address": f"{name}@example.com", "reason": "manual"}
    suppression = (await api.http.post("/v1/suppressions", json=address)).json()["id"]
    endpoint = {"url": "https://example.com/hook", "events": ["job.completed"]}
    webhook = await api.http.post("/v1/webhooks", json=endpoint)
    at, page = f"/console/groups/{group}", f"/console/templates/{template['id']}"
    asks = {
        f"/console/messages/{job}/cancel": (f"/console/messages/{job}", "Cancel this message?"),
        f"{page}/delete": (page, f"Delete the template {name}?"),
        f"{page}/remove?channel=email&locale=de": (f"{page}?locale=de", "Remove email, de?"),
        f"{page}/rollback?version=1": (f"{page}/versions", "Make version 1 the current one?"),
        f"{at}/members/{member}/remove": (at, "Remove from the group?"),
        f"{at}/updates/{update_id}/delete": (f"{at}/updates", "Delete this update?"),
        f"/console/suppressions/{suppression}/remove": ("/console/suppressions", "Allow it again?"),
    }
    assert webhook.status_code == 201, webhook.text
    hook = f"/console/webhooks/{webhook.json()['id']}"
    return asks | {f"{hook}/disable": (hook, "Disable this endpoint?")}


async def test_pages_ask_and_then_do_it(api: ApiUnderTest) -> None:
    asks = await pages_that_ask(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        for path, (before, asks_it) in asks.items():
            links = [
                unescape(each) for each in re.findall(r'href="([^"]*)"', (await browser.get(before)).text)
            ]
            assert path in links, (path, links)
            assert f"<h1>{asks_it}</h1>" in (await browser.get(path)).text
        for path in sorted(asks, key=lambda each: each.endswith("/delete")):
            action = path.partition("?")[0]
            hidden = await browser.hidden(path, action)
            answer = await browser.send(action, hidden)
            assert answer.status_code == 303, (path, answer.text)
        assert (await api.http.get("/v1/suppressions")).json()["data"] == []


async def test_whoever_reads_is_not_asked(api: ApiUnderTest) -> None:
    asks = await pages_that_ask(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        for path, (before, _) in asks.items():
            assert path.partition("?")[0] not in (await browser.get(before)).text
            assert (await browser.get(path)).status_code == 403
        assert (await browser.get("/console/queues/email/pause")).status_code == 403


async def test_nothing_of_another_project_and_nothing_that_is_not_there(api: ApiUnderTest) -> None:
    asks = await pages_that_ask(api)
    stranger = await api.caller(["admin"], f"project-{uuid4().hex}")
    theirs = (
        await stranger.post(
            "/v1/templates",
            json={"name": "x", "contents": {"email": {"en": {"subject": "a", "body_text": "b"}}}},
        )
    ).json()["id"]
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        for path in asks:
            there = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", str(uuid4()), path)
            assert (await browser.get(there)).status_code == 404, there
        page = f"/console/templates/{theirs}"
        for path in ("/delete", "/rollback?version=1", "/remove?channel=email&locale=en"):
            assert (await browser.get(page + path)).status_code == 404
        mine = next(path for path in asks if path.endswith("/delete") and "templates" in path)
        for path in ("rollback", "rollback?version=9", "remove", "remove?channel=email&locale=fr"):
            assert (await browser.get(mine.replace("delete", path))).status_code == 404
        assert (await browser.get("/console/queues/pigeon/pause")).status_code == 404


async def test_a_channel_is_paused_with_a_reason(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        page = "/console/queues/email/pause"
        assert "Pause email?" in (await browser.get(page)).text
        assert 'name="reason"' in (await browser.get(page)).text
