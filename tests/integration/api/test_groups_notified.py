"""`POST /v1/notifications` to everybody in a group: a job for each member of that moment, as a batch."""

import asyncio
import json
from typing import Any

import pytest

from hermodr_api.notifications import groups as sending
from hermodr_servicekit.ids import new_id
from tests.support.api import MAIL, ApiUnderTest, client_of, problem

URL = "/v1/notifications"


async def group_of(api: ApiUnderTest, people: int) -> tuple[str, list[str]]:
    """A new group and its members' recipients."""
    group: str = (await api.http.post("/v1/groups", json={"name": "us"})).json()["id"]
    ids = [(await api.recipient(user_id=f"u-{n}"))["id"] for n in range(people)]
    if ids:
        await join(api, group, ids)
    return group, ids


async def join(api: ApiUnderTest, group: str, recipients: list[str]) -> list[dict[str, Any]]:
    members = {"members": [{"recipient_id": each} for each in recipients]}
    answer = await api.http.post(f"/v1/groups/{group}/members", json=members)
    assert answer.is_success, answer.text
    joined: list[dict[str, Any]] = answer.json()["data"]
    return joined


def to(group: str, **more: object) -> dict[str, Any]:
    return MAIL | {"to": {"group_id": group}} | more


async def made(api: ApiUnderTest, batch_id: str) -> list[dict[str, Any]]:
    rows = await api.api.ledger.fetch("SELECT * FROM hermodr.jobs WHERE batch_id = $1::uuid", batch_id)
    return [dict(row) for row in rows]


async def flaw(api: ApiUnderTest, body: object, url: str = URL) -> tuple[list[str], str]:
    (only,) = problem(await api.http.post(url, json=body), 422, "invalid-request")["errors"]
    return only["loc"], only["msg"]


async def test_each_member_of_that_moment_gets_a_job(api: ApiUnderTest) -> None:
    group, people = await group_of(api, 3)
    await api.recipient()
    joined = (await api.http.get(f"/v1/groups/{group}/members")).json()["data"]
    (gone,) = [each for each in joined if each["recipient_id"] == people[0]]
    await api.http.delete(f"/v1/groups/{group}/members/{gone['id']}")
    answer = await api.http.post(URL, json=to(group, priority="urgent", cancel_key="c", metadata={"n": 1}))
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) == {"batch_id", "accepted"}
    assert answer.json()["accepted"] == 2
    jobs = await made(api, answer.json()["batch_id"])
    assert {str(each["recipient_id"]) for each in jobs} == set(people[1:])
    assert {each["owner_id"] for each in jobs} == {"u-1", "u-2"}
    assert {str(each["group_id"]) for each in jobs} == {group}
    assert {each["cancel_key"] for each in jobs} == {"c"}
    batch = (await api.http.get(f"/v1/batches/{answer.json()['batch_id']}")).json()
    assert (batch["accepted"], batch["rejected"], batch["counts"]["queued"]) == (2, 0, 2)
    cancelled = await api.http.post("/v1/jobs/cancel", json={"cancel_key": "c"})
    assert cancelled.json()["cancelled"] == 2


async def test_times_and_digests_are_each_ones_own(api: ApiUnderTest) -> None:
    group, _ = await group_of(api, 2)
    later = (await api.http.post(URL, json=to(group, delay_seconds=600))).json()
    assert {each["state"] for each in await made(api, later["batch_id"])} == {"scheduled"}
    await api.template(contents={"email": {"en": {"subject": "{{ total }} new", "body_text": "{{ items }}"}}})
    digested = {
        "type": "magic_link",
        "to": {"group_id": group},
        "digest": {"key": "photos", "window": "10m"},
        "deliver_at": {"local_time": "09:00"},
        "expires_at": "9000-01-01T00:00:00Z",
    }
    answer = await api.http.post(URL, json=digested)
    assert answer.status_code == 202, answer.text
    jobs = await made(api, answer.json()["batch_id"])
    assert [json.loads(each["digest"])["key"] for each in jobs] == ["photos", "photos"]
    assert [json.loads(each["deliver_at"])["local_time"] for each in jobs] == ["09:00", "09:00"]
    assert {each["expires_at"].year for each in jobs} == {9000}


async def test_the_same_key_is_the_same_batch_even_if_all_have_left(api: ApiUnderTest) -> None:
    group, people = await group_of(api, 2)
    key = {"idempotency-key": "to-all"}
    answers = await asyncio.gather(*(api.http.post(URL, json=to(group), headers=key) for _ in range(5)))
    good = [each for each in answers if each.status_code == 202]
    assert {each.status_code for each in answers} <= {202, 409}
    assert len({each.text for each in good}) == 1
    assert [each.headers.get("idempotent-replayed") for each in good].count(None) == 1
    assert await api.jobs() == 2
    for person in people:
        await api.http.delete(f"/v1/recipients/{person}")
    await api.http.delete(f"/v1/groups/{group}")
    again = await api.http.post(URL, json=to(group), headers=key)
    assert (again.status_code, again.text) == (202, good[0].text)
    assert again.headers["idempotent-replayed"] == "true"
    problem(
        await api.http.post(URL, json=to(group, priority="low"), headers=key), 422, "idempotency-key-reused"
    )
    assert await api.jobs() == 2


