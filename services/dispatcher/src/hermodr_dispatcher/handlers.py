"""What the dispatcher listens to."""

from faststream.exceptions import NackMessage
from faststream.rabbit import Channel, RabbitRouter

from hermodr_contracts.messages import JobsRequested
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Priority
from hermodr_dispatcher.gate import Closed
from hermodr_dispatcher.service import Dispatching


def subscribe(router: RabbitRouter, topology: Topology, dispatching: Dispatching, *, prefetch: int) -> None:
    """Registers a subscriber for the job queue of every lane."""
    for priority in Priority:
        _subscribe(router, topology, dispatching, priority, prefetch)


def _subscribe(
    router: RabbitRouter, topology: Topology, dispatching: Dispatching, priority: Priority, prefetch: int
) -> None:
    lane = topology.job_queue(priority)

    @router.subscriber(lane.queue, lane.exchange, channel=Channel(prefetch_count=prefetch), no_reply=True)
    async def on_jobs_requested(message: JobsRequested) -> None:
        """Decides upon jobs and announces their deliveries."""
        try:
            await dispatching.dispatch(priority, message.job_ids)
        except Closed:
            raise NackMessage from None
