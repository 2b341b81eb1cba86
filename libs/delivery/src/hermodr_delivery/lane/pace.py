"""How far ahead to claim: enough that no worker waits, and not much more.

Whatever a killed sender had claimed is of unknown outcome, and has to wait for the end of its lease. A slow provider
therefore gets few claims ahead, a fast one many, as claiming many at once is what makes claiming cheap.
"""

from hermodr_servicekit.clock import Clock

AHEAD_SECONDS = 0.25
"""The span that claims are to last."""

_MEASURED_OVER_SECONDS = 0.05


class Pace:
    """Measures how many deliveries get done, and says how many to hold: between `least` and `most`."""

    def __init__(self, clock: Clock, *, least: int, most: int) -> None:
        self._clock = clock
        self._least = min(least, most)
        self._most = most
        self._done = 0
        self._per_second = 0.0
        self._since = clock.monotonic()

    def done(self) -> None:
        """One delivery more is done."""
        self._done += 1

    def ahead(self) -> int:
        """How many deliveries to hold claimed at this moment."""
        now = self._clock.monotonic()
        if now - self._since >= _MEASURED_OVER_SECONDS:
            self._per_second = self._done / (now - self._since)
            self._done, self._since = 0, now
        return max(self._least, min(self._most, int(self._per_second * AHEAD_SECONDS)))
