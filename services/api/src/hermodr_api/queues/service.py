from collections.abc import Mapping

from hermodr_api.access.authentication import Caller
from hermodr_api.access.operators import Operators
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import NOT_FOUND, Refused, not_found
from hermodr_api.health.counts import Counts
from hermodr_api.health.service import HealthCheck
from hermodr_api.queues.models import (
    ChannelView,
    DispatchLaneView,
    LaneView,
    PausedView,
    QueuesView,
)
from hermodr_contracts.topology import Topology
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_ledger.access import audit
from hermodr_ledger.deliveries import lanes, pauses
from hermodr_ledger.deliveries.lanes import Lane, Rate, Undecided
from hermodr_ledger.deliveries.pauses import Pause
from hermodr_ledger.engine import Ledger, Transaction

Sizes = Mapping[str, tuple[int, int]]


class Queues:
    """The use cases of `/v1/queues`; a pause needs an operator. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        operators: Operators,
        check: HealthCheck,
        counts: Counts,
        topology: Topology,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._operators = operators
        self._check = check
        self._counts = counts
        self._topology = topology

    async def look(self) -> QueuesView:
        """Without the broker its part is unknown."""
        sizes = await self._check.queue_sizes()
        connected, sizes = sizes is not None, sizes or {}
        async with patience():
            found, undecided = await self._counts.of("lanes", self._count)
            rates = await lanes.rates(self._ledger)
            paused = {each.channel: each for each in await pauses.paused(self._ledger)}
            tasks = await lanes.waiting_tasks(self._ledger)
        return QueuesView(
            data=[
                self._channel(channel, paused.get(channel), found, rates, sizes)
                for channel, spec in self._topology.channels.items()
                if spec.command is not None
            ],
            dispatch=[self._dispatch(each, undecided.get(each, Undecided()), sizes) for each in Priority],
            waiting_tasks=tasks,
            broker_connected=connected,
        )

    async def _count(self) -> tuple[Mapping[tuple[Channel, Priority], Lane], Mapping[Priority, Undecided]]:
        return await lanes.deliveries(self._ledger), await lanes.undecided(self._ledger)

    async def pause(self, caller: Caller, channel: str, reason: str | None, key: Key | None) -> Answer:
        """Takes effect within a second."""
        return await self._change(caller, channel, reason, key, paused=True)

    async def resume(self, caller: Caller, channel: str, reason: str | None, key: Key | None) -> Answer:
        return await self._change(caller, channel, reason, key, paused=False)

    async def _change(
        self, caller: Caller, name: str, reason: str | None, key: Key | None, *, paused: bool
    ) -> Answer:
        await self._operators.require(caller)
        spec = next((each for each in self._topology.channels.values() if each.channel == name), None)
        if spec is None:
            raise not_found("channel")
        if spec.command is None:
            raise Refused(NOT_FOUND, f"{name} has no queue: there is nothing to pause")
        channel = spec.channel

        async def act(transaction: Transaction) -> Outcome:
            if paused:
                changed = await pauses.pause(transaction, channel, reason)
            else:
                changed = await pauses.resume(transaction, channel)
            now = {each.channel: each for each in await pauses.paused(transaction)}.get(channel)
            await audit.record(
                transaction,
                caller.project_id,
                caller.actor,
                "queue.pause" if paused else "queue.resume",
                channel,
                {"changed": changed, "reason": reason},
            )
            view = PausedView(
                channel=channel,
                paused=now is not None,
                paused_at=now.paused_at if now is not None else None,
                reason=now.reason if now is not None else None,
                changed=changed,
            )
            return Outcome(view.model_dump_json().encode())

        return await self._repeatable.run(caller.project_id, key, 200, act)

    def _channel(
        self,
        channel: Channel,
        pause: Pause | None,
        found: Mapping[tuple[Channel, Priority], Lane],
        rates: Mapping[tuple[Channel, Priority], Rate],
        sizes: Sizes,
    ) -> ChannelView:
        retry, dead = f"{channel}.retry.", f"{channel}.dead"
        waiting = [ready for label, (ready, _) in sizes.items() if label.startswith(retry)]
        return ChannelView(
            channel=channel,
            paused=pause is not None,
            paused_at=pause.paused_at if pause is not None else None,
            reason=pause.reason if pause is not None else None,
            retry_ready=sum(waiting) if sizes else None,
            dead_ready=_ready(sizes, dead),
            lanes=[
                self._lane(
                    channel,
                    each,
                    found.get((channel, each), Lane()),
                    rates.get((channel, each), Rate()),
                    sizes,
                )
                for each in Priority
            ],
        )

    def _lane(self, channel: Channel, priority: Priority, lane: Lane, rate: Rate, sizes: Sizes) -> LaneView:
        label = self._topology.send_queue(channel, priority).label
        return LaneView(
            lane=priority.lane,
            queue=label,
            ready=_ready(sizes, label),
            consumers=_consumers(sizes, label),
            waiting=lane.waiting,
            later=lane.later,
            sending=lane.sending,
            oldest_seconds=lane.oldest_seconds,
            sent_per_second=round(rate.sent, 2),
            failed_per_second=round(rate.failed, 2),
        )

    def _dispatch(self, priority: Priority, waiting: Undecided, sizes: Sizes) -> DispatchLaneView:
        label = self._topology.job_queue(priority).label
        return DispatchLaneView(
            lane=priority.lane,
            queue=label,
            ready=_ready(sizes, label),
            consumers=_consumers(sizes, label),
            waiting=waiting.waiting,
            oldest_seconds=waiting.oldest_seconds,
        )


def _ready(sizes: Sizes, label: str) -> int | None:
    return sizes[label][0] if label in sizes else None


def _consumers(sizes: Sizes, label: str) -> int | None:
    return sizes[label][1] if label in sizes else None
