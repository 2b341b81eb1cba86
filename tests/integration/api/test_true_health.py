"""Health says whether jobs can be accepted; refusals name their cause."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import asyncpg
import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge

from hermodr_api import app, pools
from hermodr_api.app import Api
from hermodr_api.settings import ApiSettings
from hermodr_ledger import migrate
from hermodr_ledger.engine import Ledger, LedgerUnavailable, connection, heartbeats
from hermodr_ledger.jobs.accept import rehearse
from hermodr_ledger.upkeep import lifeline
from hermodr_ledger.upkeep.lifeline import Heart
from tests.support.api import DEAD_BROKER, MAIL, ApiUnderTest, api_over, client_of, problem
from tests.support.clocks import FakeClock
from tests.support.proxies import proxied
from tests.support.servers import private_postgres
from tests.support.waiting import wait_until

pytestmark = pytest.mark.long

URL = "/v1/notifications"


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    """A server whose settings may be changed."""
    with private_postgres() as server:
        migrate.upgrade(server.url())
        yield server.url()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the api's lock timeout; the other limits suit slow machines."""
    lock_seconds = pools.FIRST["lock_seconds"] / 3
    monkeypatch.setattr(app, "FIRST", {**pools.FIRST, "lock_seconds": lock_seconds})
    monkeypatch.setattr(pools, "_TRIAL", {**pools._TRIAL, "lock_seconds": lock_seconds})
    monkeypatch.setattr(lifeline, "REMEMBERED_SECONDS", lifeline.REMEMBERED_SECONDS / 3)


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for each in statements:
            await connection.execute(each)
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def held(url: str, lock: str) -> AsyncIterator[None]:
    """Somebody's transaction holds the lock while the block runs."""
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            await holder.execute(lock)
            yield
    finally:
        await holder.close()


async def status(api: ApiUnderTest, path: str, wanted: int) -> httpx.Response:
    answers: list[httpx.Response] = []

    async def answered() -> bool:
        answers.append(await api.http.get(path))
        return answers[-1].status_code == wanted

    found: bool = await wait_until(answered)
    assert found
    return answers[-1]


async def test_a_database_that_takes_no_writes_is_not_healthy(postgres_url: str) -> None:
    writes_off = "ALTER SYSTEM SET default_transaction_read_only = on"
    async with api_over(postgres_url) as api:
        assert (await api.http.post(URL, json=MAIL)).status_code == 202
        assert (await api.http.get("/health")).json()["database"]["writable"] is True
        await run(postgres_url, writes_off, "SELECT pg_reload_conf()")
        try:
            health = (await status(api, "/health", 503)).json()
            assert health["status"] == "unhealthy"
            assert (health["database"]["reachable"], health["database"]["writable"]) == (True, False)
            assert any("read-only" in each for each in health["warnings"])
            await status(api, "/health/ready", 503)
            for path, body in ((URL, MAIL), (f"{URL}/bulk", [MAIL]), ("/v1/recipients", {"email": "a@b.co"})):
                refused = problem(await api.http.post(path, json=body), 503, "unavailable")
                assert refused["cause"] == "read_only", path
                assert "takes no writes" in refused["detail"]
        finally:
            await run(
                postgres_url,
                "SET default_transaction_read_only = off",
                "ALTER SYSTEM RESET default_transaction_read_only",
                "SELECT pg_reload_conf()",
            )
        assert (await status(api, "/health", 200)).json()["database"]["writable"] is True
        await status(api, "/health/ready", 200)
        assert (await api.http.post(URL, json=MAIL)).status_code == 202


async def test_the_write_is_tried_once_a_second_however_many_ask(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Ledger] = []

    async def counted(ledger: Ledger) -> None:
        tried.append(ledger)
        await rehearse(ledger)

    monkeypatch.setattr(lifeline, "rehearse", counted)
    clock = FakeClock()
    async with api_over(database_url, clock=clock) as api:
        for expected in (1, 1):
            await asyncio.gather(*(api.http.get("/health/ready") for _ in range(20)))
            assert len(tried) == expected
        clock.advance(1.0)
        await api.http.get("/health")
        assert len(tried) == 2


async def test_the_write_that_is_tried_leaves_nothing(database_url: str) -> None:
    async with api_over(database_url) as api:
        await rehearse(api.api.ledger)
        (row,) = await api.api.ledger.fetch(
            "SELECT (SELECT count(*) FROM hermodr.jobs WHERE project_id = $1)"
            " + (SELECT count(*) FROM hermodr.idempotency_keys WHERE project_id = $1) AS kept",
            UUID(int=0),
        )
        assert row["kept"] == 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "lock",
    [
        "LOCK TABLE hermodr.jobs IN SHARE MODE",
        "LOCK TABLE hermodr.jobs",
        "LOCK TABLE hermodr.idempotency_keys IN SHARE MODE",
    ],
)
async def test_a_lock_that_accepting_waits_for_is_seen(
    api: ApiUnderTest, database_url: str, lock: str
) -> None:
    async with held(database_url, lock):
        health = (await status(api, "/health", 503)).json()
        assert health["status"] == "unhealthy"
        assert (health["database"]["reachable"], health["database"]["writable"]) == (True, False)
        assert any("not committed is in the way" in each for each in health["warnings"])
        await status(api, "/health/ready", 503)
        keyed = {"idempotency-key": f"held by {lock}".replace(" ", "-")}
        answers = await asyncio.gather(
            *(api.http.post(URL, json=MAIL, headers=headers) for headers in ({}, keyed))
        )
        assert {problem(each, 503, "unavailable")["cause"] for each in answers} == {"lock"}
    assert (await status(api, "/health", 200)).json()["database"]["writable"] is True
    await status(api, "/health/ready", 200)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "lock",
    ["SELECT 1 FROM hermodr.service_heartbeats FOR UPDATE", "LOCK TABLE hermodr.service_heartbeats"],
)
async def test_a_lock_that_accepting_does_not_wait_for_is_no_outage(
    api: ApiUnderTest, database_url: str, lock: str
) -> None:
    clock = api.api.clock
    heart = Heart(
        api.api.ledger, "api", api.api.instance, clock, 5, Gauge("b", "", registry=CollectorRegistry())
    )
    await heart.tick()
    async with held(database_url, lock):
        began = clock.monotonic()
        await wait_until(lambda: clock.monotonic() - began > lifeline.REMEMBERED_SECONDS)
        answer = await api.http.get("/health")
        database = answer.json()["database"]
        assert (answer.status_code, database["reachable"], database["writable"]) == (200, True, True)
        assert (await api.http.get("/health/ready")).json()["checks"]["database"] is True
        assert (await api.http.post(URL, json=MAIL)).status_code == 202
    await heart.leave()


