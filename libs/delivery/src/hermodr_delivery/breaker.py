"""Whether a provider works at all: a circuit breaker per provider and process.

    closed ──(half of the last 20 calls failed or were slow)──▶ open ──(10 s)──▶ half-open
       ▲                                                          ▲                 │
       └───────────────(3 successes, one call at a time)──────────┼─────────────────┤
                                                                  └───(a failure)───┘

A failed call brought no answer, or an answer that the provider itself is in trouble. Answers about a message or its
address prove that the provider works. Refusals because we send too much say nothing here: see `routing.bearing`.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from hermodr_servicekit.clock import Clock


class BreakerState(StrEnum):
    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"

    @property
    def number(self) -> int:
        """Its value in `hermodr_circuit_breaker_state`."""
        return list(BreakerState).index(self)


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """Opens when at least `failures` (a part of 1) of the last `calls` failed or took `slow_seconds`; a call is tried
    after `probe_seconds`; closes after `successes` in a row."""

    calls: int = 20
    failures: float = 0.5
    probe_seconds: float = 10.0
    successes: int = 3
    slow_seconds: float = 30.0


class Breaker:
    def __init__(self, clock: Clock, limits: BreakerLimits = BreakerLimits()) -> None:
        self._clock = clock
        self._limits = limits
        self._failed: deque[bool] = deque(maxlen=limits.calls)
        self._successes = 0
        self._probes_at: float | None = None
        """Monotonic; `None` while closed."""
        self._since = 0.0
        """Calls that began earlier say nothing about the present state."""

    @property
    def closed(self) -> bool:
        return self._probes_at is None

    @property
    def state(self) -> BreakerState:
        if self._probes_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._clock.monotonic() < self._probes_at else BreakerState.HALF_OPEN

    @property
    def resting(self) -> float:
        """Seconds until the provider may be called."""
        return 0.0 if self._probes_at is None else max(0.0, self._probes_at - self._clock.monotonic())

    def ended(self, began: float, *, failed: bool) -> BreakerState | None:
        """A call that began at `began` (monotonic) ended with an answer, or `failed`. The new state, if it opened or
        closed."""
        now = self._clock.monotonic()
        if began < self._since:
            return None
        failed = failed or now - began >= self._limits.slow_seconds
        if self._probes_at is None:
            self._failed.append(failed)
            full = len(self._failed) == self._limits.calls
            if full and sum(self._failed) >= self._limits.failures * self._limits.calls:
                return self._open(now)
        elif failed:
            return self._open(now)
        else:
            self._successes += 1
            if self._successes >= self._limits.successes:
                self._probes_at, self._since = None, now
                self._failed.clear()
                return BreakerState.CLOSED
        return None

    def _open(self, now: float) -> BreakerState:
        self._successes = 0
        self._probes_at = self._since = now + self._limits.probe_seconds
        return BreakerState.OPEN
