"""`expires_at`, `max_retries` and `cancel_key`, at every door of the API."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.support.api import MAIL, ApiUnderTest, api_over, problem
from tests.support.clocks import FakeClock
from tests.support.sessions import fresh_name

SINGLE, BULK, TASKS, CANCEL = "/v1/notifications", "/v1/notifications/bulk", "/v1/jobs", "/v1/jobs/cancel"
NDJSON = {"content-type": "application/x-ndjson"}
TASK = {"type": "data-export", "payload": {}}


def ahead(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


async def job_of(api: ApiUnderTest, path: str, document: dict[str, Any]) -> dict[str, Any]:
    answer = await api.http.post(path, json=document)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = (await api.http.get(answer.json()["status_url"])).json()["job"]
    return found


@pytest.mark.parametrize(("path", "document"), [(SINGLE, MAIL), (TASKS, TASK)])
async def test_they_are_kept_and_shown(api: ApiUnderTest, path: str, document: dict[str, Any]) -> None:
    at = ahead(minutes=15)
    job = await job_of(api, path, document | {"expires_at": at, "max_retries": 0, "cancel_key": "order-17"})
    assert datetime.fromisoformat(job["expires_at"]) == datetime.fromisoformat(at)
    assert (job["max_retries"], job["cancel_key"]) == (0, "order-17")
    plain = await job_of(api, path, document)
    assert [plain[name] for name in ("expires_at", "max_retries", "cancel_key")] == [None] * 3
    timeline = (await api.http.get(f"/v1/jobs/{job['id']}/timeline")).json()["data"]
    assert timeline[0]["detail"]["cancel_key"] == "order-17"
    assert timeline[0]["detail"]["max_retries"] == 0
    assert "expires_at" in timeline[0]["detail"]


FLAWS: list[tuple[dict[str, Any], str]] = [
    ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ({"expires_at": "2026-11-22T09:15:00"}, "expires_at"),
    ({"expires_at": 1795000000}, "expires_at"),
    ({"max_retries": -1}, "max_retries"),
    ({"max_retries": 101}, "max_retries"),
    ({"max_retries": 1.5}, "max_retries"),
    ({"max_retries": True}, "max_retries"),
    ({"max_retries": "3"}, "max_retries"),
    ({"cancel_key": ""}, "cancel_key"),
    ({"cancel_key": "x" * 201}, "cancel_key"),
    ({"cancel_key": 17}, "cancel_key"),
    ({"cancel_key": "order\0"}, "cancel_key"),
]


@pytest.mark.parametrize(("flaw", "named"), FLAWS)
async def test_what_makes_no_sense_is_refused_at_every_door(
    api: ApiUnderTest, flaw: dict[str, Any], named: str
) -> None:
    for path, document in ((SINGLE, MAIL), (TASKS, TASK)):
        answer = problem(await api.http.post(path, json=document | flaw), 422, "invalid-request")
        assert answer["errors"][0]["loc"] == ["body", named]
    lines = "\n".join(map(json.dumps, (MAIL | flaw, MAIL)))
    for sent in ({"json": [MAIL | flaw, MAIL]}, {"content": lines, "headers": NDJSON}):
        body = (await api.http.post(BULK, **sent)).json()
        assert (body["accepted"], [each["index"] for each in body["rejected"]]) == (1, [0])
        assert body["rejected"][0]["errors"][0]["loc"] == [named]


async def test_it_cannot_expire_before_it_is_to_be_sent(api: ApiUnderTest) -> None:
    later = ahead(hours=2)
    early = ahead(hours=1)
    for path, document in (
        (SINGLE, MAIL | {"scheduled_for": later, "expires_at": early}),
        (SINGLE, MAIL | {"scheduled_for": later, "expires_at": later}),
        (SINGLE, MAIL | {"delay_seconds": 7200, "expires_at": early}),
        (TASKS, TASK | {"scheduled_for": later, "expires_at": early}),
    ):
        answer = problem(await api.http.post(path, json=document), 422, "invalid-request")
        assert answer["errors"][0]["loc"] == ["body", "expires_at"]
    await job_of(api, SINGLE, MAIL | {"scheduled_for": early, "expires_at": later})


async def test_what_was_accepted_is_accepted_again_when_it_has_expired_meanwhile(database_url: str) -> None:
    """By the key of the request and by that of an item."""
    clock = FakeClock()
    expiring = {"expires_at": (clock.now() + timedelta(minutes=15)).isoformat()}
    keyed = MAIL | expiring | {"idempotency_key": "item"}
    async with api_over(database_url, clock=clock) as api:

        async def answers(path: str, document: object) -> list[httpx.Response]:
            key = {} if path == BULK else {"idempotency-key": path}
            return [await api.http.post(path, json=document, headers=key) for _ in range(2)]

        doors: list[tuple[str, object]] = [
            (SINGLE, MAIL | expiring),
            (TASKS, TASK | expiring),
            (BULK, [keyed, MAIL]),
        ]
        first = [(await answers(path, document))[0] for path, document in doors]
        jobs = await api.jobs()
        clock.advance(3600)
        for (path, document), before in zip(doors, first, strict=True):
            for again in await answers(path, document):
                if path == BULK:
                    assert (again.json()["accepted"], again.json()["rejected"]) == (2, [])
                else:
                    assert (again.status_code, again.content) == (202, before.content)
                    assert again.headers["idempotent-replayed"] == "true"
        assert await api.jobs() == jobs + 2  # the mails without a key
        fresh = (await api.http.post(BULK, json=[keyed | {"idempotency_key": "another"}])).json()
        assert fresh["rejected"][0]["errors"][0]["loc"] == ["expires_at"]
        for path, document in doors[:2]:
            problem(await api.http.post(path, json=document), 422, "invalid-request")


async def test_a_key_finds_and_cancels_what_carries_it(api: ApiUnderTest) -> None:
    order = {"cancel_key": "order-17", "delay_seconds": 3600}
    mine = [(await job_of(api, SINGLE, MAIL | order))["id"] for _ in range(2)]
    mine.append((await job_of(api, TASKS, TASK | {"cancel_key": "order-17"}))["id"])
    bulk = await api.http.post(BULK, json=[MAIL | order, MAIL])
    assert bulk.json()["accepted"] == 2
    found = (await api.http.get("/v1/jobs", params={"cancel_key": "order-17"})).json()["data"]
    assert [each["id"] for each in found][:3] == mine
    assert len(found) == 4
    for nothing in ("order-1", "ORDER-17", "order-17 "):
        assert (await api.http.get("/v1/jobs", params={"cancel_key": nothing})).json()["data"] == []
    answer = await api.http.post(CANCEL, json={"cancel_key": "order-17"}, headers={"idempotency-key": "k"})
    assert (answer.status_code, answer.json()) == (200, {"cancelled": 4, "too_late": 0})
    again = await api.http.post(CANCEL, json={"cancel_key": "order-17"}, headers={"idempotency-key": "k"})
    assert again.json() == {"cancelled": 4, "too_late": 0}
    assert again.headers["idempotent-replayed"] == "true"
    fresh = await api.http.post(CANCEL, json={"cancel_key": "order-17"})
    assert fresh.json() == {"cancelled": 0, "too_late": 0}
    states = [
        each["status"]
        for each in (await api.http.get("/v1/jobs", params={"cancel_key": "order-17"})).json()["data"]
    ]
    assert states == ["cancelled"] * 4


async def test_who_may_cancel_by_a_key(api: ApiUnderTest) -> None:
    await job_of(api, SINGLE, MAIL | {"cancel_key": "order-17"})
    wanted = {"cancel_key": "order-17"}
    problem(await api.user("ann").post(CANCEL, json=wanted), 403, "forbidden")
    for scopes in (["read"], ["send"]):
        problem(await (await api.caller(scopes)).post(CANCEL, json=wanted), 403, "forbidden")  # type: ignore[arg-type]
    stranger = await api.caller(["manage"], fresh_name())
    assert (await stranger.post(CANCEL, json=wanted)).json() == {"cancelled": 0, "too_late": 0}
    for flaw in ({}, {"cancel_key": None}, {"cancel_key": ""}, {"cancel_key": "a", "status": "queued"}):
        problem(await api.http.post(CANCEL, json=flaw), 422, "invalid-request")
    manager = await api.caller(["manage"])
    assert (await manager.post(CANCEL, json=wanted)).json() == {"cancelled": 1, "too_late": 0}


async def test_asking_again_for_what_expired_says_why_not(api: ApiUnderTest) -> None:
    job = await job_of(api, SINGLE, MAIL | {"expires_at": ahead(hours=1)})
    assert (await api.http.delete(f"/v1/jobs/{job['id']}")).status_code == 200
    await api.api.ledger.fetch(
        "UPDATE hermodr.jobs SET expires_at = now() - interval '1 second' WHERE id = $1", UUID(job["id"])
    )
    answer = problem(await api.http.post(f"/v1/jobs/{job['id']}/retry"), 409, "conflict")
    assert "expires_at" in answer["detail"]
