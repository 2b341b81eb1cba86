"""What the email sender listens to."""

from collections.abc import Mapping

from hermodr_contracts.messages import SendEmails
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_delivery.claimed import Stopping
from hermodr_delivery.lane.pump import Pump
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.broker_session import GiveBack, Handler


def subscribe(broker: Broker, pumps: Mapping[Priority, Pump], *, prefetch: int) -> None:
    """Registers a consumer for the queue of every lane."""
    for priority, pump in pumps.items():
        broker.consume(broker.topology.send_queue(Channel.EMAIL, priority), _on_send(pump), prefetch=prefetch)


def _on_send(pump: Pump) -> Handler:
    async def on_send_emails(message: SendEmails) -> None:
        try:
            await pump.submit(message.delivery_ids)
        except Stopping:
            raise GiveBack from None

    return on_send_emails
