"""What is kept of tasks, and what is put right."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hermodr_ledger.engine import Ledger
from hermodr_ledger.tasks import claiming, recording, rescuing, types
from hermodr_ledger.tasks.claiming import Claim, Offer, Turn
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_ledger.tasks.types import TaskType
from hermodr_worker.domain import Ended, settled
from tests.support.ledgers import emptied, opened, row_of, rows_of
from tests.support.tasks import attempts_of, waiting

LONG_AGO = "now() - interval '40 days'"
OFFERS = [Offer("kept", 3, False)]


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


async def claimed(ledger: Ledger) -> Claim:
    (claim,) = await claiming.claim(ledger, "w", OFFERS, 1, 30.0, Turn())
    return claim


async def completed(ledger: Ledger) -> UUID:
    (job_id,) = await waiting(ledger, "kept")
    result = settled(await claimed(ledger), Ended("completed", result="1"), 1.0, None)
    assert result is not None
    assert await recording.record(ledger, "w", [result]) == {job_id: "completed"}
    return job_id


async def aged(ledger: Ledger, job_id: UUID, *, job: bool = True) -> None:
    await ledger.fetch(f"UPDATE hermodr.task_attempts SET finished_at = {LONG_AGO} WHERE job_id = $1", job_id)
    if job:
        await ledger.fetch(f"UPDATE hermodr.jobs SET finished_at = {LONG_AGO} WHERE id = $1", job_id)


async def test_finished_tasks_are_deleted_after_their_time_with_all_that_is_of_them(ledger: Ledger) -> None:
    old, asked_again, new = [await completed(ledger) for _ in range(3)]
    await ledger.fetch("INSERT INTO hermodr.events (job_id, kind) SELECT id, 'x' FROM hermodr.jobs")
    await aged(ledger, old)
    await aged(ledger, asked_again, job=False)
    before = datetime.now(UTC) - timedelta(days=30)
    assert await rescuing.forget(ledger, before) == 2
    assert {row["id"] for row in await rows_of(ledger, "jobs")} == {asked_again, new}
    assert {row["job_id"] for row in await rows_of(ledger, "events")} == {asked_again, new}
    assert [row["job_id"] for row in await rows_of(ledger, "task_attempts")] == [new]
    assert await rescuing.forget(ledger, before) == 0


async def test_rows_whose_job_has_ended_go_and_jobs_without_a_row_get_one(ledger: Ledger) -> None:
    ended, stray = await waiting(ledger, "kept", 2)
    await ledger.fetch("UPDATE hermodr.jobs SET state = 'skipped', finished_at = now() WHERE id = $1", ended)
    await ledger.fetch("DELETE FROM hermodr.tasks WHERE job_id = $1", stray)
    await rescuing.tidy(ledger, 10)
    assert await rows_of(ledger, "tasks") == []
    assert (await row_of(ledger, "jobs", stray))["wake_at"] <= datetime.now(UTC)
    assert await enqueue(ledger, [stray]) == [stray]


async def test_types_are_forgotten_a_week_after_the_last_worker(ledger: Ledger) -> None:
    some = [TaskType(name, True, {"type": "object"}, 60.0, 3, 2, 0.5) for name in ("gone", "here")]
    await types.declare(ledger, some)
    await ledger.fetch(
        "UPDATE hermodr.task_types SET seen_at = now() - interval '8 days' WHERE name = 'gone'"
    )
    await rescuing.tidy(ledger, 10)
    assert [(each.type, each.served) for each in await types.known(ledger)] == [(some[1], True)]


async def test_what_waits_without_a_worker_is_counted_by_type(ledger: Ledger) -> None:
    await waiting(ledger, "kept", 2)
    await waiting(ledger, "stranger", 3)
    await types.declare(ledger, [TaskType("kept", False, None, 60.0, 3, None, None)])
    assert await types.unserved(ledger) == {"stranger": 3}
    await ledger.fetch("UPDATE hermodr.task_types SET seen_at = now() - interval '1 minute'")
    assert await types.unserved(ledger) == {"kept": 2, "stranger": 3}


async def test_a_worker_whose_task_was_given_away_neither_renews_nor_records(ledger: Ledger) -> None:
    (job_id,) = await waiting(ledger, "kept")
    claim = await claimed(ledger)
    await ledger.fetch("UPDATE hermodr.tasks SET lease_until = now()")
    await rescuing.rescue(ledger, 10)
    again = await claimed(ledger)
    assert (again.job_id, again.attempt, again.tried) == (job_id, 2, 2)
    held: dict[tuple[UUID, int], str | None] = {(job_id, claim.attempt): None}
    assert await claiming.renew(ledger, "w", 30.0, held) == {}
    late = settled(claim, Ended("completed", result="1"), 1.0, None)
    assert late is not None
    assert await recording.record(ledger, "w", [late]) == {}
    assert (await row_of(ledger, "jobs", job_id))["state"] == "processing"
    assert [each["outcome"] for each in await attempts_of(ledger, job_id)] == ["lost"]


async def test_an_expired_task_is_not_begun(ledger: Ledger) -> None:
    await waiting(ledger, "kept", expires_at=datetime.now(UTC) + timedelta(days=1))
    await ledger.fetch("UPDATE hermodr.jobs SET expires_at = now() - interval '1 s'")
    assert await claiming.claim(ledger, "w", OFFERS, 5, 30.0, Turn()) == []
