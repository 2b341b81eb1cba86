"""Weeks are made and dropped beside open transactions and dumps, and no request waits for that."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.deliveries.attempts import Outcome, Settlement, claim, record
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.accept import Accepted, accept
from hermodr_ledger.jobs.decisions import record_decisions
from hermodr_ledger.upkeep.retention import drop_partitions, make_partitions
from tests.support.ledgers import attempt, decisions_of, new_job, new_project

WEEK = timedelta(days=7)
PARENTS = ("jobs", "deliveries", "attempts", "events", "attachments")
AHEAD = datetime(2071, 6, 3, tzinfo=UTC)
OLD = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
SLOWEST_SECONDS = 2.0
"""For a request behind a few lock attempts of a tenth of a second, on a slow machine."""

REQUEST = (
    """SELECT hermodr.queue_notification('hello', 'ada@example.com', '{"subject": "Hello", "body": "you"}')"""
)
DUMP = "LOCK TABLE {} IN ACCESS SHARE MODE"


@contextlib.asynccontextmanager
async def open_transaction(database_url: str, statements: Sequence[str]) -> AsyncIterator[None]:
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    for statement in statements:
        await connection.execute(statement)
    yield
    await transaction.rollback()
    await connection.close()


async def whole_way(ledger: Ledger, project_id: UUID) -> None:
    job = new_job(project_id)
    assert await accept(ledger, [job]) == [Accepted()]
    for ids in (await record_decisions(ledger, await decisions_of(ledger, [job.id]))).values():
        claims = await claim(ledger, ids, owner="me", lease_seconds=60)
        sent = [(attempt(each.id, 1, Outcome.SENT), Settlement(DeliveryState.SENT)) for each in claims]
        await record(ledger, sent)


@contextlib.asynccontextmanager
async def requests_go_on(ledger: Ledger) -> AsyncIterator[None]:
    project_id, done, slowest = await new_project(ledger), asyncio.Event(), 0.0
    await whole_way(ledger, project_id)

    async def requests() -> float:
        slowest = 0.0
        while not done.is_set():
            began = time.monotonic()
            await whole_way(ledger, project_id)
            slowest = max(slowest, time.monotonic() - began)
        return slowest

    working = asyncio.create_task(requests())
    try:
        yield
    finally:
        done.set()
        slowest = await asyncio.wait_for(working, 10)
    assert slowest < SLOWEST_SECONDS


async def everything(ledger: Ledger) -> str:
    rows = await ledger.fetch(
        "SELECT oid::regclass::text AS t FROM pg_class"
        " WHERE relnamespace = 'hermodr'::regnamespace AND relkind IN ('r', 'p')"
    )
    return ", ".join(row["t"] for row in rows)


@pytest.fixture
async def project(ledger: Ledger) -> str:
    return f"SET LOCAL hermodr.project = '{await new_project(ledger)}'"


async def test_weeks_ahead_are_made_beside_a_transaction_that_requested(
    ledger: Ledger, database_url: str, project: str
) -> None:
    async with requests_go_on(ledger), open_transaction(database_url, [project, REQUEST]):
        made = await make_partitions(ledger, AHEAD)
    assert made.put_off == []
    assert {name.rsplit("_", 1)[0] for name in made.done} == set(PARENTS)


async def test_a_dump_puts_weeks_off_and_holds_up_no_request(ledger: Ledger, database_url: str) -> None:
    dump = DUMP.format(await everything(ledger))
    async with requests_go_on(ledger), open_transaction(database_url, [dump]):
        shaped = await make_partitions(ledger, AHEAD + 8 * WEEK)
        assert shaped.done == []
    assert len(shaped.put_off) == 5 * len(PARENTS)
    assert (await make_partitions(ledger, AHEAD + 8 * WEEK)).done == sorted(
        shaped.put_off, key=lambda name: (name[-8:], PARENTS.index(name[:-9]))
    )


async def test_a_week_that_has_begun_waits_for_who_writes(
    ledger: Ledger, database_url: str, project: str
) -> None:
    now = datetime(2022, 5, 3, tzinfo=UTC)
    async with requests_go_on(ledger), open_transaction(database_url, [project, REQUEST]):
        shaped = await make_partitions(ledger, now)
    assert {name[:-9] for name in shaped.put_off} == {"jobs"}
    assert {name[:-9] for name in (await make_partitions(ledger, now)).done} == {"jobs"}


async def test_dropping_waits_for_who_uses_the_tables(
    ledger: Ledger, database_url: str, project: str
) -> None:
    await ledger.fetch("SELECT hermodr.ensure_partitions($1, $2)", OLD, OLD + 2 * WEEK)
    before = OLD + 3 * WEEK
    for held in ([project, REQUEST], [DUMP.format(await everything(ledger))]):
        async with requests_go_on(ledger), open_transaction(database_url, held):
            shaped = await drop_partitions(ledger, before)
        assert shaped.done == []
        assert {"20240101", "20240108"} <= set(shaped.put_off)
    assert {"20240101", "20240108"} <= set((await drop_partitions(ledger, before)).done)


async def test_a_new_week_has_the_shape_of_the_others(ledger: Ledger) -> None:
    """The check that avoids reading it when it is attached is removed."""
    await make_partitions(ledger, AHEAD + 16 * WEEK)
    (row,) = await ledger.fetch(
        "SELECT max(right(relname, 8)) AS week FROM pg_class WHERE relname ~ '^jobs_2071[0-9]{4}$'"
    )
    found = {}
    for week in (row["week"], "rest"):
        rows = await ledger.fetch(
            "SELECT conname FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'c' ORDER BY 1",
            f"hermodr.jobs_{week}",
        )
        found[week] = [each["conname"] for each in rows]
    assert found[row["week"]] == found["rest"]
