"""Ids become few messages; whatever happens to the broker, no id is stranded and nobody is held up."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from faststream.rabbit import RabbitExchange

from hermodr_contracts.messages import PACK_LIMIT, JobsRequested, Message, SendEmails
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.broker import Broker, Unroutable
from hermodr_servicekit.ids import new_job_id
from hermodr_servicekit.outages import BrokerUnavailable
from tests.support.waiting import wait_until

TOPOLOGY = Topology()


class FakeBroker:
    def __init__(self) -> None:
        self.topology = TOPOLOGY
        self.connected = True
        self.taken: list[tuple[str, str, Message]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = 0
        self.most_under_way = 0
        self.refusing: Exception | None = None

    async def publish(self, message: Message, exchange: RabbitExchange, routing_key: str) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
        finally:
            self.under_way -= 1
        if self.refusing is not None:
            raise self.refusing
        self.taken.append((exchange.name, routing_key, message))

    def ids(self) -> list[UUID]:
        found: list[UUID] = []
        for _, _, message in self.taken:
            found += (
                cast("Any", message).job_ids
                if isinstance(message, JobsRequested)
                else cast("Any", message).delivery_ids
            )
        return found


def announcer_of(
    broker: FakeBroker, *, window: int = 8, pack: int = PACK_LIMIT, spacing: float = 0.0
) -> Announcer:
    return Announcer(cast("Broker", broker), window=window, pack=pack, spacing=spacing)


async def drained(announcer: Announcer) -> None:
    async with asyncio.timeout(5):
        await announcer.drain()


def some(count: int) -> list[UUID]:
    return [new_job_id() for _ in range(count)]


async def test_ids_are_packed_by_the_hundred_in_order() -> None:
    broker = FakeBroker()
    announcer = announcer_of(broker)
    ids = some(250)
    announcer.jobs(Priority.NORMAL, ids)
    await drained(announcer)
    assert broker.ids() == ids
    assert [len(cast("JobsRequested", message).job_ids) for _, _, message in broker.taken] == [100, 100, 50]


async def test_every_lane_command_and_step_has_its_own_address() -> None:
    broker = FakeBroker()
    announcer = announcer_of(broker)
    step = TOPOLOGY.ladder(Channel.EMAIL)[0]
    announcer.jobs(Priority.URGENT, some(1))
    announcer.jobs(Priority.LOW, some(1))
    announcer.deliveries(Channel.EMAIL, Priority.LOW, some(1))
    announcer.deliveries(Channel.EMAIL, Priority.LOW, some(1), after=step)
    await drained(announcer)
    assert sorted((exchange, key, message.type_name()) for exchange, key, message in broker.taken) == [
        ("hermodr.deliveries", "email.low", "SendEmails"),
        ("hermodr.jobs", "jobs.low", "JobsRequested"),
        ("hermodr.jobs", "jobs.urgent", "JobsRequested"),
        ("hermodr.retry", "email.low.10s", "SendEmails"),
    ]


async def test_deliveries_of_a_channel_that_is_not_served_are_not_announced() -> None:
    broker = FakeBroker()
    announcer = announcer_of(broker)
    announcer.deliveries(Channel.SMS, Priority.NORMAL, some(1))
    await drained(announcer)
    assert broker.taken == []


async def test_no_ids_no_message() -> None:
    broker = FakeBroker()
    announcer = announcer_of(broker)
    announcer.jobs(Priority.NORMAL, [])
    await drained(announcer)
    assert broker.taken == []


async def test_ids_that_come_while_others_are_published_are_not_stranded() -> None:
    broker = FakeBroker()
    broker.gate.clear()
    announcer = announcer_of(broker, window=2, pack=1)
    ids = some(30)
    for each in ids[:3]:
        announcer.jobs(Priority.NORMAL, [each])
    await wait_until(lambda: broker.under_way == 2)
    for each in ids[3:]:
        announcer.jobs(Priority.NORMAL, [each])
    broker.gate.set()
    await drained(announcer)
    assert sorted(broker.ids()) == sorted(ids)
    assert broker.most_under_way == 2


async def test_ids_that_come_as_the_last_message_is_confirmed_are_not_stranded() -> None:
    """Whichever turn of the loop they come in."""
    for turns in range(8):
        broker = FakeBroker()
        announcer = announcer_of(broker)
        first, second = some(1), some(1)
        announcer.jobs(Priority.NORMAL, first)
        for _ in range(turns):
            await asyncio.sleep(0)
        announcer.jobs(Priority.NORMAL, second)
        await drained(announcer)
        assert broker.ids() == first + second


async def test_a_crowd_shares_the_next_message_and_the_first_of_it_waits_for_nobody() -> None:
    broker = FakeBroker()
    announcer = announcer_of(broker, spacing=3600)
    first, company = some(1), some(4)
    announcer.jobs(Priority.NORMAL, first)
    await wait_until(lambda: broker.ids() == first)
    announcer.jobs(Priority.NORMAL, company[:1])
    announcer.jobs(Priority.LOW, others := some(1))
    await wait_until(lambda: broker.ids() == first + others)
    announcer.jobs(Priority.NORMAL, company[1:])
    await drained(announcer)
    assert broker.ids() == first + others + company
    assert len(broker.taken) == 3


async def test_nothing_urgent_waits_for_company() -> None:
    broker = FakeBroker()
    announcer = announcer_of(broker, spacing=3600)
    ids = some(3)
    for number, each in enumerate(ids, 1):
        announcer.jobs(Priority.URGENT, [each])
        await wait_until(lambda: len(broker.taken) == number)  # noqa: B023 - awaited here
    assert broker.ids() == ids


async def test_draining_waits_for_no_company() -> None:
    broker = FakeBroker()
    announcer = announcer_of(broker, spacing=3600)
    ids = some(2)
    announcer.jobs(Priority.NORMAL, ids[:1])
    await wait_until(lambda: broker.ids() == ids[:1])
    announcer.jobs(Priority.NORMAL, ids[1:])
    await drained(announcer)
    assert broker.ids() == ids


async def test_what_does_not_arrive_is_told_and_dropped_and_the_rest_goes_on() -> None:
    broker = FakeBroker()
    announcer = announcer_of(broker, pack=2)
    told: list[tuple[type[Message], Sequence[UUID]]] = []

    async def failed(command: type[Message], ids: Sequence[UUID]) -> None:
        told.append((command, ids))

    announcer.on_failure(failed)
    for error in (BrokerUnavailable("away"), Unroutable("no queue"), ArithmeticError("a defect")):
        told.clear()
        broker.refusing = error
        lost, kept = some(3), some(1)
        announcer.deliveries(Channel.EMAIL, Priority.NORMAL, lost)
        await drained(announcer)
        assert [command for command, _ in told] == [SendEmails, SendEmails]
        assert [each for _, ids in told for each in ids] == lost
        broker.refusing = None
        announcer.deliveries(Channel.EMAIL, Priority.NORMAL, kept)
        await drained(announcer)
        assert broker.ids()[-1:] == kept
        assert not set(lost) & set(broker.ids())


async def test_a_failing_failure_handler_harms_neither_the_other_messages_nor_the_window() -> None:
    broker = FakeBroker()
    announcer = announcer_of(broker, pack=1, window=2)

    async def failed(command: type[Message], ids: Sequence[UUID]) -> None:
        raise ArithmeticError

    announcer.on_failure(failed)
    broker.refusing = BrokerUnavailable("away")
    announcer.jobs(Priority.NORMAL, some(10))
    await drained(announcer)
    broker.refusing = None
    ids = some(10)
    announcer.jobs(Priority.NORMAL, ids)
    await drained(announcer)
    assert broker.ids() == ids


async def test_it_says_whether_the_broker_can_be_reached() -> None:
    broker = FakeBroker()
    announcer = announcer_of(broker)
    assert announcer.reachable
    broker.connected = False
    assert not announcer.reachable
