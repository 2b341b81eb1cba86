"""The API without its broker, and without its database."""

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest

from hermodr_devkit.backing import EmbeddedPostgres
from hermodr_ledger import migrate
from hermodr_servicekit.periodic import running
from tests.support.api import MAIL, ApiUnderTest, api_over, problem
from tests.support.brokers import Broker
from tests.support.servers import private_postgres
from tests.support.waiting import wait_until

URL = "/v1/notifications"


@pytest.fixture
def postgres() -> Iterator[EmbeddedPostgres]:
    with private_postgres() as server:
        yield server


async def test_a_dead_broker_holds_nobody_up(api: ApiUnderTest) -> None:
    assert (await api.http.post(URL, json=MAIL)).status_code == 202
    health = await api.http.get("/health")
    assert health.status_code == 200
    body = health.json()
    assert body["status"] == "degraded"
    assert body["broker"]["connected"] is False
    assert any("broker" in warning for warning in body["warnings"])
    assert (await api.http.get("/health/broker")).status_code == 503
    assert (await api.http.get("/health/ready")).status_code == 200


async def test_accepted_jobs_ring_at_the_broker(database_url: str, broker: Broker) -> None:
    async with api_over(database_url, broker.amqp_url, broker.prefix) as api, running(api.api.broker.run()):
        await wait_until(lambda: api.api.broker.connected)
        assert (await api.http.post(URL, json=MAIL | {"priority": "urgent"})).status_code == 202
        items = [MAIL] * 150 + [MAIL | {"delay_seconds": 60}]
        assert (await api.http.post(f"{URL}/bulk", json=items)).status_code == 202
        await api.api.announcer.drain()

        async def sizes() -> bool:
            found = await api.api.broker.queue_sizes()
            return (found["jobs.urgent"][0], found["jobs.normal"][0]) == (1, 2)

        rang: bool = await wait_until(sizes)
        assert rang


async def _refused_quickly(api: ApiUnderTest) -> httpx.Response:
    started = time.monotonic()
    answer = await api.http.post(URL, json=MAIL)
    assert time.monotonic() - started < 5.5
    return answer


async def test_a_database_that_goes_and_comes_back(postgres: EmbeddedPostgres) -> None:
    await asyncio.to_thread(migrate.upgrade, postgres.url())
    async with api_over(postgres.url()) as api:
        assert (await api.http.post(URL, json=MAIL)).status_code == 202
        await asyncio.to_thread(postgres.stop)
        answers = await asyncio.gather(*(_refused_quickly(api) for _ in range(20)))
        for answer in answers:
            problem(answer, 503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        problem(await api.http.post(f"{URL}/bulk", json=[MAIL]), 503, "unavailable")
        problem(await api.http.get(f"/v1/jobs/{api.project_id}"), 503, "unavailable")
        health = await api.http.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "unhealthy")
        assert (await api.http.get("/health/ready")).status_code == 503
        assert (await api.http.get("/health/live")).status_code == 200
        await asyncio.to_thread(postgres.start)

        async def accepted() -> bool:
            return (await api.http.post(URL, json=MAIL)).status_code == 202

        back: bool = await wait_until(accepted)
        assert back
