"""What a project says of itself, in messages: previews, simulations, notes about addresses, and the logo's address."""

import base64
import re
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from hermodr_servicekit.ids import new_id
from tests.support.api import ApiUnderTest, api_over, client_of
from tests.support.clocks import FakeClock
from tests.support.console import browsing, logged_in

GIF = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\nand more").decode()
ME = "/v1/projects/me"
WORDS = "{{ brand_name }} {{ brand_color }} {{ brand_on_color }} {{ brand_link_color }} {{ brand_logo }}"


@pytest_asyncio.fixture
async def anyone(api: ApiUnderTest) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(api.api) as client:
        yield client


async def preview(api: ApiUnderTest, **data: object) -> str:
    contents = {"email": {"en": {"subject": "{{ brand_name }}", "body_text": WORDS}}}
    asked = {"channel": "email", "contents": contents, "data": data}
    answer = await api.http.post("/v1/template-previews", json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["variables"] == []
    return str(answer.json()["text"])


async def test_previews_speak_of_the_project(api: ApiUnderTest) -> None:
    name = (await api.http.get(ME)).json()["name"]
    assert await preview(api) == f"{name} #2f5bea #ffffff #2f5bea "
    await api.http.patch(ME, json={"brand": {"name": "Shop & Sons", "color": "#ffee00", "logo": GIF}})
    shown = (await preview(api)).split(" #")
    assert shown[:3] == ["Shop & Sons", "ffee00", "000000"]
    assert re.fullmatch(r"[0-9a-f]{6} http://\S+/brand/[0-9a-f-]{36}/[0-9a-f]{16}", shown[3])
    assert (await preview(api, brand_name="Harbour")).startswith("Harbour #ffee00")


async def test_the_logo_is_there_for_everybody(api: ApiUnderTest, anyone: httpx.AsyncClient) -> None:
    await api.http.patch(ME, json={"brand": {"logo": GIF}})
    path = urlsplit((await preview(api)).split()[-1]).path
    for method in ("GET", "HEAD"):
        found = await anyone.request(method, path)
        assert found.status_code == 200
        assert found.headers["content-type"] == "image/gif"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert "max-age=86400" in found.headers["cache-control"]
    assert (await anyone.get(path)).content == base64.b64decode(GIF.partition(",")[2])
    await api.http.patch(ME, json={"brand": {"logo": PNG}})
    other = urlsplit((await preview(api)).split()[-1]).path
    assert other != path  # or mail programs would go on to show what they have


async def test_an_address_keeps_no_picture_but_its_own(database_url: str) -> None:
    clock = FakeClock()
    async with api_over(database_url, clock=clock) as api, client_of(api.api) as anyone:
        paths = []
        for logo in (GIF, PNG):
            await api.http.patch(ME, json={"brand": {"logo": logo}})
            path = urlsplit((await preview(api)).split()[-1]).path
            clock.advance(1)  # as if it was read a second ago
            answer = await anyone.get(path)
            assert answer.content == base64.b64decode(logo.partition(",")[2])
            assert "max-age=86400" in answer.headers["cache-control"]
            paths.append(path)
        old = await anyone.get(paths[0])
        assert old.content == base64.b64decode(PNG.partition(",")[2])
        assert old.headers["cache-control"] == "no-store"
        await api.http.patch(ME, json={"brand": {"logo": None}})
        clock.advance(5)
        for path in paths:
            gone = await anyone.get(path)
            assert (gone.status_code, gone.headers["cache-control"]) == (404, "no-store")
        await api.http.patch(ME, json={"brand": {"logo": GIF}})
        clock.advance(1)
        again = await anyone.get(paths[0])
        assert (again.status_code, again.headers["content-type"]) == (200, "image/gif")


@pytest.mark.parametrize("path", ["{project}/abc", "{other}/abc", "x/abc", "{project}/" + "a" * 500])
async def test_there_is_no_logo(api: ApiUnderTest, anyone: httpx.AsyncClient, path: str) -> None:
    asked = path.format(project=api.project_id, other=new_id())
    answer = await anyone.get(f"/brand/{asked}")
    assert (answer.status_code, answer.content) == (404, b"")


async def test_a_simulation_and_what_was_sent_say_the_same(api: ApiUnderTest) -> None:
    await api.http.patch(ME, json={"brand": {"name": "Night Harbour"}})
    texts = {"subject": "News of {{ brand_name }}", "body_text": "{{ brand_color }}"}
    made = await api.template(name="news", contents={"email": {"en": texts}})
    assert made["contents"]["email"]["en"]["subject"] == texts["subject"]
    wanted = {"type": "news", "to": {"email": "ada@example.com"}, "data": {}}
    answer = await api.http.post("/v1/notifications/simulate", json=wanted)
    assert answer.json()["channels"][0]["subject"] == "News of Night Harbour"


async def test_the_console_shows_our_logos_in_mails_and_nothing_else_of_ours(api: ApiUnderTest) -> None:
    await api.http.patch(ME, json={"brand": {"logo": GIF}})
    texts = {
        "subject": "Hello",
        "body_html": '<p>Hello</p><img src="{{ brand_logo }}" alt="{{ brand_name }}">',
    }
    made = await api.template(name="hello", contents={"email": {"en": texts}})
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        framed = await browser.get(f"/console/templates/{made['id']}/html?channel=email&locale=en")
    assert re.search(r'src="http://\S+/brand/\S+"', framed.text)
    policy = framed.headers["content-security-policy"]
    assert re.search(r"; img-src data: http://[\w.]+/brand/ https://[\w.]+/brand/;", policy)
    assert "'self'" not in policy.replace("frame-ancestors 'self'", "")
