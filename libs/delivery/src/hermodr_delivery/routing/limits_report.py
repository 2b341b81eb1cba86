"""Reports the providers' limits to the ledger, for operators."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from hermodr_contracts.vocabulary import Channel
from hermodr_delivery.provider import can_be_proven
from hermodr_delivery.routing.route import Route
from hermodr_delivery.routing.routes import Routes
from hermodr_ledger.deliveries.provider_limits import REPORT_EVERY_SECONDS, ProviderLimits
from hermodr_servicekit.clock import Clock

Report = Callable[[Sequence[ProviderLimits]], Awaitable[None]]

LOOK_EVERY_SECONDS = 2.0
COUNTS_EVERY_SECONDS = 15.0


class LimitsReport:
    """Reports changes at once, and everything again before it is forgotten."""

    def __init__(self, channel: Channel, routes: Routes[Any], report: Report, clock: Clock) -> None:
        self._channel = channel
        self._routes = routes
        self._report = report
        self._clock = clock
        self._told: tuple[object, ...] = ()
        self._calls: tuple[object, ...] = ()
        self._told_at = 0.0

    async def tick(self) -> float:
        seen = tuple(map(_seen, self._routes.all))
        calls = tuple(each.record.counts() for each in self._routes.all)
        now = self._clock.monotonic()
        since = now - self._told_at
        counted = calls != self._calls and since > COUNTS_EVERY_SECONDS
        if seen != self._told or counted or since > REPORT_EVERY_SECONDS:
            await self._report([self._limits(*each) for each in enumerate(self._routes.all, 1)])
            self._told, self._calls, self._told_at = seen, calls, now
        return LOOK_EVERY_SECONDS

    def _limits(self, position: int, route: Route[Any]) -> ProviderLimits:
        bearing, breaker = route.bearing, route.breaker
        monotonic, now = self._clock.monotonic(), self._clock.now()
        rests_until = now + timedelta(seconds=bearing.rest_until - monotonic) if bearing.refusals else None
        calls, accepted = route.record.counts()
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
            weight=route.provider.options.weight,
            breaker=breaker.state,
            probes_at=now + timedelta(seconds=breaker.resting) if breaker.resting else None,
            calls_of_hour=calls,
            accepted_of_hour=accepted,
            failed_code=route.record.failed_code,
            failed_at=route.record.failed_at,
            provable=can_be_proven(route.provider),
            project_rate=route.provider.options.project_rate,
        )


def _seen(route: Route[Any]) -> object:
    of = route.bearing
    return (
        of.calls,
        of.rate,
        of.rest_until,
        of.refusals,
        of.last,
        route.breaker.state,
        route.record.failed_code,
    )
