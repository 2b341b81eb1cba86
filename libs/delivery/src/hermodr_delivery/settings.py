"""The settings all senders share."""

from typing import Annotated

from pydantic import Field

from hermodr_servicekit.settings import ServiceSettings, refuse


class SenderSettings(ServiceSettings):
    """See DESIGN §6. A sender adds its providers."""

    send_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    """The longest a provider call may take, and a message may wait for a connection. An SMTP server's replies may take
    longer (RFC 5321 §4.5.3.2: minutes; options of its DSN): the lease is renewed meanwhile."""
    lease_seconds: Annotated[float, Field(gt=0, le=3600)] = 130.0
    """How long a claim holds unless renewed: what a killed sender's messages wait. More than twice `send_seconds`."""

    def refuse_short_leases(self) -> None:
        """Ends the process with status 2 when a lease is over before a call is."""
        if self.lease_seconds <= 2 * self.send_seconds:
            refuse("HERMODR_LEASE_SECONDS: must be more than twice HERMODR_SEND_SECONDS")
