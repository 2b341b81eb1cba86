"""Rows that somebody keeps locked in an open transaction: everything goes on without them, at once, and they come
later. Before, a sender, a dispatcher and a scheduler each waited half a minute for one such row, for every project."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from uuid import UUID

import asyncpg
import pytest

from hermodr_contracts.ladder import parse_ladder
from hermodr_contracts.vocabulary import OnUnknown
from hermodr_ledger.deliveries.attempting import Attempts
from hermodr_ledger.deliveries.attempts import Attempt, Outcome, Settlement, settle
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.locked import LOCK_SECONDS, RowsLocked
from hermodr_ledger.jobs.redeciding import record_all
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.upkeep.due import DueRows
from hermodr_ledger.upkeep.expiring import expire_deliveries, expire_jobs
from hermodr_servicekit.ids import job_of
from tests.support.ledgers import attempt, decisions_of, emptied, new_deliveries, new_jobs, opened, row_of

AT_ONCE = 3.0
"""On a busy machine; a wait for a lock would last for thirty."""


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url, lock_seconds=LOCK_SECONDS) as ledger:
        await emptied(ledger)
        yield ledger


@contextlib.asynccontextmanager
async def somebody(database_url: str, table: str, ids: Sequence[UUID]) -> AsyncIterator[None]:
    """A person in psql with locked rows."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute(
                f"SELECT 1 FROM hermodr.{table} WHERE id = ANY ($1::uuid[]) FOR UPDATE", list(ids)
            )
            yield
    finally:
        await connection.close()


@contextlib.contextmanager
def at_once() -> Iterator[None]:
    began = time.perf_counter()
    yield
    assert time.perf_counter() - began < AT_ONCE


def sent(ids: Sequence[UUID]) -> list[tuple[Attempt, Settlement]]:
    settlement = settle(
        Outcome.SENT, number=1, max_attempts=4, on_unknown=OnUnknown.RESEND, ladder=parse_ladder("10s")
    )
    return [(attempt(each, 1, Outcome.SENT), settlement) for each in ids]


async def test_claims_go_on_without_them(ledger: Ledger, database_url: str) -> None:
    ids, attempts = await new_deliveries(ledger, 50), Attempts(ledger)
    async with somebody(database_url, "deliveries", ids[:7]):
        with at_once():
            claims = await attempts.claim(ids, owner="me", lease_seconds=60)
        assert {each.id for each in claims} == set(ids[7:])
        assert await attempts.claim(ids[:7], owner="me", lease_seconds=60) == []
    claims = await attempts.claim(ids, owner="me", lease_seconds=60)
    assert {each.id for each in claims} == set(ids[:7])


@pytest.mark.parametrize("table", ["deliveries", "jobs"])
async def test_results_are_recorded_without_them(ledger: Ledger, database_url: str, table: str) -> None:
    ids, attempts = await new_deliveries(ledger, 50), Attempts(ledger)
    await attempts.claim(ids, owner="me", lease_seconds=60)
    locked = [each if table == "deliveries" else job_of(each) for each in ids[:7]]
    async with somebody(database_url, table, locked):
        with at_once(), pytest.raises(RowsLocked) as caught:
            await attempts.record(sent(ids))
        assert {each.delivery_id for each in caught.value.done} == set(ids[7:])
        assert caught.value.held == set(ids[:7])
    assert {each.delivery_id for each in await attempts.record(sent(ids[:7]))} == set(ids[:7])
    assert {(await row_of(ledger, "jobs", job_of(each)))["state"] for each in ids} == {"completed"}


async def test_leases_are_renewed_and_claims_given_back_without_them(
    ledger: Ledger, database_url: str
) -> None:
    ids, attempts = await new_deliveries(ledger, 4), Attempts(ledger)
    claims = await attempts.claim(ids[:3], owner="me", lease_seconds=5)
    async with somebody(database_url, "deliveries", ids[:1]):
        with at_once():
            held = await attempts.renew([(each, 1) for each in ids], owner="me", lease_seconds=300)
        assert held == set(ids[:3])
        later = await ledger.fetch(
            "SELECT id FROM hermodr.deliveries WHERE lease_until > now() + interval '60 seconds'"
        )
        assert {row["id"] for row in later} & set(ids) == set(ids[1:3])
        with at_once():
            await attempts.release(claims)
        states = [(await row_of(ledger, "deliveries", each))["state"] for each in ids]
        assert states == ["sending", "queued", "queued", "queued"]


