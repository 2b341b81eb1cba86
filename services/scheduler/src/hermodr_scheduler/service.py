"""Scheduling: announcing what is due, announcing again what nobody took, and settling claims nobody answered for."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

import structlog

from hermodr_contracts.ladder import Step
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_ledger.deliveries.attempts import Attempt, Outcome, Recorded, Settlement, settle
from hermodr_ledger.engine import Collided, Contested, LedgerUnavailable
from hermodr_ledger.upkeep.due import DueDelivery, DueJob, ExpiredClaim
from hermodr_scheduler.backlog import Backlog
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.periodic import rest_after

log = structlog.get_logger()

R = TypeVar("R")
K = TypeVar("K")

LONGEST_SLEEP_SECONDS = 1.0
BROKER_AWAY_SECONDS = 0.2
SETTLING_IN_SECONDS = 3.0
"""How long the ledger must have answered before claims are called unanswered: after an outage of the database their
senders, who kept the answers, come first."""
LONGEST_REST_SECONDS = 10.0
"""Between two searches for such claims: one reads whatever is overdue, half a second for a million rows, and what is
due now is not to wait for that each time."""


class Due(Protocol):
    """The rows time is about: `hermodr_ledger.due.DueRows`. Everything raises `LedgerUnavailable`."""

    async def take_jobs(self, limit: int) -> list[DueJob]: ...
    async def take_deliveries(
        self, limit: int, crowded: Collection[tuple[Channel, Priority]]
    ) -> list[DueDelivery]: ...
    async def expired_claims(self, limit: int) -> list[ExpiredClaim]: ...
    async def seconds_until_due(self) -> float | None: ...


class Records(Protocol):
    """Where outcomes are written: `hermodr_ledger.due.DueRows`."""

    async def record(self, results: Sequence[tuple[Attempt, Settlement]]) -> list[Recorded]: ...


class Bell(Protocol):
    """What announces rows: `hermodr_servicekit.announcer.Announcer`."""

    @property
    def reachable(self) -> bool: ...
    def jobs(self, priority: Priority, ids: Iterable[UUID]) -> None: ...
    def deliveries(
        self, channel: Channel, priority: Priority, ids: Iterable[UUID], *, after: Step | None = None
    ) -> None: ...


class Scheduling:
    """One scheduler of any number; see `tick`."""

    def __init__(
        self,
        due: Due,
        records: Records,
        announcer: Bell,
        backlog: Backlog,
        clock: Clock,
        metrics: SchedulerMetrics,
        *,
        topology: Topology,
        batch: int,
    ) -> None:
        self._due = due
        self._records = records
        self._announcer = announcer
        self._backlog = backlog
        self._clock = clock
        self._metrics = metrics
        self._topology = topology
        self._batch = batch
        self._answering_since: float | None = None
        self._settle_again = 0.0

    async def tick(self) -> float:
        """One round; returns how many seconds to sleep: until the next row is due, at most a second."""
        try:
            if await self._round():
                return 0.0
            if not self._announcer.reachable:
                return BROKER_AWAY_SECONDS
            return await self._pause()
        except (Contested, Collided):
            raise  # it answers
        except LedgerUnavailable:
            self._answering_since, self._settle_again = None, 0.0
            raise

    async def _round(self) -> bool:
        """Every duty of the round, whatever becomes of the others, unless the database is away; whether one of them had
        a full batch. What one failed with is raised when all had their turn."""
        duties: list[Callable[[], Awaitable[int]]] = [self._settle_expired]
        if self._announcer.reachable:
            duties += [self._take_jobs, self._take_deliveries]
        done: list[int] = []
        failures: list[Exception] = []
        for duty in duties:
            try:
                done.append(await duty())
            except Exception as error:
                if isinstance(error, LedgerUnavailable) and not isinstance(error, Contested | Collided):
                    raise
                failures.append(error)
        if self._answering_since is None:
            self._answering_since = self._clock.monotonic()
        if failures:
            raise failures[0]
        return self._batch in done

    async def _take_jobs(self) -> int:
        jobs = await self._due.take_jobs(self._batch)
        self._announce_jobs(jobs)
        return len(jobs)

    async def _take_deliveries(self) -> int:
        deliveries = await self._due.take_deliveries(self._batch, self._backlog.lanes)
        self._announce_deliveries(deliveries)
        return len(deliveries)

    async def _pause(self) -> float:
        seconds = await self._due.seconds_until_due()
        if seconds is None:
            return LONGEST_SLEEP_SECONDS
        # A row that is due already and was not taken is in another scheduler's hands, waits for the outage above, or
        # comes behind a batch of which little was to be announced.
        return min(max(seconds, 0.01), LONGEST_SLEEP_SECONDS)

    def _announce_jobs(self, jobs: Sequence[DueJob]) -> None:
        for priority, group in _grouped(jobs, lambda job: job.priority):
            self._announcer.jobs(priority, [job.id for job in group])
        for job in jobs:
            if job.scheduled:
                self._metrics.lateness.observe(max(job.lateness, 0.0))
            elif not job.requested:
                self._metrics.reannounced.labels("job_overdue").inc()

    def _announce_deliveries(self, deliveries: Sequence[DueDelivery]) -> None:
        for (channel, priority), group in _grouped(deliveries, lambda each: (each.channel, each.priority)):
            self._announcer.deliveries(channel, priority, [each.id for each in group])
        for each in deliveries:
            self._metrics.reannounced.labels("retry_overdue" if each.retry else "delivery_overdue").inc()

    async def _settle_expired(self) -> int:
        since, began = self._answering_since, self._clock.monotonic()
        if since is None or began - since < SETTLING_IN_SECONDS or began < self._settle_again:
            return 0
        claims = await self._due.expired_claims(self._batch)
        if len(claims) < self._batch:
            now = self._clock.monotonic()
            self._settle_again = now + rest_after(now - began, LONGEST_REST_SECONDS)
        if claims:
            results = [self._unanswered(claim) for claim in claims]
            steps = {attempt.delivery_id: settlement.step for attempt, settlement in results}
            recorded = await self._records.record(results)
            self._metrics.reannounced.labels("lease_expired").inc(len(recorded))
            for each in recorded:
                log.warning("outcome unknown", delivery_id=str(each.delivery_id), becomes=each.state)
                if (step := steps[each.delivery_id]) is not None and self._announcer.reachable:
                    self._announcer.deliveries(each.channel, each.priority, [each.delivery_id], after=step)
        return len(claims)

    def _unanswered(self, claim: ExpiredClaim) -> tuple[Attempt, Settlement]:
        attempt = Attempt(
            claim.id,
            claim.attempt,
            Outcome.UNKNOWN,
            claim.claimed_at,
            claim.now,
            claimed_by=claim.claimed_by,
            code="lease_expired",
            detail="the sender did not report back; the message may or may not have been accepted",
            claimed_at=claim.claimed_at,
        )
        settlement = settle(
            Outcome.UNKNOWN,
            number=claim.attempt,
            max_attempts=claim.max_attempts,
            on_unknown=claim.on_unknown,
            ladder=self._topology.ladder(claim.channel),
            earlier=claim.earlier_attempts,
        )
        return attempt, settlement


def _grouped(rows: Iterable[R], key: Callable[[R], K]) -> Iterable[tuple[K, list[R]]]:
    groups: dict[K, list[R]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups.items()
