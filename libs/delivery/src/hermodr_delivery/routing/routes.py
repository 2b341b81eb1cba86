"""Which provider makes an attempt.

The first one in order of preference that may be called; if some have weights, these share the first choices. A delivery
that providers refused in this step of the ladder goes to one that it has not tried; one that a provider may have
accepted goes there again, and nowhere else. If a lane has waited long for a provider's rate, and that is wanted, what
finds no room there goes to the next one that has some (`overflow`).
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
from hermodr_delivery.rate import Ahead, most_ahead
from hermodr_delivery.routing.overflow import Overflow
from hermodr_delivery.routing.route import ProviderT, Route
from hermodr_delivery.routing.shared import Shared
from hermodr_ledger.deliveries.attempts import Choice, Claim
from hermodr_servicekit.clock import Clock


class Routes(Generic[ProviderT]):
    """In order of preference. `patience`: seconds a claimed delivery may wait for its turn; `shared`: with the senders
    that use the same providers; `overflow`: see `Overflow`."""

    def __init__(
        self,
        providers: Sequence[ProviderT],
        clock: Clock,
        metrics: SenderMetrics,
        *,
        patience: float,
        shared: Shared | None = None,
        breaker: BreakerLimits = BreakerLimits(),  # noqa: B008 - frozen
        overflow: float | None = None,
    ) -> None:
        self.overflow = Overflow(overflow if len(providers) > 1 else None)
        self._overflows = metrics.overflows
        self.all = [
            Route(each, clock, metrics, patience=patience, breaker=breaker, shared=shared)
            for each in providers
        ]
        if shared is not None:
            shared.hold(self.all)
        self._named = {each.provider.name: each for each in self.all}
        self._weights = list(accumulate(each.options.weight or 0 for each in providers))

    def choose(self, ids: Sequence[UUID], priority: Priority | None = None) -> Choice:
        """The provider for each delivery of the lane that may go anywhere; one that is found out about gets a single
        one."""
        return Choice(self._choices(ids, self.overflow.of(priority)), self.open(), list(self._named))

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
        if not self._weights[-1] and not self.overflow.of(priority):
            chosen = chosen[:1]
        known = [each.bearing.rate for each in chosen if each.bearing.rate is not None]
        if len(known) < len(chosen) or not chosen:
            return None
        return Ahead(most_ahead(sum(known)), sum(each.waiting[priority] for each in self.all))

    @property
    def limit_projects(self) -> bool:
        return any(each.projects is not None for each in self.all)

    def project_pause(self, delivery_id: UUID, project_id: UUID, waiting: int) -> float:
        """Seconds until the next of `waiting` deliveries of the project may be claimed; 0: now, and this one is."""
        order = list(self._weighed(delivery_id)) if self._weights[-1] else self.all
        first = next((each for each in order if each.turns.open), order[0])
        return first.projects.pause(delivery_id, project_id, waiting) if first.projects is not None else 0.0

    async def close(self) -> None:
        for each in self.all:
            await each.turns.close()
            if each.projects is not None:
                await each.projects.close()
            await each.provider.close()

    def _choices(self, ids: Sequence[UUID], overflowing: bool = False) -> list[str]:
        if len(self.all) == 1:
            return [self.all[0].provider.name] * len(ids)
        takers = {each.provider.name: each.probing for each in self.all if each.turns.open}
        chosen = [self._choice(each, takers, overflowing) for each in ids]
        return [each.provider.name for each in chosen]

    def _choice(self, delivery_id: UUID, takers: dict[str, bool], overflowing: bool) -> Route[ProviderT]:
        """`takers`: who may be called, and whether one call finds that out; such a one takes no second delivery."""
        order = list(self._weighed(delivery_id)) if self._weights[-1] else self.all
        for each in order:
            probing = takers.get(each.provider.name)
            if probing is None:
                continue
            if probing:
                del takers[each.provider.name]
                return each
            if not self.overflow.possible:
                return each
            chosen = self._with_room(each, order, takers) if overflowing and each.full else each
            chosen.chosen.add(delivery_id)
            return chosen
        return order[0]

    def _with_room(
        self, first: Route[ProviderT], order: Sequence[Route[ProviderT]], takers: dict[str, bool]
    ) -> Route[ProviderT]:
        """The first one that surely works and has room, else `first`."""
        for each in order:
            if each is not first and takers.get(each.provider.name) is False and not each.full:
                self._overflows.labels(first.provider.name).inc()
                return each
        return first

    def _weighed(self, delivery_id: UUID) -> Iterator[Route[ProviderT]]:
        """The first choice is drawn by weight, for a delivery always the same; the others follow in order."""
        drawn = zlib.crc32(delivery_id.bytes) % self._weights[-1]
        first = self.all[bisect(self._weights, drawn)]
        yield first
        yield from (each for each in self.all if each is not first)
