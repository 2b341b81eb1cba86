"""What the webhook sender listens to."""

from faststream.rabbit import Channel, RabbitRouter

from hermodr_contracts.messages import SendWebhooks
from hermodr_delivery.sender import Lane


def subscribe(router: RabbitRouter, lane: Lane) -> None:
    """Registers a subscriber for the queue of a lane."""

    @router.subscriber(
        lane.spec.queue, lane.spec.exchange, channel=Channel(prefetch_count=lane.prefetch), no_reply=True
    )
    async def on_send_webhooks(message: SendWebhooks) -> None:
        """Claims deliveries and posts them."""
        await lane.take(message)
