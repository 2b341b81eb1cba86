"""Templates and their versions."""

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
        ("one\n{% if %}", "line 2"),
        ("{{ name", "line 1"),
        ("{{ name | no_such_filter }}", "no_such_filter"),
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
