"""What the email sender listens to."""

from faststream.rabbit import Channel, RabbitRouter

from hermodr_contracts.messages import SendEmails
from hermodr_delivery.sender import Lane


def subscribe(router: RabbitRouter, lane: Lane) -> None:
    """Registers a subscriber for the queue of a lane."""

    @router.subscriber(
        lane.spec.queue, lane.spec.exchange, channel=Channel(prefetch_count=lane.prefetch), no_reply=True
    )
    async def on_send_emails(message: SendEmails) -> None:
        """Claims deliveries and sends them."""
        await lane.take(message)
