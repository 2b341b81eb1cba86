"""Dispatching: reading what was requested, deciding, writing it down, announcing what came of it."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

import structlog
from prometheus_client import Counter

from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_deciding.notifications import RECIPIENT_ERASED
from hermodr_dispatcher.gate import Gate
from hermodr_dispatcher.kinds.decider import Decider
from hermodr_ledger.batching import joining
from hermodr_ledger.dead_letters.burying import bury_job
from hermodr_ledger.engine import Ledger, LedgerUnavailable, repeats_itself
from hermodr_ledger.engine.setting_aside import DECIDING_DUTY, set_aside
from hermodr_ledger.jobs.decisions import Decision, owners, requested_jobs
from hermodr_ledger.privacy.erasure import forget_jobs
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.coalescer import Coalescer
from hermodr_servicekit.logging import whereabouts

log = structlog.get_logger()

MESSAGES_TOGETHER = 3
"""Messages decided in one go under load: up to 300 jobs a statement."""
_STATEMENTS = 2
"""At a time, of one priority."""


class Dispatching:
    """The dispatcher's one use case. Each priority has a line of its own, so that none waits behind another. Jobs of a
    kind without a decider stay queued."""

    def __init__(
        self, ledger: Ledger, announcer: Announcer, deciders: Mapping[JobKind, Decider], *, finished: Counter
    ) -> None:
        self._ledger = ledger
        self._announcer = announcer
        self._deciders = deciders
        self._finished = finished
        self._lines: dict[Priority, Coalescer[Sequence[UUID], None]] = {
            priority: Coalescer(self._decide_all, max_items=MESSAGES_TOGETHER, concurrency=_STATEMENTS)
            for priority in Priority
        }
        most = MESSAGES_TOGETHER * (_STATEMENTS + 1)  # those of the next statement wait
        self._gates = {priority: Gate(partial(owners, ledger), most=most) for priority in Priority}

    async def dispatch(self, priority: Priority, ids: Sequence[UUID]) -> None:
        """See `_dispatch`; projects take turns. Raises `gate.Closed` once it ends."""
        async with self._gates[priority].passing(ids):
            await self._dispatch(priority, ids)

    async def _dispatch(self, priority: Priority, ids: Sequence[UUID]) -> None:
        """Decides upon those of the jobs that are still queued. With the database away nothing happens: the jobs stay
        queued and the scheduler announces them again. A job that cannot be decided upon keeps no other from it: it ends
        as failed, with a dead letter, or is set aside if not even that can be written. What is no fault of the job's
        own is raised once all others are decided."""
        try:
            await self._lines[priority].submit(ids)
        except LedgerUnavailable as error:
            log.warning("jobs left for later", jobs=len(ids), error=str(error))
        except Exception as error:
            if len(ids) == 1:
                if not repeats_itself(error):
                    raise
                await self._refuse(ids[0], error)
                return
            log.error("jobs are decided one by one", jobs=len(ids), error=type(error).__name__)
            await self._dispatch_singly(priority, ids)

    async def drain(self) -> None:
        """Returns when what is being decided is written down and announced; nothing else is begun."""
        for gate in self._gates.values():
            gate.close()
        await asyncio.gather(*(line.drain() for line in self._lines.values()))
        await self._announcer.drain()

    async def _dispatch_singly(self, priority: Priority, ids: Sequence[UUID]) -> None:
        failures = []
        for each in ids:
            try:
                await self._dispatch(priority, [each])
            except Exception as error:  # noqa: BLE001 - raised below, when the other jobs have had their turn
                failures.append(error)
        if failures:
            raise failures[0]

    async def _refuse(self, job_id: UUID, error: Exception) -> None:
        log.error("job cannot be decided upon", job_id=str(job_id), error=whereabouts(error))
        try:
            await bury_job(self._ledger, job_id, f"undecidable: {type(error).__name__}")
        except LedgerUnavailable as away:
            log.warning("jobs left for later", jobs=1, error=str(away))
        except Exception as odd:  # noqa: BLE001 - the row can be neither decided upon nor ended
            await set_aside(self._ledger, DECIDING_DUTY, {str(job_id): odd})

    async def _decide_all(self, packs: Sequence[Sequence[UUID]]) -> list[None]:
        requested = await requested_jobs(self._ledger, [each for pack in packs for each in pack])
        decisions: list[Decision] = []
        for kind, decider in self._deciders.items():
            if jobs := [job for job in requested if job.kind is kind]:
                decisions += await decider.decide(jobs)
        if decisions:
            recorded = await joining.record(self._ledger, decisions)
            for (channel, priority), ids in recorded.lanes.items():
                self._announcer.deliveries(channel, priority, ids)
            self._count(decisions)
            erased = [each.job.id for each in decisions if each.error == RECIPIENT_ERASED]
            if erased:
                await forget_jobs(self._ledger, erased)
            if recorded.alone:
                await self._decide_all([recorded.alone])
        return [None] * len(packs)

    def _count(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            if not decision.open and decision.until is None:
                self._finished.labels(decision.job.kind, decision.state).inc()
                log.info("job ended undelivered", job_id=str(decision.job.id), state=decision.state)
