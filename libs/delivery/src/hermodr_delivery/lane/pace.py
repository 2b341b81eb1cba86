"""How many deliveries to claim ahead: few, because the claims of a killed sender have an unknown outcome until their
leases end; but more of a fast provider, because claiming many at once is cheap."""

from hermodr_delivery.rate import AHEAD_SECONDS
from hermodr_servicekit.clock import Clock

_MEASURED_OVER_SECONDS = 0.05


class Pace:
    """Measures the rate of finished deliveries; claims between `least` and `most` ahead."""

    def __init__(self, clock: Clock, *, least: int, most: int) -> None:
        self._clock = clock
        self._least = min(least, most)
        self._most = most
        self._done = 0
        self._per_second = 0.0
        self._since = clock.monotonic()

    def done(self) -> None:
        self._done += 1

    def ahead(self) -> int:
        now = self._clock.monotonic()
        if now - self._since >= _MEASURED_OVER_SECONDS:
            self._per_second = self._done / (now - self._since)
            self._done, self._since = 0, now
        return max(self._least, min(self._most, int(self._per_second * AHEAD_SECONDS)))
