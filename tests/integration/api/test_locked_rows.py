"""A row that an open transaction has locked: the api answers within seconds, naming the lock."""

import asyncio
import time
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.api import MAIL, ApiUnderTest, problem

SOON = 8.0
"""Seconds; such a transaction may stay open for hours."""


def names_the_lock(answer: httpx.Response) -> bool:
    body: dict[str, Any] = answer.json()
    told = "not committed" in body["detail"] and int(answer.headers["retry-after"]) > 0
    return answer.status_code in (409, 503) and told


@pytest.fixture
async def things(api: ApiUnderTest) -> dict[str, str]:
    recipient = await api.recipient(external_id="locked-one")
    job = await api.http.post("/v1/notifications", json=MAIL | {"to": {"recipient_id": recipient["id"]}})
    failed = (await api.http.post("/v1/notifications", json=MAIL)).json()["job_id"]
    await api.http.delete(f"/v1/jobs/{failed}")
    template = await api.template()
    return {
        "recipients": recipient["id"],
        "job": job.json()["job_id"],
        "cancelled": failed,
        "templates": template["id"],
    }


async def test_they_say_so_and_serve_others(
    api: ApiUnderTest, database_url: str, things: dict[str, str]
) -> None:
    person, job, cancelled = things["recipients"], things["job"], things["cancelled"]
    requests = [
        api.http.build_request("DELETE", f"/v1/jobs/{job}"),
        api.http.build_request("POST", f"/v1/jobs/{cancelled}/retry"),
        api.http.build_request("PATCH", f"/v1/recipients/{person}", json={"name": "Ann"}),
        api.http.build_request("PUT", f"/v1/recipients/{person}/preferences", json={"preferences": []}),
        api.http.build_request("DELETE", f"/v1/recipients/{person}"),
        api.http.build_request("PATCH", f"/v1/templates/{things['templates']}", json={"critical": True}),
    ]
    somebody = await asyncpg.connect(database_url)
    try:
        async with somebody.transaction():
            await somebody.execute(
                "SELECT 1 FROM hermodr.jobs WHERE id = ANY ($1) FOR UPDATE", [job, cancelled]
            )
            for table in ("recipients", "templates"):
                await somebody.execute(
                    f"SELECT 1 FROM hermodr.{table} WHERE id = $1 FOR UPDATE", things[table]
                )
            began = time.perf_counter()
            waiting = [asyncio.create_task(api.http.send(each)) for each in requests]
            mail = await api.http.post("/v1/notifications", json=MAIL)
            assert mail.status_code == 202
            answers = await asyncio.gather(*waiting)
            assert time.perf_counter() - began < SOON
    finally:
        await somebody.close()
    for request, answer in zip(requests, answers, strict=True):
        assert names_the_lock(answer), (request.method, request.url.path, answer.text)
    for request in requests[:4]:
        answer = await api.http.request(
            request.method,
            request.url,
            content=request.content,
            headers={"content-type": "application/json"},
        )
        assert answer.status_code in (200, 202), (request.url.path, answer.text)


async def test_an_erasure_meets_a_locked_job(
    api: ApiUnderTest, database_url: str, things: dict[str, str]
) -> None:
    somebody = await asyncpg.connect(database_url)
    try:
        async with somebody.transaction():
            await somebody.execute("SELECT 1 FROM hermodr.jobs WHERE id = $1 FOR UPDATE", things["job"])
            answer = await api.http.delete(f"/v1/recipients/{things['recipients']}")
            assert names_the_lock(answer), answer.text
    finally:
        await somebody.close()
    assert (await api.http.delete(f"/v1/recipients/{things['recipients']}")).status_code in (200, 204)


@pytest.mark.parametrize("table", ["jobs", "idempotency_keys", "singletons"])
async def test_a_locked_table_is_no_key_in_use(api: ApiUnderTest, database_url: str, table: str) -> None:
    """Not `409`, which is about the request's own key."""
    url = "/v1/notifications"
    keys = {"idempotency_key": "locked-1", "singleton_key": "locked-1"}
    requests = [
        api.http.post(url, json=MAIL | {"singleton_key": "locked-2"}),
        api.http.post(url, json=MAIL | {"singleton_key": "locked-3"}, headers={"idempotency-key": "a"}),
        api.http.post(f"{url}/bulk", json=[MAIL | keys, MAIL]),
    ]
    if table != "singletons":
        requests += [
            api.http.post(url, json=MAIL, headers={"idempotency-key": "b"}),
            api.http.post(f"{url}/bulk", json=[MAIL], headers={"idempotency-key": "c"}),
        ]
    if table == "idempotency_keys":
        requests.append(api.http.post("/v1/recipients", json={}, headers={"idempotency-key": "d"}))
    somebody = await asyncpg.connect(database_url)
    try:
        async with somebody.transaction():
            await somebody.execute(f"LOCK TABLE hermodr.{table} IN SHARE MODE")
            began = time.perf_counter()
            answers = await asyncio.gather(*requests)
            assert time.perf_counter() - began < SOON
    finally:
        await somebody.close()
    for answer in answers:
        assert problem(answer, 503, "unavailable")["cause"] == "lock", answer.request.url
    assert (await api.http.post(f"{url}/bulk", json=[MAIL | keys])).json()["accepted"] == 1