async def test_jobs_are_decided_without_them_also_those_asked_for_again(
    ledger: Ledger, database_url: str
) -> None:
    fresh, again = await new_jobs(ledger, 20), await new_jobs(ledger, 2)
    await ledger.fetch(
        "UPDATE hermodr.jobs SET state = 'failed', finished_at = now() WHERE id = ANY ($1::uuid[])", again
    )
    async with ledger.transaction() as transaction:
        project_id = (await row_of(ledger, "jobs", again[0]))["project_id"]
        await requeue(transaction, project_id, again, by="key")
    decisions = await decisions_of(ledger, [*fresh, *again])
    async with somebody(database_url, "jobs", [fresh[3], again[0]]):
        with at_once():
            lanes = await record_all(ledger, decisions)
        assert {job_of(each) for ids in lanes.values() for each in ids} == {*fresh, *again} - {
            fresh[3],
            again[0],
        }
    lanes = await record_all(ledger, decisions)
    assert {job_of(each) for ids in lanes.values() for each in ids} == {fresh[3], again[0]}


@pytest.mark.parametrize("table", ["deliveries", "jobs"])
async def test_what_expired_ends_without_them(ledger: Ledger, database_url: str, table: str) -> None:
    ids = await new_deliveries(ledger, 5)
    jobs = await new_jobs(ledger, 5)
    for name in ("jobs", "deliveries"):
        await ledger.fetch(f"UPDATE hermodr.{name} SET expires_at = now() - interval '1 second'")
    held = [ids[0] if table == "deliveries" else job_of(ids[0])]
    async with somebody(database_url, table, held), somebody(database_url, "jobs", jobs[:1]):
        with at_once():
            assert (await expire_deliveries(ledger, 100)).rows == 4
            assert (await expire_jobs(ledger, 100)).rows == 4
    assert (await expire_deliveries(ledger, 100)).rows == 1
    assert (await expire_jobs(ledger, 100)).rows == 1


async def test_what_is_due_is_announced_without_them_and_old_claims_are_settled(
    ledger: Ledger, database_url: str
) -> None:
    due, attempts = DueRows(ledger), Attempts(ledger)
    waiting, jobs, claimed = (
        await new_deliveries(ledger, 3),
        await new_jobs(ledger, 3),
        await new_deliveries(ledger, 100),
    )
    claims = await attempts.claim(claimed, owner="gone", lease_seconds=0)
    for name in ("jobs", "deliveries"):
        await ledger.fetch(f"UPDATE hermodr.{name} SET wake_at = now() WHERE wake_at IS NOT NULL")
    locked = claimed[:40]
    async with (
        somebody(database_url, "jobs", jobs[:1]),
        somebody(database_url, "deliveries", [waiting[0], *locked]),
    ):
        with at_once():
            assert {each.id for each in await due.take_jobs(100)} >= set(jobs[1:])
            assert {each.id for each in await due.take_deliveries(100, ())} == set(waiting[1:])
            results = [
                (each[0]._replace(outcome=Outcome.UNKNOWN, claimed_at=claim.claimed_at), each[1])
                for claim in await due.expired_claims(200)
                for each in sent([claim.id])
            ]
            assert len(results) == len(claims)
            recorded = await due.record(results)
        assert {each.delivery_id for each in recorded} == set(claimed[40:])


async def test_a_table_that_is_dumped_keeps_nobody_waiting(ledger: Ledger, database_url: str) -> None:
    """`pg_dump` locks every table with ACCESS SHARE."""
    dump = await asyncpg.connect(database_url)
    try:
        async with dump.transaction(isolation="repeatable_read", readonly=True):
            for table in ("jobs", "deliveries", "attempts", "singletons"):
                await dump.execute(f"LOCK TABLE hermodr.{table} IN ACCESS SHARE MODE")
            with at_once():
                ids, attempts = await new_deliveries(ledger, 10), Attempts(ledger)
                await attempts.claim(ids, owner="me", lease_seconds=60)
                assert len(await attempts.record(sent(ids))) == len(ids)
    finally:
        await dump.close()


async def test_many_who_meet_one_locked_row_are_all_served(ledger: Ledger, database_url: str) -> None:
    ids, attempts = await new_deliveries(ledger, 60), Attempts(ledger)
    async with somebody(database_url, "deliveries", ids[:1]):
        with at_once():
            claims = await asyncio.gather(
                *(
                    attempts.claim([ids[0], *ids[start : start + 10]], owner=str(start), lease_seconds=60)
                    for start in range(0, 60, 10)
                )
            )
    assert sum(map(len, claims)) == 59
