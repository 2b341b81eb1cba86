"""Settling claims whose lease is over: their outcome is unknown, and the policy of the delivery is applied. Those to be
held are announced once more if their provider can be asked: the sender looks them up, as before any repeat."""

from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

import structlog

from hermodr_contracts.ladder import Step
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, Channel, Priority
from hermodr_ledger.deliveries.attempts import Attempt, Outcome, Recorded, Settlement, settle
from hermodr_ledger.engine import Collided, Contested, LedgerUnavailable
from hermodr_ledger.upkeep.due import ExpiredClaim
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit import tracing
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.periodic import rest_after

log = structlog.get_logger()

LOOK_SECONDS = 0.5
SETTLING_IN_SECONDS = 3.0
"""How long the ledger must have answered before claims are called unanswered: after an outage of the database their
senders, who kept the answers, come first."""
LONGEST_REST_SECONDS = 10.0
"""Between two searches for such claims: one reads whatever is overdue, half a second for a million rows."""


class ExpiredClaims(Protocol):
    """`hermodr_ledger.upkeep.due.DueRows`. Everything raises `LedgerUnavailable`."""

    async def expired_claims(self, limit: int) -> list[ExpiredClaim]: ...
    async def record(self, results: Sequence[tuple[Attempt, Settlement]]) -> list[Recorded]: ...


class Bell(Protocol):
    """What announces retries: `hermodr_servicekit.announcer.Announcer`."""

    @property
    def reachable(self) -> bool: ...
    def deliveries(
        self, channel: Channel, priority: Priority, ids: Iterable[UUID], *, after: Step | None = None
    ) -> None: ...


class Claims(Duty):
    """Claims that nobody answered for. It goes on while the broker is away."""

    name = "expired claims"
    after_error = 0.5

    def __init__(
        self,
        claims: ExpiredClaims,
        announcer: Bell,
        clock: Clock,
        metrics: SchedulerMetrics,
        *,
        topology: Topology,
        batch: int,
    ) -> None:
        super().__init__()
        self._claims = claims
        self._announcer = announcer
        self._clock = clock
        self._metrics = metrics
        self._topology = topology
        self._batch = batch
        self._answering_since: float | None = None

    async def tick(self) -> float:
        """Settles what expired; rests after a long search."""
        try:
            return await self._round()
        except (Contested, Collided):
            raise  # the database answers
        except LedgerUnavailable:
            self._answering_since = None
            raise

    async def _round(self) -> float:
        began = self._clock.monotonic()
        claims = await self._claims.expired_claims(self._batch)
        answered = self._clock.monotonic()
        if self._answering_since is None:
            self._answering_since = answered
        rest = max(rest_after(answered - began, LONGEST_REST_SECONDS), LOOK_SECONDS)
        settling_in = self._answering_since + SETTLING_IN_SECONDS - answered
        if settling_in > 0:
            return min(settling_in, rest)
        if claims:
            await self._settle(claims)
        return 0.0 if len(claims) == self._batch else rest

    async def _settle(self, claims: Sequence[ExpiredClaim]) -> None:
        results = [self._unanswered(claim) for claim in claims]
        steps = {attempt.delivery_id: settlement.step for attempt, settlement in results}
        began = tracing.moment()
        recorded = await self._claims.record(results)
        self._metrics.reannounced.labels("lease_expired").inc(len(recorded))
        for each in recorded:
            tracing.step(
                "lease ended", each.delivery_id, began, {"hermodr.state": each.state}, failed="unknown"
            )
            log.warning("outcome unknown", delivery_id=str(each.delivery_id), becomes=each.state)
            if each.job_state in TERMINAL_JOB_STATES:
                self._metrics.finished.labels(each.job_kind, each.job_state).inc()
            if (step := steps[each.delivery_id]) is not None and self._announcer.reachable:
                self._announcer.deliveries(each.channel, each.priority, [each.delivery_id], after=step)

    def _unanswered(self, claim: ExpiredClaim) -> tuple[Attempt, Settlement]:
        attempt = Attempt(
            claim.id,
            claim.attempt,
            Outcome.UNKNOWN,
            claim.claimed_at,
            claim.now,
            claimed_by=claim.claimed_by,
            provider=claim.provider,
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
            provable=claim.provable,
        )
        return attempt, settlement
