"""What the dispatcher does with the messages of its queues."""

from collections.abc import Sequence
from functools import partial
from typing import cast
from uuid import UUID

import pytest
from faststream.exceptions import SubscriberNotFound

from hermodr_contracts.messages import JobsRequested, SendEmails
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Priority
from hermodr_dispatcher.handlers import subscribe
from hermodr_dispatcher.service import Dispatching
from hermodr_servicekit.ids import new_id
from tests.support.handlers import handling

TOPOLOGY = Topology()


class FakeDispatching:
    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.asked: list[tuple[Priority, tuple[UUID, ...]]] = []

    async def dispatch(self, priority: Priority, ids: Sequence[UUID]) -> None:
        if self.fails:
            raise ArithmeticError
        self.asked.append((priority, tuple(ids)))


def subscribed(dispatching: FakeDispatching) -> partial[None]:
    wanted = cast("Dispatching", dispatching)
    return partial(subscribe, topology=TOPOLOGY, dispatching=wanted, prefetch=1)


async def test_jobs_are_decided_upon_in_the_lane_they_came_by() -> None:
    dispatching = FakeDispatching()
    sent = {priority: (new_id(), new_id()) for priority in Priority}
    async with handling(subscribed(dispatching)) as tell:
        for priority, ids in sent.items():
            await tell(JobsRequested(job_ids=ids), TOPOLOGY.jobs, TOPOLOGY.job_key(priority))
    assert dispatching.asked == list(sent.items())


async def test_what_cannot_be_decided_upon_is_refused() -> None:
    async with handling(subscribed(FakeDispatching(fails=True))) as tell:
        with pytest.raises(ArithmeticError):
            await tell(JobsRequested(job_ids=(new_id(),)), TOPOLOGY.jobs, "jobs.normal")


async def test_commands_to_senders_are_not_the_dispatchers() -> None:
    async with handling(subscribed(FakeDispatching())) as tell:
        with pytest.raises(SubscriberNotFound):
            await tell(SendEmails(delivery_ids=(new_id(),)), TOPOLOGY.deliveries, "email.normal")
