"""Scheduling: announcing what is due, announcing again what nobody took, and settling claims nobody answered for."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar
from uuid import UUID

import structlog

from hermodr_contracts.messages import JobsRequested, Message
from hermodr_contracts.topology import Step
from hermodr_ledger.attempts import Attempt, Outcome, Settlement, record, settle
from hermodr_ledger.due import (
    DueDelivery,
    DueJob,
    ExpiredClaim,
    expired_claims,
    put_back,
    seconds_until_due,
    take_due_deliveries,
    take_due_jobs,
)
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

R = TypeVar("R")
K = TypeVar("K")

LONGEST_SLEEP_SECONDS = 1.0
BROKER_AWAY_SECONDS = 0.2
SETTLING_IN_SECONDS = 3.0
"""How long the ledger must have answered before claims are called unanswered: after an outage of the database their
senders, who kept the answers, come first."""


class Scheduling:
    """One scheduler of any number; see `tick`."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        announcer: Announcer,
        clock: Clock,
        metrics: SchedulerMetrics,
        *,
        ladder: Sequence[Step],
        batch: int,
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._announcer = announcer
        self._clock = clock
        self._metrics = metrics
        self._ladder = ladder
        self._batch = batch
        self._answering_since: float | None = None

    async def tick(self) -> float:
        """One round; returns how many seconds to sleep: until the next row is due, at most a second."""
        try:
            full = await self._round()
            if self._answering_since is None:
                self._answering_since = self._clock.monotonic()
            if full:
                return 0.0
            if not self._broker.connected:
                return BROKER_AWAY_SECONDS
            return await self._pause()
        except LedgerUnavailable:
            self._answering_since = None
            raise

    async def undelivered(self, command: type[Message], ids: Sequence[UUID]) -> None:
        """Announcements that did not reach the broker: their rows are due again at once."""
        of_jobs = command is JobsRequested
        try:
            await put_back(self._ledger, ids if of_jobs else (), () if of_jobs else ids)
        except LedgerUnavailable as error:
            log.warning("rows stay put off", rows=len(ids), error=str(error))

    async def _round(self) -> bool:
        expired = await self._settle_expired()
        if not self._broker.connected:
            return False
        jobs = await take_due_jobs(self._ledger, self._batch)
        self._announce_jobs(jobs)
        deliveries = await take_due_deliveries(self._ledger, self._batch)
        self._announce_deliveries(deliveries)
        return self._batch in (len(jobs), len(deliveries), expired)

    async def _pause(self) -> float:
        seconds = await seconds_until_due(self._ledger)
        if seconds is None:
            return LONGEST_SLEEP_SECONDS
        # A row that is due already and was not taken is in another scheduler's hands, or waits for the outage above.
        return min(max(seconds, 0.01), LONGEST_SLEEP_SECONDS)

    def _announce_jobs(self, jobs: Sequence[DueJob]) -> None:
        for priority, group in _grouped(jobs, lambda job: job.priority):
            self._announcer.jobs(priority, [job.id for job in group])
        for job in jobs:
            if job.scheduled:
                self._metrics.lateness.observe(max(job.lateness, 0.0))
            else:
                self._metrics.reannounced.labels("job_overdue").inc()

    def _announce_deliveries(self, deliveries: Sequence[DueDelivery]) -> None:
        for (channel, priority), group in _grouped(deliveries, lambda each: (each.channel, each.priority)):
            self._announcer.deliveries(channel, priority, [each.id for each in group])
        for each in deliveries:
            self._metrics.reannounced.labels("retry_overdue" if each.retry else "delivery_overdue").inc()

    async def _settle_expired(self) -> int:
        since = self._answering_since
        if since is None or self._clock.monotonic() - since < SETTLING_IN_SECONDS:
            return 0
        claims = await expired_claims(self._ledger, self._batch)
        if claims:
            recorded = await record(self._ledger, [self._unanswered(claim) for claim in claims])
            self._metrics.reannounced.labels("lease_expired").inc(len(recorded))
            for each in recorded:
                log.warning("outcome unknown", delivery_id=str(each.delivery_id), becomes=each.state)
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
        )
        settlement = settle(
            Outcome.UNKNOWN,
            number=claim.attempt,
            max_attempts=claim.max_attempts,
            on_unknown=claim.on_unknown,
            ladder=self._ladder,
        )
        return attempt, settlement


def _grouped(rows: Iterable[R], key: Callable[[R], K]) -> Iterable[tuple[K, list[R]]]:
    groups: dict[K, list[R]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups.items()
