"""Looking at the queues: missing ones are restored, and what is overdue in a lane whose queue holds messages most
likely waits for its turn."""

from collections.abc import Mapping

from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.outages import BrokerUnavailable

LOOK_SECONDS = 5.0


class Backlog:
    """The queues as they were seen last; nothing is known to wait in them before."""

    def __init__(self, topology: Topology) -> None:
        self._labels = {
            (channel, priority): topology.send_queue(channel, priority).label
            for channel, spec in topology.channels.items()
            if spec.command is not None
            for priority in Priority
        }
        self.lanes: frozenset[tuple[Channel, Priority]] = frozenset()
        """Those whose queue holds messages."""

    def seen(self, ready: Mapping[str, int]) -> None:
        """How many messages each queue, by label, holds that nobody has taken yet."""
        self.lanes = frozenset(lane for lane, label in self._labels.items() if ready.get(label))


class Queues(Duty):
    """Keeps the queues declared, and tells `backlog` what waits in them."""

    name = "queues"
    after_error = 2.0

    def __init__(self, broker: Broker, backlog: Backlog, metrics: SchedulerMetrics) -> None:
        super().__init__()
        self._broker = broker
        self._backlog = backlog
        self._metrics = metrics

    async def tick(self) -> float:
        """One look. While the broker is away, what was seen last counts on."""
        try:
            await self._broker.declare()
            sizes = await self._broker.queue_sizes()
            for label, (ready, consumers) in sizes.items():
                self._metrics.queued.labels(label).set(ready)
                self._metrics.consumers.labels(label).set(consumers)
            self._backlog.seen({label: ready for label, (ready, _) in sizes.items()})
        except BrokerUnavailable:
            self._metrics.queued.clear()
            self._metrics.consumers.clear()
        return LOOK_SECONDS
