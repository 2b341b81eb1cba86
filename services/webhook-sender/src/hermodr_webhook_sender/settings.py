from typing import Annotated, ClassVar

from pydantic import Field

from hermodr_delivery.settings import SenderSettings


class WebhookSenderSettings(SenderSettings):
    service: ClassVar[str] = "webhook-sender"
    port_offset: ClassVar[int] = 6
    required_in_production: ClassVar[tuple[str | tuple[str, ...], ...]] = (
        *SenderSettings.required_in_production,
        "secret_key",
    )

    webhook_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """The longest call of an endpoint, from the look-up of its name to its answer."""
    webhook_concurrency: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Calls at a time; at most half of them to endpoints whose last answer was a failure."""
    webhook_endpoint_concurrency: Annotated[int, Field(ge=1, le=1000)] = 50
    """Calls of one endpoint at a time, of all senders together; one, while it fails."""

    webhook_prefetch: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Messages of up to 100 deliveries each that a lane of the channel `webhook` may hold at once."""

    @property
    def webhook_lease_seconds(self) -> float:
        """How long a claim holds. A call cannot last as long, so that no lease has to be renewed; the rest is for the
        record, should the database be away."""
        return 2 * self.webhook_seconds + 30
