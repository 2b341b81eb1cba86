"""A locked row delays nothing else."""

import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest

from hermodr_contracts.vocabulary import DeliveryState
from hermodr_ledger.deliveries.attempting import Attempts
from hermodr_ledger.deliveries.attempts import Outcome, Settlement
from hermodr_ledger.engine import Ledger, heartbeats
from hermodr_ledger.engine.locked import LOCK_SECONDS, RowsLocked
from hermodr_ledger.jobs.redeciding import record_all
from hermodr_servicekit.ids import job_of
from tests.support.ledgers import attempt, decisions_of, new_deliveries, new_jobs, opened, row_of

SOON = 5.0
"""Without a bound it is the statement's thirty."""


@pytest.fixture
async def senders(ledger: Ledger, database_url: str) -> AsyncIterator[Ledger]:
    """As senders and dispatchers open it."""
    async with opened(database_url, lock_seconds=LOCK_SECONDS) as their:
        yield their


@contextlib.asynccontextmanager
async def locking(database_url: str, sql: str, *arguments: object) -> AsyncIterator[None]:
    """An open transaction that has locked what the query finds."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            assert await connection.fetch(f"{sql} FOR UPDATE", *arguments)
            yield
    finally:
        connection.terminate()


DELIVERY = "SELECT id FROM hermodr.deliveries WHERE id = $1"
JOB = "SELECT id FROM hermodr.jobs WHERE id = $1"


async def test_a_claim_leaves_out_what_is_locked(senders: Ledger, database_url: str) -> None:
    ids = await new_deliveries(senders, 20)
    began = time.monotonic()
    async with locking(database_url, DELIVERY, ids[7]):
        claims = await Attempts(senders).claim(ids, owner="me", lease_seconds=60)
    assert time.monotonic() - began < SOON
    assert {each.id for each in claims} == set(ids) - {ids[7]}
    assert [each.id for each in await Attempts(senders).claim(ids, owner="me", lease_seconds=60)] == [ids[7]]


@pytest.mark.parametrize("of", ["delivery", "job"])
async def test_results_are_recorded_but_those_whose_row_is_locked(
    senders: Ledger, database_url: str, of: str
) -> None:
    attempts, ids = Attempts(senders), await new_deliveries(senders, 20)
    await attempts.claim(ids, owner="me", lease_seconds=60)
    results = [(attempt(each, 1, Outcome.SENT), Settlement(DeliveryState.SENT)) for each in ids]
    query = (DELIVERY, ids[7]) if of == "delivery" else (JOB, job_of(ids[7]))
    began = time.monotonic()
    async with locking(database_url, *query):
        with pytest.raises(RowsLocked) as caught:
            await attempts.record(results)
        assert time.monotonic() - began < SOON
        assert caught.value.held == {ids[7]}
        assert {each.delivery_id for each in caught.value.done} == set(ids) - {ids[7]}
        assert (await row_of(senders, "deliveries", ids[8]))["state"] == "sent"
    assert [each.delivery_id for each in await attempts.record([results[7]])] == [ids[7]]


async def test_jobs_are_decided_upon_but_those_that_are_locked(senders: Ledger, database_url: str) -> None:
    jobs = await new_jobs(senders, 10)
    decisions = await decisions_of(senders, jobs)
    async with locking(database_url, JOB, jobs[3]):
        began = time.monotonic()
        lanes = await record_all(senders, decisions)
        assert time.monotonic() - began < SOON
    made: set[UUID] = {job_of(each) for ids in lanes.values() for each in ids}
    assert made == set(jobs) - {jobs[3]}
    (left,) = (await record_all(senders, decisions)).values()
    assert [job_of(each) for each in left] == [jobs[3]]


async def test_a_dead_instances_row_silences_no_other(senders: Ledger, database_url: str) -> None:
    now = datetime.now(UTC)
    for instance in ("dead", "gone"):
        await heartbeats.beat(senders, "postman", instance, now)
    await senders.fetch(
        "UPDATE hermodr.service_heartbeats SET beat_at = now() - interval '1 day' WHERE service = 'postman'"
    )
    row = "SELECT 1 FROM hermodr.service_heartbeats WHERE service = 'postman' AND instance = 'dead'"
    async with locking(database_url, row):
        await heartbeats.beat(senders, "postman", "alive", now)
    rows = await senders.fetch("SELECT instance FROM hermodr.service_heartbeats WHERE service = 'postman'")
    assert {each["instance"] for each in rows} == {"alive", "dead"}
