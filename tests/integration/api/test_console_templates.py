"""Templates in the console: written, seen, tried, saved, compared and rolled back by forms."""

import html
from collections.abc import Sequence
from uuid import uuid4

import pytest

from hermodr_ledger.access.keys import Scope
from tests.support.api import ApiUnderTest
from tests.support.console import STRANGER, Browser, browsing, hidden_in, logged_in

MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Hello, {{ name }}</mj-text></mj-column></mj-section></mj-body>"
    "</mjml>"
)
FORM = {
    "channel": "email",
    "locale": "en",
    "subject": "Order {{ order.number }}",
    "body_mjml": MJML,
    "inline_css": "yes",
    "data": '{"name": "Ada", "order": {"number": 7}}',
}
EVERYTHING: Sequence[Scope] = ("read", "send", "manage")


async def made(api: ApiUnderTest, **contents: object) -> str:
    texts = {"subject": "Order {{ order.number }}", "body_text": "Hello, {{ name }}"}
    template = await api.template(name="order", contents=contents or {"email": {"en": texts}})
    return f"/console/templates/{template['id']}"


async def current(api: ApiUnderTest, page: str) -> dict[str, object]:
    answer = await api.http.get(page.replace("/console", "/v1"))
    return dict(answer.json())


async def test_a_template_is_written_and_saved(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, *EVERYTHING)
        csrf = await browser.csrf("/console/templates/new")
        answer = await browser.post(
            "/console/templates/new", {}, csrf=csrf, name="order", critical="yes", **FORM
        )
        assert answer.status_code == 303, answer.text
        page = answer.headers["location"]
        text = (await browser.get(page)).text
        assert "Order 3" in text, "the data is made up from what the texts need"
        saved = await current(api, page)
        assert (saved["name"], saved["critical"], saved["default_locale"]) == ("order", True, "en")
        shown = await browser.get(f"{page}/html?channel=email&locale=en")
        assert "Hello, Ada" in shown.text
        assert "sandbox" in shown.headers["content-security-policy"]


async def test_what_is_wrong_is_said_at_its_line_beside_what_was_typed(api: ApiUnderTest) -> None:
    async with browsing(api) as browser:
        await logged_in(api, browser, *EVERYTHING)
        csrf = await browser.csrf("/console/templates/new")
        typed = FORM | {
            "name": "two words",
            "subject": STRANGER,
            "body_mjml": "",
            "body_text": "a\r\n{% if b %}\r\nc",
        }
        answer = await browser.post("/console/templates/new", {}, csrf=csrf, **typed)
        assert answer.status_code == 422
        assert 'id="wrong-name"' in answer.text
        assert "two words" in answer.text
        assert html.escape(STRANGER).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in answer.text
        assert "<script>alert" not in answer.text
        fixed = typed | {"name": "order", "subject": "Hi"}
        answer = await browser.post("/console/templates/new", {}, csrf=csrf, **fixed)
        assert answer.status_code == 422
        assert 'data-field="body_text" data-line="2"' in answer.text
        assert "{% if b %}\nc</textarea>" in answer.text


