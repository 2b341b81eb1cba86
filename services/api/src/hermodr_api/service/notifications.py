"""Taking single notifications on. Concurrent requests share a commit."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from hermodr_api.domain.notifications import (
    NotificationIn,
    Sendable,
    answer_of,
    examine,
    job_of,
    reference_of,
    template_of,
)
from hermodr_api.errors import SINGLETON_TAKEN, Flaw, Refused, invalid
from hermodr_api.service.answers import Answer, Key, patience, settled
from hermodr_api.service.directory import Directory
from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_ledger import idempotency
from hermodr_ledger.accept import (
    Accepted,
    Contested,
    Idempotency,
    NewJob,
    SingletonTaken,
    StillRunning,
    Verdict,
    accept,
    accept_singleton,
)
from hermodr_ledger.engine import Collided, Ledger
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer
from hermodr_servicekit.ids import new_job_id

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


class Notifications:
    """The use case behind `POST /v1/notifications`."""

    def __init__(
        self,
        ledger: Ledger,
        directory: Directory,
        announcer: Announcer,
        clock: Clock,
        domain: str,
        count: Count,
    ) -> None:
        self._ledger = ledger
        self._directory = directory
        self._announcer = announcer
        self._clock = clock
        self._domain = domain
        self._count = count
        self._accepting: Coalescer[NewJob, Verdict | None] = Coalescer(
            self._accept, max_items=_MOST_IN_A_FLUSH, concurrency=_FLUSHES
        )
        self._contested: Coalescer[NewJob, Verdict] = Coalescer(
            self._accept_contested, max_items=1, concurrency=_CONTESTED
        )
        self._contesting = 0
        self._turns = asyncio.Semaphore(_SINGLETONS)

    async def request(self, project_id: UUID, wanted: NotificationIn, key: Key | None) -> Answer:
        """Commits the job and rings for it. Raises `Refused` and `LedgerUnavailable`."""
        item = examine(wanted, self._clock.now())
        if isinstance(item, list):
            raise invalid(*item)
        async with patience():
            job = await self._prepare(project_id, item, key)
            if isinstance(job, Answer):
                return job
            if job.singleton_key is not None:
                return self._answer(job, await self._accept_singleton(job))
            verdict = await self._accepting.submit(job)
            if verdict is None:
                verdict = await self._contest(job)
        return self._answer(job, verdict)

    async def drain(self) -> None:
        """Returns when what was requested so far is committed or refused."""
        await self._accepting.drain()
        await self._contested.drain()

    async def _prepare(self, project_id: UUID, item: Sendable, key: Key | None) -> NewJob | Answer:
        """The job; or, when what it refers to is gone since the first request with its key, that one's answer."""
        wanted = item.wanted
        reference, template = reference_of(project_id, wanted.to), template_of(wanted)
        found = None
        flaws = []
        if template is not None and not await self._directory.has_template(project_id, template):
            flaws.append(unknown_type(template, ("body",)))
        if reference is not None:
            found = await self._directory.recipient(reference)
            if found is None:
                flaws.append(unknown_recipient(reference.kind, ("body",)))
        if flaws:
            earlier = None
            if key is not None:
                earlier = await idempotency.look(self._ledger, project_id, key.value, key.fingerprint)
            if earlier is None:
                raise invalid(*flaws)
            return settled(earlier)
        job_id = new_job_id()
        answer = answer_of(job_id, item.scheduled_for is not None, self._domain)
        kept = Idempotency(key.value, key.fingerprint, answer) if key is not None else None
        return job_of(item, job_id, project_id, found, idempotency=kept)

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

    async def _accept_singleton(self, job: NewJob) -> Verdict:
        for _ in range(_TRIES - 1):
            try:
                return await self._accept_singleton_once(job)
            except Collided:
                await asyncio.sleep(0)
        return await self._accept_singleton_once(job)

    async def _accept_singleton_once(self, job: NewJob) -> Verdict:
        async with self._turns, self._ledger.transaction() as transaction:
            return await accept_singleton(transaction, job)

    def _answer(self, job: NewJob, verdict: Verdict) -> Answer:
        if isinstance(verdict, SingletonTaken):
            raise Refused(
                SINGLETON_TAKEN,
                f"job {verdict.job_id} has this singleton_key and is not finished",
                members={"job_id": str(verdict.job_id)},
            )
        if not isinstance(verdict, Accepted):
            return settled(verdict)
        self._count(job.kind, job.priority, 1)
        if job.scheduled_for is None:
            self._announcer.jobs(job.priority, (job.id,))
        return Answer(202, answer_of(job.id, job.scheduled_for is not None, self._domain))


def unknown_type(name: str, at: tuple[str | int, ...]) -> Flaw:
    """There is no such template."""
    return Flaw((*at, "type"), f"unknown type: {name} (there is no template of this name)")


def unknown_recipient(kind: str, at: tuple[str | int, ...]) -> Flaw:
    """There is no such recipient in the project; nobody learns whether another has one."""
    return Flaw((*at, "to", kind), "there is no such recipient")
