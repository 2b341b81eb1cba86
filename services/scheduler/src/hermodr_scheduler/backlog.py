"""Which lanes still have messages in their queue: whatever is overdue there waits for its turn."""

from collections.abc import Mapping

from hermodr_contracts.topology import SENDERS, Topology
from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.due import Patience

PATIENCE_SECONDS = 120.0
"""How long overdue deliveries of a lane with a backlog are left alone. Then they are announced all the same: the queue
may never be empty, and theirs may be the message that was lost."""


class Backlog:
    """The queues as they were seen last. Until then, and while the broker is away, nothing is known to wait in them."""

    def __init__(self, topology: Topology) -> None:
        self._lanes = {
            (channel, priority): topology.send_queue(channel, priority).label
            for channel in SENDERS
            for priority in Priority
        }
        self.seen({})

    def seen(self, ready: Mapping[str, int]) -> None:
        """How many messages each queue, by label, holds that nobody has taken yet."""
        self._patience = {
            lane: PATIENCE_SECONDS if ready.get(label) else 0.0 for lane, label in self._lanes.items()
        }

    @property
    def patience(self) -> Patience:
        """For every lane there is a sender for."""
        return self._patience
