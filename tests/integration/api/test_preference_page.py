"""The page behind links in mails: what people see and change there, who may look, and whose links hold."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from hermodr_servicekit.links import Links, Unsubscribe
from tests.support.api import ApiUnderTest, api_over, client_of
from tests.support.console import browsing, logged_in

SECRET = "the secret of links in tests, long enough"
LINKS = Links(SECRET, "https://mail.example")
GIF = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, link_secret=SecretStr(SECRET)) as under_test:
        yield under_test


@pytest_asyncio.fixture
async def anyone(api: ApiUnderTest) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api.api) as client:
        yield client


def url_of(api: ApiUnderTest, person: dict[str, Any], name: str = "", at: datetime | None = None) -> str:
    return f"/u/{LINKS.token(Unsubscribe(api.project_id, UUID(person['id']), name, at))}"


async def now_of(api: ApiUnderTest, person: dict[str, Any]) -> dict[str, Any]:
    return dict((await api.http.get(f"/v1/recipients/{person['id']}")).json())


def form_of(page: str) -> dict[str, list[str]]:
    """What a browser posts of the page's large form."""
    form = page[page.index('id="preferences"') :]
    form = form[: form.index("</form>")]
    fields: dict[str, list[str]] = {"do": ["save"]}
    for tag in re.findall(r"<input[^>]*>", form):
        said = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if said["type"] != "checkbox" or "checked" in tag:
            fields.setdefault(said["name"], []).append(said["value"])
    for name, options in re.findall(r'<select name="([^"]*)">(.*?)</select>', form, re.DOTALL):
        (chosen,) = re.findall(r"<option([^>]*) selected>([^<]*)", options) or [(' value=""', "")]
        value = re.search(r'value="([^"]*)"', chosen[0])
        fields[name] = [value[1] if value else chosen[1]]
    return fields


def before_of(page: str) -> str:
    (found,) = re.findall(r'name="before" value="([^"]*)"', page)
    return str(found).replace("&#34;", '"')


async def shop(api: ApiUnderTest) -> None:
    label = {"title": "Season's news", "category": "News", "description": "Once a week."}
    await api.template(name="news", labels={"en": label, "de": {**label, "title": "Neues"}})
    await api.template(name="login", critical=True)


async def test_what_is_saved_holds_and_is_undone(api: ApiUnderTest, anyone: httpx.AsyncClient) -> None:
    await shop(api)
    person = await api.recipient(timezone="Europe/Vienna")
    group = (await api.http.post("/v1/groups", json={"name": "Family"})).json()
    digest = {"recipient_id": person["id"], "group_id": group["id"], "frequency": "daily"}
    digest = (await api.http.post("/v1/digest-schedules", json=digest)).json()
    before = await now_of(api, person)
    url = url_of(api, person, "news")
    page = (await anyone.get(url)).text
    assert "Season&#39;s news" in page
    assert "Summary of Family" in page
    fields = form_of(page)
    assert "Nothing was changed." in (await anyone.post(url, data=fields)).text
    fields |= {
        "on": [],
        "quiet": ["on"],
        "quiet_start": ["21:30"],
        "timezone": ["America/New_York"],
        "cap": ["3/7d"],
        f"digest-{digest['id']}": ["weekly/7"],
    }
    saved = await anyone.post(url, data=fields)
    assert (saved.status_code, "Saved." in saved.text) == (200, True)
    now = await now_of(api, person)
    assert now["preferences"] == [{"type": "news", "channel": "email", "enabled": False}]
    assert now["quiet_hours"] == {"start": "21:30", "end": "07:00", "days": [1, 2, 3, 4, 5, 6, 7]}
    assert (now["timezone"], now["caps"][0]["max"]) == ("America/New_York", 3)
    weekly = (await api.http.get(f"/v1/digest-schedules/{digest['id']}")).json()
    assert (weekly["frequency"], weekly["delivery_day"]) == ("weekly", 7)
    assert weekly["next_digest_scheduled"] != digest["next_digest_scheduled"]
    undone = await anyone.post(url, data={"do": "undo", "before": before_of(saved.text)})
    assert "as it was before" in undone.text
    assert before | {"updated_at": None} == await now_of(api, person) | {"updated_at": None}
    daily = (await api.http.get(f"/v1/digest-schedules/{digest['id']}")).json()
    assert daily["frequency"] == "daily"
    lines = (await api.http.get("/v1/audit-log", params={"actor_id": "preference-page"})).json()["data"]
    assert [line["action"] for line in lines] == ["recipient.change", "digest_schedule.change"] * 2


