"""Ringing the doorbell: packing ids that want work into few messages, off the path of whoever wrote the rows."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from uuid import UUID

import structlog
from faststream.rabbit import RabbitExchange

from hermodr_contracts.ladder import Step
from hermodr_contracts.messages import PACK_LIMIT, DeliveryCommand, JobsRequested, Message
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_servicekit import tracing
from hermodr_servicekit.broker import Broker, Unroutable
from hermodr_servicekit.coalescer import Coalescer
from hermodr_servicekit.logging import whereabouts
from hermodr_servicekit.outages import BrokerUnavailable

log = structlog.get_logger()

_TOLD_AT_A_TIME = 2
"""Failures: a connection lost with thousands of messages waiting must not take all of a service's statements."""

FailureHandler = Callable[[type[Message], Sequence[UUID]], Awaitable[None]]


@dataclass(frozen=True)
class _Door:
    command: type[JobsRequested | DeliveryCommand]
    exchange: str
    routing_key: str


class Announcer:
    """Publishes ids, up to `PACK_LIMIT` in a message and up to `window` messages at a time.

    It does not raise: the rows are in the ledger, and the scheduler announces again what stays unclaimed. While the
    broker is away ids are dropped rather than collected, for the same reason. Callers are never held up.

    What comes while messages of its kind and lane are being confirmed goes with the next ones. So does, unless it is
    urgent, what comes within `spacing` seconds of their start: a message costs the same few milliseconds on its whole
    way, whether it has one id or ten.
    """

    def __init__(
        self, broker: Broker, *, window: int = 8, pack: int = PACK_LIMIT, spacing: float = 0.0
    ) -> None:
        self._broker = broker
        self._pack = pack
        self._spacing = spacing
        self._window = asyncio.Semaphore(window)
        self._telling = asyncio.Semaphore(_TOLD_AT_A_TIME)
        self._lines: dict[_Door, Coalescer[tuple[UUID, ...], None]] = {}
        self._failed: FailureHandler | None = None
        topology = broker.topology
        self._exchanges: dict[str, RabbitExchange] = {each.name: each for each in topology.exchanges}

    @property
    def reachable(self) -> bool:
        """Whether what is announced now can be expected to arrive."""
        return self._broker.connected

    def on_failure(self, handler: FailureHandler) -> None:
        """Has `handler` told of announcements that did not arrive, with the command and the ids."""
        self._failed = handler

    def jobs(self, priority: Priority, ids: Iterable[UUID]) -> None:
        """These jobs want to be decided upon."""
        topology = self._broker.topology
        self._ring(_Door(JobsRequested, topology.jobs.name, topology.job_key(priority)), priority, ids)

    def deliveries(
        self, channel: Channel, priority: Priority, ids: Iterable[UUID], *, after: Step | None = None
    ) -> None:
        """These deliveries want to be sent: now, or `after` a step of the ladder. Those of a channel that nobody serves
        here are not announced; they wait in the ledger."""
        topology = self._broker.topology
        spec = topology.channels.get(channel)
        if spec is None or spec.command is None:
            return
        exchange = topology.retry if after else topology.deliveries
        door = _Door(spec.command, exchange.name, topology.send_key(channel, priority, after))
        self._ring(door, priority, ids)

    async def drain(self) -> None:
        """Returns when everything announced so far is confirmed or given up."""
        await asyncio.gather(*(line.drain() for line in self._lines.values()))

    def _ring(self, door: _Door, priority: Priority, ids: Iterable[UUID]) -> None:
        crowd = tuple(ids)
        if not crowd:
            return
        if door not in self._lines:
            spacing = 0.0 if priority is Priority.URGENT else self._spacing
            self._lines[door] = Coalescer(partial(self._serve, door), max_items=sys.maxsize, spacing=spacing)
        self._lines[door].submit(crowd)

    async def _serve(self, door: _Door, crowds: Sequence[tuple[UUID, ...]]) -> list[None]:
        ids = tuple(chain.from_iterable(crowds))
        packs = [ids[start : start + self._pack] for start in range(0, len(ids), self._pack)]
        await asyncio.gather(*(self._publish(door, pack) for pack in packs))
        return [None] * len(crowds)

    async def _publish(self, door: _Door, ids: tuple[UUID, ...]) -> None:
        message = _command(door.command, ids)
        began = tracing.moment()
        try:
            async with self._window:
                await self._broker.publish(message, self._exchanges[door.exchange], door.routing_key)
            tracing.steps("announce", ids, began, {"hermodr.queue": door.routing_key}, kind="producer")
        except Exception as error:  # noqa: BLE001 - whatever it is must not take other messages with it
            expected = isinstance(error, BrokerUnavailable | Unroutable)
            (log.warning if expected else log.error)(
                "announcement failed; the scheduler will repeat it",
                message=door.command.type_name(),
                key=door.routing_key,
                rows=len(ids),
                error=type(error).__name__ if expected else whereabouts(error),
            )
            await self._tell(door.command, ids)

    async def _tell(self, command: type[Message], ids: tuple[UUID, ...]) -> None:
        if self._failed is not None:
            try:
                async with self._telling:
                    await self._failed(command, ids)
            except Exception as error:  # noqa: BLE001 - it must not take the other messages of the door with it
                log.error("failed announcement not dealt with", rows=len(ids), error=type(error).__name__)


def _command(kind: type[JobsRequested | DeliveryCommand], ids: tuple[UUID, ...]) -> Message:
    return kind(job_ids=ids) if issubclass(kind, JobsRequested) else kind(delivery_ids=ids)
