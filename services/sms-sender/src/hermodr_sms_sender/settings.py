from typing import Annotated, ClassVar

from pydantic import Field

from hermodr_delivery.settings import SenderSettings


class SmsSenderSettings(SenderSettings):
    service: ClassVar[str] = "sms-sender"
    port_offset: ClassVar[int] = 4
    required_in_production: ClassVar[tuple[str | tuple[str, ...], ...]] = (
        *SenderSettings.required_in_production,
        "sms_providers",
    )

    sms_prefetch: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Messages of up to 100 deliveries each that a lane may hold at once; projects take turns among these."""
