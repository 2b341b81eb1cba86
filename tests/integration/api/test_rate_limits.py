"""One bucket for all processes."""

import asyncio
import time
from dataclasses import replace

import httpx

from hermodr_contracts.rates import Limit
from hermodr_ledger.access import keys, rates
from hermodr_ledger.access.rates import BucketRequest
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.clock import SystemClock
from tests.support.api import MAIL, ApiUnderTest, api_over, client_of, problem
from tests.support.api_process import free_port, started, until_answers

URL = "/v1/api-keys"
SLOW = {"requests": 1, "seconds": 60, "burst": 3}


async def test_takers_at_once_share_a_bucket(database_url: str) -> None:
    ledger = Ledger(database_url, service="test", pool_size=8)
    wanted = BucketRequest("key/shared", Limit(1, 3600, 100), 7)
    taken = await asyncio.gather(*(rates.take(ledger, [wanted]) for _ in range(40)))
    assert sum(each["key/shared"].tokens for each in taken) == 100
    back = await rates.take(
        ledger, [replace(wanted, wanted=5, returned=20), replace(wanted, subject="key/other")]
    )
    assert (back["key/shared"].tokens, int(back["key/shared"].left)) == (5, 15)
    assert back["key/other"].tokens == 7
    full = (await rates.take(ledger, [replace(wanted, wanted=0, returned=1000)]))["key/shared"]
    assert full.left == 100
    await ledger.close()


async def test_full_buckets_are_forgotten_and_others_kept(database_url: str) -> None:
    ledger = Ledger(database_url, service="test")
    for subject, limit in (("key/slow", Limit(1, 3600, 10)), ("key/quick", Limit(9_999_999, 1, 10))):
        await rates.take(ledger, [BucketRequest(subject, limit, 9)])
    await rates.forget(ledger, SystemClock().now())
    left = await ledger.fetch(
        "SELECT subject FROM hermodr.rate_buckets WHERE subject IN ('key/slow', 'key/quick')"
    )
    assert [row["subject"] for row in left] == ["key/slow"]
    await ledger.close()


async def test_a_key_with_a_limit_is_told_and_refused(api: ApiUnderTest) -> None:
    made = (await api.http.post(URL, json={"scopes": ["send"], "rate_limit": SLOW})).json()
    assert made["rate_limit"] == SLOW
    async with client_of(api.api, made["key"]) as client:
        answers = [await client.post("/v1/notifications", json=MAIL) for _ in range(5)]
    assert [each.status_code for each in answers] == [202, 202, 202, 429, 429]
    assert [each.headers["ratelimit-remaining"] for each in answers] == ["2", "1", "0", "0", "0"]
    refused = problem(answers[-1], 429, "rate-limited")
    assert "1 requests in 60 s" in refused["detail"]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert await api.jobs() == 3
    assert "ratelimit-limit" not in (await api.http.get("/v1/templates")).headers


async def test_a_limit_is_changed_and_taken_away(api: ApiUnderTest) -> None:
    made = (await api.http.post(URL, json={"scopes": ["read"], "rate_limit": SLOW})).json()
    one = f"{URL}/{made['id']}"
    async with client_of(api.api, made["key"]) as client:
        assert (await client.get("/v1/templates")).headers["ratelimit-limit"] == "3"
        changed = (await api.http.patch(one, json={"rate_limit": {"requests": 50}})).json()
        assert changed["rate_limit"] == {"requests": 50, "seconds": 1, "burst": 50}
        assert (await client.get("/v1/templates")).headers["ratelimit-limit"] == "50"
        assert (await api.http.patch(one, json={"name": "x"})).json()["rate_limit"] is not None
        assert (await api.http.patch(one, json={"rate_limit": None})).json()["rate_limit"] is None
        assert "ratelimit-limit" not in (await client.get("/v1/templates")).headers
    for wrong in ({"requests": 0}, {"requests": 1, "seconds": 0}, {"requests": 1, "burst": 0}, {}, "600/m"):
        problem(await api.http.patch(one, json={"rate_limit": wrong}), 422, "invalid-request")


async def test_two_processes_share_a_limit(database_url: str) -> None:
    """Both are flooded: that takes as long as the limit says."""
    limit = Limit(40, 1, 20)
    ledger = Ledger(database_url, service="test")
    secret = (await keys.create(ledger, "two processes", ["read"], limit=limit)).secret
    ports = [free_port(), free_port()]
    headers = {"authorization": f"Bearer {secret}"}
    async with (
        started(database_url, ports[0]),
        started(database_url, ports[1]),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[0]}", headers=headers) as one,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports[1]}", headers=headers) as other,
    ):
        for client in (one, other):
            await until_answers(client, "/health/ready")
        passed = {one: 0, other: 0}
        began = time.monotonic()

        async def flood(client: httpx.AsyncClient) -> None:
            while sum(passed.values()) < 120:
                answer = await client.get("/v1/templates")
                assert answer.status_code in (200, 429), answer.text
                passed[client] += answer.status_code == 200

        async with asyncio.timeout(60):
            await asyncio.gather(*(flood(each) for each in (one, other) for _ in range(4)))
        seconds = time.monotonic() - began
    allowed = limit.burst + limit.rate * seconds + 2 * limit.rate * 0.1
    assert sum(passed.values()) <= allowed
    assert min(passed.values()) > 0
    await ledger.close()


async def test_users_have_limits_of_their_own(database_url: str) -> None:
    async with api_over(database_url, user_rate_limit=Limit(1, 60, 2)) as api:
        ada = [(await api.user("ada").get("/v1/recipients")).status_code for _ in range(3)]
        assert ada == [200, 200, 429]
        assert (await api.user("eve").get("/v1/recipients")).status_code == 200
        assert (await api.http.get("/v1/recipients")).status_code == 200
