"""Reports the providers' limits to the ledger, for operators."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.routing.route import Route
from hermodr_delivery.routing.routes import Routes
from hermodr_ledger.deliveries.provider_limits import REPORT_EVERY_SECONDS, ProviderLimits
from hermodr_servicekit.clock import Clock

Report = Callable[[Sequence[ProviderLimits]], Awaitable[None]]

LOOK_EVERY_SECONDS = 2.0


class LimitsReport:
    """Reports changes at once, and everything again before it is forgotten."""

    def __init__(self, channel: Channel, routes: Routes[Any], report: Report, clock: Clock) -> None:
        self._channel = channel
        self._routes = routes
        self._report = report
        self._clock = clock
        self._told: tuple[object, ...] = ()
        self._told_at = 0.0

    async def tick(self) -> float:
        bearings = [each.bearing for each in self._routes.all]
        seen = tuple((each.calls, each.rate, each.rest_until, each.refusals, each.last) for each in bearings)
        now = self._clock.monotonic()
        if seen != self._told or now - self._told_at > REPORT_EVERY_SECONDS:
            await self._report([self._limits(*each) for each in enumerate(self._routes.all, 1)])
            self._told, self._told_at = seen, now
        return LOOK_EVERY_SECONDS

    def _limits(self, position: int, route: Route[Any]) -> ProviderLimits:
        bearing = route.bearing
        rests_until = (
            self._clock.now() + timedelta(seconds=bearing.rest_until - self._clock.monotonic())
            if bearing.refusals
            else None
        )
        last = bearing.last if bearing.limited else None
        return ProviderLimits(
            self._channel,
            route.provider.name,
            bearing.calls,
            bearing.most,
            bearing.rate,
            rests_until,
            last.cause if last else None,
            last.code if last else None,
            route.provider.options.rate,
            route.provider.place,
            position,
        )
