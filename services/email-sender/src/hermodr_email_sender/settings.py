from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from hermodr_delivery.settings import SenderSettings


class EmailSenderSettings(SenderSettings):
    service: ClassVar[str] = "email-sender"
    port_offset: ClassVar[int] = 3
    required_in_production: ClassVar[tuple[str | tuple[str, ...], ...]] = (
        *SenderSettings.required_in_production,
        "email_providers",
        "email_from",
    )

    email_providers: str = "smtp://127.0.0.1:1025"
    """DSNs in order of preference, separated by spaces."""
    email_from: str = "Hermodr <hermodr@localhost>"
    """The sender of mails whose provider names none."""
    dkim_keys: Path | None = None
    """A folder with keys `SELECTOR._domainkey.DOMAIN.pem`, which sign mails from these domains that leave by SMTP."""
    bounce_address: str | None = None
    """Where reports about mails that leave by SMTP come back to; each mail has a signed token in it."""
    email_prefetch: Annotated[int, Field(ge=1, le=10_000)] = 1_000
    """Messages of up to 100 deliveries each that a lane may hold at once; projects take turns among these."""
