"""`Idempotency-Key` on every POST, also concurrently."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from hermodr_api.http import intake
from tests.support.api import MAIL, ApiUnderTest, client_of, problem
from tests.support.sessions import fresh_name

URL = "/v1/notifications"


async def _hold(transaction: Any, api: ApiUnderTest, *names: str) -> None:
    """As a bulk request holds its items' keys, long before it commits."""
    await transaction.fetch(
        "INSERT INTO hermodr.idempotency_keys (project_id, key, fingerprint, status, response)"
        " SELECT $1, hermodr.kept_key(name), '\\x00', 202, '{}' FROM unnest($2::text[]) name",
        api.project_id,
        list(names),
    )


def _post(api: ApiUnderTest, key: str | None = None) -> Any:
    return api.http.post(URL, json=MAIL, headers={"idempotency-key": key} if key else {})


async def test_a_key_held_by_an_open_transaction_holds_up_nobody_else(api: ApiUnderTest) -> None:
    async with api.api.ledger.transaction() as transaction:
        await _hold(transaction, api, "held")
        answers: list[httpx.Response] = await asyncio.wait_for(
            asyncio.gather(*(_post(api, key) for key in ("held", None, "free-1", None, "free-2"))),
            3,
        )
    assert [each.status_code for each in answers] == [409, 202, 202, 202, 202]
    assert answers[0].headers["retry-after"] == "1"
    problem(answers[0], 409, "still-running")
    assert await api.jobs() == 4
    problem(await _post(api, "held"), 422, "idempotency-key-reused")


async def test_many_held_keys_are_answered_in_time(api: ApiUnderTest) -> None:
    names = [f"held-{number}" for number in range(150)]
    async with api.api.ledger.transaction() as transaction:
        await _hold(transaction, api, *names)
        answers = await asyncio.gather(
            *(_post(api, name) for name in names), *(_post(api) for _ in range(50))
        )
    assert [each.status_code for each in answers] == [409] * 150 + [202] * 50


async def test_nobody_waits_for_the_keys_of_another_project(api: ApiUnderTest) -> None:
    other = await api.caller(["send"], fresh_name())

    def of_other(nth: int) -> Any:
        more = {"singleton_key": "k"} if nth == 7 else {}
        key = {"idempotency-key": f"held-{nth}"} if nth % 3 else {}
        return other.post(URL, json=MAIL | more, headers=key)

    async with api.api.ledger.transaction() as transaction:
        await _hold(transaction, api, *(f"held-{number}" for number in range(120)))
        await transaction.fetch(
            "INSERT INTO hermodr.singletons VALUES ($1, 'k', $1)", api.project_id
        )  # of a job that is not committed
        attack = asyncio.gather(
            *(_post(api, f"held-{number}") for number in range(120)),
            *(api.http.post(URL, json=MAIL | {"singleton_key": "k"}) for _ in range(40)),
        )
        await asyncio.sleep(0)
        answers = await asyncio.wait_for(asyncio.gather(*(of_other(nth) for nth in range(99))), 3)
        attacked = await attack
    assert [each.status_code for each in answers] == [202] * 99
    assert [each.status_code for each in attacked] == [409] * 160
    detail = problem(attacked[-1], 409, "still-running")["detail"]
    assert "singleton_key 'k'" in detail


async def test_concurrent_duplicates_make_one_job(api: ApiUnderTest) -> None:
    answers: list[httpx.Response] = await asyncio.gather(*(_post(api, "twice") for _ in range(40)))
    assert {each.status_code for each in answers} <= {202, 409}
    assert len({each.json()["job_id"] for each in answers if each.status_code == 202}) == 1
    assert await api.jobs() == 1


async def test_concurrent_duplicates_of_other_posts_make_one_thing(api: ApiUnderTest) -> None:
    wanted, key = {"email": "ada@example.com"}, {"idempotency-key": "one-recipient"}
    answers = await asyncio.gather(
        *(api.http.post("/v1/recipients", json=wanted, headers=key) for _ in range(9))
    )
    assert {each.status_code for each in answers} <= {201, 409}
    assert len((await api.http.get("/v1/recipients")).json()["data"]) == 1


async def test_a_body_that_dribbles_in_is_given_up(
    api: ApiUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.05)

    async def dribble() -> Any:
        yield b"{"
        await asyncio.Event().wait()

    headers = {"content-type": "application/json"}
    for url in (URL, f"{URL}/bulk", "/v1/recipients"):
        answer = await asyncio.wait_for(api.http.post(url, content=dribble(), headers=headers), 5)
        problem(answer, 408, "body-too-slow")
        assert answer.headers["connection"] == "close"


async def test_a_local_part_beyond_64_octets_is_refused(api: ApiUnderTest) -> None:
    for local, status in (("x" * 64, 202), ("x" * 65, 422), ("ü" * 32, 202), ("ü" * 33, 422)):
        answer = await api.http.post(URL, json=MAIL | {"to": {"email": f"{local}@example.com"}})
        assert answer.status_code == status, (len(local), answer.text)


async def test_a_key_is_its_projects_own(api: ApiUnderTest) -> None:
    other = await api.caller(["send"], "another one with keys")
    first = await _post(api, "shared-name")
    theirs = await other.post(
        URL, json=MAIL | {"subject": "Mine"}, headers={"idempotency-key": "shared-name"}
    )
    assert theirs.status_code == 202
    assert theirs.json()["job_id"] != first.json()["job_id"]


async def test_the_key_and_what_was_done_are_one(api: ApiUnderTest) -> None:
    key = {"idempotency-key": "mended"}
    problem(
        await api.http.post("/v1/recipients", json={"email": "nobody"}, headers=key), 422, "invalid-request"
    )
    assert (await api.http.post("/v1/recipients", json={"email": "a@b.co"}, headers=key)).status_code == 201


async def test_a_body_sent_as_another_text_is_another_body(api: ApiUnderTest) -> None:
    key = {"idempotency-key": "texts", "content-type": "application/json"}
    async with client_of(api.api, api.http.headers["authorization"].removeprefix("Bearer ")) as http:
        assert (await http.post(URL, content=json.dumps(MAIL), headers=key)).status_code == 202
        again = await http.post(URL, content=json.dumps(MAIL), headers=key)
        assert again.headers["idempotent-replayed"] == "true"
        changed = json.dumps(MAIL | {"subject": "another"})
        problem(await http.post(URL, content=changed, headers=key), 422, "idempotency-key-reused")


async def test_users_have_keys_of_their_own(api: ApiUnderTest) -> None:
    await api.tasks_for_users("export")
    ada, eve = api.user("ada"), api.user("eve")
    job = (await ada.post("/v1/jobs", json={"type": "export"})).json()["job_id"]
    assert (await ada.delete(f"/v1/jobs/{job}")).is_success
    again = {"idempotency-key": "again"}
    first = await ada.post(f"/v1/jobs/{job}/retry", headers=again)
    assert first.is_success, first.text
    assert (await ada.post(f"/v1/jobs/{job}/retry", headers=again)).headers["idempotent-replayed"] == "true"
    problem(await eve.post(f"/v1/jobs/{job}/retry", headers=again), 404, "not-found")
    mine = await api.http.post(URL, json=MAIL, headers=again)
    assert mine.status_code == 202
    assert "idempotent-replayed" not in mine.headers
