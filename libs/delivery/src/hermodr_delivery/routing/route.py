"""Calls to one provider: when each may begin, and what the answer says about the provider itself.

refusal                                    the delivery, without fail-over    the provider
before the message was named               back to the head of the line      `bearing` learns
after it was named                         back to the end of the line       `bearing` learns
 … three times, while others were served   an attempt (`Throttled`)          –
 … ten times, whatever became of others    an attempt (`Throttled`)          `bearing` learns

No answer, slow ones and the provider's own trouble are the business of `breaker`.
So a server that answers one address as if it were its own limit is found out, and nothing waits for ever.
"""

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar
from uuid import UUID

import structlog

from hermodr_contracts.vocabulary import Priority
from hermodr_delivery.breaker import Breaker, BreakerLimits, BreakerState
from hermodr_delivery.failures import DeliveryFailure, OutcomeUnknown, Refused, Throttled, TransientError
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.provider import Accepted, Call, ProviderOptions
from hermodr_delivery.rate import most_ahead
from hermodr_delivery.routing.bearing import Bearing
from hermodr_delivery.routing.gate import Gate
from hermodr_delivery.routing.overflow import Chosen
from hermodr_delivery.routing.project_rates import ProjectRates
from hermodr_delivery.routing.record import CallRecord
from hermodr_delivery.routing.shared import Shared
from hermodr_delivery.routing.turns import Turns
from hermodr_ledger.deliveries.attempts import Claim
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

SUSPECT = 3
"""Refusals of one message while others were served: the message is the cause, not the provider's limit."""
ENOUGH = 10
"""Refusals of one message in any case. That takes minutes, because each is followed by a longer rest."""
_REMEMBERED = 10_000


