"""Anything may happen to tasks in any order: what holds then, and that all of them end."""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.cancelling import cancel
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.tasks import claiming, dependencies, recording, rescuing, types
from hermodr_ledger.tasks.claiming import Claim, Offer, Turn
from hermodr_ledger.tasks.dependencies import Place
from hermodr_ledger.tasks.queueing import enqueue
from hermodr_ledger.tasks.recording import Result
from hermodr_ledger.tasks.types import TaskType
from hermodr_ledger.upkeep.due import take_due_jobs
from hermodr_worker.domain import Ended, settled
from tests.support.ledgers import emptied, new_project, opened, rows_of
from tests.support.tasks import accepted

ME = Actor("key", None)
OFFERS = [Offer("one", 1, False), Offer("two", 0, True)]
ENDED = {"completed", "failed", "cancelled"}


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


class World:
    """Two workers, a dispatcher, a scheduler and a producer; `claims` are what workers believe to hold."""

    def __init__(self, ledger: Ledger, project_id: UUID, chance: random.Random) -> None:
        self.ledger = ledger
        self.project_id = project_id
        self.chance = chance
        self.claims: list[tuple[str, Claim]] = []
        self.running: dict[UUID, int] = {}
        """Attempts recorded as completed, by job: more than one is one too many."""

    async def accept(self) -> None:
        awaited = [str(each) for each in await self.some()] if self.chance.random() < 0.5 else []
        await accepted(
            self.ledger,
            self.chance.choice(["one", "two"]),
            2,
            project_id=self.project_id,
            content=json.dumps({"depends_on": awaited}),
        )

    async def decide(self) -> None:
        await enqueue(self.ledger, await self.some())

    async def claim(self) -> None:
        worker = self.chance.choice("ab")
        found = await claiming.claim(self.ledger, worker, OFFERS, 2, 30.0, Turn())
        self.claims += [(worker, each) for each in found]

    async def finish(self) -> None:
        if not self.claims:
            return
        worker, claim = self.claims.pop(self.chance.randrange(len(self.claims)))
        how: Any = self.chance.choice(["completed", "failed", "timeout", "cancelled", "handed_back"])
        result = settled(claim, Ended(how, result="1" if how == "completed" else None, error="E"), 0.0, None)
        assert result is not None
        await self.record(worker, result)
        if self.chance.random() < 0.3:  # told twice
            await self.record(worker, result)

    async def record(self, worker: str, result: Result) -> None:
        states = await recording.record(self.ledger, worker, [result])
        if states.get(result.job_id) == "completed":
            self.running[result.job_id] = self.running.get(result.job_id, 0) + 1

    async def kill(self) -> None:
        """A worker forgets what it runs; the leases end."""
        self.claims = [each for each in self.claims if each[0] != "a"]
        await self.ledger.fetch("UPDATE hermodr.tasks SET lease_until = now() WHERE worker = 'a'")

    async def rescue(self) -> None:
        await rescuing.rescue(self.ledger, 3)

    async def renew(self) -> None:
        held: dict[tuple[UUID, int], str | None] = {
            (each.job_id, each.attempt): None for worker, each in self.claims if worker == "b"
        }
        if held:
            await claiming.renew(self.ledger, "b", 30.0, held)

    async def cancel(self) -> None:
        for each in (await self.some())[:1]:
            await cancel(self.ledger, self.project_id, each, ME)

    async def ask_again(self) -> None:
        async with self.ledger.transaction() as transaction:
            await requeue(transaction, self.project_id, (await self.some())[:2], by="key")

    async def due(self) -> None:
        await take_due_jobs(self.ledger, 10)

    async def tidy(self) -> None:
        await rescuing.tidy(self.ledger, 10)

    async def look(self) -> None:
        """The scheduler looks who waits for what."""
        found, _ = await dependencies.look(self.ledger, Place(), 1000)
        await dependencies.settle(self.ledger, found)

    async def some(self) -> list[UUID]:
        rows = await rows_of(self.ledger, "jobs")
        return [row["id"] for row in self.chance.sample(rows, min(len(rows), 3))]


async def check(ledger: Ledger) -> None:
    jobs = {row["id"]: row for row in await rows_of(ledger, "jobs")}
    tasks = {row["job_id"]: row for row in await rows_of(ledger, "tasks")}
    waits = {row["job_id"] for row in await rows_of(ledger, "task_dependencies")}
    began = {row["job_id"] for row in await rows_of(ledger, "task_attempts")}
    for job_id, job in jobs.items():
        awaited = [jobs[UUID(each)]["state"] for each in json.loads(job["content"])["depends_on"]]
        if job_id in began or job["state"] in (JobState.PROCESSING, JobState.COMPLETED):
            assert set(awaited) <= {JobState.COMPLETED}
        if job["error"] == dependencies.DEPENDENCY_FAILED:
            assert job["state"] in (JobState.FAILED, JobState.CANCELLED)
        row = tasks.get(job_id)
        ended = job["state"] in ENDED
        assert (job["finished_at"] is not None) == ended
        if job["state"] == JobState.PROCESSING:
            assert row is not None
            assert row["worker"] is not None
            assert job["wake_at"] is None
        else:
            assert row is None or row["worker"] is None
            assert (job["wake_at"] is None) == ended
        if job["state"] == JobState.QUEUED and job["wake_at"].year == 9999:
            assert row is not None or job_id in waits
    for row in await rows_of(ledger, "task_attempts"):
        assert row["outcome"] in ("completed", "failed", "timeout", "cancelled", "lost")


@pytest.mark.parametrize("seed", range(8))
async def test_no_task_is_stuck_or_held_twice_whatever_happens(ledger: Ledger, seed: int) -> None:
    await types.declare(ledger, [TaskType("two", False, None, 60.0, 0, 3, None)])
    world = World(ledger, await new_project(ledger), random.Random(seed))
    steps: list[Callable[[], Awaitable[None]]] = [
        *(world.accept, world.decide, world.decide, world.claim, world.claim, world.finish, world.finish),
        *(
            world.kill,
            world.rescue,
            world.renew,
            world.cancel,
            world.ask_again,
            world.due,
            world.tidy,
            world.look,
        ),
    ]
    await world.accept()
    for _ in range(60):
        await world.chance.choice(steps)()
        await check(ledger)
    world.claims = []
    await ledger.fetch("UPDATE hermodr.tasks SET lease_until = now() WHERE worker IS NOT NULL")
    for _ in range(20):  # as often as anything has retries, and some
        await world.rescue()
        await ledger.fetch("UPDATE hermodr.jobs SET wake_at = now() WHERE state = 'retrying'")
        await take_due_jobs(ledger, 100)
        left = [row["id"] for row in await rows_of(ledger, "jobs") if row["state"] not in ENDED]
        await enqueue(ledger, left)
        for worker in "ab":
            for claim in await claiming.claim(ledger, worker, OFFERS, 50, 30.0, Turn()):
                result = settled(claim, Ended("completed", result="1"), 0.0, None)
                assert result is not None
                await recording.record(ledger, worker, [result])
        await world.look()
        await check(ledger)
        if not left:
            break
    assert {row["state"] for row in await rows_of(ledger, "jobs")} <= ENDED
