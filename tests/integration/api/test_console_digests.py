"""Digests in the console: made, changed, paused, sent and deleted by forms; what would be sent now."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.api.test_digest_schedules import DIGEST, given
from tests.support.api import ApiUnderTest
from tests.support.console import STRANGER, Browser, browsing, logged_in

FORM = {
    "often": "weekly/7",
    "delivery_time": "18:30",
    "max_updates_per_digest": "5",
    "include_content_types": "photo, note",
    "misfire": "skip",
}


async def posted(browser: Browser, path: str, fields: Mapping[str, str]) -> tuple[int, str, str]:
    """Status, where it leads, and what it says."""
    answer = await browser.post(path, {}, csrf=await browser.csrf(), **fields)
    return answer.status_code, answer.headers.get("location", ""), answer.text


async def made(api: ApiUnderTest) -> str:
    answer = await api.http.post("/v1/digest-schedules", json=await given(api))
    assert answer.status_code == 201, answer.text
    return f"/console/digests/{answer.json()['id']}"


async def current(api: ApiUnderTest, page: str) -> dict[str, Any]:
    return dict((await api.http.get(page.replace("/console/digests", "/v1/digest-schedules"))).json())


async def test_a_digest_is_made_once(api: ApiUnderTest) -> None:
    whom = await given(api)
    form = FORM | {name: whom[name] for name in ("recipient_id", "group_id")} | {"once": str(uuid4())}
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert (await browser.get("/console/digests/new")).status_code == 200
        status, page, text = await posted(browser, "/console/digests/new", form)
        assert status == 303, text
        assert (await posted(browser, "/console/digests/new", form))[1] == page
        found = await current(api, page)
        assert (found["frequency"], found["delivery_day"], found["delivery_time"]) == ("weekly", 7, "18:30")
        assert (found["max_updates_per_digest"], found["include_content_types"]) == (5, ["photo", "note"])
        assert found["timezone"] == "Europe/Berlin", "the recipient's"
        shown = (await browser.get(page)).text
        assert "18:30" in shown
        assert "Digest of Mia" in shown
        listed = (await browser.get("/console/digests")).text
        assert page in listed
        assert "Mia" in listed


async def test_reader_and_group_are_named_as_people_name_them(api: ApiUnderTest) -> None:
    whom = await given(api)
    reader, group = f"/v1/recipients/{whom['recipient_id']}", f"/v1/groups/{whom['group_id']}"
    await api.http.patch(reader, json={"name": "Mia Keller", "external_id": "mia-1"})
    await api.http.patch(group, json={"name": "Family album", "external_id": "album-1"})
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        shown = (await browser.get("/console/digests/new")).text
        assert '<option value="mia-1">' in shown
        assert '<option value="album-1">' in shown
        unknown = FORM | {"recipient_id": "Nobody", "group_id": "Family album"}
        status, _, text = await posted(browser, "/console/digests/new", unknown)
        assert status == 422
        assert 'id="recipient_id-flaw"' in text
        assert 'id="group_id-flaw"' not in text
        typed = FORM | {"recipient_id": "mia keller", "group_id": "Family Album"}
        status, page, text = await posted(browser, "/console/digests/new", typed)
        assert status == 303, text
        found = await current(api, page)
        assert (found["recipient_id"], found["group_id"]) == (whom["recipient_id"], whom["group_id"])


@pytest.mark.parametrize(
    "fields",
    [
        {"recipient_id": "x"},
        {"recipient_id": str(uuid4())},
        {"group_id": str(uuid4())},
        {"often": "hourly/"},
        {"often": "weekly/9"},
        {"often": "weekly"},
        {"often": STRANGER},
        {"often": f"weekly/{STRANGER}"},
        {"delivery_time": "25:00"},
        {"max_updates_per_digest": "0"},
        {"max_updates_per_digest": "9" * 30},
        {"timezone": "Mars/Base"},
        {"include_content_types": "photo, photo"},
    ],
)
async def test_what_is_wrong_is_said(api: ApiUnderTest, fields: dict[str, str]) -> None:
    whom = await given(api)
    form = FORM | {name: whom[name] for name in ("recipient_id", "group_id")} | fields
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        status, _, text = await posted(browser, "/console/digests/new", form)
        assert status == 422
        assert f'href="#{next(iter(fields))}' in text
        assert "<script>alert" not in text
        assert 'value="18:30"' in text or "delivery_time" in fields


async def test_it_is_changed_paused_and_deleted(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        text = (await browser.get(f"{page}/edit")).text
        seen = text.partition('name="seen" value="')[2].partition('"')[0]
        form = FORM | {"timezone": "Europe/Vienna", "seen": seen}
        status, _, text = await posted(browser, f"{page}/edit", form)
        assert status == 303, text
        assert (await current(api, page))["timezone"] == "Europe/Vienna"
        for often, is_now in (("monthly/31", ("monthly", 31)), ("daily/", ("daily", None))):
            seen = (await browser.hidden(f"{page}/edit"))["seen"]
            status, _, text = await posted(browser, f"{page}/edit", form | {"often": often, "seen": seen})
            assert status == 303, text
            found = await current(api, page)
            assert (found["frequency"], found["delivery_day"]) == is_now
        assert (await posted(browser, f"{page}/edit", form | {"timezone": "Europe/Paris"}))[0] == 409
        await posted(browser, f"{page}/pause", {})
        assert "It is paused" in (await browser.get(page)).text
        await posted(browser, f"{page}/resume", {})
        assert (await current(api, page))["is_active"] is True
        assert "Delete this digest?" in (await browser.get(f"{page}/delete")).text
        assert (await posted(browser, f"{page}/delete", {}))[1] == "/console/digests"
        assert (await browser.get(page)).status_code == 404


async def test_what_would_be_sent_now(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        text = (await browser.get(f"{page}/preview")).text
        assert "Nothing would be sent" in text
        found = await current(api, page)
        await api.http.patch(f"/v1/recipients/{found['recipient_id']}", json={"email": "ada@example.com"})
        await api.template(**DIGEST)
        update = {"content_type": "photo", "title": STRANGER, "body": "x"}
        answer = await api.http.post(f"/v1/groups/{found['group_id']}/updates", json=update)
        assert answer.status_code == 201, answer.text
        text = (await browser.get(f"{page}/preview")).text
        assert "Updates in it" in text, text
        assert "<script>alert" not in text
        assert (await browser.get(f"{page}/html")).status_code == 200
        once = {"once": str(uuid4())}
        first, second = [await posted(browser, f"{page}/run", once) for _ in range(2)]
        assert first[:2] == second[:2]
        assert first[1].startswith("/console/messages/")


async def test_whoever_reads_changes_and_previews_nothing(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        assert f"{page}/" not in (await browser.get(page)).text
        for path in (
            "/console/digests/new",
            *(f"{page}/{each}" for each in ("edit", "delete", "preview", "html")),
        ):
            assert (await browser.get(path)).status_code == 403
        for path in (
            "/console/digests/new",
            *(f"{page}/{each}" for each in ("edit", "run", "pause", "delete")),
        ):
            assert (await posted(browser, path, FORM))[0] == 403


async def test_nothing_of_another_project(api: ApiUnderTest) -> None:
    page = await made(api)
    stranger = await api.caller(["admin"], f"project-{uuid4().hex}")
    mine = await stranger.get("/v1/digest-schedules")
    assert mine.json()["data"] == []
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        other = f"/console/digests/{uuid4()}"
        assert (await browser.get(page)).status_code == 200
        for path in ("", "/edit", "/delete", "/preview", "/html"):
            assert (await browser.get(other + path)).status_code == 404
        for deed in ("edit", "pause", "run", "delete", "dance"):
            assert (await posted(browser, f"{other}/{deed}", FORM))[0] == 404


async def test_a_digest_for_somebody_outside_the_group_is_said_to_bring_nothing(api: ApiUnderTest) -> None:
    page, whom = await made(api), await given(api)
    digest = await current(api, page)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        await api.http.post(
            f"/v1/groups/{digest['group_id']}/members",
            json={"members": [{"recipient_id": digest["recipient_id"]}]},
        )
        assert "Nothing will come" not in (await browser.get(page)).text
        stranger = whom | {"group_id": digest["group_id"]}
        answer = await api.http.post("/v1/digest-schedules", json=stranger)
        text = (await browser.get(f"/console/digests/{answer.json()['id']}")).text
        assert "Nothing will come" in text
        assert f'href="/console/groups/{digest["group_id"]}"' in text
