"""Whom mails are from and where answers go: message before template before project."""

from typing import Any

import pytest

from tests.support.api import MAIL, TEMPLATE, ApiUnderTest, problem

ME, TEMPLATES, SEND = "/v1/projects/me", "/v1/templates", "/v1/notifications"
OF_TEMPLATE = {
    "type": "magic_link",
    "to": MAIL["to"],
    "data": {"name": "Ada", "magic_link": "https://x.example"},
}


@pytest.fixture
async def senders(api: ApiUnderTest) -> dict[str, str]:
    """Ids of verified senders by their addresses."""
    made = {}
    for address in ("shop@example.com", "news@example.com"):
        answer = await api.http.post("/v1/senders", json={"address": address})
        made[address] = answer.json()["id"]
        await api.api.ledger.fetch(
            "UPDATE hermodr.senders SET verified_at = now() WHERE id = $1::uuid", made[address]
        )
    return made


async def envelopes(api: ApiUnderTest, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Of the job of a request, the same at both doors."""
    one = await api.http.post(SEND, json=wanted)
    assert one.status_code == 202, one.text
    many = await api.http.post(f"{SEND}/bulk?include=job_ids", json=[wanted])
    assert many.json()["rejected"] == [], many.text
    ids = (one.json()["job_id"], many.json()["job_ids"][0])
    found = [(await api.http.get(f"/v1/jobs/{job_id}")).json()["envelope"] for job_id in ids]
    assert found[0] == found[1]
    return {name: value for name, value in found[0].items() if value} if found[0] else None


async def flaw(api: ApiUnderTest, wanted: dict[str, Any]) -> str:
    """The same at both doors."""
    (one,) = problem(await api.http.post(SEND, json=wanted), 422, "invalid-request")["errors"]
    many = (await api.http.post(f"{SEND}/bulk", json=[wanted])).json()["rejected"]
    assert (one["loc"], many[0]["errors"]) == (["body", "from"], [one | {"loc": ["from"]}])
    return str(one["msg"])


async def test_message_before_template_before_project(api: ApiUnderTest, senders: dict[str, str]) -> None:
    shown = (await api.http.get(ME)).json()
    assert (shown["from"], shown["reply_to"], shown["id"]) == (None, [], str(api.project_id))
    made = (await api.http.post(TEMPLATES, json=TEMPLATE)).json()
    assert (made["from"], made["reply_to"]) == (None, [])
    assert await envelopes(api, MAIL) is None
    assert await envelopes(api, OF_TEMPLATE) is None

    project = {"from": "Shop <shop@example.com>", "reply_to": ["help@example.com"]}
    changed = await api.http.patch(ME, json=project)
    assert changed.status_code == 200, changed.text
    assert {name: changed.json()[name] for name in project} == project
    assert await envelopes(api, MAIL) == project
    assert await envelopes(api, OF_TEMPLATE) == project

    path = f"{TEMPLATES}/{made['id']}"
    changed = await api.http.patch(path, json={"from": "news@example.com"})
    assert (changed.json()["from"], changed.json()["version"]) == ("news@example.com", made["version"])
    assert await envelopes(api, OF_TEMPLATE) == project | {"from": "news@example.com"}
    assert await envelopes(api, OF_TEMPLATE | {"subject": "Hi", "body_text": "you"}) == project
    await api.http.patch(path, json={"reply_to": ["x@example.com"]})
    shown = (await api.http.get(path)).json()
    assert (shown["from"], shown["reply_to"]) == ("news@example.com", ["x@example.com"])
    own = {"from": "shop@example.com", "reply_to": ["me@example.com"], "cc": ["c@example.com"]}
    assert await envelopes(api, OF_TEMPLATE | own) == own

    await api.http.patch(path, json={"from": None, "reply_to": []})
    assert await envelopes(api, OF_TEMPLATE) == project
    await api.http.patch(ME, json={"from": None})
    assert await envelopes(api, OF_TEMPLATE) == {"reply_to": ["help@example.com"]}
    await api.http.patch(ME, json={"reply_to": None})
    assert await envelopes(api, OF_TEMPLATE) is None


async def test_defaults_are_checked_when_set(api: ApiUnderTest) -> None:
    made = (await api.http.post(TEMPLATES, json=TEMPLATE)).json()
    stranger = {"from": "Them <them@elsewhere.com>"}
    for answer in (
        await api.http.patch(ME, json=stranger),
        await api.http.patch(f"{TEMPLATES}/{made['id']}", json=stranger),
        await api.http.post(TEMPLATES, json=TEMPLATE | {"name": "other"} | stranger),
    ):
        (found,) = problem(answer, 422, "invalid-request")["errors"]
        assert found["loc"] == ["body", "from"]
        assert "them@elsewhere.com is not a verified sender" in found["msg"]
    for wrong in (
        {"from": ""},
        {"from": "a"},
        {"reply_to": ["a"]},
        {"reply_to": ["a@example.com"] * 11},
        {"x": 1},
    ):
        problem(await api.http.patch(ME, json=wrong), 422, "invalid-request")
    assert (await api.http.patch(ME, json={})).status_code == 200
    from_house = await api.http.patch(ME, json={"from": "Us <hermodr@localhost>"})
    assert from_house.status_code in (200, 422)  # as HERMODR_EMAIL_FROM says


async def test_a_default_whose_sender_was_removed_is_named(
    api: ApiUnderTest, senders: dict[str, str]
) -> None:
    made = (await api.http.post(TEMPLATES, json=TEMPLATE | {"from": "news@example.com"})).json()
    assert made["from"] == "news@example.com"
    await api.http.patch(ME, json={"from": "shop@example.com"})
    await envelopes(api, OF_TEMPLATE)
    await api.http.delete(f"/v1/senders/{senders['news@example.com']}")
    await api.http.delete(f"/v1/senders/{senders['shop@example.com']}")
    api.api.directory._allowed.forget_all()
    assert "news@example.com, the default of the template, is not a verified" in await flaw(api, OF_TEMPLATE)
    assert "shop@example.com, the default of the project, is not a verified" in await flaw(api, MAIL)


async def test_jobs_of_sql_have_the_defaults(api: ApiUnderTest, senders: dict[str, str]) -> None:
    await api.http.post(TEMPLATES, json=TEMPLATE | {"from": "news@example.com"})
    await api.http.patch(ME, json={"from": "shop@example.com", "reply_to": ["help@example.com"]})
    async with api.api.ledger.transaction() as transaction:
        await transaction.fetch(
            "SELECT set_config('hermodr.project', name, true) FROM hermodr.projects WHERE id = $1",
            api.project_id,
        )
        (row,) = await transaction.fetch(
            "SELECT hermodr.queue_notification('magic_link', 'ann@example.org', $1) AS id",
            '{"name": "Ada", "magic_link": "https://x.example"}',
        )
    shown = (await api.http.get(f"/v1/jobs/{row['id']}")).json()["envelope"]
    assert (shown["from"], shown["reply_to"]) == ("news@example.com", ["help@example.com"])
