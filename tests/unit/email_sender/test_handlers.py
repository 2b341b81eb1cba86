"""What the email sender does with the messages of its queues."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

import pytest
from faststream.exceptions import NackMessage

from hermodr_contracts.messages import SendEmails
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_delivery.claimed import Stopping
from hermodr_delivery.sender import Lane
from hermodr_email_sender.handlers import subscribe
from hermodr_servicekit.ids import new_id
from tests.support.handlers import handling

TOPOLOGY = Topology()


class FakePump:
    def __init__(self, raised: Exception | None = None) -> None:
        self.raised = raised
        self.submitted: list[tuple[UUID, ...]] = []

    async def submit(self, ids: Sequence[UUID]) -> None:
        self.submitted.append(tuple(ids))
        if self.raised is not None:
            raise self.raised


def lane(pump: FakePump, priority: Priority = Priority.NORMAL) -> Lane:
    return Lane(TOPOLOGY.send_queue(Channel.EMAIL, priority), pump.submit, 1)


def emails() -> SendEmails:
    return SendEmails(delivery_ids=(new_id(), new_id()))


async def test_deliveries_are_sent_by_the_pump_of_their_lane() -> None:
    pumps = {priority: FakePump() for priority in Priority}
    subscribes = [partial(subscribe, lane=lane(pump, priority)) for priority, pump in pumps.items()]
    sent = {priority: emails() for priority in Priority}
    async with handling(*subscribes) as tell:
        for priority, message in sent.items():
            await tell(message, TOPOLOGY.deliveries, TOPOLOGY.send_key(Channel.EMAIL, priority))
    assert {priority: pump.submitted for priority, pump in pumps.items()} == {
        priority: [message.delivery_ids] for priority, message in sent.items()
    }


async def test_what_a_sender_that_leaves_did_not_get_to_goes_back_into_its_queue() -> None:
    with pytest.raises(NackMessage):
        await lane(FakePump(Stopping())).take(emails())
    async with handling(partial(subscribe, lane=lane(FakePump(Stopping())))) as tell:
        await tell(emails(), TOPOLOGY.deliveries, "email.normal")


async def test_what_the_pump_raises_is_refused() -> None:
    async with handling(partial(subscribe, lane=lane(FakePump(ArithmeticError())))) as tell:
        with pytest.raises(ArithmeticError):
            await tell(emails(), TOPOLOGY.deliveries, "email.normal")
