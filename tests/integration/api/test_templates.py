from uuid import UUID

import pytest

from hermodr_ledger.templates.texts import compiled_texts
from tests.support.api import TEMPLATE, ApiUnderTest, problem

URL = "/v1/templates"
GERMAN = {"subject": "Hallo {{ name }}", "body_text": "{{ magic_link }}"}


async def test_contents_become_versions(api: ApiUnderTest) -> None:
    made = await api.template()
    assert made["version"] == 1
    url = f"{URL}/{made['id']}"
    second = (await api.http.patch(url, json={"contents": {"email": {"de": GERMAN}}})).json()
    assert second["version"] == 2
    assert set(second["contents"]["email"]) == {"en", "de"}
    third = (await api.http.patch(url, json={"contents": {"email": {"de": None}}})).json()
    assert (third["version"], set(third["contents"]["email"])) == (3, {"en"})
    renamed = (await api.http.patch(url, json={"name": "link", "critical": True})).json()
    assert (renamed["version"], renamed["name"], renamed["critical"]) == (3, "link", True)
    back = (await api.http.post(f"{url}/rollback", json={"version": 2})).json()
    assert (back["version"], set(back["contents"]["email"])) == (2, {"en", "de"})
    assert (await api.http.get(url)).json() == back
    fourth = (await api.http.patch(url, json={"contents": {"email": {"en": GERMAN}}})).json()
    assert fourth["version"] == 4
    page = (await api.http.get(f"{url}/versions?limit=3")).json()
    assert [each["version"] for each in page["data"]] == [4, 3, 2]
    rest = (await api.http.get(f"{url}/versions", params={"cursor": page["next_cursor"]})).json()
    assert [each["version"] for each in rest["data"]] == [1]
    assert rest["data"][0]["contents"] == made["contents"]


async def test_versions_that_are_not(api: ApiUnderTest) -> None:
    made = await api.template()
    for version in (2, 0, 2**40, "1"):
        answer = await api.http.post(f"{URL}/{made['id']}/rollback", json={"version": version})
        problem(answer, 422, "invalid-request")
    problem(await api.http.get(f"{URL}/{made['id']}/versions?cursor=x"), 422, "invalid-request")


async def test_a_flaw_in_a_text_is_told_with_its_line(api: ApiUnderTest) -> None:
    for source, words in (
        ("one\n{% if %}", "line 2, column 7"),
        ("{{ name", "line 1, column 4"),
        ("{{ name | no_such_filter }}", "no_such_filter"),
        ("{{ name.upper() }}", "line 1, column 8: data has no methods: instead of .upper() write `|upper`"),
    ):
        contents = {"email": {"en": {"subject": "Hi", "body_text": source}}}
        body = problem(
            await api.http.post(URL, json=TEMPLATE | {"contents": contents}), 422, "invalid-request"
        )
        assert body["errors"][0]["loc"] == ["body", "contents", "email", "en", "body_text"]
        assert words in body["errors"][0]["msg"]


async def test_contents_must_be_sendable(api: ApiUnderTest) -> None:
    for change, loc in (
        ({"default_locale": "de"}, ["body", "contents", "email"]),
        ({"contents": {"email": {"en": {"body_text": "x"}}}}, ["body", "contents", "email", "en", "subject"]),
        ({"contents": {"email": {"en": {"subject": "x"}}}}, ["body", "contents", "email", "en", "body_text"]),
        ({"contents": {}}, ["body", "contents"]),
    ):
        body = problem(await api.http.post(URL, json=TEMPLATE | change), 422, "invalid-request")
        assert loc in [error["loc"] for error in body["errors"]]
    made = await api.template()
    gone = await api.http.patch(f"{URL}/{made['id']}", json={"contents": {"email": None}})
    problem(gone, 422, "invalid-request")


async def test_a_name_is_taken_once(api: ApiUnderTest) -> None:
    await api.template()
    problem(await api.http.post(URL, json=TEMPLATE), 409, "conflict")
    other = await api.template(name="other")
    taken = await api.http.patch(f"{URL}/{other['id']}", json={"name": "magic_link"})
    problem(taken, 409, "conflict")
    found = (await api.http.get(URL, params={"name": "other"})).json()["data"]
    assert [each["id"] for each in found] == [other["id"]]


async def test_a_repeated_request_is_answered_as_before(api: ApiUnderTest) -> None:
    key = {"idempotency-key": "t-1"}
    first = await api.http.post(URL, json=TEMPLATE, headers=key)
    again = await api.http.post(URL, json=TEMPLATE, headers=key)
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status_code, again.json()) == (201, first.json())


MJML = (
    "<mjml><mj-body><mj-section><mj-column>{% for x in things %}<mj-text>{{ x }}</mj-text>{% endfor %}"
    "</mj-column></mj-section></mj-body></mjml>"
)


def _email(**texts: object) -> dict[str, object]:
    return {"contents": {"email": {"en": {"subject": "Hi {{ name }}"} | texts}}}


