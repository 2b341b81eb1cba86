"""The settings of all senders."""

from typing import Annotated

from pydantic import Field

from hermodr_delivery.breaker import BreakerLimits
from hermodr_servicekit.settings import ServiceSettings, refuse


class SenderSettings(ServiceSettings):
    send_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    """The longest provider call, and the longest wait for a connection. SMTP replies may take longer (options of the
    DSN)."""
    lease_seconds: Annotated[float, Field(gt=0, le=3600)] = 130.0
    """How long a claim holds, and a killed sender's messages wait. More than twice `send_seconds`."""
    breaker_calls: Annotated[int, Field(ge=1, le=10_000)] = 20
    """A provider's circuit breaker looks at so many of its last calls."""
    breaker_failure_percent: Annotated[float, Field(gt=0, le=100)] = 50.0
    """Failed calls of those that open it."""
    breaker_slow_seconds: Annotated[float, Field(gt=0, le=3600)] | None = None
    """A call that took so long counts as failed. Half of `send_seconds` if not given."""
    breaker_probe_seconds: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """How long an open one lets nothing through."""
    breaker_successes: Annotated[int, Field(ge=1, le=100)] = 3
    """In a row, that close it."""

    overflow_seconds: Annotated[float, Field(ge=0, le=3600)] | None = None
    """What has waited so long for its provider's rate goes to the next one that has room. Never if not given."""

    def breaker_limits(self) -> BreakerLimits:
        return BreakerLimits(
            calls=self.breaker_calls,
            failures=self.breaker_failure_percent / 100,
            probe_seconds=self.breaker_probe_seconds,
            successes=self.breaker_successes,
            slow_seconds=self.breaker_slow_seconds or self.send_seconds / 2,
        )

    def refuse_short_leases(self) -> None:
        """Ends the process with status 2 if a lease could end before a call."""
        if self.lease_seconds <= 2 * self.send_seconds:
            refuse("HERMODR_LEASE_SECONDS: must be more than twice HERMODR_SEND_SECONDS")
