"""A new phone number counts once its code is handed in."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from tests.support.address_changes import (
    GIVEN,
    OLD,
    PHONE,
    URL,
    actions,
    ask,
    link_of,
    seen,
    sent,
)
from tests.support.api import ApiUnderTest, api_over, problem


@pytest_asyncio.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url, **GIVEN) as under_test:
        await under_test.api.ledger.fetch("TRUNCATE hermodr.rate_buckets")
        yield under_test


@pytest_asyncio.fixture
async def ada(api: ApiUnderTest) -> dict[str, Any]:
    return await api.recipient(user_id="ada", email=OLD, name="Buy cheap", locale="en")


async def test_a_phone_is_confirmed_by_a_code_that_cannot_be_guessed(
    api: ApiUnderTest, ada: dict[str, Any]
) -> None:
    await ask(api, ada, phone=PHONE)
    (text,) = await sent(api, PHONE)
    (code,) = re.findall(r"\b[0-9]{6}\b", text["body_text"])
    assert await link_of(api, PHONE) in text["body_text"]
    assert [each["type"] for each in await sent(api, OLD)] == ["address_changed"]  # there was no other number
    url = f"{URL}/{ada['id']}/addresses/confirm"
    wrong = {"code": f"{(int(code) + 1) % 10**6:06}"}
    mine, eve = api.user("ada"), api.user("eve")
    problem(await eve.post(url, json={"code": code}), 404, "not-found")
    for bad in ({"code": "12345"}, {"code": 123456}, {"code": code, "x": 1}, {}):
        problem(await mine.post(url, json=bad), 422, "invalid-request")
    answers = await asyncio.gather(*(mine.post(url, json=wrong) for _ in range(9)))
    assert sorted(each.status_code for each in answers) == [409] * 4 + [422] * 5
    problem(await mine.post(url, json={"code": code}), 409, "conflict")
    assert (await seen(api, ada))["phone"] is None

    await ask(api, ada, phone=PHONE)
    (code,) = re.findall(r"\b[0-9]{6}\b", (await sent(api, PHONE))[-1]["body_text"])
    key = {"idempotency-key": "c-1"}
    done = await mine.post(url, json={"code": code}, headers=key)
    assert (done.status_code, done.json()["phone"], done.json()["pending_addresses"]) == (200, PHONE, [])
    again = await mine.post(url, json={"code": code}, headers=key)
    assert (again.status_code, again.headers["idempotent-replayed"], again.json()) == (
        200,
        "true",
        done.json(),
    )
    assert (await mine.post(url, json={"code": code})).json() == done.json()
    problem(await mine.post(url, json={"code": f"{(int(code) + 1) % 10**6:06}"}), 422, "invalid-request")
    await api.http.patch(f"{URL}/{ada['id']}", json={"phone": "+15550100999"})
    problem(await mine.post(url, json={"code": code}), 409, "conflict")


async def test_a_code_that_comes_several_times_at_once_is_right_each_time(
    api: ApiUnderTest, ada: dict[str, Any]
) -> None:
    await ask(api, ada, phone=PHONE)
    (code,) = re.findall(r"\b[0-9]{6}\b", (await sent(api, PHONE))[0]["body_text"])
    url, mine = f"{URL}/{ada['id']}/addresses/confirm", api.user("ada")
    answers = await asyncio.gather(*(mine.post(url, json={"code": code}) for _ in range(4)))
    assert [(each.status_code, each.json()["phone"]) for each in answers] == [(200, PHONE)] * 4
    assert (await actions(api, ada)).count(("confirm_address", "phone")) == 1
    await api.api.ledger.fetch("UPDATE hermodr.pending_addresses SET expires_at = now()")
    problem(await mine.post(url, json={"code": code}), 409, "conflict")


async def test_the_application_may_hand_in_the_code(api: ApiUnderTest, ada: dict[str, Any]) -> None:
    await ask(api, ada, phone=PHONE)
    (code,) = re.findall(r"\b[0-9]{6}\b", (await sent(api, PHONE))[0]["body_text"])
    done = await api.http.post(f"{URL}/{ada['id']}/addresses/confirm", json={"code": code})
    assert (done.status_code, done.json()["phone"]) == (200, PHONE)
