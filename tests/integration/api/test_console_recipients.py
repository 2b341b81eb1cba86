"""Recipients in the console: made, changed, told what is wrong, erased."""

import json
import re
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from hermodr_api.console import people
from tests.support.api import ApiUnderTest
from tests.support.console import STRANGER, browsing, hidden_in, logged_in

NEWSLETTER = {"email": {"en": {"subject": "News", "body_text": "News"}}}
NEW = "/console/recipients/new"


async def test_one_is_added_once_however_often_it_is_posted(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(NEW)
        fields = {"name": "Ada", "email": "Ada@example.com", "attributes": '{"plan": "family"}'}
        first = await browser.send(NEW, hidden | fields)
        again = await browser.send(NEW, hidden | fields)
        assert first.status_code == 303
        assert first.headers["location"] == again.headers["location"]
        (person,) = (await api.http.get("/v1/recipients")).json()["data"]
        assert person["attributes"] == {"plan": "family"}
        assert person["email"] == "Ada@example.com"


async def test_what_is_wrong_stands_at_its_field_with_what_was_typed(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(NEW)
        answer = await browser.send(
            NEW, hidden | {"name": STRANGER, "email": "nobody", "timezone": "Mars/Base"}
        )
        assert answer.status_code == 422
        assert 'id="email-flaw"' in answer.text
        assert 'id="timezone-flaw"' in answer.text
        assert "alert(1)" in answer.text
        assert "<script>alert" not in answer.text
        answer = await browser.send(NEW, hidden | {"name": "Ada", "attributes": "{"})
        assert 'id="attributes-flaw"' in answer.text
        await api.recipient(external_id="c-1")
        answer = await browser.send(NEW, hidden | {"external_id": "c-1"})
        assert answer.status_code == 409
        assert 'id="external_id-flaw"' in answer.text


async def test_a_change_keeps_what_it_does_not_touch_and_empties_what_is_emptied(api: ApiUnderTest) -> None:
    person = await api.recipient(
        external_id="c-17", name="Grace", email="g@example.com", phone="+15550100123"
    )
    page = f"/console/recipients/{person['id']}/edit"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(page)
        answer = await browser.send(
            page, hidden | {"external_id": "c-17", "name": "Grace H.", "email": "g@example.com"}
        )
        assert answer.status_code == 303
        now = (await api.http.get(f"/v1/recipients/{person['id']}")).json()
        assert (now["name"], now["phone"], now["external_id"]) == ("Grace H.", None, "c-17")


async def test_the_later_of_two_tabs_keeps_what_the_other_set(api: ApiUnderTest) -> None:
    person = await api.recipient(external_id="c-18", name="Grace", email="g@example.com")
    page = f"/console/recipients/{person['id']}/edit"
    typed = {"external_id": "c-18", "name": "Grace", "email": "g@example.com"}
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(page)
        first = await browser.send(page, hidden | typed | {"phone": "+15550100124", "name": "Grace H."})
        later = await browser.send(page, hidden | typed | {"locale": "de"})
        assert (first.status_code, later.status_code) == (303, 303)
        now = (await api.http.get(f"/v1/recipients/{person['id']}")).json()
        assert (now["name"], now["phone"], now["locale"]) == ("Grace H.", "+15550100124", "de")
        log = await api.api.ledger.fetch(
            "SELECT detail::text AS detail FROM hermodr.audit_log WHERE action = 'recipient.change'"
            " AND project_id = $1 ORDER BY id",
            api.project_id,
        )
        fields = [json.loads(each["detail"])["fields"] for each in log]
        assert fields == [["name", "phone"], ["locale"]]
        assert (await browser.send(page, hidden | typed)).status_code == 303
        again = (await api.http.get(f"/v1/recipients/{person['id']}")).json()
        assert again == now, "nothing was typed, so nothing is written"


async def test_who_types_where_somebody_else_did_is_told_which_field(api: ApiUnderTest) -> None:
    person = await api.recipient(name="Grace", phone="+15550100123")
    page = f"/console/recipients/{person['id']}/edit"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(page)
        typed = {"name": "Grace", "phone": "+15550100123"}
        await browser.send(page, hidden | typed | {"name": "Grace H.", "locale": "de"})
        late = await browser.send(page, hidden | typed | {"name": "Late", "phone": "+15550100125"})
        assert late.status_code == 409
        assert 'id="name-flaw"' in late.text
        assert "Grace H." in late.text, "what it is by now"
        assert 'value="Late"' in late.text
        assert 'value="de"' in late.text, "what nobody typed here stands as it is now"
        assert 'id="phone-flaw"' not in late.text
        fields = {"name": "Late", "phone": "+15550100125", "locale": "de"}
        assert (await browser.send(page, hidden_in(late.text, page) | fields)).status_code == 303
        now = (await api.http.get(f"/v1/recipients/{person['id']}")).json()
        assert (now["name"], now["phone"], now["locale"]) == ("Late", "+15550100125", "de")


async def test_wishes_of_two_tabs(api: ApiUnderTest) -> None:
    person = await api.recipient(name="Grace")
    page = f"/console/recipients/{person['id']}/wishes"
    line = {"preferences.0.type": "news", "preferences.0.enabled": "no", "caps.0.overflow": "defer"}
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(page)
        assert (await browser.send(page, hidden | line)).status_code == 303
        muted = hidden | {"muted_until": "2030-01-01T00:00", "caps.0.overflow": "defer"}
        assert (await browser.send(page, muted)).status_code == 303
        other = await browser.send(page, hidden | line | {"preferences.0.type": "offers"})
        assert other.status_code == 409
        assert 'href="#preferences"' in other.text
        now = (await api.http.get(f"/v1/recipients/{person['id']}")).json()
        assert now["muted_until"] == "2030-01-01T00:00:00Z"
        assert now["preferences"] == [{"type": "news", "channel": None, "enabled": False}]


async def test_wishes(api: ApiUnderTest) -> None:
    person = await api.recipient(name="Grace", timezone="Europe/Berlin")
    page = f"/console/recipients/{person['id']}/wishes"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        wishes = {
            "preferences.1.type": "news",
            "preferences.1.channel": "email",
            "preferences.1.enabled": "no",
            "quiet_hours.start": "22:00",
            "quiet_hours.end": "07:00",
            "day.1": "yes",
            "day.5": "yes",
            "muted_until": "2030-01-01T00:00",
            "caps.0.max": "3",
            "caps.0.per": "24h",
            "caps.0.types": "news, offers",
            "caps.0.overflow": "digest",
        }
        hidden = await browser.hidden(page)
        bad = await browser.send(page, hidden | wishes | {"quiet_hours.end": "25:00", "caps.0.per": "never"})
        assert bad.status_code == 422
        assert 'id="quiet_hours.end-flaw"' in bad.text
        assert 'id="caps.0.per-flaw"' in bad.text
        answer = await browser.send(page, hidden | wishes)
        assert answer.status_code == 303, answer.text
        now = (await api.http.get(f"/v1/recipients/{person['id']}")).json()
        assert now["preferences"] == [{"type": "news", "channel": "email", "enabled": False}]
        assert now["quiet_hours"] == {"start": "22:00", "end": "07:00", "days": [1, 5]}
        assert now["muted_until"] == "2030-01-01T00:00:00Z"
        assert now["caps"] == [{"max": 3, "per": "24h", "types": ["news", "offers"], "overflow": "digest"}]
        shown = (await browser.get(page)).text
        assert 'value="2030-01-01T00:00:00"' in shown
        assert 'value="news, offers"' in shown
        hidden = await browser.hidden(page)
        assert (await browser.send(page, hidden)).status_code == 303
        now = (await api.http.get(f"/v1/recipients/{person['id']}")).json()
        assert (now["preferences"], now["quiet_hours"], now["caps"]) == ([], None, [])


async def test_erasing_is_asked_for_and_done(api: ApiUnderTest) -> None:
    person = await api.recipient(name="Grace")
    page = f"/console/recipients/{person['id']}/erase"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert "Erase this recipient?" in (await browser.get(page)).text
        assert (await api.http.get(f"/v1/recipients/{person['id']}")).status_code == 200
        answer = await browser.post(page, csrf=await browser.csrf())
        assert answer.headers["location"] == "/console/recipients"
        assert (await api.http.get(f"/v1/recipients/{person['id']}")).status_code == 404
        assert (await browser.get(page)).status_code == 404


async def test_those_who_read_are_shown_no_way_and_have_none(api: ApiUnderTest) -> None:
    person = await api.recipient(name="Grace")
    page = f"/console/recipients/{person['id']}"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get(page)).text + (await browser.get("/console/recipients")).text
        for deed in ("/edit", "/wishes", "/erase", "/new"):
            assert f'{deed}"' not in text
        for path in (NEW, f"{page}/edit", f"{page}/wishes", f"{page}/erase"):
            assert (await browser.get(path)).status_code == 403
            assert (await browser.post(path, csrf=await browser.csrf())).status_code == 403
        assert (await api.http.get(f"/v1/recipients/{person['id']}")).status_code == 200


async def test_nobody_of_another_project_is_changed(api: ApiUnderTest) -> None:
    stranger = await api.caller(["admin"], f"project-{uuid4().hex}")
    theirs = (await stranger.post("/v1/recipients", json={"name": "Them"})).json()["id"]
    async with browsing(api) as browser:
        await logged_in(api, browser, "admin")
        for deed in ("edit", "wishes", "erase"):
            path = f"/console/recipients/{theirs}/{deed}"
            assert (await browser.get(path)).status_code == 404
            assert (await browser.post(path, csrf=await browser.csrf())).status_code == 404


async def test_somebody_is_muted_for_a_week_and_no_longer(api: ApiUnderTest) -> None:
    person = await api.recipient(name="Grace", email="g@example.com")
    page = f"/console/recipients/{person['id']}"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert (await browser.post(f"{page}/mute", csrf=await browser.csrf())).status_code == 303
        assert "Unmute" in (await browser.get(page)).text
        assert (await api.http.get(f"/v1/recipients/{person['id']}")).json()["muted_until"] is not None
        assert (await browser.post(f"{page}/unmute", csrf=await browser.csrf())).status_code == 303
        assert (await api.http.get(f"/v1/recipients/{person['id']}")).json()["muted_until"] is None
        assert "suppressed" not in (await browser.get(page)).text
        await api.http.post("/v1/suppressions", json={"address": "G@example.com", "reason": "bounce"})
        assert "suppressed: bounce" in (await browser.get(page)).text


async def test_their_groups_are_shown_and_a_digest_is_one_step_away(api: ApiUnderTest) -> None:
    person = await api.recipient(external_id="c-1")
    group = (await api.http.post("/v1/groups", json={"name": STRANGER})).json()
    page, new = f"/console/recipients/{person['id']}", "/console/digests/new"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert "In none." in (await browser.get(page)).text
        member = {"recipient_id": person["id"], "role": "owner"}
        await api.http.post(f"/v1/groups/{group['id']}/members", json={"members": [member]})
        text = (await browser.get(page)).text
        assert f"/console/groups/{group['id']}" in text
        assert "<td>owner</td>" in text
        assert "<script>alert" not in text
        prefilled = f"{new}?recipient_id={person['id']}&amp;group_id={group['id']}"
        assert prefilled in text
        form = (await browser.get(prefilled.replace("&amp;", "&"))).text
        assert f'value="{person["id"]}"' in form
        assert f'value="{group["id"]}"' in form
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get(page)).text
        assert f"/console/groups/{group['id']}" in text
        assert new not in text


