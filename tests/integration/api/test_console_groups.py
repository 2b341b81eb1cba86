"""Groups, their members and updates, and suppressions, in the console."""

import re
from uuid import uuid4

import pytest

from tests.support.api import ApiUnderTest
from tests.support.console import STRANGER, browsing, logged_in

GROUPS = "/console/groups"
SUPPRESSIONS = "/console/suppressions"


async def test_a_group_with_members_and_updates(api: ApiUnderTest) -> None:
    ada, grace = await api.recipient(external_id="c-1", name="Ada"), await api.recipient(name="Grace")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        new = f"{GROUPS}/new"
        hidden = await browser.hidden(new)
        assert (await browser.send(new, hidden | {"metadata": "{"})).status_code == 422
        made = await browser.send(new, hidden | {"name": STRANGER, "external_id": "g-1"})
        page = made.headers["location"]
        assert "Nobody is in it" in (await browser.get(page)).text
        who = {"who": f"c-1, {grace['id']}", "role": "organizer", "muted_until": "2030-01-01T00:00"}
        hidden = await browser.hidden(page)
        wrong = await browser.send(page, hidden | who | {"who": "c-1, nobody", "role": "!"})
        assert wrong.status_code == 422
        assert 'id="role-flaw"' in wrong.text
        wrong = await browser.send(page, hidden | who | {"who": "c-1, nobody"})
        assert "nobody: there is no such recipient" in wrong.text
        assert (await browser.send(page, hidden | who)).status_code == 303
        members = (await api.http.get(f"/v1{page.removeprefix('/console')}/members")).json()["data"]
        assert {each["recipient_id"] for each in members} == {ada["id"], grace["id"]}
        assert {each["role"] for each in members} == {"organizer"}
        one = f"{page}/members/{members[0]['id']}"
        assert (await browser.send(one, await browser.hidden(one) | {"role": "guest"})).status_code == 303
        assert "guest" in (await browser.get(page)).text
        assert (await browser.get(f"{page}?search=c-1")).text.count('class="row"') == 1
        await browser.post(f"{one}/remove", csrf=await browser.csrf())
        assert "guest" not in (await browser.get(page)).text
        post = f"{page}/updates/new"
        hidden = await browser.hidden(post)
        assert (await browser.send(post, hidden | {"content_type": "text"})).status_code == 422
        said = {"content_type": "milestone", "title": "First steps", "body": "a\r\nb"}
        assert (await browser.send(post, hidden | said)).status_code == 303
        shown = (await browser.get(f"{page}/updates")).text
        update = re.search(rf'href="({page}/updates/[0-9a-f-]+)"', shown)
        assert update is not None
        assert "First steps" in shown
        hidden = await browser.hidden(update[1])
        assert (await browser.send(update[1], hidden | said | {"title": "Second"})).status_code == 303
        told = (await api.http.get(f"/v1{page.removeprefix('/console')}/updates")).json()["data"]
        assert [(each["title"], each["body"]) for each in told] == [("Second", "a\nb")]
        await browser.post(f"{update[1]}/delete", csrf=await browser.csrf())
        assert "Nothing was posted" in (await browser.get(f"{page}/updates")).text
        edit = f"{page}/edit"
        assert (await browser.send(edit, await browser.hidden(edit) | {"name": "Byrons"})).status_code == 303
        assert "Byrons" in (await browser.get(GROUPS)).text
        assert "Delete this group?" in (await browser.get(f"{page}/delete")).text
        await browser.post(f"{page}/delete", csrf=await browser.csrf())
        assert "There is none" in (await browser.get(GROUPS)).text