async def test_the_inbox_tells_of_the_same_types_by_the_same_names(
    api: ApiUnderTest, anyone: httpx.AsyncClient
) -> None:
    await shop(api)
    person = await api.recipient(user_id="ada", locale="de-AT")
    texts = {"sms": {"en": {"body_text": "x"}}}
    await api.template(name="by_text", contents=texts)
    for name in ("system_notice", "invitation", "welcome", "unused"):
        await api.template(name=name)
    await api.api.ledger.fetch(
        "UPDATE hermodr.templates SET starter = true WHERE name IN ('system_notice', 'invitation', 'welcome', 'unused')"
    )
    ada = api.user("ada")

    async def both(name: str = "") -> list[str]:
        told = (await ada.get("/v1/inbox/preferences")).json()
        assert set(told["channels"]) == {"email", "in_app"}
        assert all(set(each["channels"]) <= {"email", "in_app"} for each in told["data"])
        page = (await anyone.get(url_of(api, person, name))).text
        titles = [each["label"]["title"] for each in told["data"]]
        assert all(each in page for each in titles)
        assert "By text" not in page
        return sorted(titles)

    assert await both() == ["Login", "Neues"]
    (news,) = [
        each
        for each in (await ada.get("/v1/inbox/preferences?locale=en")).json()["data"]
        if each["type"] == "news"
    ]
    assert news["label"] == {"title": "Season's news", "category": "News", "description": "Once a week."}
    one = (await ada.get(f"/v1/inbox/preferences/{news['id']}")).json()
    assert one["label"]["title"] == "Neues"
    assert (await ada.get("/v1/inbox/preferences?locale=!")).status_code == 422

    # a starter that nobody has changed: from the first message on, or with a wish about it
    sent = {"to": {"user_id": "ada"}, "type": "system_notice", "data": {"name": "x", "magic_link": "y"}}
    answer = await api.http.post("/v1/notifications", json=sent)
    assert answer.status_code == 202, answer.text
    assert await both() == ["Login", "Neues", "System notice"]
    wish = [{"type": "invitation", "channel": "email", "enabled": False}]
    url = f"/v1/recipients/{person['id']}/preferences"
    assert (await api.http.put(url, json={"preferences": wish})).is_success
    assert await both() == ["Invitation", "Login", "Neues", "System notice"]
    assert "Welcome" in (await anyone.get(url_of(api, person, "welcome"))).text  # the link is about it
    assert "Unused" not in (await anyone.get(url_of(api, person))).text

    nobody = (await api.user("nobody").get("/v1/inbox/preferences")).json()
    assert (nobody["data"], nobody["channels"]) == ([], {})
    everything = (await api.http.get("/v1/inbox/preferences?limit=200")).json()
    assert len(everything["data"]) == 7


async def test_flaws_keep_what_was_typed_and_change_nothing(
    api: ApiUnderTest, anyone: httpx.AsyncClient
) -> None:
    await shop(api)
    person = await api.recipient()
    before = await now_of(api, person)
    url = url_of(api, person)
    fields = form_of((await anyone.get(url)).text) | {"on": [], "quiet": ["", "on"], "quiet_end": ["22:00"]}
    answer = await anyone.post(url, data=fields)
    assert answer.status_code == 422
    assert "a beginning and an end that differ" in answer.text
    assert form_of(answer.text) | {"on": []} == fields
    assert await now_of(api, person) == before


async def test_the_link_of_a_preview_says_what_it_is(anyone: httpx.AsyncClient) -> None:
    answer = await anyone.get("/u/preview", headers={"accept-language": "fr"})
    assert (answer.status_code, "Le lien d’un aperçu" in answer.text) == (200, True)
    assert (await anyone.post("/u/preview", data={"do": "save"})).status_code == 404


async def test_a_pause_and_nothing_more(api: ApiUnderTest, anyone: httpx.AsyncClient) -> None:
    await shop(api)
    person = await api.recipient()
    url = url_of(api, person)
    paused = await anyone.post(url, data={"do": "pause"})
    assert "Paused until" in paused.text
    until = datetime.fromisoformat((await now_of(api, person))["muted_until"])
    begun = datetime.fromisoformat(person["created_at"])
    assert abs(until - begun - timedelta(days=7)) < timedelta(minutes=5)
    await anyone.post(url, data={"do": "resume"})
    assert (await now_of(api, person))["muted_until"] is None
    nothing = await anyone.post(url, data={"do": "nothing"})
    assert "unsubscribed from everything" in nothing.text
    assert (await now_of(api, person))["preferences"] == [{"type": None, "channel": None, "enabled": False}]
    named = url_of(api, person, "news")
    assert "Subscribe again" in (await anyone.get(named)).text
    await anyone.post(named, data={"emails": "on"})
    assert (await now_of(api, person))["preferences"][-1] == {
        "type": "news", "channel": "email", "enabled": True,
    }  # fmt: skip
    await anyone.post(url, data={"do": "undo", "before": before_of(nothing.text)})
    assert (await now_of(api, person))["preferences"] == []


