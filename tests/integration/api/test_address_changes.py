"""An address that an end user gives counts once somebody who reads there says so."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from hermodr_ledger.people import pending
from tests.support.address_changes import (
    GIVEN,
    LINKS,
    NEW,
    OLD,
    PHONE,
    URL,
    actions,
    ask,
    link_of,
    seen,
    sent,
)
from tests.support.api import ApiUnderTest, api_over, client_of, problem

YES = {"address": "mine"}


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, **GIVEN) as under_test:
        await under_test.api.ledger.fetch("TRUNCATE hermodr.rate_buckets")
        yield under_test


@pytest_asyncio.fixture
async def ada(api: ApiUnderTest) -> dict[str, Any]:
    return await api.recipient(user_id="ada", email=OLD, name="Buy cheap", locale="en")


async def test_it_counts_once_it_is_confirmed_there(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    answer = await ask(api, ada, email=NEW, timezone="Europe/Berlin")
    assert (answer["email"], answer["timezone"]) == (OLD, "Europe/Berlin")
    (waiting,) = answer["pending_addresses"]
    assert (waiting["kind"], waiting["address"]) == ("email", NEW)
    good_for = datetime.fromisoformat(waiting["expires_at"]) - datetime.fromisoformat(waiting["requested_at"])
    assert good_for == timedelta(hours=24)
    assert (await seen(api, ada))["pending_addresses"] == [waiting]
    listed = (await api.user("ada").get(URL)).json()["data"]
    assert [each["pending_addresses"] for each in listed] == [[waiting]]

    (verification,) = await sent(api, NEW)
    assert (verification["type"], verification["priority"], verification["channels"]) == (
        "address_verification", 0, ["email"],
    )  # fmt: skip
    assert (verification["owner_id"], verification["recipient_id"], verification["batch_id"]) == (None,) * 3
    assert "Buy cheap" not in str(verification)
    (told,) = await sent(api, OLD)
    assert (told["type"], NEW in str(told), "a***@new.example.com" in told["body_text"]) == (
        "address_changed", False, True,
    )  # fmt: skip

    path = await link_of(api, NEW)
    async with client_of(api.api) as anyone:
        for looked in (await anyone.get(path), await anyone.head(path), await anyone.post(path)):
            assert looked.status_code == 200
        assert NEW in (await anyone.get(path)).text
        assert (await seen(api, ada))["email"] == OLD
        done = await anyone.post(path, data=YES)
        assert (done.status_code, "is confirmed" in done.text) == (200, True)
        again = await anyone.post(path, data=YES)
        assert (again.status_code, "does not work" in again.text) == (404, True)
    after = await seen(api, ada)
    assert (after["email"], after["pending_addresses"]) == (NEW, [])
    assert await actions(api, ada) == [("ask_address", "email"), ("confirm_address", "email")]


async def test_a_second_change_replaces_the_first(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    await ask(api, ada, email="first@example.com")
    first = await link_of(api, "first@example.com")
    await ask(api, ada, email=NEW)
    async with client_of(api.api) as anyone:
        assert (await anyone.post(first, data=YES)).status_code == 404
        assert (await anyone.post(await link_of(api, NEW), data=YES)).status_code == 200
    assert (await seen(api, ada))["email"] == NEW


async def test_of_changes_at_once_one_is_pending(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    addresses = [f"ada@{nth}.example.com" for nth in range(4)]
    await asyncio.gather(*(ask(api, ada, email=each) for each in addresses))
    (waiting,) = (await seen(api, ada))["pending_addresses"]
    links = [await link_of(api, each) for each in addresses]
    async with client_of(api.api) as anyone:
        answers = [await anyone.post(each, data=YES) for each in links]
    assert sorted(each.status_code for each in answers) == [200, 404, 404, 404]
    assert (await seen(api, ada))["email"] == waiting["address"]


@pytest.mark.parametrize(
    "how", ["withdrawn", "given_back", "applications", "upserted", "handed_over", "expired", "erased"]
)
async def test_what_is_no_longer_wanted_is_confirmed_by_nobody(
    api: ApiUnderTest, ada: dict[str, Any], how: str
) -> None:
    await ask(api, ada, email=NEW)
    path, url = await link_of(api, NEW), f"{URL}/{ada['id']}"
    if how == "withdrawn":
        problem(await api.user("eve").delete(f"{url}/addresses/pending"), 404, "not-found")
        assert (await api.user("ada").delete(f"{url}/addresses/pending")).status_code == 204
    elif how == "given_back":
        assert (await ask(api, ada, email=OLD))["pending_addresses"] == []
    elif how == "applications":
        done = await api.http.patch(url, json={"email": "by-the-application@example.com"})
        assert (done.json()["email"], done.json()["pending_addresses"]) == (
            "by-the-application@example.com",
            [],
        )
    elif how == "upserted":
        await api.http.patch(url, json={"external_id": ada["id"]})
        item = {"external_id": ada["id"], "email": "by-the-application@example.com"}
        assert (await api.http.put(URL, json=[item])).status_code == 200
    elif how == "handed_over":
        await api.http.patch(url, json={"user_id": "eve"})
    elif how == "expired":
        await api.api.ledger.fetch("UPDATE hermodr.pending_addresses SET expires_at = now()")
        assert (await seen(api, ada))["pending_addresses"] == []
        await pending.forget_expired(api.api.ledger)
    else:
        await api.http.delete(url)
    async with client_of(api.api) as anyone:
        assert (await anyone.post(path, data=YES)).status_code == 404
    rows = "SELECT 1 FROM hermodr.pending_addresses WHERE recipient_id = $1::uuid"
    assert await api.api.ledger.fetch(rows, ada["id"]) == []
    assert (await api.http.get(url)).json().get("email") != NEW


async def test_of_several_who_confirm_one_does(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    await ask(api, ada, email=NEW)
    path = await link_of(api, NEW)
    async with client_of(api.api) as anyone:
        answers = await asyncio.gather(*(anyone.post(path, data=YES) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [200, 404, 404, 404, 404]
    assert (await actions(api, ada)).count(("confirm_address", "email")) == 1


async def test_two_users_may_have_one_address(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    eve = await api.recipient(user_id="eve", email="eve@example.com")
    paths = []
    for who in (ada, eve):
        await ask(api, who, email=NEW)
        paths.append(await link_of(api, NEW))
    async with client_of(api.api) as anyone:
        assert (await anyone.post(paths[1], data=YES)).status_code == 200
        assert [(await seen(api, who))["email"] for who in (ada, eve)] == [OLD, NEW]
        assert (await anyone.post(paths[0], data=YES)).status_code == 200
    assert (await seen(api, ada))["email"] == NEW


async def test_removing_counts_at_once_and_is_told(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    answer = await ask(api, ada, email=None)
    assert (answer["email"], answer["pending_addresses"]) == (None, [])
    (told,) = await sent(api, OLD)
    assert "was removed" in told["body_text"]
    assert await actions(api, ada) == [("remove_address", "email")]
    await ask(api, ada, email=None)
    assert len(await sent(api, OLD)) == 1


async def test_nobody_is_written_to_again_and_again(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    mine, url = api.user("ada"), f"{URL}/{ada['id']}"
    for _ in range(3):
        await ask(api, ada, email=NEW)
    refused = await mine.patch(url, json={"email": NEW, "timezone": "Europe/Berlin"})
    problem(refused, 429, "rate-limited")
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert (await seen(api, ada))["timezone"] is None  # nothing of it counts
    eve = await api.recipient(user_id="eve", email="eve@example.com")
    problem(await api.user("eve").patch(f"{URL}/{eve['id']}", json={"email": NEW}), 429, "rate-limited")
    for nth in range(2):
        await ask(api, ada, email=f"other-{nth}@example.com")
    problem(await mine.patch(url, json={"email": "one-more@example.com"}), 429, "rate-limited")
    assert len(await sent(api, NEW)) == 3
    assert await sent(api, "one-more@example.com") == []


async def test_a_tag_makes_no_other_reader(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    mine, url = api.user("ada"), f"{URL}/{ada['id']}"
    for address in ("Victim@example.net", "victim+1@example.net", "victim+a+b@example.net"):
        await ask(api, ada, email=address)
    problem(await mine.patch(url, json={"email": "victim+2@example.net"}), 429, "rate-limited")
    await ask(api, ada, email="+victim@example.net")  # which is a name, not a tag


async def test_a_template_of_the_project_is_used_if_it_needs_no_more(
    api: ApiUnderTest, ada: dict[str, Any]
) -> None:
    words = {"subject": "Ours", "body_text": "{{ link }} {{ hours }} {{ address }} {{ kind }}"}
    made = await api.template(name="address_verification", contents={"email": {"en": words}})
    await ask(api, ada, email=NEW)
    (job,) = await sent(api, NEW)
    assert (job["type"], "body_text" in job) == ("address_verification", False)
    assert job["data"] | {"link": ""} == {"link": "", "hours": 24, "address": NEW, "kind": "email"}
    more = {"subject": "Ours", "body_text": "{{ link }} {{ what_only_we_know }}"}
    await api.http.patch(f"/v1/templates/{made['id']}", json={"contents": {"email": {"en": more}}})
    await ask(api, ada, email=NEW)
    assert "somebody who signed in" in (await sent(api, NEW))[-1]["body_text"]
    await ask(api, ada, phone=PHONE)  # for which it has no texts
    assert "is your code" in (await sent(api, PHONE))[-1]["body_text"]


async def test_it_is_said_in_the_recipients_language(api: ApiUnderTest) -> None:
    anna = await api.recipient(user_id="anna", email="anna@example.com", locale="de-AT")
    await ask(api, anna, email=NEW)
    (job,) = await sent(api, NEW)
    assert "bestätige" in job["subject"]
    async with client_of(api.api) as anyone:
        assert "Ist das deine Adresse?" in (await anyone.get(await link_of(api, NEW))).text


async def test_no_wish_of_a_user_keeps_the_old_address_from_hearing(
    api: ApiUnderTest, ada: dict[str, Any]
) -> None:
    wishes = {"preferences": [{"enabled": False}], "muted_until": "2999-01-01T00:00:00Z"}
    await api.user("ada").put(f"{URL}/{ada['id']}/preferences", json=wishes)
    await ask(api, ada, email=NEW)
    (told,) = await sent(api, OLD)
    assert (told["recipient_id"], told["priority"]) == (None, 0)


async def test_erasing_blanks_what_was_sent_about_it(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    await ask(api, ada, email=NEW, phone=PHONE)
    document = (await api.user("ada").get(f"{URL}/{ada['id']}/export")).json()
    assert {each["address"] for each in document["recipient"]["pending_addresses"]} == {NEW, PHONE}
    assert "/u/a/" not in json.dumps(document)
    await api.http.delete(f"{URL}/{ada['id']}")
    for address in (OLD, NEW, PHONE):
        assert await sent(api, address) == []
    rows = await api.api.ledger.fetch(
        "SELECT state, data, content FROM hermodr.jobs WHERE project_id = $1", api.project_id
    )
    assert [tuple(row.values()) for row in rows] == [("cancelled", "{}", None)] * 4
    buckets = "SELECT subject FROM hermodr.rate_buckets WHERE subject LIKE '%/' || $1"
    assert await api.api.ledger.fetch(buckets, "ada") == []


async def test_users_see_neither_link_nor_code_anywhere(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    answer = await ask(api, ada, phone=PHONE)
    (code,) = re.findall(r"\b[0-9]{6}\b", (await sent(api, PHONE))[0]["body_text"])
    mine = api.user("ada")
    (job,) = (await api.http.get("/v1/jobs", params={"address": PHONE})).json()["data"]
    job_id = job["id"]
    problem(await mine.get(f"/v1/jobs/{job_id}"), 404, "not-found")
    problem(await mine.get(f"/v1/jobs/{job_id}/timeline"), 404, "not-found")
    for path in ("/v1/jobs", f"{URL}/{ada['id']}", f"{URL}/{ada['id']}/export"):
        found = (await mine.get(path)).text
        assert code not in found
        assert "/u/a/" not in found
    assert code not in str(answer)


async def test_strangers_tokens_are_answered_kindly(api: ApiUnderTest) -> None:
    token = LINKS.confirmation(UUID(int=7)).rpartition("/")[2]
    async with client_of(api.api) as anyone:
        for each in ("x", "A" * 90, "%00", "ä", token, token[:-3]):
            for answer in (await anyone.get(f"/u/a/{each}"), await anyone.post(f"/u/a/{each}", data=YES)):
                assert (answer.status_code, "does not work" in answer.text) == (404, True), each
        assert (await anyone.get(f"/u/{token}")).status_code == 404
        assert (await anyone.post(f"/u/a/{token}", content=b"x" * 5000)).status_code == 413


async def test_where_no_link_can_be_signed_it_is_refused(database_url: str) -> None:
    async with api_over(database_url) as plain:
        person = await plain.recipient(user_id="ada")
        url = f"{URL}/{person['id']}"
        refused = problem(await plain.user("ada").patch(url, json={"email": NEW}), 409, "conflict")
        assert "HERMODR_LINK_SECRET" in refused["detail"]
        assert (await plain.user("ada").patch(url, json={"name": "Ada"})).status_code == 200
        assert (await plain.http.patch(url, json={"email": NEW})).json()["email"] == NEW


async def test_where_no_texts_are_sent_a_phone_is_refused(database_url: str) -> None:
    async with api_over(database_url, link_secret=GIVEN["link_secret"]) as mails_only:
        person = await mails_only.recipient(user_id="ada")
        answer: httpx.Response = await mails_only.user("ada").patch(
            f"{URL}/{person['id']}", json={"phone": PHONE}
        )
        assert problem(answer, 409, "conflict")["errors"][0]["loc"] == ["body", "phone"]


async def test_its_messages_count_in_the_projects_quota(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    await api.operate()
    limited = await api.http.patch(f"/v1/projects/{api.project_id}/quotas", json={"accepted_per_day": 3})
    assert limited.status_code == 200, limited.text
    await ask(api, ada, email=NEW)
    refused = await api.user("ada").patch(f"{URL}/{ada['id']}", json={"email": "more@example.com"})
    assert problem(refused, 429, "quota-exceeded")["quota"] == "accepted_per_day"
    (waiting,) = (await seen(api, ada))["pending_addresses"]
    assert waiting["address"] == NEW