async def test_a_preview_follows_what_is_typed(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        csrf = await browser.csrf(f"{page}/edit?channel=email&locale=en")
        for base in ("/console/templates", page):
            answer = await browser.post(f"{base}/preview", {}, csrf=csrf, version="1", **FORM)
            assert answer.status_code == 200
            assert "Order 7" in answer.text
            assert "Hello, Ada" in html.unescape(answer.text)
            framed = await browser.post(f"{base}/html", {}, csrf=csrf, version="1", **FORM)
            assert "Hello, Ada" in framed.text
            assert "sandbox" in framed.headers["content-security-policy"]
        broken = await browser.post(f"{page}/preview", {}, csrf=csrf, **FORM | {"data": "{,}"})
        assert broken.status_code == 200
        assert 'id="wrong-data"' in broken.text
        assert "line 1 column 2" in broken.text
        absent = await browser.post(f"{page}/preview", {}, csrf=csrf, **FORM | {"data": "{}"})
        assert "order is missing" in absent.text.partition('id="wrong-data"')[2][:400]
        assert (await current(api, page))["version"] == 1


async def test_two_editors_do_not_overwrite_one_another(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        csrf = await browser.csrf(f"{page}/edit?channel=email&locale=en")
        first = await browser.post(f"{page}/edit", {}, csrf=csrf, version="1", **FORM)
        assert first.headers["location"] == f"{page}?channel=email&locale=en"
        mine = FORM | {"subject": "Mine"}
        second = await browser.post(f"{page}/edit", {}, csrf=csrf, version="1", **mine)
        assert second.status_code == 409
        assert "Somebody else has changed this template" in second.text
        assert 'value="Mine"' in second.text
        assert f"{page}/compare?old=1&amp;new=2" in second.text
        assert (await current(api, page))["version"] == 2
        assert 'name="version" value="2"' in second.text
        third = await browser.post(f"{page}/edit", {}, csrf=csrf, version="2", **mine)
        assert third.status_code == 303
        assert (await current(api, page))["version"] == 3


async def test_the_same_holds_over_http(api: ApiUnderTest) -> None:
    path = (await made(api)).replace("/console", "/v1")
    change = {"contents": {"email": {"de": {"subject": "Hallo", "body_text": "x"}}}, "if_version": 1}
    assert (await api.http.patch(path, json=change)).status_code == 200
    late = await api.http.patch(path, json=change)
    assert late.status_code == 409
    assert late.json()["errors"][0]["loc"] == ["body", "if_version"]


async def test_languages_are_added_and_removed(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        csrf = await browser.csrf(f"{page}/edit")
        german = FORM | {"locale": "de-AT", "version": "1"}
        added = await browser.post(f"{page}/edit", {}, csrf=csrf, **german)
        assert added.headers["location"] == f"{page}?channel=email&locale=de-AT"
        assert "de-AT" in (await browser.get(page)).text
        gone = await browser.post(f"{page}/remove", {}, csrf=csrf, channel="email", locale="de-AT")
        assert gone.status_code == 303
        assert "de-AT" not in (await browser.get(page)).text
        last = await browser.post(f"{page}/remove", {}, csrf=csrf, channel="email", locale="en")
        assert last.status_code == 422
        assert (await browser.get(f"{page}?channel=sms")).status_code == 404


async def test_an_approved_template_comes_back_as_it_was(api: ApiUnderTest) -> None:
    approved = {
        "name": "order_ready",
        "language": "de",
        "parameters": ["{{ name }}", "{{ order.number }}"],
        "header": "H",
        "buttons": [None, "{{ code }}"],
    }
    page = await made(api, whatsapp={"en": {"body_text": "Hi {{ name }}", "approved": approved}})
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        text = (await browser.get(f"{page}/edit?channel=whatsapp&locale=en")).text
        assert "{{ name }}\n{{ order.number }}</textarea>" in text
        form = {
            "channel": "whatsapp",
            "locale": "en",
            "body_text": "Hello {{ name }}",
            "approved_name": "order_ready",
            "approved_language": "de",
            "approved_parameters": "{{ name }}\r\n{{ order.number }}",
            "approved_header": "H",
            "approved_buttons": "\r\n{{ code }}",
        }
        saved = await browser.post(f"{page}/edit", {}, csrf=await browser.csrf(), version="1", **form)
        assert saved.status_code == 303, saved.text
        contents = (await current(api, page))["contents"]
        assert contents["whatsapp"]["en"]["approved"] == approved  # type: ignore[index]
        wrong = await browser.post(
            f"{page}/edit", {}, csrf=await browser.csrf(), version="2", **form | {"approved_name": "Not This"}
        )
        assert wrong.status_code == 422
        assert 'role="alert"' in wrong.text.partition('id="wrong-approved_name"')[2][:200]


async def test_versions_are_compared_and_rolled_back(api: ApiUnderTest) -> None:
    page = await made(api)
    path = page.replace("/console", "/v1")
    changed = {"email": {"en": {"subject": "Order {{ order.number }}", "body_text": f"Good day, {STRANGER}"}}}
    assert (await api.http.patch(path, json={"contents": changed})).status_code == 200
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        listed = (await browser.get(f"{page}/versions")).text
        assert f"{page}/compare?old=1&amp;new=2" in listed
        compared = (await browser.get(f"{page}/compare?old=1&new=2")).text
        assert "<mark>Good day" in compared or "<mark>Good</mark>" in compared
        assert "<script>alert" not in compared
        assert "They are the same" in (await browser.get(f"{page}/compare?old=2&new=2")).text
        assert (await browser.get(f"{page}/compare?old=1&new=9")).status_code == 404
        older = (await browser.get(f"{page}?version=1")).text
        assert "You see version 1" in older
        answer = await browser.post(f"{page}/rollback", {}, csrf=await browser.csrf(), version="1")
        assert answer.headers["location"] == page
        assert (await current(api, page))["version"] == 1
        for nonsense in ("9", "x", "-1", "9" * 30, ""):
            answer = await browser.post(f"{page}/rollback", {}, csrf=await browser.csrf(), version=nonsense)
            assert answer.status_code == 422


async def test_settings_of_a_template(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        hidden = await browser.hidden(f"{page}/settings")
        wanted = hidden | {"name": "shipped", "default_locale": "en", "critical": "yes"}
        answer = await browser.send(f"{page}/settings", wanted)
        assert answer.headers["location"] == page
        found = await current(api, page)
        assert (found["name"], found["critical"]) == ("shipped", True)
        wrong = await browser.hidden(f"{page}/settings")
        wrong |= {"name": "a b", "default_locale": "", "reply_to": "ada@example.com, nobody"}
        answer = await browser.send(f"{page}/settings", wrong)
        assert answer.status_code == 422
        assert 'value="a b"' in answer.text
        for name in ("name", "default_locale", "reply_to"):
            assert f'id="{name}-flaw"' in answer.text


async def test_settings_keep_what_another_tab_saved(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        name = str((await current(api, page))["name"])
        shown = await browser.hidden(f"{page}/settings") | {"name": name, "default_locale": "en"}
        first = await browser.send(f"{page}/settings", shown | {"reply_to": "ada@example.com"})
        assert first.status_code == 303, first.text
        second = await browser.send(f"{page}/settings", shown | {"critical": "yes"})
        assert second.status_code == 303, second.text
        found = await current(api, page)
        assert (found["critical"], found["reply_to"]) == (True, ["ada@example.com"])
        third = await browser.send(f"{page}/settings", shown | {"reply_to": "bob@example.com"})
        assert third.status_code == 409
        assert 'id="reply_to-flaw"' in third.text
        assert 'value="bob@example.com"' in third.text
        once_more = hidden_in(third.text, f"{page}/settings")
        typed = {"name": name, "default_locale": "en", "critical": "yes", "reply_to": "bob@example.com"}
        assert (await browser.send(f"{page}/settings", once_more | typed)).status_code == 303


async def test_a_test_is_sent_as_it_is_written(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, *EVERYTHING)
        csrf = await browser.csrf(f"{page}/edit?channel=email&locale=en")
        answer = await browser.post(f"{page}/test", {}, csrf=csrf, to="ada@example.com", version="1", **FORM)
        assert answer.status_code == 200, answer.text
        assert "The test is on its way" in answer.text
        jobs = (await api.http.get("/v1/jobs")).json()["data"]
        assert [each["delivery_method"] for each in jobs] == ["email"]
        for to in ("", "nobody", "+15550100123"):
            answer = await browser.post(f"{page}/test", {}, csrf=csrf, to=to, version="1", **FORM)
            assert answer.status_code == 422
            assert 'role="alert"' in answer.text.partition('id="wrong-to"')[2][:200]
        pushed = await browser.post(
            f"{page}/test",
            csrf=csrf,
            to="a@example.com",
            channel="in_app",
            locale="en",
            subject="x",
            body_text="y",
        )
        assert pushed.status_code == 422
        assert (await current(api, page))["version"] == 1


async def test_pressing_twice_does_it_once(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, *EVERYTHING)
        csrf, once = await browser.csrf(f"{page}/edit?channel=email&locale=en"), str(uuid4())
        new = {"once": once, "name": "shipped", **FORM}
        first, second = [await browser.post("/console/templates/new", {}, csrf=csrf, **new) for _ in range(2)]
        assert first.headers["location"] == second.headers["location"]
        tried = {"once": str(uuid4()), "to": "ada@example.com", "version": "1", **FORM}
        for _ in range(2):
            assert "on its way" in (await browser.post(f"{page}/test", {}, csrf=csrf, **tried)).text
        assert len((await api.http.get("/v1/jobs")).json()["data"]) == 1


async def test_a_test_needs_the_scope_to_send(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        assert "Send a test" not in (await browser.get(f"{page}/edit?channel=email&locale=en")).text
        csrf = await browser.csrf()
        answer = await browser.post(f"{page}/test", {}, csrf=csrf, to="ada@example.com", version="1", **FORM)
        assert answer.status_code == 403
        assert (await api.http.get("/v1/jobs")).json()["data"] == []


async def test_a_template_is_deleted(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read", "manage")
        answer = await browser.post(f"{page}/delete", {}, csrf=await browser.csrf())
        assert answer.headers["location"] == "/console/templates"
        assert (await browser.get(page)).status_code == 404


async def refused(browser: Browser, page: str, status: int) -> None:
    csrf = await browser.csrf()
    for path in ("/edit", "/remove", "/settings", "/rollback", "/delete", "/preview", "/html", "/test"):
        answer = await browser.post(
            page + path, {}, csrf=csrf, **FORM, version="1", name="x", to="a@example.com"
        )
        assert answer.status_code == status, path


async def test_whoever_reads_sees_and_changes_nothing(api: ApiUnderTest) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, "read")
        for path in (page, f"{page}/versions", "/console/templates"):
            text = (await browser.get(path)).text
            for deed in ("/edit", "/settings", "/delete", "/new", "/rollback"):
                assert f"{deed}" not in text.partition("<main")[2].partition("</main>")[0], (path, deed)
        for path in (
            "/console/templates/new",
            "/console/templates/frame",
            f"{page}/edit",
            f"{page}/settings",
        ):
            assert (await browser.get(path)).status_code == 403
        await refused(browser, page, 403)
    assert (await current(api, page))["version"] == 1


async def test_nothing_of_another_project(api: ApiUnderTest) -> None:
    stranger = await api.caller(["admin"], f"project-{uuid4().hex}")
    texts = {"email": {"en": {"subject": "Theirs", "body_text": "x"}}}
    theirs = (await stranger.post("/v1/templates", json={"name": "theirs", "contents": texts})).json()["id"]
    page = f"/console/templates/{theirs}"
    async with browsing(api) as browser:
        await logged_in(api, browser, *EVERYTHING)
        for path in (
            "",
            "/html?channel=email&locale=en",
            "/versions",
            "/compare?old=1&new=1",
            "/edit",
            "/settings",
        ):
            assert (await browser.get(page + path)).status_code == 404, path
        await refused(browser, page, 404)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"channel": "pigeon"},
        {"locale": ""},
        {"locale": "\x00"},
        {"body_mjml": "<mjml>"},
        {"body_html": "<p>x</p>"},
        {"data": "[]"},
        {"data": "\x00"},
        {"data": '{"a": 1, "a": 2}'},
        {"subject": "a\nb"},
        {"version": "x"},
        {"body_text": "{% for x in range(10**9) %}x{% endfor %}"},
    ],
)
async def test_nonsense_is_told_on_a_page(api: ApiUnderTest, fields: dict[str, str]) -> None:
    page = await made(api)
    async with browsing(api) as browser:
        await logged_in(api, browser, *EVERYTHING)
        csrf = await browser.csrf()
        form = (FORM | {"version": "1"} | fields) if fields else {}
        for path in (
            f"{page}/preview",
            "/console/templates/preview",
            "/console/templates/new",
            f"{page}/edit",
        ):
            answer = await browser.post(path, {}, csrf=csrf, **form)
            assert answer.status_code in (200, 303, 422), (path, answer.status_code)
            readable = "\0" not in "".join(form.values())
            assert answer.status_code == 303 or ('id="editor"' in answer.text) == readable
