"""How a provider's calls of the last hour ended, for operators."""

from collections import deque
from datetime import datetime

from hermodr_delivery.failures import DeliveryFailure
from hermodr_servicekit.clock import Clock

SPAN_SECONDS = 3600.0
_SLOT_SECONDS = 60.0


class CallRecord:
    """Counts by minutes. `failed_code`, `failed_at`: of the last failure, however long ago."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._slots: deque[list[float]] = deque()
        self.failed_code: str | None = None
        self.failed_at: datetime | None = None

    def ended(self, failure: DeliveryFailure | None) -> None:
        now = self._clock.monotonic()
        if not self._slots or now - self._slots[-1][0] >= _SLOT_SECONDS:
            self._forget(now)
            self._slots.append([now, 0, 0])
        self._slots[-1][1] += 1
        if failure is None:
            self._slots[-1][2] += 1
        else:
            self.failed_code, self.failed_at = failure.code, self._clock.now()

    def counts(self) -> tuple[int, int]:
        """Calls, and those that were accepted."""
        self._forget(self._clock.monotonic())
        return int(sum(slot[1] for slot in self._slots)), int(sum(slot[2] for slot in self._slots))

    def _forget(self, now: float) -> None:
        while self._slots and now - self._slots[0][0] >= SPAN_SECONDS:
            self._slots.popleft()
