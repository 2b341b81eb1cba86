"""A service's start on its ledger, and its heartbeat."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog
from prometheus_client import Gauge

from hermodr_ledger.engine import Ledger, LedgerUnavailable, heartbeats
from hermodr_ledger.engine.schema_version import SchemaMismatch, verify
from hermodr_ledger.jobs.accept import rehearse
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.settings import refuse

log = structlog.get_logger()

REMEMBERED_SECONDS = 1.0
PATIENCE_SECONDS = 2.0


async def ledger_ready(ledger: Ledger, stop: asyncio.Event) -> bool:
    """Waits until the database answers; `False` if stopped before. An unknown schema ends the process with status 2."""
    pause = 0.1
    while not stop.is_set():
        try:
            version = await verify(ledger)
        except SchemaMismatch as mismatch:
            refuse(str(mismatch))
        except LedgerUnavailable as error:
            log.warning("waiting for the database", error=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)
        else:
            if version.ahead:
                log.info("the schema is newer than this code, which may run on it", revision=version.revision)
            return True
    return False


async def change_nothing(ledger: Ledger) -> None:
    """Changes no job, which a standby refuses and a lock on the table holds up. Raises `LedgerUnavailable`."""
    await ledger.fetch("UPDATE hermodr.jobs SET wake_at = wake_at WHERE id = $1", UUID(int=0))


class WriteCheck:
    """Whether the database takes writes: a standby answers reads, and a lock may block the table of jobs. Tried at most
    once a second."""

    def __init__(
        self, ledger: Ledger, clock: Clock, attempt: Callable[[Ledger], Awaitable[None]] | None = None
    ) -> None:
        """`attempt`: what is tried; by default a job is accepted, and forgotten."""
        self._ledger = ledger
        self._attempt = attempt
        self._clock = clock
        self._turn = asyncio.Lock()
        self._tried_at = -REMEMBERED_SECONDS
        self._failure: LedgerUnavailable | None = None

    async def failure(self) -> LedgerUnavailable | None:
        """The reason; `None`: it does."""
        async with self._turn:
            if self._clock.monotonic() - self._tried_at >= REMEMBERED_SECONDS:
                self._failure = await self._try()
                self._tried_at = self._clock.monotonic()
            return self._failure

    async def _try(self) -> LedgerUnavailable | None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await (self._attempt or rehearse)(self._ledger)
        except LedgerUnavailable as error:
            return error
        except TimeoutError:
            return LedgerUnavailable("no answer in time")
        return None


class Heart:
    """Writes `service_heartbeats` while the service runs."""

    def __init__(
        self, ledger: Ledger, service: str, instance: str, clock: Clock, every: float, shown: Gauge
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._shown = shown
        self._service = service
        self._instance = instance
        self._started_at = clock.now()
        self._every = every

    async def tick(self) -> float:
        """For `periodic.repeat`."""
        await heartbeats.beat(self._ledger, self._service, self._instance, self._started_at)
        self._shown.set(self._clock.now().timestamp())
        return self._every

    async def leave(self) -> None:
        """Removes this instance; with the database away the row expires by itself."""
        try:
            await heartbeats.leave(self._ledger, self._service, self._instance)
        except LedgerUnavailable as error:
            log.info("left without signing off", error=str(error))
