"""A user's inbox, from the request to what its user does with it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.webhooks.fan_out import fan_out
from tests.support.api import TEMPLATE, ApiUnderTest, api_over, problem
from tests.support.auto_syncs import Bell, dispatcher
from tests.support.waiting import wait_until

MESSAGE = {"subject": "Your booking is confirmed", "body_text": "See you on Friday.\n"}
IN_APP = {"en": {"subject": "Hi {{ name }}", "body_text": "{{ recipient.name }}: {{ magic_link }}"}}


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url) as api:
        yield api


async def decided(api: ApiUnderTest, bell: Bell | None = None) -> None:
    """All that is queued."""
    rows = await api.api.ledger.fetch("SELECT id FROM hermodr.jobs WHERE state = 'queued'")
    service = dispatcher(api.api.ledger, bell)
    await service.dispatch(Priority.NORMAL, [row["id"] for row in rows])
    await service.drain()


async def sent(api: ApiUnderTest, **fields: Any) -> str:
    answer = await api.http.post("/v1/notifications", json={"to": {"user_id": "ada"}} | fields)
    assert answer.status_code == 202, answer.text
    await decided(api)
    return str(answer.json()["job_id"])


async def told(api: ApiUnderTest, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """The inbox of Ada, the oldest first, with so many new ones."""
    if not (await api.http.get("/v1/recipients?user_id=ada")).json()["data"]:
        await api.recipient(user_id="ada", name="Ada")
    for nth in range(count):
        given = MESSAGE | {"subject": f"No. {nth}", "channels": ["in_app"]} | fields
        await sent(api, **given)
    found: list[dict[str, Any]] = (await inbox(api.user("ada"), sort="created_at"))["data"]
    return found


async def inbox(user: httpx.AsyncClient, **query: Any) -> Any:
    answer = await user.get("/v1/inbox", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def changed(user: httpx.AsyncClient, one: dict[str, Any], what: str, **body: Any) -> Any:
    answer = await user.patch(f"/v1/inbox/{one['id']}/{what}", json=body or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_is_sent_to_a_user_is_in_the_inbox_and_delivered_at_once(api: ApiUnderTest) -> None:
    await api.recipient(user_id="ada", name="Ada")
    job_id = await sent(api, **MESSAGE, channels=["email", "in_app"], data={"booking": 4711})
    ada = api.user("ada")
    found = await inbox(ada)
    (one,) = found["data"]
    assert found["unread_count"] == 1
    assert (one["title"], one["message"]) == ("Your booking is confirmed", "See you on Friday.")
    assert (one["job_id"], one["data"], one["type"]) == (job_id, {"booking": 4711}, None)
    assert (one["read"], one["archived"], one["snoozed_until"]) == (False, False, None)
    shown = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    states = {each["channel"]: each["state"] for each in shown["deliveries"]}
    assert states == {"email": "queued", "in_app": "delivered"}
    assert shown["job"]["status"] == "processing"
    (log,) = shown["delivery_logs"]
    assert (log["provider"], log["outcome"]) == ("inbox", "sent")


async def test_content_as_given_is_in_the_inbox_only_where_that_is_asked_for(api: ApiUnderTest) -> None:
    """A password reset sent as given is not for whoever has a token."""
    await api.recipient(user_id="ada", name="Ada")
    body = {"to": {"user_id": "ada"}} | MESSAGE
    foreseen = (await api.http.post("/v1/notifications/simulate", json=body)).json()
    assert "in_app" not in str(foreseen)
    job_id = await sent(api, **MESSAGE)
    shown = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    assert [each["channel"] for each in shown["deliveries"]] == ["email"]
    assert (await inbox(api.user("ada")))["data"] == []


async def test_a_job_for_the_inbox_alone_is_completed_as_it_is_decided(api: ApiUnderTest) -> None:
    await told(api)
    (job,) = (await api.http.get("/v1/jobs")).json()["data"]
    assert (job["status"], job["error"]) == ("completed", None)
    timeline = (await api.http.get(f"/v1/jobs/{job['id']}/timeline")).json()["data"]
    assert [each["event"] for each in timeline] == [
        "requested", "decided", "attempted", "delivery_delivered", "completed"
    ]  # fmt: skip


async def test_a_template_is_rendered_in_the_readers_language_with_the_recipient(api: ApiUnderTest) -> None:
    german = {"subject": "Hallo {{ name }}", "body_text": "{{ magic_link }}"}
    contents = TEMPLATE["contents"] | {"in_app": IN_APP | {"de": german}}
    await api.template(contents=contents)
    await api.recipient(user_id="ada", name="Ada")
    await api.recipient(user_id="bert", locale="de-AT")
    for user in ("ada", "bert"):
        await sent(
            api, to={"user_id": user}, type="magic_link", data={"name": "you", "magic_link": "https://x.y"}
        )
    (of_ada,) = (await inbox(api.user("ada")))["data"]
    assert (of_ada["title"], of_ada["message"], of_ada["type"]) == (
        "Hi you",
        "Ada: https://x.y",
        "magic_link",
    )
    (of_bert,) = (await inbox(api.user("bert")))["data"]
    assert of_bert["title"] == "Hallo you"


async def test_of_the_data_that_is_shown_which_the_texts_read(api: ApiUnderTest) -> None:
    texts = {"body_text": "{{ order.id }}{% if url %}!{% endif %}{{ recipient.name }}"}
    await api.template(contents=TEMPLATE["contents"] | {"in_app": {"en": texts}})
    await api.recipient(user_id="ada", name="Ada")
    order = {"id": 7, "price": 3}
    data = {"name": "x", "magic_link": "https://x.y/secret", "order": order, "url": "/7", "more": 1}
    await sent(api, type="magic_link", data=data)
    (one,) = (await inbox(api.user("ada")))["data"]
    assert one["data"] == {"order": order, "url": "/7"}
    await sent(api, **MESSAGE, channels=["in_app"], data=data)
    newest, _ = (await inbox(api.user("ada")))["data"]
    assert newest["data"] == data


async def test_what_cannot_be_rendered_fails_alone_and_says_why(api: ApiUnderTest) -> None:
    await api.template(contents=TEMPLATE["contents"] | {"in_app": {"en": {"body_text": "{{ 1 // n }}"}}})
    await api.recipient(user_id="ada")
    bell = Bell()
    data = {"name": "x", "magic_link": "y"}
    for n in (0, 1):
        body = {"to": {"user_id": "ada"}, "type": "magic_link", "data": data | {"n": n}}
        assert (await api.http.post("/v1/notifications", json=body)).status_code == 202
    await decided(api, bell)
    assert [each["message"] for each in (await inbox(api.user("ada")))["data"]] == ["1"]
    assert len(bell.delivery_ids) == 2  # both mails
    jobs = (await api.http.get("/v1/jobs?sort=created_at")).json()["data"]
    shown = [(await api.http.get(f"/v1/jobs/{job['id']}")).json() for job in jobs]
    states = [{each["channel"]: each["state"] for each in job["deliveries"]} for job in shown]
    assert [each["in_app"] for each in states] == ["failed", "delivered"]
    (log,) = shown[0]["delivery_logs"]
    assert (log["outcome"], log["code"]) == ("permanent", "render_failed")


async def both_there(api: ApiUnderTest) -> bool:
    return len((await inbox(api.user("ada")))["data"]) == 2


async def test_a_slow_template_is_rendered_beside_and_only_its_own_job_waits(api: ApiUnderTest) -> None:
    slow = "{% for i in range(4000) %}{{ i % 7 }}{% endfor %}"
    await api.template(contents={"in_app": {"en": {"body_text": slow}}})
    await api.recipient(user_id="ada")
    for body in ({"type": "magic_link", "data": {"more": 1}}, MESSAGE | {"channels": ["in_app"]}):
        await api.http.post("/v1/notifications", json={"to": {"user_id": "ada"}} | body)
    rows = await api.api.ledger.fetch("SELECT id FROM hermodr.jobs WHERE state = 'queued'")
    service = dispatcher(api.api.ledger)
    await service.dispatch(Priority.NORMAL, [row["id"] for row in rows])
    assert [each["type"] for each in (await inbox(api.user("ada")))["data"]] == [None]

    found: bool = await wait_until(lambda: both_there(api))
    assert found
    assert [each["data"] for each in (await inbox(api.user("ada")))["data"]] == [{}, {}]
    await service.drain()


async def test_repeats_and_two_dispatchers_write_it_once(api: ApiUnderTest) -> None:
    await api.recipient(user_id="ada")
    for _ in range(30):
        await api.http.post(
            "/v1/notifications", json={"to": {"user_id": "ada"}, "channels": ["in_app"]} | MESSAGE
        )
    rows = await api.api.ledger.fetch("SELECT id FROM hermodr.jobs WHERE state = 'queued'")
    ids = [row["id"] for row in rows]
    services = [dispatcher(api.api.ledger) for _ in range(2)]
    await asyncio.gather(*(each.dispatch(Priority.NORMAL, ids) for each in services for _ in range(2)))
    for each in services:
        await each.drain()
    found = await inbox(api.user("ada"))
    assert (len(found["data"]), found["unread_count"]) == (30, 30)


async def test_reading_and_archiving_change_the_count(api: ApiUnderTest) -> None:
    first, second, third = await told(api, 3)
    ada = api.user("ada")

    async def unread() -> int:
        return int((await ada.get("/v1/inbox/unread-count")).json()["unread_count"])

    read = await changed(ada, first, "read")
    assert read["read"]
    assert read["read_at"] is not None
    assert await changed(ada, first, "read") == read  # again: nothing changes
    assert await unread() == 2
    assert (await changed(ada, first, "unread"))["read_at"] is None
    assert await unread() == 3
    archived = await changed(ada, second, "archive")
    assert archived["archived"]
    assert not archived["read"]
    assert await unread() == 2
    assert [each["id"] for each in (await inbox(ada))["data"]] == [third["id"], first["id"]]
    assert [each["id"] for each in (await inbox(ada, archived=True))["data"]] == [second["id"]]
    assert not (await changed(ada, second, "unarchive"))["archived"]
    assert (await ada.delete(f"/v1/inbox/{third['id']}")).status_code == 204
    problem(await ada.delete(f"/v1/inbox/{third['id']}"), 404, "not-found")
    problem(await ada.patch(f"/v1/inbox/{third['id']}/read"), 404, "not-found")
    assert await unread() == 2
    all_read = (await ada.patch("/v1/inbox/read-all")).json()
    assert all_read == {"read": 2, "unread_count": 0}
    assert await inbox(ada, read=False) == {"data": [], "unread_count": 0, "next_cursor": None}
    assert len((await inbox(ada, read=True))["data"]) == 2


async def test_all_of_one_type_are_read(api: ApiUnderTest) -> None:
    await told(api, 2, type="news")
    await told(api, 1, type="other")
    ada = api.user("ada")
    assert (await ada.patch("/v1/inbox/read-all", json={"type": "news"})).json()["read"] == 2
    assert [each["type"] for each in (await inbox(ada, read=False))["data"]] == ["other"]
    assert len((await inbox(ada, type="news"))["data"]) == 2


async def test_what_is_snoozed_is_away_and_comes_back_unread(api: ApiUnderTest) -> None:
    (one,) = await told(api)
    ada = api.user("ada")
    await changed(ada, one, "read")
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    snoozed = await changed(ada, one, "snooze", until=until)
    assert (snoozed["read"], snoozed["snoozed_until"][:19]) == (False, until[:19])
    assert await inbox(ada) == {"data": [], "unread_count": 0, "next_cursor": None}
    assert len((await inbox(ada, snoozed=True))["data"]) == 1
    await api.api.ledger.fetch(
        "UPDATE hermodr.inbox SET snoozed_until = now() WHERE id = $1", UUID(one["id"])
    )
    back = await inbox(ada)
    assert (len(back["data"]), back["unread_count"]) == (1, 1)
    await changed(ada, one, "snooze", until=until)
    answer = await ada.patch(f"/v1/inbox/{one['id']}/snooze", json={"until": None})
    assert answer.json()["snoozed_until"] is None
    assert (await inbox(ada))["unread_count"] == 1
    for bad in ("2020-01-01T00:00:00Z", "2100-01-01T00:00:00Z"):
        answer = await ada.patch(f"/v1/inbox/{one['id']}/snooze", json={"until": bad})
        assert problem(answer, 422, "invalid-request")["errors"][0]["loc"] == ["body", "until"]
    past = await ada.patch(f"/v1/inbox/{one['id']}/snooze", json={"until": "2001-01-01T00:00:00Z"})
    assert (past.status_code, past.json()["errors"][0]["msg"]) == (422, "must be in the future")


async def test_nobody_sees_or_changes_another_ones_inbox(api: ApiUnderTest) -> None:
    (one,) = await told(api)
    eve = api.user("eve")
    assert await inbox(eve) == {"data": [], "unread_count": 0, "next_cursor": None}
    problem(await eve.get("/v1/inbox?user_id=ada"), 404, "not-found")
    for what in ("read", "unread", "archive", "unarchive"):
        problem(await eve.patch(f"/v1/inbox/{one['id']}/{what}"), 404, "not-found")
    problem(await eve.delete(f"/v1/inbox/{one['id']}"), 404, "not-found")
    problem(await eve.get(f"/v1/inbox/{one['id']}"), 404, "not-found")
    assert (await eve.patch("/v1/inbox/read-all")).json() == {"read": 0, "unread_count": 0}
    assert (await inbox(api.user("ada")))["unread_count"] == 1


async def test_keys_say_whose_inbox_it_is(api: ApiUnderTest) -> None:
    (one,) = await told(api)
    reader, manager = await api.caller(["read"]), await api.caller(["manage"])
    assert (await inbox(reader, user_id="ada"))["unread_count"] == 1
    assert (await reader.get(f"/v1/inbox/{one['id']}")).json()["id"] == one["id"]
    problem(await reader.get(f"/v1/inbox/{one['id']}?user_id=bert"), 404, "not-found")
    for path in ("/v1/inbox", "/v1/inbox/unread-count"):
        wrong = problem(await reader.get(path), 422, "invalid-request")
        assert wrong["errors"][0]["loc"] == ["query", "user_id"]
    problem(await reader.patch(f"/v1/inbox/{one['id']}/read"), 403, "forbidden")
    problem(await manager.patch("/v1/inbox/read-all"), 422, "invalid-request")
    problem(await manager.patch(f"/v1/inbox/{one['id']}/read?user_id=bert"), 404, "not-found")
    assert (await manager.patch(f"/v1/inbox/{one['id']}/read?user_id=ada")).json()["read"]
    stranger = await api.caller(["admin"], project="another")
    assert (await inbox(stranger, user_id="ada"))["data"] == []
    problem(await stranger.patch(f"/v1/inbox/{one['id']}/unread?user_id=ada"), 404, "not-found")


async def test_pages_go_on_where_they_ended(api: ApiUnderTest) -> None:
    ids = [each["id"] for each in await told(api, 5)]
    ada = api.user("ada")
    seen: list[str] = []
    page = await inbox(ada, limit=2)
    while True:
        seen += [each["id"] for each in page["data"]]
        if page["next_cursor"] is None:
            break
        if len(seen) == 2:
            await told(api)  # a new one is not on later pages
        page = await inbox(ada, limit=2, cursor=page["next_cursor"])
    assert seen == ids[::-1]


async def test_preferences_by_type_and_channel_decide_what_comes(api: ApiUnderTest) -> None:
    made = await api.template(contents=TEMPLATE["contents"] | {"in_app": IN_APP})
    await api.template(name="alarm", critical=True)
    await api.recipient(user_id="ada", name="Ada")
    ada = api.user("ada")
    found = (await ada.get("/v1/inbox/preferences")).json()
    mine = {each["type"]: each for each in found["data"]}
    assert sorted(mine) == ["alarm", "magic_link"]
    assert set(found["channels"]) == {"email", "in_app"}
    assert mine["magic_link"]["channels"] == {"email": True, "in_app": True}
    assert mine["alarm"] == {
        "id": mine["alarm"]["id"],
        "type": "alarm",
        "label": {"title": "Alarm", "category": None, "description": None},
        "critical": True,
        "channels": {"email": True},
    }
    path = f"/v1/inbox/preferences/{made['id']}"
    answer = await ada.patch(path, json={"channels": {"in_app": False}})
    assert answer.json()["channels"] == {"email": True, "in_app": False}
    assert (await ada.get(path)).json() == answer.json()
    problem(
        await ada.patch(f"/v1/inbox/preferences/{mine['alarm']['id']}", json={"channels": {"email": False}}),
        409,
        "conflict",
    )
    await sent(api, type="magic_link", data={"name": "x", "magic_link": "y"})
    assert (await inbox(ada))["data"] == []
    general = await ada.patch("/v1/inbox/preferences", json={"channels": {"in_app": False, "email": True}})
    assert general.json() == {"type": None, "channels": {"in_app": False, "email": True}}
    assert (await ada.get("/v1/inbox/preferences")).json()["channels"]["in_app"] is False
    again = await ada.patch(path, json={"channels": {"in_app": True}})
    assert again.json()["channels"]["in_app"] is True
    await sent(api, type="magic_link", data={"name": "x", "magic_link": "y"})
    assert len((await inbox(ada))["data"]) == 1
    log = (await api.http.get("/v1/audit-log?action=recipient.change")).json()["data"]
    assert [each["actor"] for each in log].count("user") == 3
    problem(await api.http.patch(path, json={"channels": {"email": True}}), 422, "invalid-request")
    nobody = await api.user("nobody").patch("/v1/inbox/preferences", json={"channels": {"email": True}})
    problem(nobody, 404, "not-found")


async def test_endpoints_are_told_what_happens_in_inboxes(api: ApiUnderTest) -> None:
    wanted = {"url": "https://example.com/in", "events": ["inbox.read", "inbox.deleted"]}
    assert (await api.http.post("/v1/webhooks", json=wanted)).status_code == 201
    (one,) = await told(api)
    ada = api.user("ada")
    await changed(ada, one, "read")
    await changed(ada, one, "archive")
    await ada.delete(f"/v1/inbox/{one['id']}")
    while await fan_out(api.api.ledger.cold, api.project_id):
        pass
    rows = await api.api.ledger.fetch(
        "SELECT event, body::jsonb -> 'data' ->> 'job_id' AS job FROM hermodr.webhook_messages ORDER BY change_seq"
    )
    assert [(row["event"], row["job"]) for row in rows] == [
        ("inbox.read", one["job_id"]), ("inbox.deleted", one["job_id"])
    ]  # fmt: skip


async def test_what_failed_comes_when_it_is_asked_for_again(api: ApiUnderTest) -> None:
    made = await api.template(contents={"in_app": {"en": {"body_text": "{{ 1 // n }}"}}})
    await api.recipient(user_id="ada")
    job_id = await sent(api, type="magic_link", data={"n": 0})
    assert (await api.http.get(f"/v1/jobs/{job_id}")).json()["job"]["status"] == "failed"
    mended = {"contents": {"in_app": {"en": {"body_text": "{{ n }}"}}}}
    assert (await api.http.patch(f"/v1/templates/{made['id']}", json=mended)).status_code == 200
    for again in (202, 409):
        answer = await api.http.post(f"/v1/jobs/{job_id}/retry")
        assert answer.status_code == again, answer.text
        await decided(api)
        assert [each["message"] for each in (await inbox(api.user("ada")))["data"]] == ["0"]
    shown = (await api.http.get(f"/v1/jobs/{job_id}")).json()
    assert shown["job"]["status"] == "completed"
    assert [each["outcome"] for each in shown["delivery_logs"]] == ["permanent", "sent"]


async def test_a_users_export_says_what_came_and_not_what_it_said(api: ApiUnderTest) -> None:
    (one,) = await told(api, data={"booking": 4711})
    person = (await api.http.get("/v1/recipients?user_id=ada")).json()["data"][0]
    url = f"/v1/recipients/{person['id']}/export"
    (whole,) = (await api.http.get(url)).json()["inbox"]
    assert (whole["title"], whole["data"]) == (one["title"], {"booking": 4711})
    (mine,) = (await api.user("ada").get(url)).json()["inbox"]
    assert mine == {"id": one["id"], "job_id": one["job_id"], "created_at": whole["created_at"]}