async def test_mjml_is_compiled_when_it_is_saved(api: ApiUnderTest) -> None:
    made = await api.template(**_email(body_mjml=MJML))
    shown = made["contents"]["email"]["en"]
    assert (shown["body_mjml"], shown["body_html"]) == (MJML, None)
    whole = (await api.http.get(f"{URL}/{made['id']}/versions/1")).json()["contents"]["email"]["en"]
    assert "<table" in whole["compiled_html"]
    content = await compiled_texts(api.api.ledger, UUID(made["id"]), 1, "email", "en")
    assert content is not None
    assert content.body_html == whole["compiled_html"]
    problem(await api.http.get(f"{URL}/{made['id']}/versions/2"), 404, "not-found")


async def test_a_change_takes_over_what_was_compiled(api: ApiUnderTest) -> None:
    made = await api.template(**_email(body_html="<style>p{color:red}</style><p>{{ name }}</p>"))
    url = f"{URL}/{made['id']}"
    await api.http.patch(url, json={"contents": {"email": {"de": GERMAN}}})
    second = (await api.http.get(f"{url}/versions/2")).json()["contents"]["email"]
    assert 'style="color: red;"' in second["en"]["compiled_html"]
    assert second["de"]["compiled_html"] is None
    plain = _email(body_html="<style>p{color:red}</style><p>{{ name }}</p>", inline_css=False)
    await api.http.patch(url, json=plain)
    third = (await api.http.get(f"{url}/versions/3")).json()["contents"]["email"]
    assert third["en"]["compiled_html"] is None


@pytest.mark.parametrize(
    ("texts", "part", "words"),
    [
        (
            {"body_mjml": "<mjml>\n<mj-body><mj-include path='/etc/passwd'/></mj-body></mjml>"},
            "body_mjml",
            "line 2, column 10",
        ),
        ({"body_mjml": "<mjml>\n <mj-bogus/></mjml>"}, "body_mjml", "line 2, column 2: MJML has no element"),
        (
            {"body_html": "<style>p{color:red}</style>\n{% if a %}<p>{% else %}<p id=x>{% endif %}</p>"},
            "body_html",
            "line 2",
        ),
    ],
)
async def test_a_flaw_in_the_markup_is_told_with_its_place(
    api: ApiUnderTest, texts: dict[str, str], part: str, words: str
) -> None:
    body = problem(await api.http.post(URL, json=TEMPLATE | _email(**texts)), 422, "invalid-request")
    assert body["errors"][0]["loc"] == ["body", "contents", "email", "en", part]
    assert words in body["errors"][0]["msg"]


async def test_what_takes_the_compiler_down_is_the_authors_to_mend(api: ApiUnderTest) -> None:
    """The parser's stack overflows long before the limit of length; it runs in a process of its own."""
    hostile = "{{ [" + "1," * 60_000 + "] }}" + "<p>" * 400 + "{{ " + "a+" * 9_000 + "1 }}"
    body = problem(
        await api.http.post(URL, json=TEMPLATE | _email(body_html=hostile)), 422, "invalid-request"
    )
    assert body["errors"][0]["loc"][:4] == ["body", "contents", "email", "en"]
    await api.template()


async def test_a_preview_is_what_would_be_sent(api: ApiUnderTest) -> None:
    made = await api.template(**_email(body_mjml=MJML))
    url = f"{URL}/{made['id']}"
    await api.http.patch(url, json={"contents": {"email": {"de": GERMAN}}})
    data = {"name": "<Ada>", "things": ["<b>", 2], "magic_link": "https://example.com/"}
    shown = (await api.http.post(f"{url}/preview", json={"data": data})).json()
    assert (shown["version"], shown["channel"], shown["locale"]) == (2, "email", "en")
    assert (shown["subject"], shown["text"]) == ("Hi <Ada>", "<b>\n2\n")
    assert "&lt;b&gt;" in shown["html"]
    assert shown["variables"] == ["name", "things"]
    german = (await api.http.post(f"{url}/preview", json={"data": data, "locale": "de-AT"})).json()
    assert (german["locale"], german["subject"], german["html"]) == ("de", "Hallo <Ada>", None)
    assert german["warnings"] == ["there are no texts in de-AT: de is used"]
    person = await api.recipient(locale="de")
    mine = await api.http.post(f"{url}/preview", json={"data": data, "recipient_id": person["id"]})
    assert mine.json()["locale"] == "de"
    old = await api.http.post(f"{url}/preview", json={"data": data, "version": 1, "locale": "de"})
    assert (old.json()["version"], old.json()["locale"]) == (1, "en")


