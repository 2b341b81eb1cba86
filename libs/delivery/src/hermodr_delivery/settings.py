"""The settings of all senders."""

from typing import Annotated

from pydantic import Field

from hermodr_servicekit.settings import ServiceSettings, refuse


class SenderSettings(ServiceSettings):
    send_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    """The longest provider call, and the longest wait for a connection. SMTP replies may take longer (options of the
    DSN)."""
    lease_seconds: Annotated[float, Field(gt=0, le=3600)] = 130.0
    """How long a claim holds, and a killed sender's messages wait. More than twice `send_seconds`."""

    def refuse_short_leases(self) -> None:
        """Ends the process with status 2 if a lease could end before a call."""
        if self.lease_seconds <= 2 * self.send_seconds:
            refuse("HERMODR_LEASE_SECONDS: must be more than twice HERMODR_SEND_SECONDS")
