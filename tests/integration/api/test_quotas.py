"""What a project may use, at every door."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr

from hermodr_contracts.quotas import Limits
from hermodr_ledger.access import accepted, keys, open_sockets, operating
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.accept import Accepted, accept
from hermodr_ledger.upkeep import usage
from tests.support.api import MAIL, ApiUnderTest, api_over, client_of, problem
from tests.support.api_process import free_port, started, until_answers
from tests.support.ledgers import new_job
from tests.support.sessions import fresh_name
from tests.support.waiting import wait_until

MANY = "/v1/notifications/bulk"
ONE = "/v1/notifications"


@pytest.fixture
async def operator(api: ApiUnderTest) -> httpx.AsyncClient:
    name = fresh_name()
    await operating.appoint(api.api.ledger, name)
    return await api.caller(["admin"], name)


async def set_of(api: ApiUnderTest, operator: httpx.AsyncClient, **limits: object) -> dict[str, object]:
    answer = await operator.patch(f"/v1/projects/{api.project_id}/quotas", json=limits)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def refused(answer: httpx.Response, quota: str) -> dict[str, object]:
    told = problem(answer, 429, "quota-exceeded")
    assert told["quota"] == quota
    assert quota in told["detail"]
    assert int(answer.headers["retry-after"]) >= 1
    return told


async def test_a_project_sees_its_quotas_and_what_it_uses(api: ApiUnderTest) -> None:
    before = (await api.http.get("/v1/projects/me")).json()
    assert before["quotas"] == Limits().items()
    assert before["usage"] == {
        "requests_per_second": before["usage"]["requests_per_second"],
        "accepted_per_day": 0,
        "bulks_under_way": 0,
        "waiting_jobs": 0,
        "stored_bytes": 0,
        "sockets": 0,
    }
    assert (await api.http.post(ONE, json=MAIL)).status_code == 202
    assert (await api.http.post(MANY, json=[MAIL, MAIL])).status_code == 202
    await api.api.quotas.drain()
    after = (await api.http.get("/v1/projects/me")).json()["usage"]
    assert after["accepted_per_day"] == 3
    assert after["requests_per_second"] >= 1


async def test_open_connections_are_those_of_all_processes(api: ApiUnderTest) -> None:
    ledger, mine = api.api.ledger, api.project_id

    async def shown() -> int:
        used: int = (await api.http.get("/v1/projects/me")).json()["usage"]["sockets"]
        return used

    await open_sockets.tell(ledger, "one", {mine: 3, UUID(int=7): 1})
    await open_sockets.tell(ledger, "two", {mine: 2})
    assert await shown() == 5
    await open_sockets.tell(ledger, "one", {mine: 4})
    assert await shown() == 6
    await ledger.fetch(
        "UPDATE hermodr.open_sockets SET counted_at = now() - interval '1 minute' WHERE instance = 'two'"
    )
    assert await shown() == 4  # the second one was killed
    await open_sockets.tell(ledger, "one", {})
    assert await shown() == 0
    assert await ledger.fetch("SELECT 1 FROM hermodr.open_sockets WHERE project_id = $1", mine) == []


async def test_operators_alone_set_quotas(api: ApiUnderTest, operator: httpx.AsyncClient) -> None:
    mine = f"/v1/projects/{api.project_id}/quotas"
    for client in (api.http, await api.caller(["manage"]), api.user("ann")):
        problem(await client.patch(mine, json={"accepted_per_day": "off"}), 403, "forbidden")
        problem(await client.get("/v1/projects"), 403, "forbidden")
    changed = await set_of(api, operator, accepted_per_day=7, sockets="off")
    assert changed["quotas"] == Limits(accepted_per_day=7, sockets=None).items()
    assert changed["set"] == {"accepted_per_day": 7, "sockets": "off"}
    assert (await api.http.get("/v1/projects/me")).json()["quotas"] == changed["quotas"]
    assert (await set_of(api, operator, waiting_jobs=5))["set"] == {
        "accepted_per_day": 7,
        "waiting_jobs": 5,
        "sockets": "off",
    }
    assert (await set_of(api, operator))["set"] == {
        "accepted_per_day": 7,
        "waiting_jobs": 5,
        "sockets": "off",
    }
    assert (await set_of(api, operator, accepted_per_day=None, waiting_jobs=None, sockets=None))["set"] == {}
    rows = (await operator.get("/v1/projects", params={"sort": "-created_at"})).json()["data"]
    assert str(api.project_id) in {each["id"] for each in rows}
    (entry, *_) = (await api.http.get("/v1/audit-log", params={"action": "project.quotas"})).json()["data"]
    assert entry["subject"] == str(api.project_id)
    assert entry["detail"] == {"accepted_per_day": 7, "sockets": "off"}
    problem(await operator.patch(f"/v1/projects/{UUID(int=7)}/quotas", json={}), 404, "not-found")


@pytest.mark.parametrize(
    "wrong",
    [
        {"accepted_per_day": -1},
        {"accepted_per_day": "none"},
        {"accepted_per_day": 10**16},
        {"accepted_per_day": 1.5},
        {"accepted_per_day": True},
        {"requests_per_second": 0},
        {"requests_per_second": 10**9},
        {"bulks_under_way": 0},
        {"stored_bytes": "100GiB"},
        {"mails": 1},
    ],
)
async def test_odd_quotas_are_refused_by_name(
    api: ApiUnderTest, operator: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    answer = await operator.patch(f"/v1/projects/{api.project_id}/quotas", json=wrong)
    told = problem(answer, 422, "invalid-request")
    assert next(iter(wrong)) in told["detail"]


async def test_the_day_is_counted_at_each_door_of_http(
    api: ApiUnderTest, operator: httpx.AsyncClient
) -> None:
    await set_of(api, operator, accepted_per_day=6)
    assert (await api.http.post(MANY, json=[MAIL] * 3)).status_code == 202
    refused(await api.http.post(MANY, json=[MAIL] * 4), "accepted_per_day")
    assert (await api.http.post(ONE, json=MAIL)).status_code == 202
    assert (await api.http.post("/v1/jobs", json={"type": "export"})).status_code == 202
    group = (await api.http.post("/v1/groups", json={"name": "two"})).json()["id"]
    people = [(await api.recipient())["id"] for _ in range(2)]
    members = {"members": [{"recipient_id": each} for each in people]}
    assert (await api.http.post(f"/v1/groups/{group}/members", json=members)).is_success
    to_group = {**MAIL, "to": {"group_id": group}}
    refused(await api.http.post(ONE, json=to_group), "accepted_per_day")
    schedule = {"name": "daily", "every": "1d", "job": MAIL, "is_active": False}
    made = (await api.http.post("/v1/schedules", json=schedule)).json()["id"]
    assert (await api.http.post(ONE, json=MAIL)).status_code == 202
    for path, body in (
        (ONE, MAIL),
        ("/v1/jobs", {"type": "export"}),
        (MANY, [MAIL]),
        (f"/v1/schedules/{made}/run", {}),
        ("/v1/senders", {"address": "shop@example.com"}),
    ):
        refused(await api.http.post(path, json=body or None), "accepted_per_day")
    assert await api.jobs() == 6
    told = refused(await api.http.post(ONE, json=MAIL), "accepted_per_day")
    assert 0 < int(str(told["detail"]).split()[-2]) <= 86_400
    await set_of(api, operator, accepted_per_day=8)
    assert (await api.http.post(ONE, json=to_group)).status_code == 202
    assert await api.jobs() == 8


async def test_messages_about_a_new_address_are_jobs_too(database_url: str) -> None:
    secret = SecretStr("what signs links is long enough for that")
    async with api_over(database_url, link_secret=secret, quota_accepted_per_day=1) as api:
        ann = await api.recipient(user_id="ann", email="ann@example.com")
        url, change = f"/v1/recipients/{ann['id']}", {"email": "new@example.com"}
        refused(await api.user("ann").patch(url, json=change), "accepted_per_day")  # two mails
        shown = (await api.user("ann").get(url)).json()
        assert (shown["email"], shown["pending_addresses"]) == ("ann@example.com", [])
        assert (await api.user("ann").patch(url, json={"name": "Ann"})).is_success
        assert await api.jobs() == 0
        assert (await api.http.post(ONE, json=MAIL)).status_code == 202
    async with api_over(database_url, link_secret=secret, quota_accepted_per_day=2) as api:
        ann = await api.recipient(user_id="ann", email="ann@example.com")
        assert (await api.user("ann").patch(f"/v1/recipients/{ann['id']}", json=change)).is_success
        assert await api.jobs() == 2
        refused(await api.http.post(ONE, json=MAIL), "accepted_per_day")


async def test_what_is_not_accepted_is_not_counted(api: ApiUnderTest, operator: httpx.AsyncClient) -> None:
    await set_of(api, operator, accepted_per_day=3)
    key = {"idempotency-key": "once"}
    first = await api.http.post(ONE, json=MAIL, headers=key)
    task = {"type": "export", "singleton_key": "one"}
    assert (await api.http.post("/v1/jobs", json=task)).status_code == 202
    for _ in range(5):
        again = await api.http.post(ONE, json=MAIL, headers=key)
        assert (again.status_code, again.json()) == (202, first.json())
        problem(await api.http.post("/v1/jobs", json=task), 409, "singleton-taken")
        problem(await api.http.post(ONE, json={}), 422, "invalid-request")
    bulk = {"idempotency-key": "bulk"}
    items = [MAIL, {"to": {"email": "no"}}]
    accepted_once = await api.http.post(MANY, json=items, headers=bulk)
    assert accepted_once.json()["accepted"] == 1
    refused(await api.http.post(ONE, json=MAIL), "accepted_per_day")
    assert (await api.http.post(ONE, json=MAIL, headers=key)).json() == first.json()
    assert (await api.http.post(MANY, json=items, headers=bulk)).json() == accepted_once.json()
    job = first.json()["job_id"]
    assert (await api.http.delete(f"/v1/jobs/{job}")).is_success
    assert (await api.http.post(f"/v1/jobs/{job}/retry")).is_success
    assert await api.jobs() == 3


async def test_what_waits_and_what_is_stored_is_bounded(
    api: ApiUnderTest, operator: httpx.AsyncClient
) -> None:
    ledger = api.api.ledger.cold
    for _ in range(3):
        assert (await api.http.post(ONE, json={**MAIL, "delay_seconds": 3600})).status_code == 202
    await ledger.fetch("UPDATE hermodr.stored_until SET job_id = $1", UUID(int=0))
    await usage.count_waiting(ledger)
    assert (await set_of(api, operator, waiting_jobs=4))["usage"]["waiting_jobs"] == 3  # type: ignore[index]
    refused(await api.http.post(MANY, json=[MAIL] * 2), "waiting_jobs")
    assert (await api.http.post(ONE, json=MAIL)).status_code == 202
    refused(await api.http.post(ONE, json=MAIL), "waiting_jobs")
    await set_of(api, operator, waiting_jobs=None, stored_bytes=1)
    assert (await api.http.post(ONE, json=MAIL)).status_code == 202
    await ledger.fetch(
        "INSERT INTO hermodr.stored_weeks (project_id, week, jobs, octets) VALUES ($1, '2026-11-23', 2, 100)",
        api.project_id,
    )
    await usage.add_up(ledger, Limits())
    found = await set_of(api, operator)
    assert found["usage"]["stored_bytes"] == 100 + 2 * usage.OWN_OCTETS  # type: ignore[index]
    refused(await api.http.post(ONE, json=MAIL), "stored_bytes")
    await set_of(api, operator, stored_bytes="off")
    assert (await api.http.post(ONE, json=MAIL)).status_code == 202


async def test_a_small_number_of_waiting_jobs_is_kept_by_several_processes(
    api: ApiUnderTest, operator: httpx.AsyncClient
) -> None:
    ledger = api.api.ledger.cold
    await usage.count_waiting(ledger)
    await set_of(api, operator, waiting_jobs=8)
    elsewhere = await accept(api.api.ledger, [new_job(api.project_id) for _ in range(5)])
    assert set(elsewhere) == {Accepted()}
    answers = await asyncio.gather(*(api.http.post(ONE, json=MAIL) for _ in range(6)))
    assert sorted(each.status_code for each in answers) == [202] * 3 + [429] * 3
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'cancelled', wake_at = NULL, finished_at = now() WHERE project_id = $1",
        api.project_id,
    )

    async def accepted_again() -> bool:
        return (await api.http.post(ONE, json=MAIL)).status_code == 202

    again: bool = await wait_until(accepted_again)
    assert again


async def test_requests_are_bounded_for_all_callers_of_a_project(
    api: ApiUnderTest, operator: httpx.AsyncClient
) -> None:
    await set_of(api, operator, requests_per_second=20)
    reader = await api.caller(["read"])
    answers = [
        answer
        for _ in range(20)
        for answer in await asyncio.gather(
            reader.get("/v1/templates"), api.http.get("/v1/groups"), api.user("ann").get("/v1/jobs")
        )
    ]
    over = [each for each in answers if each.status_code == 429]
    assert over
    assert {each.status_code for each in answers} == {200, 429}
    refused(over[-1], "requests_per_second")
    async with client_of(
        api.api, (await keys.create(api.api.ledger, fresh_name(), ["read"])).secret
    ) as other:
        assert (await other.get("/v1/templates")).status_code == 200


async def test_quotas_are_the_installations_unless_they_are_off(database_url: str) -> None:
    async with api_over(database_url, quota_accepted_per_day=1, quota_requests_per_second=None) as api:
        assert (await api.http.post(ONE, json=MAIL)).status_code == 202
        refused(await api.http.post(ONE, json=MAIL), "accepted_per_day")
        assert (await api.http.get("/v1/projects/me")).json()["quotas"]["requests_per_second"] is None


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    opened = Ledger(database_url, service="test", pool_size=8)
    yield opened
    await opened.close()


async def test_two_processes_accept_no_more_than_a_day_has(database_url: str, ledger: Ledger) -> None:
    created = await keys.create(ledger, fresh_name(), ["send", "read"])
    limit = 57
    await ledger.fetch(
        "INSERT INTO hermodr.project_quotas (project_id, accepted_per_day) VALUES ($1, $2)",
        created.record.project_id,
        limit,
    )
    ports = [free_port(), free_port()]
    headers = {"authorization": f"Bearer {created.secret}"}
    taken = 0
    async with started(database_url, ports[0]), started(database_url, ports[1]):
        clients = [httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) for port in ports]
        for client in clients:
            await until_answers(client, "/health/ready")

        async def flood(client: httpx.AsyncClient) -> None:
            nonlocal taken
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                answer = await client.post(ONE, json=MAIL)
                assert answer.status_code in (202, 429), answer.text
                if answer.status_code == 429:
                    break
                taken += 1

        await asyncio.gather(*(flood(client) for client in clients for _ in range(4)))
        for client in clients:
            await client.aclose()
    assert taken == limit
    (row,) = await ledger.fetch(
        "SELECT used, taken FROM hermodr.accepted_days WHERE project_id = $1", created.record.project_id
    )
    assert row["used"] <= row["taken"] == limit


async def test_what_sql_accepts_is_counted_and_bounded(database_url: str, ledger: Ledger) -> None:
    name = fresh_name()
    project_id = (await keys.create(ledger, name, ["send"])).record.project_id
    cold = ledger.cold

    async def request(mails: int) -> None:
        async with ledger.transaction() as transaction:
            await transaction.fetch("SELECT set_config('hermodr.project', $1, true)", name)
            await transaction.fetch(
                """
                SELECT hermodr.queue_notification('x', 'a@example.com', '{"subject": "S", "body": "B"}')
                FROM generate_series(1, $1)
                """,
                mails,
            )

    await request(3)
    await accepted.fold(cold)
    await usage.add_up(cold, Limits(accepted_per_day=4))
    await request(1)
    await accepted.fold(cold)
    await usage.add_up(cold, Limits(accepted_per_day=4))
    with pytest.raises(Exception, match="quota accepted_per_day exceeded"):
        await request(1)
    async with ledger.transaction() as transaction:
        await transaction.fetch("SELECT set_config('hermodr.project', $1, true)", name)
        with pytest.raises(Exception, match="quota accepted_per_day exceeded"):
            async with transaction.part():
                await transaction.fetch("SELECT hermodr.enqueue_task('export')")
    await usage.add_up(cold, Limits())
    await request(1)
    rows = await ledger.fetch("SELECT used FROM hermodr.accepted_days WHERE project_id = $1", project_id)
    assert [row["used"] for row in rows] == [4]
