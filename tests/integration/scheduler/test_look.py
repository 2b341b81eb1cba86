"""What the scheduler sees of the queues."""

import pytest
from prometheus_client import CollectorRegistry

from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_scheduler.duties.backlog import Backlog, Queues
from hermodr_scheduler.duties.gauges import Gauges
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.clock import Clock, SystemClock
from hermodr_servicekit.ids import new_id
from hermodr_servicekit.periodic import running
from tests.support.brokers import Broker as Place
from tests.support.ledgers import emptied, new_deliveries, opened
from tests.support.waiting import wait_until


@pytest.fixture
def broker_of_the_scheduler(broker: Place) -> Broker:
    return Broker(broker.amqp_url, Topology(broker.prefix), "scheduler")


async def test_lanes_have_a_backlog_while_their_queue_holds_messages(broker_of_the_scheduler: Broker) -> None:
    broker, registry = broker_of_the_scheduler, CollectorRegistry()
    backlog = Backlog(broker.topology)
    queues = Queues(broker, backlog, SchedulerMetrics(registry))
    async with running(broker.run()):
        assert await wait_until(lambda: broker.connected)
        await queues.tick()
        assert backlog.lanes == set()
        bell = Announcer(broker)
        bell.deliveries(Channel.EMAIL, Priority.LOW, [new_id()])
        bell.jobs(Priority.NORMAL, [new_id()])
        await bell.drain()
        await queues.tick()
        assert backlog.lanes == {(Channel.EMAIL, Priority.LOW)}
        assert registry.get_sample_value("hermodr_consumers", {"queue": "email.low"}) == 0
        assert registry.get_sample_value("hermodr_queue_messages", {"queue": "email.low"}) == 1
    await queues.tick()  # the broker is away: what was seen counts on
    assert backlog.lanes == {(Channel.EMAIL, Priority.LOW)}
    assert registry.get_sample_value("hermodr_consumers", {"queue": "email.low"}) is None


class Laborious(SystemClock):
    """Everything takes three seconds by it."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        self._seconds += 3.0
        return self._seconds


@pytest.mark.parametrize(("clock", "pause"), [(SystemClock(), 5.0), (Laborious(), 60.0)])
async def test_what_waits_is_counted_the_more_rarely_the_longer_it_takes(
    database_url: str, clock: Clock, pause: float
) -> None:
    registry = CollectorRegistry()
    async with opened(database_url) as ledger:
        await emptied(ledger)
        await new_deliveries(ledger, 3)
        gauges = Gauges(ledger, clock, SchedulerMetrics(registry))
        assert await gauges.tick() == pause
        labels = {"kind": "notification", "priority": "normal"}
        assert registry.get_sample_value("hermodr_jobs_waiting", labels) == 3
        lane = {"channel": "email", "priority": "normal"}
        assert registry.get_sample_value("hermodr_deliveries_waiting", lane) == 3
        await ledger.fetch("UPDATE hermodr.deliveries SET wake_at = NULL, state = 'cancelled'")
        await gauges.tick()
        assert registry.get_sample_value("hermodr_jobs_waiting", labels) is None
        assert registry.get_sample_value("hermodr_deliveries_waiting", lane) is None
        assert registry.get_sample_value("hermodr_oldest_waiting_seconds") == 0
