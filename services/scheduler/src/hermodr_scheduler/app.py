"""The scheduler, put together."""

import asyncio
from datetime import timedelta

from hermodr_ledger.deliveries.pauses import OPERATED_CHANNEL
from hermodr_ledger.engine.announcing import DUE_CHANNEL
from hermodr_ledger.engine.listening import listen
from hermodr_ledger.runtime import Runtime
from hermodr_ledger.upkeep.due import DueRows
from hermodr_scheduler.backlog import Backlog
from hermodr_scheduler.expiry import Expiry
from hermodr_scheduler.handlers import subscribe
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_scheduler.replays import Replays
from hermodr_scheduler.service import Scheduling
from hermodr_scheduler.settings import SchedulerSettings
from hermodr_scheduler.upkeep import Upkeep
from hermodr_servicekit import logging
from hermodr_servicekit.periodic import repeat
from hermodr_servicekit.settings import load

_LOCK_SECONDS = 1.0
"""How long a duty waits for a row that somebody has locked; then its round is over, and begins anew."""


async def main(stop: asyncio.Event) -> None:
    """Runs the scheduler until `stop`."""
    settings = load(SchedulerSettings)
    logging.configure(settings)
    runtime = Runtime(settings, lock_seconds=_LOCK_SECONDS)
    metrics = SchedulerMetrics(runtime.registry)
    backlog = Backlog(runtime.broker.topology)
    due = DueRows(runtime.ledger)
    scheduling = Scheduling(
        due,
        due,
        runtime.announcer,
        backlog,
        runtime.clock,
        metrics,
        topology=runtime.broker.topology,
        batch=settings.scheduler_batch,
    )
    retention = timedelta(days=settings.retention_days) if settings.retention_days else None
    housekeeping = Upkeep(
        runtime.ledger,
        runtime.broker,
        runtime.clock,
        metrics,
        backlog,
        ladder=[step.delay for step in settings.ladder],
        retention=retention,
    )
    subscribe(runtime.broker, runtime.ledger)
    expiry = Expiry(runtime.ledger, metrics, batch=settings.scheduler_batch)
    replays = Replays(runtime.ledger, runtime.broker, runtime.announcer)
    wake, resumed, replay = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def operated() -> None:
        resumed.set()
        replay.set()

    await runtime.run(
        stop,
        drain=runtime.announcer.drain,
        background=(
            listen(settings.database_url, DUE_CHANNEL, wake.set),
            listen(settings.database_url, OPERATED_CHANNEL, operated),
            repeat("resumed channels", housekeeping.resumed, wake=resumed),
            repeat("replays", replays.tick, wake=replay, after_error=1.0),
            repeat("due rows", scheduling.tick, wake=wake, after_error=0.5),
            repeat("expired rows", expiry.tick, after_error=0.5),
            repeat("upkeep", housekeeping.hourly, after_error=10.0),
            repeat("queues", housekeeping.look, after_error=2.0),
            repeat("gauges", housekeeping.count, after_error=5.0),
        ),
    )
