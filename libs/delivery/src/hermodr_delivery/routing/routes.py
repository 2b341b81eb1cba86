"""Which provider makes an attempt.

The first one in order of preference that may be called; if some have weights, these share the first choices. A delivery
that providers refused in this step of the ladder goes to one that it has not tried; one that a provider may have
accepted goes there again, and nowhere else.
"""

import zlib
from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Generic
from uuid import UUID

from hermodr_contracts.vocabulary import Priority
from hermodr_delivery.breaker import BreakerLimits
from hermodr_delivery.claimed import Withheld
from hermodr_delivery.failures import PermanentError
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.rate import AHEAD_SECONDS, LEAST_AHEAD, Ahead
from hermodr_delivery.routing.route import ProviderT, Route
from hermodr_delivery.routing.shared import Shared
from hermodr_ledger.deliveries.attempts import Choice, Claim
from hermodr_servicekit.clock import Clock


class Routes(Generic[ProviderT]):
    """In order of preference. `patience`: seconds a claimed delivery may wait for its turn; `shared`: with the senders
    that use the same providers."""

    def __init__(
        self,
        providers: Sequence[ProviderT],
        clock: Clock,
        metrics: SenderMetrics,
        *,
        patience: float,
        shared: Shared | None = None,
        breaker: BreakerLimits = BreakerLimits(),  # noqa: B008 - frozen
    ) -> None:
        self.all = [
            Route(each, clock, metrics, patience=patience, breaker=breaker, shared=shared)
            for each in providers
        ]
        if shared is not None:
            shared.hold(self.all)
        self._named = {each.provider.name: each for each in self.all}
        self._weights = list(accumulate(each.options.weight or 0 for each in providers))

    def choose(self, ids: Sequence[UUID]) -> Choice:
        """The provider for each delivery that may go anywhere; one that is found out about gets a single one."""
        return Choice(self._choices(ids), self.open(), list(self._named))

    def open(self) -> list[str]:
        """Those that may be called, in order of preference."""
        return [each.provider.name for each in self.all if each.turns.open]

    def of(self, claim: Claim) -> Route[ProviderT]:
        """The one the claim was made for. Raises `Withheld` if it cannot be called: if the claim is bound to it, with
        the seconds until it can; else if another one can. `PermanentError`: bound to one that is not configured."""
        route = self._named.get(claim.provider or "")
        if route is None and claim.pinned:
            raise PermanentError("unknown_provider", "no provider of this sender has that name")
        if route is None:
            return self._named[self._choices([claim.id])[0]]
        if route.turns.open:
            return route
        if claim.pinned or claim.maybe_accepted_by == claim.provider:
            raise Withheld(seconds=max(route.resting, 1.0))
        if any(each.turns.open for each in self.all):
            raise Withheld
        return route

    def another(self, claim: Claim, than: Route[ProviderT]) -> bool:
        """Whether a provider may be called that has not refused the delivery in this step of the ladder."""
        tried = {than.provider.name, *(claim.refused_by or ())}
        return any(name not in tried for name in self.open())

    def resting(self) -> float:
        """Seconds until some provider may be called."""
        return min(each.resting for each in self.all)

    def ahead(self, priority: Priority) -> Ahead | None:
        """What may be claimed before its call can begin; `None`: any number, as the provider has no rate."""
        chosen = [each for each in self.all if each.turns.open]
        if not self._weights[-1]:
            chosen = chosen[:1]
        known = [each.bearing.rate for each in chosen if each.bearing.rate is not None]
        if len(known) < len(chosen) or not chosen:
            return None
        most = max(LEAST_AHEAD, int(sum(known) * AHEAD_SECONDS))
        return Ahead(most, sum(each.waiting[priority] for each in self.all))

    async def close(self) -> None:
        for each in self.all:
            await each.turns.close()
            await each.provider.close()

    def _choices(self, ids: Sequence[UUID]) -> list[str]:
        takers = {each.provider.name: each.probing for each in self.all if each.turns.open}
        return [self._choice(each, takers) for each in ids]

    def _choice(self, delivery_id: UUID, takers: dict[str, bool]) -> str:
        """`takers`: who may be called, and whether one call finds that out; such a one takes no second delivery."""
        order = list(self._weighed(delivery_id)) if self._weights[-1] else self.all
        for each in order:
            name = each.provider.name
            probing = takers.get(name)
            if probing is not None:
                if probing:
                    del takers[name]
                return name
        return order[0].provider.name

    def _weighed(self, delivery_id: UUID) -> Iterator[Route[ProviderT]]:
        """The first choice is drawn by weight, for a delivery always the same; the others follow in order."""
        drawn = zlib.crc32(delivery_id.bytes) % self._weights[-1]
        first = self.all[bisect(self._weights, drawn)]
        yield first
        yield from (each for each in self.all if each is not first)
