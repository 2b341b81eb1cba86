"""Whatever happens in whatever order, to any number at once: every update of a reader has one account, and none is in
two digests that arrived."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hermodr_ledger.access.audit import CLI
from hermodr_ledger.digests.choosing import choose
from hermodr_ledger.digests.planning import PRIORITY
from hermodr_ledger.digests.schedules import DigestSchedule
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs.cancelling import cancel
from hermodr_ledger.jobs.requeueing import requeue
from hermodr_ledger.people import updates
from tests.support.digests import Club, dispatching_of, founded, make_due, planned_by
from tests.support.ledgers import emptied, opened

STEPS = 120
_JOBS = "SELECT id FROM hermodr.jobs WHERE state = ANY ($1::text[]) ORDER BY id"
_ENDED = ["failed", "cancelled"]


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Ledger]:
    async with opened(database_url) as ledger:
        await emptied(ledger)
        yield ledger


class Turmoil:
    """Takes steps at random."""

    def __init__(self, club: Club, schedules: list[DigestSchedule], chance: random.Random) -> None:
        self.club = club
        self.schedules = schedules
        self._chance = chance
        self._other = dispatching_of(club.ledger)
        self._nominal = datetime.now(UTC) - timedelta(days=2)

    async def step(self) -> None:
        steps: dict[Callable[[], Awaitable[None]], int] = {
            self.post: 4,
            self.plan: 4,
            self.decide: 6,
            self.die: 1,
            self.end: 6,
            self.cancel: 1,
            self.retry: 2,
            self.settle: 3,
            self.read: 1,
            self.mute: 1,
        }
        (taken,) = self._chance.choices(list(steps), list(steps.values()))
        await taken()

    async def post(self) -> None:
        author = self._chance.choice([self.club.author, self.club.author, self.club.reader, None])
        kind = self._chance.choice(["photo", "text"])
        await self.club.post(self._chance.randint(1, 3), author_id=author, content_type=kind)

    async def plan(self) -> None:
        self._nominal += timedelta(seconds=1)
        for schedule in self.schedules:
            await make_due(self.club.ledger, schedule, self._nominal)
        await asyncio.gather(
            planned_by(self.club.ledger, 2), self.club.ledger.fetch("SELECT hermodr.create_digest_jobs()")
        )

    async def decide(self) -> None:
        jobs = await self._jobs(["queued"])
        await asyncio.gather(
            self.club.dispatcher.dispatch(PRIORITY, jobs), self._other.dispatch(PRIORITY, jobs[::-1])
        )

    async def die(self) -> None:
        """After choosing."""
        await choose(self.club.ledger, await self._jobs(["queued"]))

    async def end(self) -> None:
        for job in await self._jobs(["processing"]):
            await self.club.end(job, self._chance.choice(["completed", "completed", "failed"]))

    async def cancel(self) -> None:
        for job in await self._jobs(["queued"]):
            await cancel(self.club.ledger, self.club.project_id, job, CLI)

    async def retry(self) -> None:
        if jobs := await self._jobs(_ENDED):
            await asyncio.gather(self._requeue(self._chance.sample(jobs, 1)), self.settle())

    async def _requeue(self, jobs: list[UUID]) -> None:
        async with self.club.ledger.transaction() as transaction:
            await requeue(transaction, self.club.project_id, jobs, by="test")

    async def settle(self) -> None:
        await asyncio.gather(self.club.settle(), self.club.settle())

    async def read(self) -> None:
        if self.club.posted:
            one = self._chance.choice(self.club.posted)
            await updates.mark_read(self.club.ledger, self.club.group_id, self.club.reader, [one])

    async def mute(self) -> None:
        until = self._chance.choice([None, datetime.now(UTC) + timedelta(days=1)])
        await self.club.ledger.fetch("UPDATE hermodr.group_members SET muted_until = $1::timestamptz", until)

    async def calm(self) -> None:
        """Nothing is in the way any more, and all that is wanted arrives."""
        await self.club.ledger.fetch("UPDATE hermodr.group_members SET muted_until = NULL")
        for _ in range(len(self.club.posted) + 2):
            await self.decide()
            for job in await self._jobs(["processing"]):
                await self.club.end(job)
            await self.settle()
            await self.plan()

    async def balances(self) -> None:
        for schedule in self.schedules:
            found = await self.club.accounts(schedule)
            assert sum(found.values()) == len(self.club.posted), found
        assert not [each for each, times in (await self.arrived()).items() if times > 1]

    async def arrived(self) -> Counter[UUID]:
        found: Counter[UUID] = Counter()
        for job in await self._jobs(["completed"]):
            found.update(await self.club.items(job))
        return found

    async def _jobs(self, states: list[str]) -> list[UUID]:
        return [row["id"] for row in await self.club.ledger.fetch(_JOBS, states)]


@pytest.mark.parametrize("seed", [1, 18, 4711])
async def test_every_update_has_one_account(ledger: Ledger, seed: int) -> None:
    club = await founded(ledger)
    schedules = [
        await club.schedule(max_updates_per_digest=4),
        await club.schedule(max_updates_per_digest=2, include_content_types=["photo"]),
    ]
    turmoil = Turmoil(club, schedules, random.Random(seed))
    for _ in range(STEPS):
        await turmoil.step()
        await turmoil.balances()
    await turmoil.calm()
    await turmoil.balances()
    rows = await ledger.fetch("SELECT update_id FROM hermodr.digest_accounts WHERE account = 'delivered'")
    assert {row["update_id"] for row in rows} == set(await turmoil.arrived())
    everything = await club.accounts(schedules[0])
    assert "pending" not in everything
    assert everything["delivered"] > 0
    own = await ledger.fetch("SELECT count(*) AS n FROM hermodr.updates WHERE author_id = $1", club.reader)
    assert everything.get("unwanted", 0) == own[0]["n"]