async def test_they_are_found_by_the_beginning_of_a_word(api: ApiUnderTest) -> None:
    person = await api.recipient(
        external_id="c-19", name="Grace O'Hopper", email="Rear.Admiral@navy.example", phone="+15550100177"
    )
    other = await api.recipient(external_id="c-190", name="Ada Byron")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        for typed in (
            "grac",
            "HOPPER",
            "hop grace",
            "rear.adm",
            "admiral@navy",
            "+1555010",
            "c-19",
            person["id"],
        ):
            listed = (await browser.get(f"/console/recipients?{urlencode({'search': typed})}")).text
            assert person["id"] in listed, typed
            assert (other["id"] in listed) == (typed == "c-19"), typed
        for typed in ("nobody", "race", "'':*|x", "\\", "grace byron"):
            listed = (await browser.get(f"/console/recipients?{urlencode({'search': typed})}")).text
            assert "begins with" in listed, typed


async def test_messages_are_found_by_a_part_of_whom_they_are_for(api: ApiUnderTest) -> None:
    person = await api.recipient(name="Grace Hopper", email="grace@navy.example")
    sent = await api.http.post(
        "/v1/notifications",
        json={"to": {"recipient_id": person["id"]}, "subject": "x", "body_text": "y", "type": "offer"},
    )
    assert sent.status_code == 202, sent.text
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        for typed in ("hopp", "grace@na", "offer"):
            listed = (await browser.get(f"/console/messages?{urlencode({'search': typed})}")).text
            assert sent.json()["job_id"] in listed, typed
        await api.recipient(name="Grace Kelly")
        listed = (await browser.get("/console/messages?search=grace")).text
        assert "/console/recipients?search=grace" in listed


