"""The email sender's settings."""

from typing import Annotated, ClassVar

from hermodr_servicekit.settings import ServiceSettings
from pydantic import Field


class EmailSenderSettings(ServiceSettings):
    """See DESIGN §6."""

    service: ClassVar[str] = "email-sender"
    port_offset: ClassVar[int] = 3
    required_in_production: ClassVar[tuple[str, ...]] = (
        *ServiceSettings.required_in_production,
        "email_providers",
        "email_from",
    )

    email_providers: str = "smtp://127.0.0.1:1025"
    """DSNs in order of preference, separated by spaces."""
    email_from: str = "Hermodr <hermodr@localhost>"
    """The sender of mails whose provider names none."""
    send_seconds: Annotated[float, Field(gt=0, le=600)] = 25.0
    """The longest a provider call may take."""
    lease_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long a claim holds; more than twice `send_seconds`."""
    email_prefetch: Annotated[int, Field(ge=1, le=1000)] = 20
    """Messages of up to 100 deliveries each that a lane may hold at once."""
