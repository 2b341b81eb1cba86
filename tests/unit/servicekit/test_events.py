"""Events are published in few messages while somebody listens; whatever the broker does, nobody is held up."""

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest
from faststream.rabbit import RabbitExchange

from hermodr_contracts.messages import (
    PACK_LIMIT,
    DeliveriesChanged,
    DeliveryChange,
    JobChange,
    JobsChanged,
    Message,
    ProjectsChanged,
)
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import DeliveryState, JobState
from hermodr_servicekit.broker import Broker, Unroutable
from hermodr_servicekit.events import UNHEARD_SECONDS, Events
from hermodr_servicekit.ids import new_id, new_job_id
from hermodr_servicekit.outages import BrokerUnavailable
from tests.support.clocks import FakeClock

CLOCK = FakeClock()
TOPOLOGY = Topology()


class FakeBroker:
    """Takes messages while its gate is open; `refusing` is raised instead."""

    def __init__(self) -> None:
        self.topology = TOPOLOGY
        self.connected = True
        self.taken: list[JobsChanged | DeliveriesChanged] = []
        self.stirred: list[ProjectsChanged] = []
        self.tried = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.refusing: dict[type[Message], Exception] = {}

    async def publish(self, message: Message, exchange: RabbitExchange, routing_key: str) -> None:
        if isinstance(message, ProjectsChanged):
            if error := self.refusing.get(ProjectsChanged):
                raise error
            self.stirred.append(message)
            return
        self.tried += 1
        await self.gate.wait()
        if error := self.refusing.get(type(message)):
            raise error
        assert (exchange, routing_key) == (TOPOLOGY.events, type(message).__name__)
        assert isinstance(message, JobsChanged | DeliveriesChanged)
        self.taken.append(message)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def fake() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def events(fake: FakeBroker, clock: FakeClock) -> Events:
    return Events(cast("Broker", fake), clock)


async def drained(events: Events) -> None:
    async with asyncio.timeout(5):
        await events.drain()


def jobs(count: int) -> list[JobChange]:
    return [
        JobChange(job_id=new_job_id(), project_id=new_id(), state=JobState.COMPLETED, at=CLOCK.now())
        for _ in range(count)
    ]


def deliveries(count: int) -> list[DeliveryChange]:
    return [
        DeliveryChange(
            delivery_id=new_id(),
            job_id=new_job_id(),
            project_id=new_id(),
            state=DeliveryState.SENT,
            at=CLOCK.now(),
        )
        for _ in range(count)
    ]


async def test_changes_are_packed_by_the_hundred_in_order_and_by_what_they_are_of(
    fake: FakeBroker, events: Events
) -> None:
    told = jobs(PACK_LIMIT + 1)
    sent = deliveries(2)
    events.tell([*told[:2], *sent])
    events.tell(iter(told[2:]))
    events.tell([])
    await drained(events)
    assert [(type(each), len(each.changes)) for each in fake.taken] == [
        (DeliveriesChanged, 2),
        (JobsChanged, PACK_LIMIT),
        (JobsChanged, 1),
    ]
    assert list(fake.taken[0].changes) == sent
    assert [*fake.taken[1].changes, *fake.taken[2].changes] == told


async def test_where_nobody_listens_news_are_not_even_made_for_a_while(
    fake: FakeBroker, events: Events, clock: FakeClock
) -> None:
    unmade = 0

    def made() -> Iterator[JobChange]:
        nonlocal unmade
        unmade += 1
        yield from jobs(1)

    fake.refusing = dict.fromkeys((JobsChanged, DeliveriesChanged, ProjectsChanged), Unroutable("no queue"))
    events.tell([*jobs(1), *deliveries(PACK_LIMIT + 1)])
    await drained(events)
    assert fake.tried == 2  # the second hundred is not tried
    events.tell(made())
    await drained(events)
    assert (fake.tried, unmade) == (2, 0)
    fake.refusing = {}
    clock.advance(UNHEARD_SECONDS)
    events.tell(made())
    await drained(events)
    assert (len(fake.taken), unmade) == (1, 1)


async def test_who_tells_of_jobs_alone_need_not_know_who_listens_to_deliveries(
    fake: FakeBroker, events: Events
) -> None:
    fake.refusing = dict.fromkeys((JobsChanged, ProjectsChanged), Unroutable("no queue"))
    events.tell(jobs(1))
    await drained(events)
    unmade = iter(jobs(1))
    events.tell(unmade)
    assert (fake.tried, len(list(unmade))) == (1, 1)


async def test_one_kind_is_published_though_nobody_listens_to_the_other(
    fake: FakeBroker, events: Events
) -> None:
    fake.refusing = {DeliveriesChanged: Unroutable("no queue")}
    for _ in range(2):
        events.tell([*jobs(1), *deliveries(1)])
        await drained(events)
    assert (len(fake.taken), fake.tried) == (2, 3)


async def test_an_outage_takes_events_and_nothing_else(fake: FakeBroker, events: Events) -> None:
    fake.connected = False
    events.tell(jobs(1))
    fake.connected = True
    fake.refusing = {JobsChanged: BrokerUnavailable("gone")}
    events.tell(jobs(2 * PACK_LIMIT))
    await drained(events)
    assert fake.tried == 1
    fake.refusing = {JobsChanged: ZeroDivisionError()}
    events.tell(jobs(1))
    await drained(events)
    fake.refusing = {}
    events.tell(jobs(1))
    await drained(events)
    assert len(fake.taken) == 1


async def test_while_the_broker_does_not_answer_only_so_much_is_kept(
    fake: FakeBroker, events: Events
) -> None:
    fake.gate.clear()
    events.tell(jobs(1))
    await asyncio.sleep(0)
    crowd = jobs(4_000)
    for _ in range(5):
        events.tell(crowd)
    fake.gate.set()
    await drained(events)
    assert sum(len(each.changes) for each in fake.taken) <= 1 + 12_000


async def test_news_that_cannot_be_read_harm_nobody(fake: FakeBroker, events: Events) -> None:
    def broken() -> Iterator[JobChange]:
        yield from jobs(1)
        raise ZeroDivisionError

    events.tell(broken())
    await drained(events)
    assert fake.taken == []


async def test_projects_are_told_once_however_much_changes_in_them(fake: FakeBroker, events: Events) -> None:
    nobodys, owned = new_id(), jobs(1)
    events.tell([nobodys, *owned])
    events.tell([nobodys] * PACK_LIMIT)
    await drained(events)
    (told,) = fake.stirred
    assert set(told.project_ids) == {nobodys, owned[0].project_id}
    assert [list(each.changes) for each in fake.taken] == [owned]
    events.tell([nobodys])
    await drained(events)
    assert [each.project_ids for each in fake.stirred[1:]] == [(nobodys,)]


async def test_many_projects_are_packed_by_the_hundred(fake: FakeBroker, events: Events) -> None:
    projects = {new_id() for _ in range(PACK_LIMIT + 1)}
    events.tell(projects)
    await drained(events)
    assert [len(each.project_ids) for each in fake.stirred] == [PACK_LIMIT, 1]
    assert {each for told in fake.stirred for each in told.project_ids} == projects


async def test_an_outage_takes_what_is_told_of_projects_and_nothing_else(
    fake: FakeBroker, events: Events
) -> None:
    project = new_id()
    for error in (BrokerUnavailable("gone"), ZeroDivisionError()):
        fake.refusing = {ProjectsChanged: error}
        events.tell([project])
        await drained(events)
    fake.refusing = {}
    events.tell([project])
    await drained(events)
    assert [each.project_ids for each in fake.stirred] == [(project,)]
