import asyncio
from typing import Any
from uuid import uuid4

from hermodr_ledger.engine.paging import Page
from hermodr_ledger.people import updates
from tests.support.api import MAIL, ApiUnderTest, problem

URL = "/v1/groups"


async def group_of(api: ApiUnderTest, **fields: object) -> dict[str, Any]:
    made = await api.http.post(URL, json={"name": "The Lovelaces"} | fields)
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    return body


async def member_of(api: ApiUnderTest, group: dict[str, Any], **fields: object) -> dict[str, Any]:
    recipient = await api.recipient()
    made = await api.http.post(
        f"{URL}/{group['id']}/members", json={"members": [{"recipient_id": recipient["id"]} | fields]}
    )
    assert made.status_code == 201, made.text
    (body,) = made.json()["data"]
    return dict(body)


async def post(api: ApiUnderTest, group: dict[str, Any], **fields: object) -> dict[str, Any]:
    made = await api.http.post(f"{URL}/{group['id']}/updates", json={"title": "First steps"} | fields)
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    return body


async def unread(api: ApiUnderTest, member: dict[str, Any]) -> list[str]:
    answer = await api.http.get(f"{URL}/{member['group_id']}/members/{member['id']}/unread")
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["data"]]


async def test_a_group_is_made_shown_changed_and_taken_away(api: ApiUnderTest) -> None:
    made = await group_of(api, external_id="f-1", metadata={"a": [1]})
    one = f"{URL}/{made['id']}"
    assert (await api.http.get(one)).json() == made
    changed = (await api.http.patch(one, json={"external_id": None, "metadata": {"b": 2}})).json()
    assert (changed["external_id"], changed["name"], changed["metadata"]) == (None, "The Lovelaces", {"b": 2})
    assert (await api.http.patch(one, json={})).json()["name"] == "The Lovelaces"
    member, update = await member_of(api, made), await post(api, made)
    assert (await api.http.delete(one)).status_code == 204
    for gone in (one, f"{one}/members", f"{one}/members/{member['id']}", f"{one}/updates/{update['id']}"):
        problem(await api.http.get(gone), 404, "not-found")
    problem(await api.http.delete(one), 404, "not-found")
    problem(await api.http.patch(one, json={"name": "x"}), 404, "not-found")


