"""What the dispatcher listens to."""

from hermodr_contracts.messages import JobsRequested
from hermodr_contracts.vocabulary import Priority
from hermodr_dispatcher.service import Dispatching
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.broker_session import Handler


def subscribe(broker: Broker, dispatching: Dispatching, *, prefetch: int) -> None:
    """Registers a consumer for the job queue of every lane."""
    for priority in Priority:
        broker.consume(
            broker.topology.job_queue(priority), _on_jobs(dispatching, priority), prefetch=prefetch
        )


def _on_jobs(dispatching: Dispatching, priority: Priority) -> Handler:
    async def on_jobs_requested(message: JobsRequested) -> None:
        await dispatching.dispatch(priority, message.job_ids)

    return on_jobs_requested
