from collections.abc import Sequence
from typing import Generic

from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.routing.route import ProviderT, Route
from hermodr_delivery.routing.shared import Shared
from hermodr_ledger.deliveries.attempts import Claim
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
    ) -> None:
        self.all = [Route(each, clock, metrics, patience=patience, shared=shared) for each in providers]
        if shared is not None:
            shared.hold(self.all)

    def of(self, claim: Claim) -> Route[ProviderT]:
        """The preferred provider for the first attempt, the next one for each retry; resting ones are skipped."""
        start = (claim.attempt - 1) % len(self.all)
        if self.all[start].turns.open:
            return self.all[start]
        rotated = self.all[start:] + self.all[:start]
        return next((each for each in rotated if each.turns.open), rotated[0])

    def resting(self) -> float:
        """Seconds until some provider may be called."""
        return min(each.bearing.resting for each in self.all)

    async def close(self) -> None:
        for each in self.all:
            await each.turns.close()
            await each.provider.close()
