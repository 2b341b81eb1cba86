"""Commits and announces single jobs; concurrent requests share a commit. Jobs whose keys an open transaction may hold
are committed per project, so that no other project waits for them."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from uuid import UUID

from hermodr_api.access.quotas import Quotas
from hermodr_api.answers import Answer, Key, patience, settled
from hermodr_api.errors import SINGLETON_TAKEN, Flaw, Refused, contested, invalid
from hermodr_api.shared import Count
from hermodr_contracts.topology import SERVED_KINDS
from hermodr_ledger.access import idempotency
from hermodr_ledger.access.idempotency import StillRunning
from hermodr_ledger.engine import Collided, Contested, Ledger
from hermodr_ledger.jobs.accept import (
    Accepted,
    AcceptOutcome,
    NewJob,
    SingletonContested,
    SingletonTaken,
    accept,
)
from hermodr_ledger.jobs.intake import accept_many
from hermodr_servicekit import tracing
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.coalescer import Coalescer

_FLUSHES = 3
_MOST_IN_A_FLUSH = 100
_TRIES = 3
_SHARED_WAIT_SECONDS = 0.02
"""The wait for a key that an uncommitted transaction holds, where projects share a commit."""
_WAIT_SECONDS = 0.15
"""The same within a project: a bulk request may hold keys for a second."""
_MOST_WAITING = 200
"""Per project, waiting for keys that may be held; more are refused at once (key in use)."""
_PROJECTS = 4
"""The most connections that wait for such keys."""
_APART_SECONDS = 5.0
"""How long a project whose key was held does not share commits for jobs with keys."""


class Accepting:
    def __init__(self, ledger: Ledger, announcer: Announcer, count: Count, quotas: Quotas) -> None:
        self._ledger = ledger
        self._quotas = quotas
        self._announcer = announcer
        self._count = count
        self._line: Coalescer[NewJob, AcceptOutcome | None] = Coalescer(
            self._accept, max_items=_MOST_IN_A_FLUSH, concurrency=_FLUSHES
        )
        self._lines: dict[UUID, Coalescer[NewJob, AcceptOutcome]] = {}
        self._waiting: defaultdict[UUID, int] = defaultdict(int)
        self._apart_until: dict[UUID, float] = {}
        self._connections = asyncio.Semaphore(_PROJECTS)

    async def commit(self, job: NewJob, answer: Callable[[], bytes]) -> Answer:
        """`202` with the `answer`, or the key's earlier answer. Raises `Refused` and `LedgerUnavailable`."""
        try:
            day = await self._quotas.charge(job.project_id, 1)
        except Refused as refused:
            return await self._answer_of_before(job, refused)
        verdict: AcceptOutcome | None = None
        try:
            verdict = await self._verdict(job)
        finally:
            if not isinstance(verdict, Accepted):
                self._quotas.refund(job.project_id, 1, day)
        if isinstance(verdict, SingletonTaken):
            raise Refused(
                SINGLETON_TAKEN,
                f"job {verdict.job_id} has this singleton_key and is not finished",
                members={"job_id": str(verdict.job_id)},
            )
        if isinstance(verdict, SingletonContested):
            raise contested(f"the singleton_key {job.singleton_key!r}")
        if not isinstance(verdict, Accepted):
            return settled(verdict)
        tracing.accepted((job.id,))
        self._count(job.kind, job.priority, 1)
        if not job.waits and job.kind in SERVED_KINDS:
            self._announcer.jobs(job.priority, (job.id,))
        return Answer(202, answer())

    async def _verdict(self, job: NewJob) -> AcceptOutcome:
        if (job.attachments or job.asked_by_owner or job.followed or job.again) and job.singleton_key is None:
            (verdict,) = await self._accept_of_project([job])
            return verdict
        return await (self._shared(job) if self._may_share(job) else self._of_project(job))

    async def _answer_of_before(self, job: NewJob, refused: Refused) -> Answer:
        """A request that was accepted once is not refused when it is repeated. Raises `refused` if it was not."""
        kept = job.idempotency
        known = None
        if kept is not None:
            known = await idempotency.look(self._ledger, job.project_id, kept.key, kept.fingerprint)
        if known is None:
            raise refused
        return settled(known)

    async def earlier(self, project_id: UUID, key: Key | None, flaws: Sequence[Flaw]) -> Answer:
        """The first answer for this key: what it refers to may be gone by now. Raises `Refused` if there was none."""
        known = None
        if key is not None:
            async with patience():
                known = await idempotency.look(self._ledger, project_id, key.value, key.fingerprint)
        if known is None:
            raise invalid(*flaws)
        return settled(known)

    async def drain(self) -> None:
        """Returns when all jobs handed in so far are committed or refused."""
        await self._line.drain()
        for line in list(self._lines.values()):
            await line.drain()

    def _may_share(self, job: NewJob) -> bool:
        if job.singleton_key is not None:
            return False
        until = self._apart_until.get(job.project_id)
        if job.idempotency is None or until is None:
            return True
        if asyncio.get_running_loop().time() < until:
            return False
        del self._apart_until[job.project_id]
        return True

    async def _shared(self, job: NewJob) -> AcceptOutcome:
        verdict = await self._line.submit(job)
        return verdict if verdict is not None else await self._of_project(job)

    async def _accept(self, jobs: Sequence[NewJob]) -> list[AcceptOutcome | None]:
        """Commits jobs together. If an open transaction holds one of their keys, jobs without a key are committed
        alone, and those with one get `None`."""
        try:
            return [*await accept(self._ledger, jobs, wait_seconds=_SHARED_WAIT_SECONDS)]
        except Contested as error:
            if error.long:  # not because of keys: the others would wait as long again
                raise
            free = [job for job in jobs if job.idempotency is None]
            verdicts = iter(await accept(self._ledger, free) if free else [])
            return [next(verdicts) if job.idempotency is None else None for job in jobs]

    async def _of_project(self, job: NewJob) -> AcceptOutcome:
        """The project's jobs with keys are committed one batch at a time: at most one connection waits for them."""
        project_id = job.project_id
        if self._waiting[project_id] >= _MOST_WAITING:
            return StillRunning() if job.singleton_key is None else SingletonContested()
        line = self._lines.get(project_id)
        if line is None:
            line = self._lines[project_id] = Coalescer(self._accept_of_project, max_items=_MOST_IN_A_FLUSH)
        self._waiting[project_id] += 1
        try:
            verdict = await line.submit(job)
        finally:
            self._waiting[project_id] -= 1
            if not self._waiting[project_id]:
                del self._waiting[project_id], self._lines[project_id]
        if isinstance(verdict, StillRunning):
            self._apart_until[project_id] = asyncio.get_running_loop().time() + _APART_SECONDS
        return verdict

    async def _accept_of_project(self, jobs: Sequence[NewJob]) -> list[AcceptOutcome]:
        for _ in range(_TRIES - 1):
            try:
                return await self._accept_once(jobs)
            except Collided:
                await asyncio.sleep(0)
        return await self._accept_once(jobs)

    async def _accept_once(self, jobs: Sequence[NewJob]) -> list[AcceptOutcome]:
        async with self._connections, self._ledger.transaction() as transaction:
            return await accept_many(transaction, jobs, wait_seconds=_WAIT_SECONDS)