async def test_members_who_join_meanwhile_are_in_it_or_not(api: ApiUnderTest) -> None:
    """Whoever is accepted has a job, and nobody has two."""
    group, _ = await group_of(api, 1)
    newcomers = [(await api.recipient())["id"] for _ in range(12)]

    async def send() -> dict[str, Any]:
        while (answer := await api.http.post(URL, json=to(group))).status_code == 429:
            pass
        assert answer.status_code == 202, answer.text
        body: dict[str, Any] = answer.json()
        return body

    joining = asyncio.gather(*(join(api, group, [each]) for each in newcomers))
    batches = await asyncio.gather(*(send() for _ in range(4)))
    await joining
    batches.append(await send())
    assert batches[-1]["accepted"] == 13
    for each in batches:
        written = [job["recipient_id"] for job in await made(api, each["batch_id"])]
        assert len(written) == len(set(written)) == each["accepted"]


async def test_what_only_one_can_have_is_refused(api: ApiUnderTest) -> None:
    group, _ = await group_of(api, 1)
    file = {"filename": "a.txt", "content_type": "text/plain", "content": "YQ=="}
    for change, at, says in (
        ({"singleton_key": "s"}, ["singleton_key"], "cannot stand beside to.group_id"),
        ({"group_id": group}, ["group_id"], "cannot stand beside to.group_id"),
        ({"attachments": [file]}, ["attachments"], "cannot stand beside to.group_id"),
        ({"to": {"group_id": group, "email": "a@example.com"}}, ["to"], "exactly one"),
        ({"to": {"group_id": group, "name": "Ada"}}, ["to"], "name goes with a bare"),
        ({"to": {"group_id": "us"}}, ["to", "group_id"], "UUID"),
        ({"update_id": str(new_id())}, ["update_id"], "no such update"),
        ({"type": "none", "subject": None, "body_text": None}, ["type"], "unknown type"),
        ({"channels": ["sms"]}, ["channels"], "not available"),
    ):
        where, told = await flaw(api, to(group) | change)
        assert (where, says in told) == (["body", *at], True), (change, told)
    await api.template()
    wanted = {"type": "magic_link", "to": {"group_id": group}, "data": {"name": "all"}}
    assert (await flaw(api, wanted))[0] == ["body", "data", "magic_link"]
    assert await api.jobs() == 0


async def test_an_unknown_group_and_one_of_others_are_the_same_and_an_empty_one_is_told(
    api: ApiUnderTest,
) -> None:
    group, _ = await group_of(api, 1)
    other = await api.caller(["send"], "a project of others")
    foreign = problem(await other.post(URL, json=to(group)), 422, "invalid-request")["errors"]
    unknown = problem(await api.http.post(URL, json=to(str(new_id()))), 422, "invalid-request")["errors"]
    assert foreign == unknown == [{"loc": ["body", "to", "group_id"], "msg": "there is no such group"}]
    empty, _ = await group_of(api, 0)
    assert await flaw(api, to(empty)) == (["body", "to", "group_id"], "has no members")
    key = {"idempotency-key": "k"}
    problem(await api.http.post(URL, json=to(empty), headers=key), 422, "invalid-request")
    await join(api, empty, [(await api.recipient())["id"]])
    assert (await api.http.post(URL, json=to(empty), headers=key)).status_code == 202


async def test_in_bulk_and_simulated_a_group_is_a_flaw_of_its_own(api: ApiUnderTest) -> None:
    group, _ = await group_of(api, 1)
    answer = (await api.http.post(f"{URL}/bulk", json=[MAIL, to(group)])).json()
    (rejected,) = answer["rejected"]
    assert (answer["accepted"], rejected["index"]) == (1, 1)
    assert rejected["errors"] == [{"loc": ["to", "group_id"], "msg": sending.GROUP_APART}]
    assert await flaw(api, to(group), f"{URL}/simulate") == (
        ["body", "to", "group_id"],
        sending.GROUP_APART,
    )


async def test_bounds_are_named(api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    group, _ = await group_of(api, 3)
    monkeypatch.setattr(sending, "MOST_CHARACTERS", 30_000)
    where, told = await flaw(api, to(group, body_text="x" * 10_000))
    assert where == ["body", "to", "group_id"]
    assert "more than 30,000 together" in told
    monkeypatch.setattr(sending, "MOST_MEMBERS", 2)
    assert await flaw(api, to(group)) == (
        ["body", "to", "group_id"],
        "has more than 2 members; send to them in bulk",
    )
    assert await api.jobs() == 0


async def test_an_update_is_of_the_group_and_the_key_may_only_send(api: ApiUnderTest) -> None:
    group, _ = await group_of(api, 1)
    another, _ = await group_of(api, 0)
    updates = [
        (await api.http.post(f"/v1/groups/{each}/updates", json={"title": "Hi"})).json()["id"]
        for each in (group, another)
    ]
    assert (await api.http.post(URL, json=to(group, update_id=updates[0]))).status_code == 202
    assert (await flaw(api, to(group, update_id=updates[1])))[0] == ["body", "update_id"]
    reader = await api.caller(["read"])
    problem(await reader.post(URL, json=to(group)), 403, "forbidden")
    problem(await api.user("u-0").post(URL, json=to(group)), 403, "forbidden")
    problem(await client_of(api.api).post(URL, json=to(group)), 401, "unauthenticated")
