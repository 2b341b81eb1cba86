"""Committing single jobs and ringing for them. Concurrent requests share a commit."""

import asyncio
from collections.abc import Callable, Sequence

from hermodr_api.errors import SINGLETON_TAKEN, Refused
from hermodr_api.service.answers import Answer, settled
from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_ledger.accept import (
    Accepted,
    Contested,
    NewJob,
    SingletonTaken,
    StillRunning,
    Verdict,
    accept,
    accept_singleton,
)
from hermodr_ledger.engine import Collided, Ledger
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.coalescer import Coalescer

Count = Callable[[JobKind, Priority, int], None]
"""Counts accepted jobs."""

_FLUSHES = 3
_MOST_IN_A_FLUSH = 100
_TRIES = 3
_WAIT_SECONDS = 0.15
"""For a key that an uncommitted transaction holds. Two single requests with one key are apart by a commit; a bulk
request may hold its items' keys for a second."""
_CONTESTED = 2
_MOST_CONTESTED = 40
"""More are answered at once that their key is in use."""
_SINGLETONS = 2
"""Connections that may wait for a singleton key's turn: a key everybody wants must not hold up all the others."""


class Accepting:
    """The way of one job into the ledger, whatever its kind."""

    def __init__(self, ledger: Ledger, announcer: Announcer, count: Count) -> None:
        self._ledger = ledger
        self._announcer = announcer
        self._count = count
        self._line: Coalescer[NewJob, Verdict | None] = Coalescer(
            self._accept, max_items=_MOST_IN_A_FLUSH, concurrency=_FLUSHES
        )
        self._contested: Coalescer[NewJob, Verdict] = Coalescer(
            self._accept_contested, max_items=1, concurrency=_CONTESTED
        )
        self._contesting = 0
        self._turns = asyncio.Semaphore(_SINGLETONS)

    async def commit(self, job: NewJob, answer: Callable[[], bytes]) -> Answer:
        """Commits the job and rings for it: `202` with the `answer`, or an earlier one of its idempotency key. Raises
        `Refused` and `LedgerUnavailable`."""
        verdict = await (self._plain(job) if job.singleton_key is None else self._singleton(job))
        if isinstance(verdict, SingletonTaken):
            raise Refused(
                SINGLETON_TAKEN,
                f"job {verdict.job_id} has this singleton_key and is not finished",
                members={"job_id": str(verdict.job_id)},
            )
        if not isinstance(verdict, Accepted):
            return settled(verdict)
        self._count(job.kind, job.priority, 1)
        if not job.waits:
            self._announcer.jobs(job.priority, (job.id,))
        return Answer(202, answer())

    async def drain(self) -> None:
        """Returns when what was handed in so far is committed or refused."""
        await self._line.drain()
        await self._contested.drain()

    async def _plain(self, job: NewJob) -> Verdict:
        verdict = await self._line.submit(job)
        return verdict if verdict is not None else await self._contest(job)

    async def _accept(self, jobs: Sequence[NewJob]) -> list[Verdict | None]:
        """Commits together what was requested together. When somebody's open transaction (a bulk request) holds one of
        the keys, those without a key are not kept waiting for it; `None` is said of those with one."""
        try:
            return [*await accept(self._ledger, jobs, wait_seconds=_WAIT_SECONDS)]
        except Contested:
            free = [job for job in jobs if job.idempotency is None]
            verdicts = iter(await accept(self._ledger, free) if free else [])
            return [next(verdicts) if job.idempotency is None else None for job in jobs]

    async def _contest(self, job: NewJob) -> Verdict:
        """One of several keys is held by somebody, perhaps this one: each is tried alone, few at a time."""
        if self._contesting >= _MOST_CONTESTED:
            return StillRunning()
        self._contesting += 1
        try:
            return await self._contested.submit(job)
        finally:
            self._contesting -= 1

    async def _accept_contested(self, jobs: Sequence[NewJob]) -> list[Verdict]:
        try:
            return await accept(self._ledger, jobs, wait_seconds=_WAIT_SECONDS)
        except Contested:
            return [StillRunning() for _ in jobs]

    async def _singleton(self, job: NewJob) -> Verdict:
        for _ in range(_TRIES - 1):
            try:
                return await self._singleton_once(job)
            except Collided:
                await asyncio.sleep(0)
        return await self._singleton_once(job)

    async def _singleton_once(self, job: NewJob) -> Verdict:
        async with self._turns, self._ledger.transaction() as transaction:
            return await accept_singleton(transaction, job)
