"""The life of a service that works on the ledger and listens to the broker."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Gauge

from hermodr_contracts.messages import JobsRequested, Message
from hermodr_ledger.engine import Ledger, LedgerUnavailable
from hermodr_ledger.upkeep.due import put_back
from hermodr_ledger.upkeep.lifeline import Heart, WriteCheck, instance_name, ledger_ready
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.clock import SystemClock
from hermodr_servicekit.events import Events
from hermodr_servicekit.loop_watch import LoopWatch
from hermodr_servicekit.periodic import repeat, running
from hermodr_servicekit.process import spare_the_collector
from hermodr_servicekit.settings import ServiceSettings
from hermodr_servicekit.web import ops_app, serve

log = structlog.get_logger()


class Runtime:
    def __init__(self, settings: ServiceSettings, *, lock_seconds: float = 0.0) -> None:
        self.settings = settings
        self.clock = SystemClock()
        self.instance = instance_name()
        self.registry = CollectorRegistry()
        self.broker = Broker(settings.amqp_url, settings.topology, settings.service, registry=self.registry)
        self.events = Events(self.broker, self.clock)
        self.ledger = Ledger(
            settings.database_url, service=settings.service, lock_seconds=lock_seconds, tell=self.events.tell
        )
        self.announcer = Announcer(self.broker)
        self.announcer.on_failure(self._undelivered)
        self._started = False
        beat = Gauge(
            "hermodr_service_heartbeat_timestamp_seconds",
            "When the service last wrote its sign of life.",
            registry=self.registry,
        )
        self._writing = WriteCheck(self.ledger, self.clock)
        self._heart = Heart(
            self.ledger, settings.service, self.instance, self.clock, settings.heartbeat_seconds, beat
        )

    async def run(
        self,
        stop: asyncio.Event,
        *,
        drain: Callable[[], Awaitable[None]],
        background: tuple[Awaitable[None], ...] = (),
    ) -> None:
        """Serves health and metrics, waits for the database, works until `stop`; then stops consuming, lets `drain`
        finish within the grace period and closes its connections."""
        settings = self.settings
        async with (
            running(LoopWatch(self.registry).run()),
            serve(ops_app(self._ready, self.registry), settings.http_host, settings.port) as port,
        ):
            log.info("serving", port=port, instance=self.instance)
            if await ledger_ready(self.ledger, stop):
                async with running(
                    self.broker.run(), repeat("heartbeat", self._heart.tick, after_error=1.0), *background
                ):
                    self._started = True
                    spare_the_collector()
                    await stop.wait()
                    await self._finish(drain)
                await self._heart.leave()
            else:
                for each in background:
                    asyncio.ensure_future(each).cancel()
        await self.ledger.close()
        log.info("stopped")

    async def _finish(self, drain: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(self.settings.grace_seconds):
                await self.broker.stop_consuming()
                await drain()
                await self.events.drain()
        except TimeoutError:
            log.warning("the grace period is over; the scheduler will hand out what is left")

    async def _undelivered(self, command: type[Message], ids: Sequence[UUID]) -> None:
        """Announcements that did not reach the broker: their rows become due again shortly."""
        of_jobs = command is JobsRequested
        try:
            await put_back(self.ledger, ids if of_jobs else (), () if of_jobs else ids)
        except LedgerUnavailable as error:
            log.warning("rows stay put off", rows=len(ids), error=str(error))

    async def _ready(self) -> dict[str, bool]:
        return {
            "started": self._started,
            "broker": self.broker.connected,
            "database": await self._writing.failure() is None,
        }