class LimitedProvider(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def place(self) -> str: ...
    @property
    def options(self) -> ProviderOptions: ...
    async def close(self) -> None: ...


ProviderT = TypeVar("ProviderT", bound=LimitedProvider)


class Route(Generic[ProviderT]):
    """All calls to one provider, so that its answers count for everybody."""

    def __init__(
        self,
        provider: ProviderT,
        clock: Clock,
        metrics: SenderMetrics,
        *,
        patience: float,
        shared: Shared | None = None,
        breaker: BreakerLimits = BreakerLimits(),  # noqa: B008 - frozen
    ) -> None:
        options = provider.options
        self.provider = provider
        self.bearing = Bearing(clock, most=options.concurrency, rate=options.rate)
        self.breaker = Breaker(clock, breaker)
        self.record = CallRecord(clock)
        gate = Gate(self.bearing, self.breaker)
        self.turns = Turns(gate, clock, shared.budget(provider, clock) if shared else None)
        budgets = shared.project_budgets(provider, clock) if shared else None
        self.projects = ProjectRates(budgets, clock) if budgets is not None else None
        self._gate = gate
        self.waiting = dict.fromkeys(Priority, 0)
        """Deliveries that wait for their turn."""
        self.chosen = Chosen(clock)
        self._shared = shared
        self._clock = clock
        self._metrics = metrics
        self._patience = patience
        self._one_place = options.one_place
        self._observe = metrics.provider_request.labels(provider.name).observe
        self._served = 0
        self._suspects: OrderedDict[UUID, tuple[int, int, int]] = OrderedDict()
        metrics.calls_allowed.labels(provider.name).set_function(lambda: self.bearing.at_once)
        metrics.rate_allowed.labels(provider.name).set_function(lambda: self.bearing.rate or 0.0)
        metrics.resting.labels(provider.name).set_function(lambda: self.bearing.resting)
        metrics.breaker.labels(provider.name).set_function(lambda: self.breaker.state.number)

    @property
    def resting(self) -> float:
        """Seconds until it may be called."""
        return self._gate.resting

    @property
    def full(self) -> bool:
        """Whether what is chosen for it has to wait for its rate."""
        rate = self.bearing.rate
        return rate is not None and len(self.chosen) >= most_ahead(rate)

    @property
    def probing(self) -> bool:
        """Whether one call at a time finds out if it takes messages again."""
        return self._gate.refusals > 0

    async def take(self, claim: Claim) -> None:
        """Returns at the delivery's turn; `leave` must follow. Raises `Withheld` if that would take too long."""
        self.waiting[claim.priority] += 1
        try:
            if self.projects is not None:
                await self.projects.admit(claim.id, claim.project_id)
            waited = await self.turns.take(urgent=claim.priority is Priority.URGENT, patience=self._patience)
        finally:
            self.waiting[claim.priority] -= 1
            if self.chosen.some:
                self.chosen.discard(claim.id)
        if waited:
            self._metrics.rate_limit_wait.observe(waited)

    def leave(self) -> None:
        self.turns.leave()

    def rest(self, seconds: float) -> None:
        """Another sender was asked to leave the provider alone."""
        self.bearing.rest(seconds)
        self.turns.look()

    async def make(self, call: Call, claim: Claim) -> Accepted:
        """Makes the call. Raises its `DeliveryFailure`; `Throttled` instead of a refusal that the message causes."""
        began = self._clock.monotonic()
        try:
            accepted = await call()
        except DeliveryFailure as failure:
            self.record.ended(failure)
            if not self._one_place:
                pass  # it is the business of the message's own server
            elif isinstance(failure, Refused):
                self._refused(failure, claim, began)
            elif isinstance(failure, OutcomeUnknown) or (
                isinstance(failure, TransientError) and not failure.about_message
            ):
                self.bearing.away()
                self._tried(began, failure)
            else:
                self._answered(claim, began)
            raise
        finally:
            self._observe(self._clock.monotonic() - began)
        self.record.ended(None)
        if self._one_place:
            self._answered(claim, began)
        return accepted

    def _tried(self, began: float, failure: DeliveryFailure | None = None) -> None:
        became = self.breaker.ended(began, failed=failure is not None)
        if became is BreakerState.OPEN:
            code = failure.code if failure is not None else "slow"
            log.warning("circuit breaker opened", provider=self.provider.name, code=code)
        elif became is BreakerState.CLOSED:
            log.info("circuit breaker closed", provider=self.provider.name)

    def _answered(self, claim: Claim, began: float) -> None:
        self._tried(began)
        self._served += 1
        self.bearing.served(began)
        if self._suspects:
            self._suspects.pop(claim.id, None)

    def _refused(self, refusal: Refused, claim: Claim, began: float) -> None:
        self._metrics.refusals.labels(self.provider.name, refusal.cause).inc()
        refusals = self._suspected(claim.id) if refusal.named else (0, 0)
        if refusals[0] < SUSPECT:
            before = self.bearing.last
            self.bearing.refused(refusal, began)
            if self.bearing.last is not before:
                self._tell(refusal)
                if self._shared is not None and refusal.retry_after is not None:
                    self._shared.tell(self.provider.name, self.bearing.resting)
        if refusals[0] >= SUSPECT or refusals[1] >= ENOUGH:
            raise Throttled(
                refusal.code, refusal.detail, retry_after=refusal.retry_after, about_message=True
            ) from refusal

    def _suspected(self, delivery_id: UUID) -> tuple[int, int]:
        """How often the message was refused while others were served, and in all."""
        isolated, total, served = self._suspects.pop(delivery_id, (0, 0, -1))
        isolated += served != self._served
        self._suspects[delivery_id] = isolated, total + 1, self._served
        if len(self._suspects) > _REMEMBERED:
            self._suspects.popitem(last=False)
        return isolated, total + 1

    def _tell(self, refusal: Refused) -> None:
        log.warning(
            "the provider takes less from us",
            provider=self.provider.name,
            cause=refusal.cause,
            code=refusal.code,
            detail=refusal.detail,
            calls_at_once=self.bearing.calls,
            per_second=self.bearing.rate and round(self.bearing.rate, 2),
            rests_seconds=round(self.bearing.resting, 1),
        )
