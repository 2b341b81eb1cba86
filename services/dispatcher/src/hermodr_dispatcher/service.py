"""Dispatching: reading what was requested, deciding, writing it down, announcing what came of it."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from uuid import UUID

import structlog
from prometheus_client import Counter

from hermodr_contracts.vocabulary import JobKind, Priority
from hermodr_deciding.notifications import RECIPIENT_ERASED
from hermodr_dispatcher.gate import Closed, Gate
from hermodr_dispatcher.inbox import Inbox
from hermodr_dispatcher.kinds.decider import Decider
from hermodr_dispatcher.traced import traced
from hermodr_ledger.batching import joining
from hermodr_ledger.dead_letters.burying import bury_job
from hermodr_ledger.engine import Ledger, LedgerUnavailable, repeats_itself
from hermodr_ledger.engine.setting_aside import DECIDING_DUTY, set_aside
from hermodr_ledger.inbox.delivering import in_app
from hermodr_ledger.jobs.decisions import Decision, owners, requested_jobs
from hermodr_ledger.privacy.erasure import forget_jobs
from hermodr_servicekit import tracing
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
        self,
        ledger: Ledger,
        announcer: Announcer,
        deciders: Mapping[JobKind, Decider],
        inbox: Inbox,
        *,
        finished: Counter,
    ) -> None:
        self._ledger = ledger
        self._announcer = announcer
        self._deciders = deciders
        self._inbox = inbox
        self._finished = finished
        self._lines: dict[Priority, Coalescer[Sequence[UUID], Sequence[Decision]]] = {
            priority: Coalescer(self._decide_all, max_items=MESSAGES_TOGETHER, concurrency=_STATEMENTS)
            for priority in Priority
        }
        most = MESSAGES_TOGETHER * (_STATEMENTS + 1)  # those of the next statement wait
        self._gates = {priority: Gate(partial(owners, ledger), most=most) for priority in Priority}

    async def dispatch(self, priority: Priority, ids: Sequence[UUID]) -> None:
        """See `_dispatch`; projects take turns. Raises `gate.Closed` once it ends."""
        async with self._gates[priority].passing(ids):
            for_inboxes = await self._dispatch(priority, ids)
        if for_inboxes:
            await self._write(priority, for_inboxes)

    async def _dispatch(self, priority: Priority, ids: Sequence[UUID]) -> Sequence[Decision]:
        """Decides upon those of the jobs that are still queued. With the database away nothing happens: the jobs stay
        queued and the scheduler announces them again. A job that cannot be decided upon keeps no other from it: it ends
        as failed, with a dead letter, or is set aside if not even that can be written. What is no fault of the job's
        own is raised once all others are decided. Returns decisions to be recorded with an in-app notification."""
        try:
            return await self._lines[priority].submit(ids)
        except LedgerUnavailable as error:
            log.warning("jobs left for later", jobs=len(ids), error=str(error))
        except Exception as error:
            if len(ids) == 1:
                if not repeats_itself(error):
                    raise
                await self._refuse(ids[0], error)
            else:
                log.error("jobs are decided one by one", jobs=len(ids), error=type(error).__name__)
                return await self._dispatch_singly(priority, ids)
        return ()

    async def _write(self, priority: Priority, decisions: Sequence[Decision]) -> None:
        """As `_dispatch`, of decisions with an in-app notification."""
        try:
            await self._inbox.write(priority, decisions)
        except LedgerUnavailable as error:
            log.warning("jobs left for later", jobs=len(decisions), error=str(error))
        except Exception as error:
            if isinstance(error, Closed) or (len(decisions) == 1 and not repeats_itself(error)):
                raise
            if len(decisions) == 1:
                await self._refuse(decisions[0].job.id, error)
                return
            log.error(
                "in-app notifications are written one by one", jobs=len(decisions), error=type(error).__name__
            )
            for each in decisions:
                await self._write(priority, [each])

    async def drain(self) -> None:
        """Returns when what is being decided is written down and announced; nothing else is begun."""
        for gate in self._gates.values():
            gate.close()
        await asyncio.gather(*(line.drain() for line in self._lines.values()))
        await self._inbox.drain()
        await self._announcer.drain()

    async def _dispatch_singly(self, priority: Priority, ids: Sequence[UUID]) -> Sequence[Decision]:
        failures = []
        for_inboxes: list[Decision] = []
        for each in ids:
            try:
                for_inboxes += await self._dispatch(priority, [each])
            except Exception as error:  # noqa: BLE001 - raised below, when the other jobs have had their turn
                failures.append(error)
        if failures:
            raise failures[0]
        return for_inboxes

    async def _refuse(self, job_id: UUID, error: Exception) -> None:
        log.error("job cannot be decided upon", job_id=str(job_id), error=whereabouts(error))
        try:
            await bury_job(self._ledger, job_id, f"undecidable: {type(error).__name__}")
        except LedgerUnavailable as away:
            log.warning("jobs left for later", jobs=1, error=str(away))
        except Exception as odd:  # noqa: BLE001 - the row can be neither decided upon nor ended
            await set_aside(self._ledger, DECIDING_DUTY, {str(job_id): odd})

    async def _decide_all(self, packs: Sequence[Sequence[UUID]]) -> list[Sequence[Decision]]:
        for_inboxes = await self._decide([each for pack in packs for each in pack])
        if not for_inboxes:
            return [()] * len(packs)
        of = {each.job.id: each for each in for_inboxes}
        return [[of.pop(id_) for id_ in pack if id_ in of] for pack in packs]

    async def _decide(self, ids: Sequence[UUID]) -> list[Decision]:
        """Records the decisions but those that it returns."""
        began = tracing.moment()
        requested = await requested_jobs(self._ledger, ids)
        decisions: list[Decision] = []
        for kind, decider in self._deciders.items():
            if jobs := [job for job in requested if job.kind is kind]:
                decisions += await decider.decide(jobs)
        for_inboxes = [each for each in decisions if in_app(each) is not None]
        if for_inboxes:
            decisions = [each for each in decisions if in_app(each) is None]
        if decisions:
            recorded = await joining.record(self._ledger, decisions)
            for (channel, priority), ids in recorded.lanes.items():
                self._announcer.deliveries(channel, priority, ids)
            self._count(decisions)
            traced(decisions, began)
            erased = [each.job.id for each in decisions if each.error == RECIPIENT_ERASED]
            if erased:
                await forget_jobs(self._ledger, erased)
            if recorded.alone:
                for_inboxes += await self._decide(recorded.alone)
        return for_inboxes

    def _count(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            if not decision.open and decision.until is None and decision.following is None:
                self._finished.labels(decision.job.kind, decision.state).inc()
                log.info("job ended undelivered", job_id=str(decision.job.id), state=decision.state)
