import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest

from hermodr_contracts.vocabulary import JobState, OnUnknown, Priority
from hermodr_ledger.access.idempotency import Idempotency, KeyReused, Replay, StillRunning
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.accept import Accepted, AcceptOutcome, NewJob, SingletonTaken, accept
from hermodr_ledger.jobs.intake import accept_many
from hermodr_ledger.upkeep.retention import expire_idempotency_keys
from hermodr_servicekit.ids import new_id
from tests.support.ledgers import new_job, new_project, row_of, rows_of

FINGERPRINT = b"f" * 32


def keyed(job: NewJob, key: str, fingerprint: bytes = FINGERPRINT) -> Idempotency:
    return Idempotency(key, fingerprint, f'{{"job_id": "{job.id}"}}'.encode())


def with_key(project_id: UUID, key: str, fingerprint: bytes = FINGERPRINT) -> NewJob:
    job = new_job(project_id)
    return new_job(project_id, id=job.id, idempotency=keyed(job, key, fingerprint))


def answer(job: NewJob) -> Replay:
    assert job.idempotency is not None
    return Replay(202, job.idempotency.response)


async def test_everything_of_a_job_is_stored(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    job = new_job(
        project_id,
        type="magic_link",
        priority=Priority.URGENT,
        data='{"link": "https://x/ü\\u0001", "n": 1}',
        metadata='{"m": [1]}',
        channels=("email", "sms"),
        recipient_id=new_id(),
        to_phone="+15550100",
        owner_id="u-1",
        group_id=new_id(),
        update_id=new_id(),
        batch_id=new_id(),
        on_unknown=OnUnknown.HOLD,
    )
    assert await accept(ledger, [job]) == [Accepted()]
    row = await row_of(ledger, "jobs", job.id)
    for name in (
        "type",
        "to_email",
        "to_phone",
        "owner_id",
        "recipient_id",
        "group_id",
        "update_id",
        "batch_id",
    ):
        assert row[name] == getattr(job, name), name
    assert (row["state"], row["priority"], row["channels"]) == ("queued", 0, ["email", "sms"])
    assert json.loads(row["data"]) == {"link": "https://x/ü\x01", "n": 1}
    assert (row["metadata"], row["on_unknown"], row["announcements"]) == ('{"m": [1]}', "hold", 0)
    assert timedelta(seconds=4) < row["wake_at"] - row["created_at"] < timedelta(seconds=6)


async def test_a_scheduled_job_waits_for_its_time(ledger: Ledger) -> None:
    moment = datetime.now(UTC) + timedelta(hours=1)
    job = new_job(await new_project(ledger), scheduled_for=moment)
    assert await accept(ledger, [job]) == [Accepted()]
    row = await row_of(ledger, "jobs", job.id)
    assert (row["state"], row["wake_at"], row["scheduled_for"]) == (JobState.SCHEDULED, moment, moment)


async def test_a_delay_is_counted_by_the_clock_of_the_ledger(ledger: Ledger) -> None:
    """The api's clock may be wrong: it says only how long."""
    job = new_job(await new_project(ledger), delay_seconds=90.5)
    assert await accept(ledger, [job]) == [Accepted()]
    row = await row_of(ledger, "jobs", job.id)
    moment = row["created_at"] + timedelta(seconds=90.5)
    assert (row["state"], row["wake_at"], row["scheduled_for"]) == (JobState.SCHEDULED, moment, moment)


async def test_verdicts_come_in_the_order_of_the_jobs(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    first = with_key(project_id, "k")
    await accept(ledger, [first])
    jobs = [
        new_job(project_id),
        with_key(project_id, "k"),
        with_key(project_id, "new"),
        with_key(project_id, "k", b"other"),
    ]
    assert await accept(ledger, jobs) == [Accepted(), answer(first), Accepted(), KeyReused()]
    stored = {row["id"] for row in await rows_of(ledger, "jobs")}
    assert stored == {first.id, jobs[0].id, jobs[2].id}


async def test_fifty_requests_with_one_key_at_once_are_one_job_with_one_answer(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    jobs = [with_key(project_id, "k") for _ in range(50)]
    verdicts = [each for (each,) in await asyncio.gather(*(accept(ledger, [job]) for job in jobs))]
    (winner,) = [job for job, verdict in zip(jobs, verdicts, strict=True) if verdict == Accepted()]
    assert all(verdict in (Accepted(), answer(winner)) for verdict in verdicts)
    assert [row["id"] for row in await rows_of(ledger, "jobs")] == [winner.id]


async def test_batches_that_share_keys_in_any_order_do_not_lock_each_other_out(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    keys = [str(number) for number in range(40)]
    batches = [
        [with_key(project_id, key) for key in keys[start:] + keys[:start]] for start in range(0, 40, 4)
    ]
    verdicts = await asyncio.gather(*(accept(ledger, batch) for batch in batches))
    assert sum(verdict == Accepted() for batch in verdicts for verdict in batch) == len(keys)
    assert len(await rows_of(ledger, "jobs")) == len(keys)


async def test_two_with_one_key_in_one_batch_are_one_job(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    jobs = [with_key(project_id, "k"), with_key(project_id, "k"), with_key(project_id, "k", b"other")]
    verdicts = await accept(ledger, jobs)
    assert verdicts == [Accepted(), answer(jobs[0]), KeyReused()]
    assert len(await rows_of(ledger, "jobs")) == 1


async def test_keys_of_different_projects_have_nothing_to_do_with_each_other(ledger: Ledger) -> None:
    jobs = [with_key(await new_project(ledger), "k") for _ in range(2)]
    assert await accept(ledger, jobs) == [Accepted(), Accepted()]


async def test_a_key_without_an_answer_yet_is_still_running(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    await accept(ledger, [with_key(project_id, "k")])
    await ledger.fetch("UPDATE hermodr.idempotency_keys SET status = NULL")
    assert await accept(ledger, [with_key(project_id, "k")]) == [StillRunning()]


async def test_keys_are_kept_for_48_hours(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    await accept(ledger, [with_key(project_id, "k")])
    now = datetime.now(UTC)
    await expire_idempotency_keys(ledger, now + timedelta(hours=47, minutes=59))
    assert len(await rows_of(ledger, "idempotency_keys")) == 1
    await expire_idempotency_keys(ledger, now + timedelta(hours=48, minutes=1))
    assert await accept(ledger, [with_key(project_id, "k")]) == [Accepted()]


async def test_a_batch_with_an_impossible_job_is_stored_by_no_half(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await accept(ledger, [with_key(project_id, "k"), new_job(project_id, data="not json")])
    assert await rows_of(ledger, "jobs") == []
    assert await rows_of(ledger, "idempotency_keys") == []


async def singleton(ledger: Ledger, job: NewJob) -> AcceptOutcome:
    async with ledger.transaction() as transaction:
        (verdict,) = await accept_many(transaction, [job], wait_seconds=5.0)
        return verdict


async def test_of_twenty_singletons_at_once_one_lives_and_is_named_to_the_others(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    jobs = [new_job(project_id, singleton_key="s") for _ in range(20)]
    verdicts = await asyncio.gather(*(singleton(ledger, job) for job in jobs))
    (winner,) = [job for job, verdict in zip(jobs, verdicts, strict=True) if verdict == Accepted()]
    assert verdicts.count(SingletonTaken(winner.id)) == 19
    assert [row["id"] for row in await rows_of(ledger, "jobs")] == [winner.id]


async def test_a_singleton_may_come_again_when_the_one_before_is_finished(ledger: Ledger) -> None:
    project_id = await new_project(ledger)
    first, second = (new_job(project_id, singleton_key="s") for _ in range(2))
    assert await singleton(ledger, first) == Accepted()
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'completed', finished_at = now()")
    assert await singleton(ledger, second) == Accepted()
    assert await singleton(ledger, new_job(project_id, singleton_key="s")) == SingletonTaken(second.id)
