"""What every service on the ledger has, beside the life that all services live (`hermodr_servicekit.service`)."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

import structlog
from prometheus_client import Gauge

from hermodr_contracts.messages import JobsRequested, Message
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.upkeep.due import put_back
from hermodr_ledger.upkeep.lifeline import Heart, WriteCheck, change_nothing, ledger_ready
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.events import Events
from hermodr_servicekit.periodic import repeat
from hermodr_servicekit.service import Service
from hermodr_servicekit.settings import ServiceSettings

log = structlog.get_logger()

S = TypeVar("S", bound=ServiceSettings)


class LedgerService(Service[S]):
    """Works on the ledger and publishes by a broker. Its handlers are registered with `broker.include`."""

    def __init__(
        self, settings: S, clock: Clock | None = None, *, spacing: float = 0.0, **ledger: Any
    ) -> None:
        """`ledger`: options of `Ledger`."""
        super().__init__(settings, clock)
        self.broker = Broker(
            settings.amqp_url,
            settings.topology,
            settings.service,
            registry=self.registry if settings.broker_metrics else None,
        )
        self.events = Events(self.broker, self.clock)
        self.ledger = Ledger(settings.database_url, service=settings.service, tell=self.events.tell, **ledger)
        self.announcer = Announcer(self.broker, spacing=spacing)
        beat = Gauge(
            "hermodr_service_heartbeat_timestamp_seconds",
            "When the service last wrote its sign of life.",
            registry=self.registry,
        )
        self._heart = Heart(
            self.ledger, settings.service, self.instance, self.clock, settings.heartbeat_seconds, beat
        )

    async def begin(self, stop: asyncio.Event) -> bool:
        """Waits for the database."""
        return await ledger_ready(self.ledger, stop)

    def work(self) -> Sequence[Awaitable[None]]:
        """Shows signs of life."""
        return (repeat("heartbeat", self._heart.tick),)

    async def take_no_more(self) -> None:
        """Stops consuming."""
        await self.broker.stop_consuming()

    async def drain(self) -> None:
        """Returns when all announcements and events are published, or given up."""
        await self.announcer.drain()
        await self.events.drain()

    async def leave(self) -> None:
        """Takes this instance off the list of the living."""
        await self._heart.leave()

    async def close(self) -> None:
        """Ends the connections to the database. Those to the broker end with its task."""
        await self.ledger.close()


class Worker(LedgerService[S]):
    """A service that is rung for by the broker, and begins to listen once the database answers."""

    def __init__(self, settings: S, *, lock_seconds: float = 0.0) -> None:
        super().__init__(settings, lock_seconds=lock_seconds)
        self.announcer.on_failure(self._undelivered)
        self._writing = WriteCheck(self.ledger, self.clock, change_nothing)

    async def ready(self) -> Mapping[str, bool]:
        """Broker and database are needed."""
        return {
            "started": self.started,
            "broker": self.broker.connected,
            "database": await self._writing.failure() is None,
        }

    def work(self) -> Sequence[Awaitable[None]]:
        """Listens to the broker, too."""
        return (self.broker.run(), *super().work())

    async def _undelivered(self, command: type[Message], ids: Sequence[UUID]) -> None:
        """Announcements that did not reach the broker: their rows become due again shortly."""
        of_jobs = command is JobsRequested
        try:
            await put_back(self.ledger, ids if of_jobs else (), () if of_jobs else ids)
        except LedgerUnavailable as error:
            log.warning("rows stay put off", rows=len(ids), error=str(error))
