"""What all senders have in common.

settings = load(…)
sender = Sender(settings)
sender.serve(channel, providers, composer, variable="HERMODR_…_PROVIDERS", prefetch=20)
await sender.run(stop)
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, NamedTuple

from hermodr_contracts.messages import DeliveryCommand
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_delivery.claimed import Stopping
from hermodr_delivery.composing import ComposedT, Composer
from hermodr_delivery.contents import Contents
from hermodr_delivery.lane.pausing import PauseWatch
from hermodr_delivery.lane.pump import Pump
from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.provider import Provider
from hermodr_delivery.rate import window
from hermodr_delivery.recorder import Recorder
from hermodr_delivery.routing.limits_report import LimitsReport
from hermodr_delivery.routing.routes import Routes
from hermodr_delivery.sending import Sending
from hermodr_delivery.settings import SenderSettings
from hermodr_delivery.throughput import Throughput
from hermodr_ledger.deliveries.attempting import Attempts
from hermodr_ledger.deliveries.lanes import report_rates
from hermodr_ledger.deliveries.pauses import is_paused
from hermodr_ledger.deliveries.provider_limits import report
from hermodr_ledger.engine.locked import LOCK_SECONDS
from hermodr_ledger.runtime import Runtime
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.broker_session import GiveBack, Handler
from hermodr_servicekit.periodic import repeat
from hermodr_servicekit.settings import refuse


class Sender:
    """One process with three lanes for each channel it serves. Wrong settings end it with status 2."""

    def __init__(self, settings: SenderSettings) -> None:
        settings.refuse_short_leases()
        self.runtime = runtime = Runtime(settings, lock_seconds=LOCK_SECONDS)
        self._settings = settings
        self._metrics = SenderMetrics(runtime.registry)
        self._attempts = Attempts(runtime.ledger)
        self._throughput = Throughput(
            lambda rates: report_rates(runtime.ledger, runtime.instance, rates), runtime.clock
        )
        self._served: list[_Served] = []

    def serve(
        self,
        channel: Channel,
        providers: Sequence[Provider[ComposedT]],
        composer: Composer[ComposedT],
        *,
        variable: str,
        prefetch: int,
    ) -> None:
        """Sends what the channel's queues ask for, if this installation serves it; call it before `run`. `variable`
        configures the providers. A lane holds `prefetch` messages of up to 100 deliveries each."""
        runtime, lease = self.runtime, self._settings.lease_seconds
        if channel not in runtime.broker.topology.channels:
            return
        ahead = window((each.options.rate for each in providers), lease_seconds=lease, lanes=len(Priority))
        if ahead < 1:
            refuse(
                f"{variable}: a rate is too slow for HERMODR_LEASE_SECONDS: a quarter of a lease has to be"
                f" enough for {len(Priority)} messages"
            )
        routes = Routes(providers, runtime.clock, self._metrics, patience=lease / 4)
        pauses = PauseWatch(channel, lambda: is_paused(runtime.ledger, channel))
        sending = Sending(
            Contents(runtime.ledger, channel),
            composer,
            routes,
            runtime.clock,
            owner=runtime.instance,
            paused=lambda: pauses.paused,
        )
        recorder = Recorder(
            self._attempts,
            runtime.announcer,
            self._metrics,
            ladder=runtime.broker.topology.ladder(channel),
            throughput=self._throughput,
        )
        pumps = {
            priority: Pump(
                self._attempts,
                recorder,
                sending.prepare,
                runtime.clock,
                owner=runtime.instance,
                concurrency=workers,
                window=ahead,
                lease_seconds=lease,
                resting=routes.resting,
            )
            for priority, workers in _shares(providers[0].options.concurrency).items()
        }
        pauses.hold(pumps.values())
        subscribe(runtime.broker, channel, pumps, prefetch=prefetch)
        limits = LimitsReport(
            channel, routes, lambda seen: report(runtime.ledger, runtime.instance, seen), runtime.clock
        )
        self._served.append(_Served(list(pumps.values()), routes, pauses, limits))

    async def run(self, stop: asyncio.Event) -> None:
        """Sends until `stop`; then finishes what is claimed and closes the providers."""
        background: list[Awaitable[None]] = [repeat("throughput", self._throughput.tick)]
        for each in self._served:
            background += each.pauses.running(self._settings.database_url)
            background += [repeat("provider limits", each.limits.tick), *(pump.run() for pump in each.pumps)]
        await self.runtime.run(stop, drain=self._drain, background=tuple(background))
        for each in self._served:
            await each.routes.close()

    async def _drain(self) -> None:
        await asyncio.gather(*(pump.drain() for each in self._served for pump in each.pumps))


class _Served(NamedTuple):
    pumps: Sequence[Pump]
    routes: Routes[Any]
    pauses: PauseWatch
    limits: LimitsReport


def subscribe(broker: Broker, channel: Channel, pumps: Mapping[Priority, Pump], *, prefetch: int) -> None:
    """A consumer for the queue of every lane."""
    for priority, pump in pumps.items():
        broker.consume(broker.topology.send_queue(channel, priority), _on_send(pump), prefetch=prefetch)


def _on_send(pump: Pump) -> Handler:
    async def on_send(message: DeliveryCommand) -> None:
        try:
            await pump.submit(message.delivery_ids)
        except Stopping:
            raise GiveBack from None

    return on_send


def _shares(concurrency: int) -> dict[Priority, int]:
    """The workers of each lane, a fifth of them urgent. The provider's pool is as large as all together, so no lane
    waits for another's connection."""
    urgent = max(1, concurrency // 5)
    low = max(1, concurrency // 5)
    return {Priority.URGENT: urgent, Priority.NORMAL: max(1, concurrency - urgent - low), Priority.LOW: low}