async def test_other_sites_and_odd_forms_change_nothing(api: ApiUnderTest, anyone: httpx.AsyncClient) -> None:
    person = await api.recipient()
    url, before = url_of(api, person, "news"), await now_of(api, person)
    for site in ("cross-site", "same-site"):
        for fields in ({"do": "nothing"}, {"emails": "off"}):
            answer = await anyone.post(url, data=fields, headers={"sec-fetch-site": site})
            assert (answer.status_code, "another website" in answer.text) == (403, True)
    for fields in ({"do": "erase"}, {"do": "undo"}, {"do": "undo", "before": "{}"}):
        assert (await anyone.post(url, data=fields)).status_code == 422
    assert (await anyone.post(url_of(api, person), data={"List-Unsubscribe": "One-Click"})).status_code == 200
    assert await now_of(api, person) == before
    mailer = {"sec-fetch-site": "cross-site"}
    await anyone.post(url, data={"List-Unsubscribe": "One-Click"}, headers=mailer)
    assert (await now_of(api, person))["preferences"] != []


async def test_revoked_links_lead_nowhere_and_later_ones_do(
    api: ApiUnderTest, anyone: httpx.AsyncClient
) -> None:
    await shop(api)
    person, other = await api.recipient(), await api.recipient()
    sent = datetime.fromisoformat(person["created_at"])
    old, older, later = (
        url_of(api, person, "news", sent),
        url_of(api, person, "news"),
        url_of(api, person, "news", sent + timedelta(hours=1)),
    )
    assert [(await anyone.get(url)).status_code for url in (old, older, later)] == [200, 200, 200]
    revoked = await api.http.delete(f"/v1/recipients/{person['id']}/links")
    assert revoked.status_code == 204
    for url in (old, older):
        for answer in (
            await anyone.get(url),
            await anyone.post(url, data={"List-Unsubscribe": "One-Click"}),
            await anyone.post(url, data={"do": "nothing"}),
        ):
            assert (answer.status_code, "does not work" in answer.text) == (404, True)
    assert (await now_of(api, person))["preferences"] == []
    assert (await anyone.get(later)).status_code == 200
    assert (await anyone.get(url_of(api, other, "news", sent))).status_code == 200


async def test_a_mail_right_after_revoking_has_a_link_that_holds(
    api: ApiUnderTest, anyone: httpx.AsyncClient
) -> None:
    await shop(api)
    person = await api.recipient()
    clock = "SELECT clock_timestamp() AS at"
    (before,) = await api.api.ledger.fetch(clock)
    await api.http.delete(f"/v1/recipients/{person['id']}/links")
    (after,) = await api.api.ledger.fetch(clock)
    statuses = [
        (await anyone.get(url_of(api, person, "news", row["at"]))).status_code for row in (before, after)
    ]
    assert statuses == [404, 200]


async def test_a_project_looks_as_it_says(api: ApiUnderTest, anyone: httpx.AsyncClient) -> None:
    person = await api.recipient()
    brand = {"name": "Shop & Sons", "color": "#ffee00", "logo": GIF}
    shown = await api.http.patch("/v1/projects/me", json={"brand": brand})
    assert (shown.status_code, shown.json()["brand"]) == (200, brand)
    page = (await anyone.get(url_of(api, person))).text
    assert "Notifications from Shop &amp; Sons" in page
    assert GIF in page
    assert "#ffee00" in page
    assert (await api.http.patch("/v1/projects/me", json={"brand": None})).json()["brand"] is None


@pytest.mark.parametrize(
    ("brand", "place"),
    [
        ({"color": "red"}, "color"),
        ({"logo": "https://shop.example/logo.png"}, "logo"),
        ({"logo": "data:image/svg+xml;base64,PHN2Zz48L3N2Zz4="}, "logo"),
        ({"logo": "data:image/png;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="}, "logo"),
        ({"logo": "data:image/png;base64,%%%"}, "logo"),
        ({"logo": "data:image/gif;base64,R0lGODdh" + "A" * 44_000}, "logo"),
    ],
    ids=("a name", "elsewhere", "svg", "another kind", "no base64", "too large"),
)
async def test_what_is_no_brand_is_refused(api: ApiUnderTest, brand: dict[str, str], place: str) -> None:
    answer = await api.http.patch("/v1/projects/me", json={"brand": brand})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["body", "brand", place]


async def test_operators_see_the_page_and_change_nothing_in_it(api: ApiUnderTest) -> None:
    await shop(api)
    person = await api.recipient(name="Ada")
    path = f"/console/recipients/{person['id']}"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        shown = await browser.get(f"{path}/preferences")
        assert "Preview: what Ada sees" in shown.text
        assert '<fieldset class="whole" disabled>' in shown.text
        assert "revoke-links" not in (await browser.get(path)).text
        assert (await browser.get(f"{path}/revoke-links")).status_code == 403
        assert (await browser.get(f"/console/recipients/{UUID(int=1)}/preferences")).status_code == 404
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert "cannot be undone" in (await browser.get(f"{path}/revoke-links")).text
        posted = await browser.post(f"{path}/revoke-links", csrf=await browser.csrf(path))
        assert posted.status_code == 303
        assert "lead nowhere now" in (await browser.get(posted.headers["location"])).text
    lines = (await api.http.get("/v1/audit-log", params={"subject": person["id"]})).json()["data"]
    assert lines[-1]["action"] == "recipient.revoke_links"