async def test_all_who_ask_at_once_are_told_of_one_look(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Ledger] = []

    async def counted(ledger: Ledger) -> list[heartbeats.Alive]:
        looks.append(ledger)
        return []

    monkeypatch.setattr(heartbeats, "alive", counted)
    clock = FakeClock()
    async with api_over(database_url, clock=clock) as api:
        for seconds, expected in ((0.0, 1), (0.4, 1), (0.1, 2)):
            clock.advance(seconds)
            answers = await asyncio.gather(*(api.http.get("/health") for _ in range(50)))
            assert {each.status_code for each in answers} == {200}
            assert len(looks) == expected


async def test_connections_that_died_while_idle_are_replaced_unseen(database_url: str) -> None:
    async with api_over(database_url) as api:
        for _ in range(3):
            await asyncio.gather(
                *(api.http.post("/v1/recipients", json={"email": "a@b.co"}) for _ in range(8))
            )
            ended = await _end_sessions(database_url)
            assert ended >= 2
            answers = await asyncio.gather(*(api.http.post(URL, json=MAIL) for _ in range(20)))
            assert [each.status_code for each in answers] == [202] * 20
            await _end_sessions(database_url)
            assert (await api.http.get("/v1/jobs")).status_code == 200
            await _end_sessions(database_url)
            assert (await api.http.post(f"{URL}/bulk", json=[MAIL] * 3)).status_code == 202


async def _connected(ledger: Ledger) -> None:
    async def there() -> bool:
        tries = (ledger.fetch("SELECT pg_sleep(0.2)") for _ in range(10))
        return not any(
            isinstance(each, LedgerUnavailable)
            for each in await asyncio.gather(*tries, return_exceptions=True)
        )

    found: bool = await wait_until(there)
    assert found


async def _end_sessions(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'hermodr-api'"
            " AND datname = current_database()"
        )
        return len(rows)
    finally:
        await connection.close()


@pytest.mark.usefixtures("impatient")
async def test_a_lock_is_named(api: ApiUnderTest, database_url: str) -> None:
    async with held(database_url, "LOCK TABLE hermodr.jobs"):
        answers = await asyncio.gather(api.http.post(URL, json=MAIL), api.http.get("/v1/jobs"))
    assert {problem(each, 503, "unavailable")["cause"] for each in answers} == {"lock"}
    assert (await api.http.post(URL, json=MAIL)).status_code == 202


async def test_a_lock_is_named_to_those_who_found_no_connection_because_of_it(
    api: ApiUnderTest, database_url: str
) -> None:
    await _connected(api.api.ledger)
    async with held(database_url, "LOCK TABLE hermodr.groups"):
        answers = await asyncio.gather(*(api.http.get("/v1/groups") for _ in range(30)))
    assert {problem(each, 503, "unavailable")["cause"] for each in answers} == {"lock"}


async def test_too_much_is_named(database_url: str) -> None:
    async with api_over(database_url) as api:
        await _connected(api.api.ledger)
        busy = [asyncio.create_task(api.api.ledger.fetch("SELECT pg_sleep(3.5)")) for _ in range(10)]
        await asyncio.sleep(0)
        refused = problem(await api.http.get("/v1/groups"), 503, "unavailable")
        assert refused["cause"] == "overload"
        await asyncio.gather(*busy, return_exceptions=True)  # a slow machine cuts some of them short


async def test_connections_that_died_a_moment_ago_are_tried_before_they_are_lent(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.0)
    async with proxied(database_url) as (wire, url), api_over(url) as api:
        for _ in range(20):
            await asyncio.gather(*(api.http.get("/v1/jobs") for _ in range(5)))
            wire.cut()
            assert (await api.http.post(URL, json=MAIL)).status_code == 202


async def test_a_database_that_is_away_is_named() -> None:
    settings = ApiSettings(database_url="postgresql://postgres@127.0.0.1:1/none", amqp_url=DEAD_BROKER)
    api = Api(settings)
    api.authenticator.opened = True
    async with client_of(api, "hk_" + "x" * 43) as client:
        answer = problem(await client.post(URL, json=MAIL), 503, "unavailable")
        assert answer["cause"] == "database"
        health = await client.get("/health")
        assert (health.status_code, health.json()["database"]["reachable"]) == (503, False)
    await api.close()
