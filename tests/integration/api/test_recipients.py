import asyncio

from tests.support.api import ApiUnderTest, problem

URL = "/v1/recipients"


async def test_a_recipient_is_made_shown_changed_and_erased(api: ApiUnderTest) -> None:
    made = await api.recipient(external_id="e-1", name="Ada", timezone="Europe/Berlin", locale="de-AT")
    assert (await api.http.get(f"{URL}/{made['id']}")).json() == made
    changed = (
        await api.http.patch(f"{URL}/{made['id']}", json={"phone": "+15550100123", "name": None})
    ).json()
    assert (changed["phone"], changed["name"], changed["locale"]) == ("+15550100123", None, "de-AT")
    assert changed["updated_at"] > made["updated_at"]
    assert (await api.http.delete(f"{URL}/{made['id']}")).status_code == 204
    problem(await api.http.get(f"{URL}/{made['id']}"), 404, "not-found")
    problem(await api.http.delete(f"{URL}/{made['id']}"), 404, "not-found")


async def test_an_external_id_is_taken_once(api: ApiUnderTest) -> None:
    answers = await asyncio.gather(*(api.http.post(URL, json={"external_id": "e-1"}) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    second = await api.recipient(external_id="e-2")
    taken = await api.http.patch(f"{URL}/{second['id']}", json={"external_id": "e-1"})
    assert problem(taken, 409, "conflict")["errors"][0]["loc"] == ["body", "external_id"]


async def test_a_repeated_request_makes_no_second_one(api: ApiUnderTest) -> None:
    key = {"idempotency-key": "r-1"}
    answers = await asyncio.gather(*(api.http.post(URL, json={}, headers=key) for _ in range(20)))
    made = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert len(set(made)) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert problem(answer, 409, "still-running")
            assert answer.headers["retry-after"] == "1"
    assert len((await api.http.get(URL)).json()["data"]) == 1


async def test_a_refused_request_does_not_use_its_key_up(api: ApiUnderTest) -> None:
    first = await api.recipient(external_id="e-1")
    key = {"idempotency-key": "r-2"}
    problem(await api.http.post(URL, json={"external_id": "e-1"}, headers=key), 409, "conflict")
    await api.http.delete(f"{URL}/{first['id']}")
    assert (await api.http.post(URL, json={"external_id": "e-1"}, headers=key)).status_code == 201


async def test_pages_are_stable_while_rows_are_added(api: ApiUnderTest) -> None:
    made = [(await api.recipient(external_id=f"e-{number}"))["id"] for number in range(7)]
    seen: list[str] = []
    cursor = None
    while True:
        page = (await api.http.get(URL, params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [each["id"] for each in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        made.append((await api.recipient())["id"]) if len(made) < 9 else None
    assert seen == made
    newest = (await api.http.get(URL, params={"sort": "-created_at", "limit": 2})).json()
    assert [each["id"] for each in newest["data"]] == made[:-3:-1]
    wrong = await api.http.get(URL, params={"cursor": newest["next_cursor"]})
    assert "another order" in problem(wrong, 422, "invalid-request")["detail"]
    one = (await api.http.get(URL, params={"external_id": "e-3"})).json()
    assert [each["id"] for each in one["data"]] == [made[3]]


async def test_wishes_are_stored(api: ApiUnderTest) -> None:
    made = await api.recipient()
    wishes = {
        "preferences": [{"type": "newsletter", "channel": "email", "enabled": False}],
        "muted_until": "2031-01-01T00:00:00Z",
        "quiet_hours": {"start": "22:00", "end": "07:00"},
    }
    url = f"{URL}/{made['id']}/preferences"
    shown = (await api.http.put(url, json=wishes)).json()
    assert shown["preferences"] == wishes["preferences"]
    assert shown["quiet_hours"] == {"start": "22:00", "end": "07:00", "days": [1, 2, 3, 4, 5, 6, 7]}
    cleared = (await api.http.put(url, json={"muted_until": None})).json()
    assert cleared["muted_until"] is None
    assert cleared["preferences"] == wishes["preferences"]
    bad = {
        "preferences": [{"enabled": "yes"}],
        "muted_until": "2031-01-01T00:00:00",
        "quiet_hours": {"start": "25:00", "end": "07:00", "days": [8]},
    }
    errors = problem(await api.http.put(url, json=bad), 422, "invalid-request")["errors"]
    assert {tuple(error["loc"][1:3]) for error in errors} == {
        ("preferences", 0),
        ("muted_until",),
        ("quiet_hours", "start"),
        ("quiet_hours", "days"),
    }


async def test_what_cannot_be_is_refused(api: ApiUnderTest) -> None:
    bad = {"email": "x", "phone": "1", "timezone": "Mars/Base", "locale": "!!", "name": "a\nb"}
    errors = problem(await api.http.post(URL, json=bad), 422, "invalid-request")["errors"]
    assert {error["loc"][1] for error in errors} == set(bad)


async def test_quiet_hours_that_cannot_be_are_refused(api: ApiUnderTest) -> None:
    url = f"{URL}/{(await api.recipient())['id']}/preferences"
    for bad in (
        {"start": "22:00", "end": "22:00"},
        {"start": "24:00", "end": "07:00"},
        {"start": "00:00", "end": "24:00"},
        {"start": "22:00", "end": "07:00", "days": []},
        {"start": "22:00", "end": "07:00", "days": [1, 1]},
    ):
        refused = problem(await api.http.put(url, json={"quiet_hours": bad}), 422, "invalid-request")
        assert refused["errors"][0]["loc"][:2] == ["body", "quiet_hours"]
    sundays = {"quiet_hours": {"start": "00:00", "end": "24:00", "days": [7]}}
    assert (await api.http.put(url, json=sundays)).json()["quiet_hours"]["days"] == [7]


async def test_a_search_names_what_it_is_for(api: ApiUnderTest) -> None:
    ada = await api.recipient(external_id="e-1", user_id="u-1", email="Ada@example.com")
    await api.recipient(user_id="u-2")
    for query in ({"email": "ada@EXAMPLE.com"}, {"external_id": "e-1", "user_id": "u-1"}):
        found = (await api.http.get(URL, params=query)).json()["data"]
        assert ada["id"] in [each["id"] for each in found]
    assert (await api.http.get(URL, params={"email": "ada@example.com", "user_id": "u-2"})).json()["data"]
    assert (await api.http.get(URL, params={"external_id": "e-1", "user_id": "u-2"})).json()["data"] == []


async def test_attributes_are_kept_exactly_and_replaced_as_a_whole(api: ApiUnderTest) -> None:
    attributes = {"plan": "family", "n": None, "deep": {"a": [1, 2.5, "<b>", "ü😀"]}}
    made = await api.recipient(external_id="e-1", relationship="grandmother", attributes=attributes)
    assert (made["relationship"], made["attributes"]) == ("grandmother", attributes)
    url = f"{URL}/{made['id']}"
    assert (await api.http.patch(url, json={"name": "Ada"})).json()["attributes"] == attributes
    changed = (await api.http.patch(url, json={"attributes": {"x": 1}, "relationship": None})).json()
    assert (changed["relationship"], changed["attributes"]) == (None, {"x": 1})
    assert (await api.http.patch(url, json={"attributes": None})).json()["attributes"] == {}
    assert (await api.recipient())["attributes"] == {}


async def test_attributes_that_cannot_be(api: ApiUnderTest) -> None:
    fits = {"x": "y" * (16 * 1024 - len('{"x":""}'))}
    assert (await api.http.post(URL, json={"attributes": fits})).status_code == 201
    deep: object = 1
    for _ in range(101):
        deep = [deep]
    for given, loc, words in (
        ({"attributes": {"x": fits["x"] + "y"}}, ["body", "attributes"], "more than 16 KiB"),
        ({"attributes": {"x": deep}}, ["body", "attributes"], "nested more than 100 levels"),
        ({"attributes": [1]}, ["body", "attributes"], "must be an object"),
        ({"relationship": "a\nb"}, ["body", "relationship"], "line"),
        ({"relationship": ""}, ["body", "relationship"], "at least 1"),
    ):
        for refused in (
            await api.http.post(URL, json=given),
            await api.http.put(URL, json={"external_id": "e-9", **given}),
        ):
            (flaw,) = problem(refused, 422, "invalid-request")["errors"]
            assert flaw["loc"][: len(loc)] == loc
            assert words in flaw["msg"]
