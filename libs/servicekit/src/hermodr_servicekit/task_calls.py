"""Calls to workers: tasks wait, a running one is to stop; and from them, how far one is."""

import sys
from collections.abc import Iterable, Sequence
from itertools import chain
from uuid import UUID

import structlog

from hermodr_contracts.messages import PACK_LIMIT, CancelRequested, Message, RunTasks, TaskProgressed
from hermodr_servicekit.broker import Broker, Unroutable
from hermodr_servicekit.coalescer import Coalescer
from hermodr_servicekit.logging import whereabouts
from hermodr_servicekit.outages import BrokerUnavailable

log = structlog.get_logger()

_MOST_WAITING = 10_000


class TaskCalls:
    """Every worker has a queue of its own, and looks into the ledger when it is called, and each second. So a call
    neither raises nor is it repeated, and callers are never held up."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._waiting = 0
        self._line: Coalescer[tuple[UUID, ...], None] = Coalescer(self._publish_runs, max_items=sys.maxsize)
        self._others: Coalescer[Message, None] = Coalescer(self._publish_all, max_items=PACK_LIMIT)

    def run(self, job_ids: Iterable[UUID]) -> None:
        """These tasks wait."""
        ids = tuple(job_ids)
        if ids and self._broker.connected and self._waiting < _MOST_WAITING:
            self._waiting += len(ids)
            self._line.submit(ids)

    def cancel(self, job_id: UUID) -> None:
        """This running task is to stop."""
        if self._broker.connected:
            self._others.submit(CancelRequested(job_id=job_id))

    def progressed(self, progress: TaskProgressed) -> None:
        """A running task got further."""
        if self._broker.connected:
            self._others.submit(progress)

    async def drain(self) -> None:
        """Returns when all calls so far are made or dropped."""
        await self._line.drain()
        await self._others.drain()

    async def _publish_runs(self, crowds: Sequence[tuple[UUID, ...]]) -> list[None]:
        self._waiting -= sum(map(len, crowds))
        ids = tuple(chain.from_iterable(crowds))
        for start in range(0, len(ids), PACK_LIMIT):
            await self._publish(RunTasks(job_ids=ids[start : start + PACK_LIMIT]))
        return [None] * len(crowds)

    async def _publish_all(self, messages: Sequence[Message]) -> list[None]:
        for message in messages:
            await self._publish(message)
        return [None] * len(messages)

    async def _publish(self, message: Message) -> None:
        topology = self._broker.topology
        try:
            await self._broker.publish(message, topology.events, topology.event_key(type(message)))
        except (BrokerUnavailable, Unroutable):  # nobody listens
            return
        except Exception as error:  # noqa: BLE001 - the others are called all the same
            log.error("a call to workers failed", message=message.type_name(), error=whereabouts(error))
