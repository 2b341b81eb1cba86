"""How people see a project and its types: brand and labels in the console."""

import base64
from uuid import uuid4

import pytest

from tests.support.api import ApiUnderTest
from tests.support.console import STRANGER, browsing, logged_in

BRAND = "/console/project/brand"
GIF = base64.b64decode("R0lGODlhAQABAAAAACwAAAAAAQABAAA=")
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100


async def brand(api: ApiUnderTest) -> dict[str, str | None] | None:
    found: dict[str, str | None] | None = (await api.http.get("/v1/projects/me")).json()["brand"]
    return found


async def test_a_brand_is_given_changed_and_taken_away(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(BRAND)
        given = {"name": "Bakery", "color": "#2456d6"}
        answer = await browser.upload(BRAND, hidden | given, "file", GIF, "image/gif")
        assert answer.status_code == 303, answer.text
        logo = f"data:image/gif;base64,{base64.b64encode(GIF).decode()}"
        assert await brand(api) == given | {"logo": logo}
        shown = (await browser.get("/console/project")).text
        assert logo in shown
        assert 'fill="#2456d6"' in shown
        hidden = await browser.hidden(BRAND)
        assert hidden["logo"] == logo
        assert (await browser.send(BRAND, hidden | {"name": "Baker"})).status_code == 303
        assert await brand(api) == {"name": "Baker", "color": None, "logo": logo}
        hidden = await browser.hidden(BRAND)
        assert (await browser.send(BRAND, hidden | {"without_logo": "yes"})).status_code == 303
        assert await brand(api) is None


@pytest.mark.parametrize(
    ("fields", "picture", "kind", "wrong"),
    [
        ({"color": "blue"}, GIF, "image/gif", "color"),
        ({"color": '#fff"><script>alert(1)</script>'}, GIF, "image/gif", "color"),
        ({"name": "x" * 201}, GIF, "image/gif", "name"),
        ({}, PNG + b"\0" * 40_000, "image/png", "file"),
        ({}, b"<svg onload='alert(1)'/>", "image/png", "file"),
    ],
    ids=["no colour", "strange colour", "long name", "large logo", "no picture"],
)
async def test_what_is_wrong_with_a_brand_is_said(
    api: ApiUnderTest, fields: dict[str, str], picture: bytes, kind: str, wrong: str
) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(BRAND)
        answer = await browser.upload(BRAND, hidden | fields, "file", picture, kind)
        assert answer.status_code == 422
        assert f'id="{wrong}-flaw"' in answer.text
        assert "<script>alert" not in answer.text
        assert "base64" not in answer.text.partition('role="alert"')[2].partition("</div>")[0]
        assert ("is no PNG, JPEG, GIF or WebP of at most 32 KiB" in answer.text) is (wrong == "file")
        assert ("must be # and six digits" in answer.text) is (wrong == "color")
        kept = "data:image/gif" in answer.text
        assert kept is (wrong != "file"), "a picture that is fine need not be chosen again"
        assert await brand(api) is None


async def test_types_are_named_for_people(api: ApiUnderTest) -> None:
    template = await api.template(name=f"order_{uuid4().hex}")
    page = f"/console/templates/{template['id']}"
    path = f"{page}/labels"
    given = {
        "labels.0.locale": "en",
        "labels.0.title": "Order updates",
        "labels.0.category": "Your orders",
        "labels.0.description": STRANGER,
        "labels.1.locale": "de",
        "labels.1.title": "Bestellungen",
        "labels.2.locale": "",
    }
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert "Names for people" in (await browser.get(page)).text
        answer = await browser.send(path, await browser.hidden(path) | given)
        assert answer.status_code == 303, answer.text
        saved = (await api.http.get(f"/v1/templates/{template['id']}")).json()["labels"]
        assert saved == {
            "en": {"title": "Order updates", "category": "Your orders", "description": STRANGER},
            "de": {"title": "Bestellungen", "category": None, "description": None},
        }
        text = (await browser.get(path)).text
        assert "Bestellungen" in text
        assert "<script>alert" not in text
        answer = await browser.send(path, await browser.hidden(path))
        assert answer.status_code == 303
        assert (await api.http.get(f"/v1/templates/{template['id']}")).json()["labels"] is None


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"labels.0.locale": "en"}, "labels.0.title"),
        ({"labels.0.title": "Orders"}, "labels.0.locale"),
        ({"labels.0.locale": "no language", "labels.0.title": "Orders"}, "labels.0.locale"),
        (
            {
                "labels.0.locale": "en",
                "labels.0.title": "Orders",
                "labels.4.locale": "en",
                "labels.4.title": "Again",
            },
            "labels.1.locale",
        ),
        ({"labels.0.locale": "en", "labels.0.title": "x" * 201}, "labels.0.title"),
    ],
    ids=["no title", "no language", "strange language", "twice", "long"],
)
async def test_what_is_wrong_with_a_name_stands_at_it(
    api: ApiUnderTest, fields: dict[str, str], wrong: str
) -> None:
    template = await api.template(name=f"order_{uuid4().hex}")
    path = f"/console/templates/{template['id']}/labels"
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        answer = await browser.send(path, await browser.hidden(path) | fields)
        assert answer.status_code == 422
        assert f'id="{wrong}-flaw"' in answer.text


async def test_who_may_not_manage_names_nothing(api: ApiUnderTest) -> None:
    template = await api.template(name=f"order_{uuid4().hex}")
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        for path in (BRAND, f"/console/templates/{template['id']}/labels"):
            assert (await browser.get(path)).status_code == 403
            assert (await browser.send(path, {"csrf": await browser.csrf(), "name": "x"})).status_code == 403
        assert "Names for people" not in (await browser.get(f"/console/templates/{template['id']}")).text
