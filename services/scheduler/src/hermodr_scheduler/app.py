"""The scheduler, put together."""

import asyncio
from datetime import timedelta
from functools import partial

from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.pauses import OPERATED_CHANNEL
from hermodr_ledger.engine.announcing import DUE_CHANNEL
from hermodr_ledger.engine.listening import listen
from hermodr_ledger.runtime import Runtime
from hermodr_ledger.upkeep.due import DueRows
from hermodr_scheduler.duties.backlog import Backlog, Queues
from hermodr_scheduler.duties.changes import Changes
from hermodr_scheduler.duties.claims import Claims
from hermodr_scheduler.duties.due import Due
from hermodr_scheduler.duties.expiry import Expiry
from hermodr_scheduler.duties.gauges import Gauges
from hermodr_scheduler.duties.replays import Replays
from hermodr_scheduler.duties.resumed import Resumed
from hermodr_scheduler.duties.upkeep import Upkeep
from hermodr_scheduler.handlers import subscribe
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_scheduler.service import Scheduling
from hermodr_scheduler.settings import SchedulerSettings
from hermodr_servicekit import logging
from hermodr_servicekit.settings import load

_LOCK_SECONDS = 1.0
"""How long a duty waits for a row that somebody has locked; then its round is over, and begins anew."""


async def main(stop: asyncio.Event) -> None:
    """Runs the scheduler until `stop`."""
    settings = load(SchedulerSettings)
    logging.configure(settings)
    runtime = Runtime(settings, lock_seconds=_LOCK_SECONDS)
    ledger, broker, announcer, clock = runtime.ledger, runtime.broker, runtime.announcer, runtime.clock
    metrics = SchedulerMetrics(runtime.registry)
    topology, batch = broker.topology, settings.scheduler_batch
    backlog, rows = Backlog(topology), DueRows(ledger)
    due = Due(rows, announcer, backlog, metrics, batch=batch)
    resumed, replays = Resumed(ledger), Replays(ledger, broker, announcer)
    scheduling = Scheduling(
        [
            due,
            Claims(rows, announcer, clock, metrics, topology=topology, batch=batch),
            Expiry(ledger, metrics, batch=batch),
            resumed,
            replays,
            Queues(broker, backlog, metrics),
            Gauges(ledger.cold, clock, metrics),
            Changes(ledger, clock, kept=settings.retention_changes),
            Upkeep(
                ledger.cold,
                clock,
                ladder=[step.delay for step in topology.ladder(Channel.EMAIL)],
                retention=timedelta(days=settings.retention_days) if settings.retention_days else None,
            ),
        ]
    )
    broker.include(partial(subscribe, topology=topology, ledger=ledger))

    def operated() -> None:
        resumed.wake.set()
        replays.wake.set()

    await runtime.run(
        stop,
        drain=announcer.drain,
        background=(
            listen(settings.database_url, DUE_CHANNEL, due.wake.set),
            listen(settings.database_url, OPERATED_CHANNEL, operated),
            scheduling.run(),
        ),
    )
