"""What this process hears of the broker's events, by queues of its own."""

from functools import partial
from typing import Any

from faststream.rabbit import Channel, RabbitRouter

from hermodr_api.realtime.feed import Feed
from hermodr_contracts.messages import InboxChanged, JobsChanged, Message, ProjectsChanged, TaskProgressed
from hermodr_contracts.topology import Topology

_PREFETCH = 100


def subscribe(router: RabbitRouter, topology: Topology, feed: Feed) -> None:
    """Registers a subscriber for each kind of event. A lost event is no harm: who shows something reads it again."""
    subscriber = partial(router.subscriber, no_reply=True)

    def where(event: type[Message]) -> dict[str, Any]:
        spec = topology.event_queue("api", event)
        return {"queue": spec.queue, "exchange": spec.exchange, "channel": Channel(prefetch_count=_PREFETCH)}

    @subscriber(**where(JobsChanged))
    async def on_jobs_changed(message: JobsChanged) -> None:
        """Tells who follows these jobs."""
        feed.jobs_changed(message)

    @subscriber(**where(TaskProgressed))
    async def on_task_progressed(message: TaskProgressed) -> None:
        """Tells who follows this task."""
        feed.progressed(message)

    @subscriber(**where(InboxChanged))
    async def on_inbox_changed(message: InboxChanged) -> None:
        """Tells whose inbox it is."""
        feed.inbox_changed(message)

    @subscriber(**where(ProjectsChanged))
    async def on_projects_changed(message: ProjectsChanged) -> None:
        """Tells whose pages show these projects."""
        feed.projects_changed(message)
