"""Time, injected: services never ask the machine themselves, so that tests can move it."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present as an aware datetime in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, for measuring spans; they go on while the process is stopped."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()