async def test_a_wish_about_an_unknown_type_is_kept_and_said(api: ApiUnderTest) -> None:
    person = await api.recipient(name="Grace")
    made = await api.http.post("/v1/templates", json={"name": "newsletter", "contents": NEWSLETTER})
    assert made.status_code == 201, made.text
    page = f"/console/recipients/{person['id']}"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        form = (await browser.get(f"{page}/wishes")).text
        assert '<datalist id="types">' in form
        known = "newsletter"
        assert f'<option value="{known}">' in form
        wishes = {"preferences.0.type": known, "preferences.0.enabled": "no"}
        await browser.send(f"{page}/wishes", (await browser.hidden(f"{page}/wishes")) | wishes)
        assert "unknown" not in (await browser.get(page)).text
        wishes["preferences.0.type"] = "newslettr"
        answer = await browser.send(f"{page}/wishes", (await browser.hidden(f"{page}/wishes")) | wishes)
        assert answer.status_code == 303
        assert "newslettr <span" in (await browser.get(page)).text


async def test_of_many_that_are_found_the_newest_are_shown(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "_FOUND", 3)
    made = [await api.recipient(name=f"Ada {nth}", external_id=f"a-{nth}") for nth in range(6)]
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        text = (await browser.get("/console/recipients?search=ada")).text
        shown = re.findall(r'class="row" href="/console/recipients/([0-9a-f-]{36})"', text)
        assert shown == [each["id"] for each in reversed(made[3:])]
        assert "the newest first" in text