async def test_a_preview_of_what_is_not_saved(api: ApiUnderTest) -> None:
    made = await api.template()
    url = f"{URL}/{made['id']}"
    changes = {"contents": {"email": {"de": {"subject": "Neu {{ name }}", "body_text": "x"}}}}
    shown = (
        await api.http.post(f"{url}/preview", json=changes | {"locale": "de", "data": {"name": "Ada"}})
    ).json()
    assert (shown["version"], shown["subject"]) == (None, "Neu Ada")
    assert (await api.http.get(url)).json()["version"] == 1
    draft = _email(body_mjml=MJML) | {"data": {"name": "Ada", "things": []}}
    answer = await api.http.post("/v1/template-previews", json=draft, headers={"idempotency-key": "p-1"})
    assert answer.json()["subject"] == "Hi Ada"
    again = await api.http.post("/v1/template-previews", json=draft, headers={"idempotency-key": "p-1"})
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_preview_warns_of_what_may_not_be_meant(api: ApiUnderTest) -> None:
    draft = _email(body_text="{{ cart.items|length }} things\n{{ gone }}{{ paid }}")
    data = {"name": "Ada", "cart": {"items": [1, 2]}, "gone": None, "paid": True}
    shown = (await api.http.post("/v1/template-previews", json=draft | {"data": data})).json()
    assert shown["text"] == "2 things\ntrue"
    assert shown["warnings"] == [
        "body_text, line 2: null is printed as nothing",
        "body_text, line 2: true is printed",
    ]
    refused = await api.http.post("/v1/template-previews", json=draft | {"data": data | {"gone": [1]}})
    assert "line 2: a list cannot be printed" in problem(refused, 422, "invalid-request")["errors"][0]["msg"]


async def test_texts_for_a_channel_that_is_not_there_yet_are_warned_of(api: ApiUnderTest) -> None:
    texts = {"en": {"subject": "Hi", "body_text": "It works."}}
    made = await api.template(contents={"email": texts, "sms": {"en": {"body_text": "It works."}}})
    assert made["warnings"] == ["sms: not available yet; its texts are kept, and nothing is sent by it"]


async def test_html_without_words_is_warned_of_when_saved_and_shown(api: ApiUnderTest) -> None:
    made = await api.template(**_email(body_html="<img src='https://x.example/a.png'>"))
    (warning,) = made["warnings"]
    assert warning.startswith("email.en: the plain text derived from the HTML is empty")
    shown = await api.http.post(f"{URL}/{made['id']}/preview", json={"data": {"name": "Ada"}})
    assert (shown.json()["text"], shown.json()["warnings"]) == ("", [warning.removeprefix("email.en: ")])
    better = _email(body_html="<img src='https://x.example/a.png' alt='Spring is here'>")
    changed = await api.http.patch(f"{URL}/{made['id']}", json=better)
    assert changed.json()["warnings"] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{{ "\\ud83d" }}', "line 1, column 4: the text in quotes holds half of a surrogate pair"),
        ('{{ "%c"|format(55357) }}', "body_text: what comes of it holds half of a surrogate pair"),
    ],
)
async def test_a_preview_of_what_is_no_character(api: ApiUnderTest, text: str, words: str) -> None:
    answer = await api.http.post(
        "/v1/template-previews", json=_email(body_text=text) | {"data": {"name": "Ada"}}
    )
    assert problem(answer, 422, "invalid-request")["errors"][0]["msg"].startswith(words)


async def test_a_preview_that_cannot_be(api: ApiUnderTest) -> None:
    made = await api.template()
    url = f"{URL}/{made['id']}/preview"
    for wanted, loc, words in (
        ({"data": {"name": "x"}}, ["body", "data"], "magic_link is missing"),
        ({"version": 7}, ["body", "version"], "no such version"),
        ({"channel": "sms"}, ["body", "channel"], "no contents"),
        ({"recipient_id": made["id"]}, ["body", "recipient_id"], "no such recipient"),
        ({"contents": {"email": None}}, ["body", "contents"], "at least one channel"),
        ({"contents": {"email": {"en": {"subject": "{{", "body_text": "x"}}}}, None, "line 1, column"),
    ):
        body = problem(await api.http.post(url, json=wanted), 422, "invalid-request")
        assert words in body["errors"][0]["msg"]
        assert loc is None or body["errors"][0]["loc"] == loc
    hostile = _email(body_text="{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}")
    body = problem(
        await api.http.post("/v1/template-previews", json=hostile | {"data": {"name": "x"}}),
        422,
        "invalid-request",
    )
    assert "more than 100000 loop turns" in body["errors"][0]["msg"]
    assert body["errors"][0]["loc"] == ["body", "contents", "email", "en"]
    await api.http.patch(f"{URL}/{made['id']}", json=hostile)
    for unsaved in ({}, {"contents": {"email": {"de": GERMAN}}}):  # what was not sent is no place in the body
        saved = await api.http.post(url, json={"data": {"name": "x"}} | unsaved)
        assert saved.json()["errors"][0]["loc"] == ["template", "contents", "email", "en"]
    stranger = await api.caller(["read"], "somebody-else")
    problem(await stranger.post(url, json={}), 404, "not-found")
