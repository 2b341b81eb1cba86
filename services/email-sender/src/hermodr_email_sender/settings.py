"""The email sender's settings."""

from typing import Annotated, ClassVar

from pydantic import Field

from hermodr_servicekit.settings import ServiceSettings


class EmailSenderSettings(ServiceSettings):
    """See DESIGN §6."""

    service: ClassVar[str] = "email-sender"
    port_offset: ClassVar[int] = 3
    required_in_production: ClassVar[tuple[str | tuple[str, ...], ...]] = (
        *ServiceSettings.required_in_production,
        "email_providers",
        "email_from",
    )

    email_providers: str = "smtp://127.0.0.1:1025"
    """DSNs in order of preference, separated by spaces."""
    email_from: str = "Hermodr <hermodr@localhost>"
    """The sender of mails whose provider names none."""
    send_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0
    """The longest a provider call may take, and a mail may wait for a connection. An SMTP server's replies may take
    longer (RFC 5321 §4.5.3.2: minutes; options of its DSN): the lease is renewed meanwhile."""
    lease_seconds: Annotated[float, Field(gt=0, le=3600)] = 130.0
    """How long a claim holds unless renewed: what a killed sender's mails wait. More than twice `send_seconds`."""
    email_prefetch: Annotated[int, Field(ge=1, le=1000)] = 20
    """Messages of up to 100 deliveries each that a lane may hold at once."""