async def test_an_address_is_suppressed_found_and_allowed_again(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(SUPPRESSIONS)
        wrong = await browser.send(SUPPRESSIONS, hidden | {"address": STRANGER, "reason": "manual"})
        assert wrong.status_code == 422
        assert 'id="address-flaw"' in wrong.text
        assert "<script>alert" not in wrong.text
        given = {"address": "Ada@example.com", "reason": "opt_out", "note": "by phone"}
        assert (await browser.send(SUPPRESSIONS, hidden | given)).status_code == 303
        await api.http.post("/v1/suppressions", json={"address": "other@example.com"})
        for query in ("search=ada@EXAMPLE.com", "reason=opt_out"):
            text = (await browser.get(f"{SUPPRESSIONS}?{query}")).text
            assert "by phone" in text
            assert "other@example.com" not in text
        assert (await browser.get(f"{SUPPRESSIONS}?reason=nonsense")).status_code == 422
        gone = re.search(rf'href="({SUPPRESSIONS}/[0-9a-f-]+/remove)"', text)
        assert gone is not None
        assert (await browser.post(gone[1], csrf=await browser.csrf())).status_code == 303
        assert "None like that" in (await browser.get(f"{SUPPRESSIONS}?reason=opt_out")).text


async def test_a_file_of_suppressions_comes_and_goes(api: ApiUnderTest) -> None:
    page = f"{SUPPRESSIONS}/import"
    csv = "address,reason\r\nada@example.com,bounce\r\nnobody,bounce\r\nädä@example.com,manual\r\n"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(page)
        assert (await browser.send(page, hidden)).status_code == 422
        assert 'id="file-flaw"' in (await browser.send(page, hidden | {"csv": "nonsense"})).text
        for _ in range(2):  # the second time is the first one's answer
            done = await browser.upload(page, hidden, "file", csv.encode())
            assert done.status_code == 200
            assert "2 added, 0 known already, 1 refused" in done.text
        latin = await browser.upload(page, hidden, "file", "address\näda@example.com\n".encode("latin-1"))
        assert latin.status_code == 422
        assert "not UTF-8" in latin.text
        pasted = await browser.send(page, await browser.hidden(page) | {"csv": csv})
        assert "0 added, 2 known already" in pasted.text
        answer = await browser.get(f"{SUPPRESSIONS}/export")
        assert answer.headers["content-type"].startswith("text/csv")
        assert "ada@example.com,bounce" in answer.text
        assert "ädä@example.com" in answer.text


async def test_older_ones_follow_with_any_filter(api: ApiUnderTest) -> None:
    for nth in range(60):
        await api.http.post("/v1/groups", json={"name": f"g{nth:02}"})
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        for path in (GROUPS, f"{GROUPS}?search="):
            first = (await browser.get(path)).text
            older = re.search(r'href="(/console/groups\?[^"]*cursor=[^"]+)"', first)
            assert older is not None
            second = await browser.get(older[1].replace("&amp;", "&"))
            assert second.text.count('class="row"') == 10


async def test_who_only_reads_changes_no_group_and_no_suppression(api: ApiUnderTest) -> None:
    group = (await api.http.post("/v1/groups", json={"name": "The Lovelaces"})).json()["id"]
    await api.http.post("/v1/suppressions", json={"address": "ada@example.com"})
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        for path in (GROUPS, f"{GROUPS}/{group}", f"{GROUPS}/{group}/updates", SUPPRESSIONS):
            text = (await browser.get(path)).text
            assert text.count('method="post"') == 1, "but for the logout"
        csrf = await browser.csrf()
        for path in (
            f"{GROUPS}/new",
            f"{GROUPS}/{group}",
            f"{GROUPS}/{group}/edit",
            f"{GROUPS}/{group}/delete",
            f"{GROUPS}/{group}/updates/new",
            SUPPRESSIONS,
            f"{SUPPRESSIONS}/import",
        ):
            assert (await browser.post(path, csrf=csrf)).status_code == 403


async def test_groups_of_another_project_are_nobodys(api: ApiUnderTest) -> None:
    stranger = await api.caller(["admin"], f"project-{uuid4().hex}")
    theirs = (await stranger.post("/v1/groups", json={"name": "Theirs"})).json()["id"]
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        for path in ("", "/edit", "/delete", "/updates", "/updates/new"):
            assert (await browser.get(f"{GROUPS}/{theirs}{path}")).status_code == 404
            assert (
                await browser.post(f"{GROUPS}/{theirs}{path}", csrf=await browser.csrf(), name="x")
            ).status_code in (404, 405)
        assert (await stranger.get(f"/v1/groups/{theirs}")).json()["name"] == "Theirs"


@pytest.mark.parametrize(
    "path", [GROUPS, SUPPRESSIONS, "/console/webhooks", "/console/audit", "/console/recipients"]
)
async def test_no_filter_breaks_a_page(api: ApiUnderTest, path: str) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        for words in ("%00", "%ED%A0%80", "x" * 301, "%27%22%3Cscript%3E"):
            for name in ("search", "action", "actor_id", "subject", "event", "cursor"):
                answer = await browser.get(f"{path}?{name}={words}")
                assert answer.status_code in (200, 404, 422), (name, words)
                assert answer.headers["content-type"].startswith("text/html")
