"""What all senders have in common. A service subclasses `Sender` and calls `serve` for each of its channels."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

from faststream.exceptions import NackMessage
from faststream.rabbit import RabbitRouter

from hermodr_contracts.messages import DeliveryCommand
from hermodr_contracts.topology import QueueSpec
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
from hermodr_delivery.routing.claiming import Claiming
from hermodr_delivery.routing.limits_report import LimitsReport
from hermodr_delivery.routing.routes import Routes
from hermodr_delivery.routing.shared import Shared
from hermodr_delivery.sending import Sending
from hermodr_delivery.settings import SenderSettings
from hermodr_delivery.throughput import Throughput
from hermodr_ledger.deliveries.attempting import Attempts
from hermodr_ledger.deliveries.budgets import ProviderBudgets
from hermodr_ledger.deliveries.lanes import report_rates
from hermodr_ledger.deliveries.pauses import is_paused
from hermodr_ledger.deliveries.provider_limits import report
from hermodr_ledger.engine.locked import LOCK_SECONDS
from hermodr_ledger.runtime import Worker
from hermodr_servicekit.periodic import repeat
from hermodr_servicekit.settings import refuse

S = TypeVar("S", bound=SenderSettings)


class Lane(NamedTuple):
    """A queue of a channel, and who takes what it asks for."""

    spec: QueueSpec
    submit: Callable[[Sequence[UUID]], Awaitable[None]]
    prefetch: int

    async def take(self, command: DeliveryCommand) -> None:
        """Returns when each delivery was sent and recorded, or could not be claimed; a sender that ends puts the
        message back."""
        try:
            await self.submit(command.delivery_ids)
        except Stopping:
            raise NackMessage from None


class SubscribeLane(Protocol):
    """Registers a service's handler for a lane: `handlers.subscribe`."""

    def __call__(self, router: RabbitRouter, lane: Lane) -> None: ...


class Sender(Worker[S]):
    """One process with three lanes for each channel it serves. Wrong settings end it with status 2."""

    def __init__(self, settings: S) -> None:
        settings.refuse_short_leases()
        super().__init__(settings, lock_seconds=LOCK_SECONDS)
        self._metrics = SenderMetrics(self.registry)
        self._attempts = Attempts(self.ledger)
        self._throughput = Throughput(
            lambda rates: report_rates(self.ledger, settings.service, self.instance, rates), self.clock
        )
        self._served: list[_Served] = []
        self.pumps: dict[tuple[Channel, Priority], Pump] = {}
        """The lanes."""

    def serve(
        self,
        channel: Channel,
        providers: Sequence[Provider[ComposedT]],
        composer: Composer[ComposedT],
        subscribe: SubscribeLane,
        *,
        variable: str,
        prefetch: int,
    ) -> None:
        """Sends what the channel's queues ask for, if this installation serves it; call it before `run`. `subscribe`
        registers the service's handler for a lane, which holds `prefetch` messages of up to 100 deliveries each.
        `variable` configures the providers."""
        if channel not in self.broker.topology.channels:
            return
        needed = self.broker.topology.channels[channel].needs_texts
        lease, ahead = self.settings.lease_seconds, self._window(providers, variable)
        shared = Shared(ProviderBudgets(self.ledger, channel), self._metrics)
        routes = self._routes(providers, shared)
        pauses = PauseWatch(channel, lambda: is_paused(self.ledger, channel))
        sending = Sending(
            Contents(self.ledger, channel, self.clock.monotonic, needed=needed),
            composer,
            routes,
            self.clock,
            owner=self.instance,
            paused=lambda: pauses.paused,
        )
        recorder = Recorder(
            self._attempts,
            self.announcer,
            self._metrics,
            ladder=self.broker.topology.ladder(channel),
            throughput=self._throughput,
        )
        pumps = {
            priority: Pump(
                Claiming(self._attempts, partial(routes.choose, priority=priority)),
                recorder,
                sending.prepare,
                self.clock,
                owner=self.instance,
                concurrency=workers,
                window=ahead,
                lease_seconds=lease,
                resting=routes.resting,
                ahead=partial(routes.ahead, priority),
                pause_of=routes.project_pause if routes.limit_projects else None,
            )
            for priority, workers in _shares(providers[0].options.concurrency).items()
        }
        for priority, pump in pumps.items():
            routes.overflow.watch(priority, pump.queue.waited)
        pauses.hold(pumps.values())
        self._listen(channel, pumps, subscribe, prefetch)
        limits = LimitsReport(channel, routes, partial(report, self.ledger, self.instance), self.clock)
        self._served.append(_Served([*pumps.values()], routes, shared, pauses, limits))

    def _routes(
        self, providers: Sequence[Provider[ComposedT]], shared: Shared
    ) -> Routes[Provider[ComposedT]]:
        return Routes(
            providers,
            self.clock,
            self._metrics,
            patience=self.settings.lease_seconds / 4,
            breaker=self.settings.breaker_limits(),
            shared=shared,
            overflow=self.settings.overflow_seconds,
        )

    def _window(self, providers: Sequence[Provider[ComposedT]], variable: str) -> int:
        """How many deliveries a lane claims ahead. Ends the process if a rate is too slow for that."""
        rates, lanes = (each.options.rate for each in providers), len(Priority)
        ahead = window(rates, lease_seconds=self.settings.lease_seconds, lanes=lanes)
        if ahead < 1:
            refuse(
                f"{variable}: a rate is too slow for HERMODR_LEASE_SECONDS: a quarter of a lease has to be"
                f" enough for {lanes} messages"
            )
        return ahead

    def _listen(
        self, channel: Channel, pumps: Mapping[Priority, Pump], subscribe: SubscribeLane, prefetch: int
    ) -> None:
        broker = self.broker
        for priority, pump in pumps.items():
            self.pumps[channel, priority] = pump
            self._throughput.watch(channel, priority, pump.queue)
            lane = Lane(broker.topology.send_queue(channel, priority), pump.submit, prefetch)
            broker.include(partial(subscribe, lane=lane))

    def work(self) -> Sequence[Awaitable[None]]:
        """Sends."""
        tasks = [*super().work(), repeat("throughput", self._throughput.tick)]
        for each in self._served:
            tasks += each.pauses.running(self.settings.database_url, also=each.shared.wake.set)
            tasks.append(repeat("rests", each.shared.tick, wake=each.shared.wake))
            tasks += [repeat("provider limits", each.limits.tick), *(pump.run() for pump in each.pumps)]
        return tasks

    async def drain(self) -> None:
        """Returns when what is claimed is sent and recorded."""
        await asyncio.gather(*(pump.drain() for each in self._served for pump in each.pumps))
        await super().drain()

    async def close(self) -> None:
        """Ends the connections to providers as well."""
        await super().close()
        for each in self._served:
            await each.routes.close()


class _Served(NamedTuple):
    pumps: Sequence[Pump]
    routes: Routes[Any]
    shared: Shared
    pauses: PauseWatch
    limits: LimitsReport


def _shares(concurrency: int) -> dict[Priority, int]:
    """The workers of each lane. The provider's pool is as large as all together, so no lane waits for another's
    connection."""
    urgent = max(1, concurrency // 5)
    low = max(1, concurrency // 5)
    return {Priority.URGENT: urgent, Priority.NORMAL: max(1, concurrency - urgent - low), Priority.LOW: low}
