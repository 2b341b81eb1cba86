"""What the worker listens to: it is called when tasks wait, and when one is to stop."""

from asyncio import Event

from faststream.rabbit import Channel, RabbitRouter

from hermodr_contracts.messages import CancelRequested, RunTasks
from hermodr_contracts.topology import Topology

_PREFETCH = 100


def subscribe(router: RabbitRouter, topology: Topology, *, wake: Event, look: Event) -> None:
    """`wake`: tasks wait; `look`: one is to stop. Which ones, the ledger says."""
    runs = topology.event_queue("worker", RunTasks)
    cancels = topology.event_queue("worker", CancelRequested)

    @router.subscriber(runs.queue, runs.exchange, channel=Channel(prefetch_count=_PREFETCH), no_reply=True)
    async def on_run_tasks(_message: RunTasks) -> None:
        """Claims tasks."""
        wake.set()

    @router.subscriber(
        cancels.queue, cancels.exchange, channel=Channel(prefetch_count=_PREFETCH), no_reply=True
    )
    async def on_cancel_requested(_message: CancelRequested) -> None:
        """Looks which of its tasks are to stop."""
        look.set()
