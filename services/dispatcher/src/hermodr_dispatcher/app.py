"""The dispatcher, put together."""

import asyncio
from collections.abc import Mapping
from functools import partial

from prometheus_client import Counter

from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import JobKind
from hermodr_dispatcher.handlers import subscribe
from hermodr_dispatcher.kinds.decider import Decider
from hermodr_dispatcher.kinds.notification import Notifications
from hermodr_dispatcher.kinds.task import Tasks
from hermodr_dispatcher.service import Dispatching
from hermodr_dispatcher.settings import DispatcherSettings
from hermodr_ledger.engine import Ledger
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
        deciders_of(runtime.ledger, runtime.broker.topology.channels),
        finished=finished,
    )
    runtime.broker.include(
        partial(
            subscribe,
            topology=runtime.broker.topology,
            dispatching=dispatching,
            prefetch=settings.dispatcher_prefetch,
        )
    )
    await runtime.run(stop, drain=dispatching.drain)


def deciders_of(ledger: Ledger, channels: Channels) -> Mapping[JobKind, Decider]:
    """Who decides upon which kind of job."""
    return {JobKind.NOTIFICATION: Notifications(ledger, channels), JobKind.TASK: Tasks()}
