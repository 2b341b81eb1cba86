"""All of real time, put together: what the api has to know of it."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from uuid import UUID

from faststream.rabbit import RabbitRouter
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from hermodr_api.access.authentication import Authenticator
from hermodr_api.access.quotas import Quotas
from hermodr_api.realtime.feed import Feed
from hermodr_api.realtime.handlers import subscribe
from hermodr_api.realtime.hub import REFETCH, Hub
from hermodr_api.realtime.places import Places
from hermodr_api.realtime.reads import LedgerReads
from hermodr_api.realtime.service import RealTime
from hermodr_api.realtime.sockets import Sockets
from hermodr_api.realtime.stream import Streams
from hermodr_api.realtime.watching import Watching
from hermodr_contracts.topology import Topology
from hermodr_ledger.access import open_sockets
from hermodr_ledger.engine import Ledger
from hermodr_servicekit.broker import Broker
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.events import UNHEARD_SECONDS
from hermodr_servicekit.periodic import repeat

_LOOK_SECONDS = 0.5
_COUNT_SECONDS = 5.0
_EXPOSED = (
    "idempotent-replayed",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "x-request-id",
)


class RealTimeRoom:
    """Building it connects to nothing."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        authenticator: Authenticator,
        quotas: Quotas,
        clock: Clock,
        registry: CollectorRegistry,
        *,
        instance: str,
        origins: Sequence[str] | None,
        ping_interval: timedelta,
        ping_timeout: timedelta,
    ) -> None:
        """`origins`: of pages that may call and connect; `None`: those of the api's own."""
        self._ledger = ledger
        self._instance = instance
        self._told: dict[UUID, int] = {}
        self._origins = origins
        self._topology: Topology = broker.topology
        self._broker = broker
        self._gap = False
        self._hub = Hub()
        reads = LedgerReads(ledger)
        self.watching = Watching()
        self._feed = Feed(self._hub, reads, self.watching)
        real_time = RealTime(self._hub, reads)
        self._places = Places(quotas)
        self.streams = Streams(self._hub, real_time, authenticator, clock, registry, self._places)
        self._sockets = Sockets(
            self._hub,
            real_time,
            authenticator,
            self._places,
            clock,
            registry,
            origins=self._origins,
            ping_interval=ping_interval.total_seconds(),
            ping_timeout=ping_timeout.total_seconds(),
        )
        broker.include(self._subscribe)

    def before(self, app: ASGIApp) -> ASGIApp:
        """`app` with Socket.IO beside it, for pages of the allowed origins too."""
        if self._origins is not None:
            app = CORSMiddleware(
                app,
                allow_origins=self._origins,
                allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
                allow_headers=("authorization", "content-type", "idempotency-key", "last-event-id"),
                expose_headers=_EXPOSED,
            )
        return self._sockets.beside(app)

    def work(self) -> Sequence[Awaitable[None]]:
        """Runs while the api does."""
        return (
            repeat("sockets", self._sockets.sweep),
            repeat("count of sockets", self._count),
            repeat("gaps of events", self._tell_of_gaps),
        )

    async def hang_up(self) -> None:
        """All streams and connections end."""
        self.streams.close()
        self.watching.close()
        await self._sockets.close()

    async def drain(self) -> None:
        """Returns when all that was heard is told."""
        await self._feed.drain()

    async def _count(self) -> float:
        """Tells the ledger what is open here, for those who ask what a project uses."""
        counts = self._places.of_projects()
        if counts or self._told:
            await open_sockets.tell(self._ledger, self._instance, counts)
        self._told = counts
        return _COUNT_SECONDS

    def _subscribe(self, router: RabbitRouter) -> None:
        """Called for each new connection to the broker."""
        subscribe(router, self._topology, self._feed)
        self._gap = True

    async def _tell_of_gaps(self) -> float:
        """Whoever listens reads again when the broker is back. Services that noticed that nobody heard them are silent
        for a moment longer, so it is told once more after that."""
        if not self._broker.connected:
            return _LOOK_SECONDS
        if self._gap:
            self._gap = False
            await self._tell_all()
            await asyncio.sleep(2 * UNHEARD_SECONDS)
            await self._tell_all()
        return _LOOK_SECONDS

    async def _tell_all(self) -> None:
        self.watching.stir_all()
        await self._hub.tell_all(REFETCH)
