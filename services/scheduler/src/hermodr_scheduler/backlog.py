"""Which lanes still have messages in their queue: what is overdue there most likely waits for its turn."""

from collections.abc import Mapping

from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, Priority


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
