"""The dispatcher, put together."""

import asyncio

from prometheus_client import Counter

from hermodr_dispatcher.handlers import subscribe
from hermodr_dispatcher.service import Dispatching
from hermodr_dispatcher.settings import DispatcherSettings
from hermodr_ledger.engine.locked import LOCK_SECONDS
from hermodr_ledger.runtime import Runtime
from hermodr_servicekit import logging
from hermodr_servicekit.settings import load


async def main(stop: asyncio.Event) -> None:
    """Runs the dispatcher until `stop`."""
    settings = load(DispatcherSettings)
    logging.configure(settings)
    runtime = Runtime(settings, lock_seconds=LOCK_SECONDS)
    finished = Counter(
        "hermodr_jobs_finished", "Jobs that ended here.", ("kind", "status"), registry=runtime.registry
    )
    dispatching = Dispatching(
        runtime.ledger,
        runtime.announcer,
        channels=settings.topology.channels,
        finished=finished,
    )
    subscribe(runtime.broker, dispatching, prefetch=settings.dispatcher_prefetch)
    await runtime.run(stop, drain=dispatching.drain)
