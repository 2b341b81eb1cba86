"""The built-in task `schema-rebuild`, asked for over HTTP, run by a worker, against the real PostgreSQL."""

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import asyncpg
import pytest

from hermodr_ledger.connections import reaching
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_servicekit.guard.addresses import networks
from hermodr_servicekit.guard.guard import Guard
from hermodr_servicekit.sealing import Sealer
from hermodr_worker.built_in.schema_rebuild import schema_rebuild
from tests.support.api import WEBHOOK_KEY, ApiUnderTest, api_over, problem
from tests.support.tasks import ended, working

HOUSE = Guard(networks("127.0.0.0/8"))
SCHEMA = """
DROP SCHEMA IF EXISTS zq_shop CASCADE;
CREATE SCHEMA zq_shop;
CREATE TABLE zq_shop.customers (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', "odd ""name" numeric(8, 2));
CREATE TABLE zq_shop.orders (id int PRIMARY KEY, of int REFERENCES zq_shop.customers, CHECK (id > 0));
CREATE INDEX orders_of ON zq_shop.orders (of);
CREATE VIEW zq_shop.names AS SELECT name FROM zq_shop.customers;
COMMENT ON TABLE zq_shop.customers IS 'Who buys.';
COMMENT ON COLUMN zq_shop.customers.name IS 'In full.';
"""


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[ApiUnderTest]:
    async with api_over(database_url) as under_test:
        under_test.api.connections.reach = partial(reaching.attempt, HOUSE)
        yield under_test


@pytest.fixture
async def source(database_url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(database_url)
    await connection.execute(SCHEMA)
    yield connection
    await connection.execute("DROP SCHEMA zq_shop CASCADE")
    await connection.close()


async def connected(api: ApiUnderTest, database_url: str) -> str:
    place = urlsplit(database_url)
    wanted = {"name": "ours", "host": place.hostname, "port": place.port, "database": place.path.strip("/")}
    login = {"user": unquote(place.username or ""), "password": unquote(place.password or ""), "owner": "ada"}
    made = await api.http.post("/v1/connections", json=wanted | login)
    assert made.status_code == 201, made.text
    return f"/v1/connections/{made.json()['id']}"


async def rebuilt(api: ApiUnderTest, database_url: str, at: str, guard: Guard = HOUSE, **asked: Any) -> Any:
    """The row of the job, when it has ended."""
    answer = await api.user("ada").post(f"{at}/rebuild", json=asked)
    assert answer.status_code == 202, answer.text
    again = problem(await api.http.post(f"{at}/rebuild", json={}), 409, "singleton-taken")
    assert again["job_id"] == answer.json()["job_id"]
    job_id = UUID(answer.json()["job_id"])
    await enqueue(api.api.ledger, [job_id])
    task = schema_rebuild(api.api.ledger.cold, guard, Sealer(WEBHOOK_KEY))
    async with working(database_url, task):
        return await ended(api.api.ledger, job_id, 60)


async def test_a_schema_is_read_and_read_again_when_it_has_changed(
    api: ApiUnderTest, database_url: str, source: "asyncpg.Connection[Any]"
) -> None:
    at = await connected(api, database_url)
    problem(await api.http.get(f"{at}/schema"), 404, "not-found")
    first = await rebuilt(api, database_url, at)
    assert (first["state"], first["error"]) == ("completed", None)
    result = json.loads(first["result"])
    shown = (await api.user("ada").get(f"{at}/schema")).json()
    assert {name: result[name] for name in ("tables", "columns", "indexes")} == {
        name: shown[name] for name in ("tables", "columns", "indexes")
    }
    (shop,) = [each for each in shown["schemas"] if each["name"] == "zq_shop"]
    customers, orders = shop["tables"]
    assert (customers["name"], customers["kind"], customers["comment"]) == ("customers", "table", "Who buys.")
    assert [(each["name"], each["type"], each["nullable"]) for each in customers["columns"]] == [
        ("id", "integer", False),
        ("name", "text", False),
        ('odd "name', "numeric(8,2)", True),
    ]
    assert customers["columns"][1]["comment"] == "In full."
    assert [each["name"] for each in orders["indexes"]] == ["orders_of", "orders_pkey"]
    (foreign,) = [each for each in orders["keys"] if each["kind"] == "foreign"]
    assert (foreign["columns"], foreign["references"]) == (["of"], "zq_shop.customers")
    assert [each["name"] for each in shop["views"]] == ["names"]

    await source.execute("ALTER TABLE zq_shop.orders ADD COLUMN paid boolean")
    changed = json.loads((await rebuilt(api, database_url, at))["result"])
    assert (changed["skipped"], changed["columns"]) == (False, result["columns"] + 1)
    forced = json.loads((await rebuilt(api, database_url, at, force=True))["result"])
    assert forced["skipped"] is False
    problem(await api.user("eve").get(f"{at}/schema"), 404, "not-found")
    problem(await api.user("eve").post(f"{at}/rebuild", json={}), 404, "not-found")


async def test_nothing_is_read_again_while_nothing_has_changed(
    api: ApiUnderTest, database_url: str, source: "asyncpg.Connection[Any]"
) -> None:
    """In a database of its own: others make tables beside us."""
    await source.execute("CREATE DATABASE zq_quiet")
    try:
        at = await connected(api, database_url.rpartition("/")[0] + "/zq_quiet")
        counts = {"tables": 0, "columns": 0, "indexes": 0}
        for skipped in (False, True):
            result = json.loads((await rebuilt(api, database_url, at))["result"])
            assert result == counts | {"skipped": skipped, "duration_ms": result["duration_ms"]}
    finally:
        await source.execute("DROP DATABASE zq_quiet WITH (FORCE)")


async def test_a_host_that_is_no_longer_allowed_is_not_reached(api: ApiUnderTest, database_url: str) -> None:
    row = await rebuilt(api, database_url, await connected(api, database_url), Guard())
    assert row["state"] == "failed"
    assert row["error"] == "host: the host is not on the public internet"


async def test_five_hundred_tables_are_counted_and_stored_whole(
    api: ApiUnderTest, database_url: str, source: "asyncpg.Connection[Any]"
) -> None:
    """How long it takes is in the guide: it depends on who else is at work here."""
    await source.execute("CREATE DATABASE zq_large")
    large = database_url.rpartition("/")[0] + "/zq_large"
    try:
        connection = await asyncpg.connect(large)
        columns = ", ".join(f"c{number} text NOT NULL DEFAULT 'x'" for number in range(12))
        for first in range(0, 500, 50):
            await connection.execute(
                ";".join(
                    f"CREATE TABLE t{number} (id int PRIMARY KEY, of int REFERENCES t{max(number - 1, 0)}, {columns});"
                    f"CREATE INDEX ON t{number} (of); COMMENT ON TABLE t{number} IS 'The table {number}.'"
                    for number in range(first, first + 50)
                )
            )
        await connection.close()
        at = await connected(api, large)
        result = json.loads((await rebuilt(api, database_url, at))["result"])
        assert (result["tables"], result["columns"], result["indexes"]) == (500, 500 * 14, 500 * 2)
        shown = (await api.user("ada").get(f"{at}/schema")).json()
        (public,) = shown["schemas"]
        assert len(public["tables"]) == 500
        assert all(
            (len(each["columns"]), len(each["indexes"]), len(each["keys"])) == (14, 2, 2)
            for each in public["tables"]
        )
    finally:
        await source.execute("DROP DATABASE zq_large WITH (FORCE)")
