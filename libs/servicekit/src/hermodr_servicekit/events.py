"""Events: telling whoever listens what was committed, sooner than they would find it in the ledger."""

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from uuid import UUID

import structlog

from hermodr_contracts.messages import (
    PACK_LIMIT,
    DeliveriesChanged,
    DeliveryChange,
    InboxChange,
    InboxChanged,
    JobChange,
    JobsChanged,
    ProjectsChanged,
)
from hermodr_servicekit.broker import Broker, Unroutable
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer
from hermodr_servicekit.logging import whereabouts
from hermodr_servicekit.outages import BrokerUnavailable

log = structlog.get_logger()

UNHEARD_SECONDS = 1.0
"""How long nothing is published after the broker said that nobody listens."""
_SPACING_SECONDS = 0.05
"""Between two rounds of messages, unless the one before was longer ago."""
_SPACING_OF_PROJECTS = 0.25
"""The same, for projects in which something changed."""
_MOST_WAITING = 10_000
"""Changes; as many as an api instance's queue holds messages."""

Change = JobChange | DeliveryChange | InboxChange
_Changes = tuple[Change, ...]
_Event = JobsChanged | DeliveriesChanged | InboxChanged | ProjectsChanged


class Events:
    """Publishes changes of states, up to `PACK_LIMIT` in a message, and in which projects something changed.

    It neither raises nor holds anybody up. What cannot be published now is dropped: whoever shows a state can read it
    again. While nobody listens, changes are not even looked at, so hand in generators.
    """

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._unheard_until: dict[type[_Event], float] = {}
        """Of each kind that was tried; 0: somebody listens. A service may tell of one kind alone."""
        self._waiting = 0
        self._line: Coalescer[_Changes, None] = Coalescer(
            self._publish_all, max_items=sys.maxsize, spacing=_SPACING_SECONDS
        )
        self._projects: set[UUID] = set()
        self._stirred: Coalescer[None, None] = Coalescer(
            self._publish_projects, max_items=sys.maxsize, spacing=_SPACING_OF_PROJECTS
        )

    def tell(self, news: Iterable[Change | UUID]) -> None:
        """These jobs and deliveries are in these states, and this happened in inboxes; it may have been told before.
        A bare id: something changed in that project."""
        heard_from = min(self._unheard_until.values(), default=0.0)
        if not self._broker.connected or self._clock.monotonic() < heard_from:
            return
        try:
            heard = tuple(news)
        except Exception as error:  # noqa: BLE001 - what it is about is committed
            log.error("events dropped", error=whereabouts(error))
            return
        changes = tuple(each for each in heard if not isinstance(each, UUID))
        self._stir({each if isinstance(each, UUID) else each.project_id for each in heard})
        if changes and self._waiting < _MOST_WAITING:
            self._waiting += len(changes)
            self._line.submit(changes)

    async def drain(self) -> None:
        """Returns when everything told so far is published or dropped."""
        await self._line.drain()
        await self._stirred.drain()

    def _stir(self, projects: set[UUID]) -> None:
        if projects <= self._projects:
            return
        if not self._projects:
            self._stirred.submit(None)
        self._projects |= projects

    async def _publish_projects(self, told: Sequence[None]) -> list[None]:
        projects, self._projects = tuple(self._projects), set()
        try:
            with contextlib.suppress(BrokerUnavailable):
                for start in range(0, len(projects), PACK_LIMIT):
                    await self._publish(ProjectsChanged(project_ids=projects[start : start + PACK_LIMIT]))
        except Exception as error:  # noqa: BLE001 - the next ones are told all the same
            log.error("events dropped", error=whereabouts(error))
        return [None] * len(told)

    async def _publish_all(self, told: Sequence[_Changes]) -> list[None]:
        self._waiting -= sum(map(len, told))
        try:
            with contextlib.suppress(BrokerUnavailable):
                for event in _packed(list(chain.from_iterable(told))):
                    await self._publish(event)
        except Exception as error:  # noqa: BLE001 - the next ones are told all the same
            log.error("events dropped", error=whereabouts(error))
        return [None] * len(told)

    async def _publish(self, event: _Event) -> None:
        topology, kind = self._broker.topology, type(event)
        if self._clock.monotonic() < self._unheard_until.get(kind, 0.0):
            return
        try:
            await self._broker.publish(event, topology.events, topology.event_key(kind))
            self._unheard_until[kind] = 0.0
        except Unroutable:
            self._unheard_until[kind] = self._clock.monotonic() + UNHEARD_SECONDS


def _packed(changes: Sequence[Change]) -> Iterator[_Event]:
    jobs = tuple(each for each in changes if isinstance(each, JobChange))
    deliveries = tuple(each for each in changes if isinstance(each, DeliveryChange))
    for start in range(0, len(deliveries), PACK_LIMIT):
        yield DeliveriesChanged(changes=deliveries[start : start + PACK_LIMIT])
    for start in range(0, len(jobs), PACK_LIMIT):
        yield JobsChanged(changes=jobs[start : start + PACK_LIMIT])
    in_inboxes = tuple(each for each in changes if isinstance(each, InboxChange))
    for start in range(0, len(in_inboxes), PACK_LIMIT):
        yield InboxChanged(changes=in_inboxes[start : start + PACK_LIMIT])