async def test_an_external_id_is_taken_once(api: ApiUnderTest) -> None:
    answers = await asyncio.gather(
        *(api.http.post(URL, json={"name": "a", "external_id": "f-1"}) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    other = await group_of(api)
    taken = await api.http.patch(f"{URL}/{other['id']}", json={"external_id": "f-1"})
    assert problem(taken, 409, "conflict")["errors"][0]["loc"] == ["body", "external_id"]
    found = (await api.http.get(URL, params={"external_id": "f-1"})).json()["data"]
    assert [each["external_id"] for each in found] == ["f-1"]
    first = await post(api, other, external_id="p-1")
    second = await post(api, other, external_id="p-2")
    problem(
        await api.http.post(f"{URL}/{other['id']}/updates", json={"title": "x", "external_id": "p-1"}),
        409,
        "conflict",
    )
    one = f"{URL}/{other['id']}/updates/{second['id']}"
    problem(await api.http.patch(one, json={"external_id": "p-1"}), 409, "conflict")
    page = await api.http.get(f"{URL}/{other['id']}/updates", params={"external_id": "p-1"})
    assert [each["id"] for each in page.json()["data"]] == [first["id"]]


async def test_many_become_members_at_once_and_adding_again_changes_what_is_given(api: ApiUnderTest) -> None:
    group = await group_of(api)
    url = f"{URL}/{group['id']}/members"
    people = [await api.recipient(external_id=f"e-{number}", name=f"P{number}") for number in range(5)]
    wanted = [{"external_id": each["external_id"]} for each in people[::-1]]
    made = (await api.http.post(url, json={"members": wanted})).json()["data"]
    assert [each["recipient_id"] for each in made] == [each["id"] for each in people[::-1]]
    again = [{"recipient_id": people[0]["id"], "role": "organizer"}]
    (changed,) = (await api.http.post(url, json={"members": again})).json()["data"]
    assert (changed["id"], changed["role"], changed["name"]) == (made[-1]["id"], "organizer", "P0")
    first = (await api.http.get(url, params={"limit": 3})).json()
    rest = (await api.http.get(url, params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [each["id"] for each in first["data"] + rest["data"]] == sorted(each["id"] for each in made)
    (one,) = (await api.http.get(url, params={"external_id": "e-3"})).json()["data"]
    assert (await api.http.get(url, params={"recipient_id": people[3]["id"]})).json()["data"] == [one]
    assert (await api.http.patch(f"{url}/{one['id']}", json={"role": "guest"})).json()["role"] == "guest"
    assert (await api.http.delete(f"{url}/{one['id']}")).status_code == 204
    problem(await api.http.get(f"{url}/{one['id']}"), 404, "not-found")


async def test_unknown_and_doubled_recipients_are_named_and_nobody_is_added(api: ApiUnderTest) -> None:
    group, known = await group_of(api), await api.recipient(external_id="e-1")
    url = f"{URL}/{group['id']}/members"
    wanted = [
        {"external_id": "e-1"},
        {"recipient_id": str(uuid4())},
        {"recipient_id": known["id"]},
        {"external_id": "nobody"},
    ]
    errors = problem(await api.http.post(url, json={"members": wanted}), 422, "invalid-request")["errors"]
    assert [error["loc"][2:] for error in errors] == [
        [1, "recipient_id"],
        [2, "recipient_id"],
        [3, "external_id"],
    ]
    assert (await api.http.get(url)).json()["data"] == []
    both = {"members": [{"recipient_id": known["id"], "external_id": "e-1"}]}
    problem(await api.http.post(url, json=both), 422, "invalid-request")
    problem(await api.http.post(url, json={"members": []}), 422, "invalid-request")
    problem(await api.http.post(f"{URL}/{uuid4()}/members", json={"members": wanted[:1]}), 404, "not-found")


async def test_an_update_says_something_and_has_a_known_author(api: ApiUnderTest) -> None:
    group, author = await group_of(api), await api.recipient()
    url = f"{URL}/{group['id']}/updates"
    fields = {
        "content_type": "photo",
        "author_id": author["id"],
        "url": "https://example.com/1",
        "metadata": {"w": 3},
    }
    made = await post(api, group, **fields, body="Look!")
    assert {name: made[name] for name in fields} == fields
    assert (await api.http.get(f"{url}/{made['id']}")).json() == made
    changed = (await api.http.patch(f"{url}/{made['id']}", json={"title": None, "url": None})).json()
    assert (changed["title"], changed["url"], changed["body"]) == (None, None, "Look!")
    problem(await api.http.patch(f"{url}/{made['id']}", json={"body": None}), 422, "invalid-request")
    for bad, field in (
        ({}, None),
        ({"title": "x", "author_id": str(uuid4())}, "author_id"),
        ({"title": "x", "url": "javascript:alert(1)"}, "url"),
        ({"title": "x", "content_type": "Not A Word"}, "content_type"),
        ({"title": "x", "content_type": None}, "content_type"),
    ):
        errors = problem(await api.http.post(url, json=bad), 422, "invalid-request")["errors"]
        assert field is None or errors[0]["loc"][1] == field
    await post(api, group)
    for query, number in (({"content_type": "photo"}, 1), ({"author_id": author["id"]}, 1), ({}, 2)):
        assert len((await api.http.get(url, params=query)).json()["data"]) == number
    assert (await api.http.delete(f"{url}/{made['id']}")).status_code == 204
    problem(await api.http.get(f"{url}/{made['id']}"), 404, "not-found")


async def test_a_member_has_what_was_posted_since_they_joined_until_they_read_it(api: ApiUnderTest) -> None:
    group = await group_of(api)
    await post(api, group, title="before")
    member = await member_of(api, group)
    other = await member_of(api, group)
    posted = [(await post(api, group, title=str(number)))["id"] for number in range(5)]
    own = await post(api, group, author_id=member["recipient_id"])
    assert await unread(api, member) == posted
    assert await unread(api, other) == [*posted, own["id"]]
    read = f"{URL}/{group['id']}/members/{member['id']}/read"
    elsewhere = await post(api, await group_of(api))
    wanted = {"update_ids": [posted[1], posted[3], posted[1], elsewhere["id"], str(uuid4())]}
    assert (await api.http.post(read, json=wanted)).json() == {"unread_count": 3}
    assert (await api.http.post(read, json=wanted)).json() == {"unread_count": 3}
    assert await unread(api, member) == [posted[0], posted[2], posted[4]]
    assert (await api.http.post(read, json={"through": posted[2]})).json() == {"unread_count": 1}
    assert (await api.http.post(read, json={"through": posted[0]})).json() == {"unread_count": 1}
    assert await unread(api, member) == [posted[4]]
    assert len(await unread(api, other)) == 6
    problem(await api.http.post(read, json={"through": elsewhere["id"]}), 422, "invalid-request")
    problem(await api.http.post(read, json={}), 422, "invalid-request")
    await api.http.delete(f"{URL}/{group['id']}/members/{member['id']}")
    again = {"members": [{"recipient_id": member["recipient_id"]}]}
    (rejoined,) = (await api.http.post(f"{URL}/{group['id']}/members", json=again)).json()["data"]
    assert await unread(api, rejoined) == []


async def test_digests_find_what_is_unread_by_type_and_in_order(api: ApiUnderTest) -> None:
    group = await group_of(api)
    member = await member_of(api, group)
    photos = [(await post(api, group, content_type="photo"))["id"] for _ in range(3)]
    await post(api, group, content_type="milestone")
    found = await updates.unread(
        api.api.ledger, group["id"], member["recipient_id"], Page(2), content_types=("photo",)
    )
    assert [str(each.id) for each in found] == photos[:2]


async def test_a_notification_names_a_group_and_an_update_that_exist(api: ApiUnderTest) -> None:
    group, other = await group_of(api), await group_of(api)
    update = await post(api, group)
    for place, field in (
        ({"group_id": str(uuid4())}, "group_id"),
        ({"update_id": str(uuid4())}, "update_id"),
        ({"group_id": group["id"], "update_id": str(uuid4())}, "update_id"),
        ({"group_id": other["id"], "update_id": update["id"]}, "update_id"),
    ):
        refused = await api.http.post("/v1/notifications", json=MAIL | place)
        assert problem(refused, 422, "invalid-request")["errors"][0]["loc"] == ["body", field]
    foreign = await api.caller(["send"], "another project")
    errors = problem(
        await foreign.post(
            "/v1/notifications", json=MAIL | {"group_id": group["id"], "update_id": update["id"]}
        ),
        422,
        "invalid-request",
    )["errors"]
    assert {error["msg"] for error in errors} == {"there is no such group", "there is no such update"}
    both = {"group_id": group["id"], "update_id": update["id"]}
    for place in (both, {"update_id": update["id"]}, {"group_id": group["id"]}):
        taken = (await api.http.post("/v1/notifications", json=MAIL | place)).json()
        job = (await api.http.get(taken["status_url"])).json()["job"]
        assert (job["group_id"], job["update_id"]) == (group["id"], place.get("update_id"))


async def test_in_a_bulk_request_only_the_misplaced_item_is_refused(api: ApiUnderTest) -> None:
    group = await group_of(api)
    update = await post(api, group)
    items = [MAIL, MAIL | {"update_id": update["id"]}, MAIL | {"group_id": str(uuid4())}]
    answer = (await api.http.post("/v1/notifications/bulk", json=items)).json()
    assert (answer["accepted"], [each["index"] for each in answer["rejected"]]) == (2, [2])
    assert answer["rejected"][0]["errors"][0]["loc"] == ["group_id"]
    rows = await api.api.ledger.fetch(
        "SELECT group_id FROM hermodr.jobs WHERE update_id = $1::uuid", update["id"]
    )
    assert [str(row["group_id"]) for row in rows] == [group["id"]]
