"""Many jobs in one transaction: keys held by others affect only their jobs."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from hermodr_ledger.access.idempotency import Idempotency, KeyReused, Replay, StillRunning
from hermodr_ledger.engine import Contested, Ledger
from hermodr_ledger.jobs.accept import Accepted, AcceptOutcome, NewJob, SingletonContested, SingletonTaken
from hermodr_ledger.jobs.intake import accept_many
from hermodr_ledger.jobs.requeueing import requeue
from tests.support.ledgers import accept_one, new_job, new_project, row_of, rows_of

FEW_SECONDS = 8.0
ITS_LOCKS = "SELECT count(*) AS n FROM pg_locks WHERE pid = pg_backend_pid()"
SOMEBODY_WAITS = """SELECT 1 FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'"""


def with_key(project_id: UUID, key: str, said: bytes = b"", **changes: object) -> NewJob:
    job = new_job(project_id, **changes)
    return job._replace(idempotency=Idempotency(key, said, json.dumps(str(job.id)).encode()))


async def taken_on(ledger: Ledger, jobs: list[NewJob], wait_seconds: float = 5.0) -> list[AcceptOutcome]:
    async with ledger.transaction() as transaction:
        return await accept_many(transaction, jobs, wait_seconds=wait_seconds)


@contextlib.asynccontextmanager
async def somebody(database_url: str, project_id: UUID) -> AsyncIterator[asyncpg.Connection]:
    """An open transaction about the project."""
    connection = await asyncpg.connect(database_url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(f"SET LOCAL hermodr.project = '{project_id}'")
    try:
        yield connection
    finally:
        await transaction.rollback()
        await connection.close()


async def test_as_many_keys_as_one_likes_in_one_transaction_fill_no_memory_that_others_need(
    ledger: Ledger, database_url: str
) -> None:
    project_id = await new_project(ledger)
    async with somebody(database_url, project_id) as application:
        await application.execute(
            "SELECT hermodr.enqueue_task('rebuild', singleton_key => 'k' || n, idempotency_key => 'i' || n)"
            " FROM generate_series(1, 3000) n"
        )
        assert await application.fetchval(ITS_LOCKS) < 300
    jobs = [new_job(project_id, singleton_key=f"k{number}") for number in range(3000)]
    async with ledger.transaction() as transaction:
        assert set(await accept_many(transaction, jobs, wait_seconds=5.0)) == {Accepted()}
        (locks,) = await transaction.fetch(ITS_LOCKS)
        assert locks["n"] < 300


async def test_batches_that_share_singleton_keys_in_any_order_do_not_lock_each_other_out(
    ledger: Ledger,
) -> None:
    project_id = await new_project(ledger)
    keys = [f"s{number}" for number in range(60)]
    batches = [
        [with_key(project_id, f"{start}/{key}", singleton_key=key) for key in keys[start:] + keys[:start]]
        for start in range(0, 60, 10)
    ]
    verdicts = [
        each for some in await asyncio.gather(*(taken_on(ledger, b) for b in batches)) for each in some
    ]
    assert verdicts.count(Accepted()) == len(keys)
    alive = {row["id"] for row in await rows_of(ledger, "jobs")}
    assert {each.job_id for each in verdicts if isinstance(each, SingletonTaken)} <= alive
    assert len(verdicts) - len(keys) == sum(isinstance(each, SingletonTaken) for each in verdicts)
    assert {row["job_id"] for row in await rows_of(ledger, "singletons")} == alive
    assert len(await rows_of(ledger, "idempotency_keys")) == len(keys)


async def test_only_those_whose_key_an_open_transaction_holds_are_left(
    ledger: Ledger, database_url: str
) -> None:
    project_id = await new_project(ledger)
    jobs = [
        *(new_job(project_id, singleton_key=f"s{number}") for number in range(200)),
        *(with_key(project_id, f"i{number}") for number in range(200)),
        *(new_job(project_id) for _ in range(20)),
    ]
    async with somebody(database_url, project_id) as application:
        await application.execute("SELECT hermodr.enqueue_task('rebuild', singleton_key => 's7')")
        await application.execute("SELECT hermodr.enqueue_task('rebuild', idempotency_key => 'i9')")
        began = time.monotonic()
        verdicts = await taken_on(ledger, jobs, wait_seconds=0.1)
        assert time.monotonic() - began < FEW_SECONDS
    assert {number: each for number, each in enumerate(verdicts) if each != Accepted()} == {
        7: SingletonContested(),
        209: StillRunning(),
    }
    assert len(await rows_of(ledger, "jobs")) == 418
    assert await taken_on(ledger, [jobs[7], jobs[209]]) == [Accepted(), Accepted()]


async def test_who_waited_for_the_key_sees_whose_it_became(ledger: Ledger, database_url: str) -> None:
    project_id = await new_project(ledger)
    first = new_job(project_id, singleton_key="s")
    await accept_one(ledger, first)
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'completed', finished_at = now()")
    async with ledger.transaction() as transaction:  # takes over what a finished job left
        second = new_job(project_id, singleton_key="s")
        assert await accept_many(transaction, [second], wait_seconds=1.0) == [Accepted()]
        third = asyncio.create_task(taken_on(ledger, [new_job(project_id, singleton_key="s")]))
        async with asyncio.timeout(FEW_SECONDS):
            while not (await ledger.fetch(SOMEBODY_WAITS)):
                await asyncio.sleep(0.01)
    assert await third == [SingletonTaken(second.id)]


async def test_of_several_with_one_key_in_one_request_the_first_that_may_is_taken(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    earlier = with_key(project_id, "i", b"one")
    await accept_one(ledger, earlier)
    jobs = [
        with_key(project_id, "i", b"another", singleton_key="s"),
        with_key(project_id, "i", b"one", singleton_key="s"),
        with_key(project_id, "j", b"", singleton_key="s"),
        with_key(project_id, "j", b"", singleton_key="s"),
        new_job(project_id, singleton_key="s"),
        with_key(project_id, "j", b"", singleton_key="t"),
        new_job(project_id, singleton_key="t"),
    ]
    assert await taken_on(ledger, jobs) == [
        KeyReused(),
        Replay(202, json.dumps(str(earlier.id)).encode()),
        Accepted(),
        Replay(202, json.dumps(str(jobs[2].id)).encode()),
        SingletonTaken(jobs[2].id),
        Replay(202, json.dumps(str(jobs[2].id)).encode()),
        Accepted(),
    ]
    kept = {row["key"]: row["job_id"] for row in await rows_of(ledger, "singletons")}
    assert kept == {"s": jobs[2].id, "t": jobs[6].id}


async def test_by_sql_the_key_of_a_finished_job_is_taken_over_and_of_a_live_one_not(
    ledger: Ledger, database_url: str
) -> None:
    project_id = await new_project(ledger)
    first = new_job(project_id, singleton_key="s")
    await accept_one(ledger, first)
    async with somebody(database_url, project_id) as application:
        with pytest.raises(asyncpg.UniqueViolationError, match=str(first.id)):
            await application.execute("SELECT hermodr.enqueue_task('rebuild', singleton_key => 's')")
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'failed', finished_at = now(), wake_at = NULL")
    async with somebody(database_url, project_id) as application:
        second = await application.fetchval("SELECT hermodr.enqueue_task('rebuild', singleton_key => 's')")
        assert await taken_on(ledger, [new_job(project_id, singleton_key="s")], 0.05) == [
            SingletonContested()
        ]
        with pytest.raises(Contested):
            async with ledger.transaction() as transaction:
                await requeue(transaction, project_id, [first.id], by="test")
        assert (
            await application.fetchval("SELECT hermodr.update_notification_status($1, 'queued')", first.id)
            is False
        )
        assert second != first.id
    connection = await asyncpg.connect(database_url)
    assert (
        await connection.fetchval("SELECT hermodr.update_notification_status($1, 'queued')", first.id) is True
    )
    await connection.close()
    assert (await row_of(ledger, "jobs", first.id))["state"] == "queued"
    assert await taken_on(ledger, [new_job(project_id, singleton_key="s")]) == [SingletonTaken(first.id)]
