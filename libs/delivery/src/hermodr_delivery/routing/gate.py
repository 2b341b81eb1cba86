"""When a provider may be called, by what it bears and by whether it works."""

from hermodr_delivery.breaker import Breaker
from hermodr_delivery.routing.bearing import Bearing


class Gate:
    """`turns.Limits` of both: the longer rest counts, and while one of them is in doubt one call at a time is let
    through."""

    def __init__(self, bearing: Bearing, breaker: Breaker) -> None:
        self._bearing = bearing
        self._breaker = breaker

    @property
    def rate(self) -> float | None:
        return self._bearing.rate

    @property
    def configured_rate(self) -> float | None:
        return self._bearing.configured_rate

    @property
    def refusals(self) -> int:
        return self._bearing.refusals or int(not self._breaker.closed)

    @property
    def resting(self) -> float:
        return max(self._bearing.resting, self._breaker.resting)

    @property
    def at_once(self) -> int:
        return 1 if self.refusals else self._bearing.at_once

    def grow(self) -> None:
        if not self.refusals:
            self._bearing.grow()
