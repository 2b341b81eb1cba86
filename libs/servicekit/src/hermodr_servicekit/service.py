"""The life of a service process: start, ready, heartbeat, drain, stop. All services live this one."""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import ClassVar, Generic, TypeVar

import structlog
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from hermodr_servicekit import logging, privileges, tracing
from hermodr_servicekit.clock import Clock, SystemClock
from hermodr_servicekit.loop_watch import LoopWatch
from hermodr_servicekit.periodic import running
from hermodr_servicekit.process import Main, spare_the_collector
from hermodr_servicekit.settings import ServiceSettings, load
from hermodr_servicekit.web import ops_app, serve

log = structlog.get_logger()

S = TypeVar("S", bound=ServiceSettings)


def instance_name() -> str:
    """A name no other process has, readable by an operator: host, process id and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Service(Generic[S]):
    """What a service has of its own it says by overriding the methods before `run`, which is the same for all. Building
    one connects to nothing."""

    takes_requests: ClassVar[bool] = False
    """Whether its work comes by HTTP, so that HTTP ends before the drain. Others answer for their health meanwhile."""

    takes_sockets: ClassVar[bool] = False
    """Whether it speaks WebSocket."""

    runs_tasks: ClassVar[bool] = False
    """Whether code of others runs in it, which may trace what it does."""

    def __init__(self, settings: S, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.instance = instance_name()
        self.registry = CollectorRegistry()
        self.port = settings.port
        self.started = False

    async def prepare(self) -> None:
        """Before anything else. What cannot be ends the process with `refuse`."""

    def http(self) -> ASGIApp:
        """What is served on the service's port."""
        return ops_app(self.ready, self.registry)

    async def ready(self) -> Mapping[str, bool]:
        """What the service needs to work, by name, and whether it has it."""
        return {"started": self.started}

    def always(self) -> Sequence[Awaitable[None]]:
        """What runs from the first moment to the last."""
        return ()

    async def begin(self, stop: asyncio.Event) -> bool:
        """Waits for what the service cannot work without; false when `stop` came first. HTTP answers meanwhile."""
        return not stop.is_set()

    def work(self) -> Sequence[Awaitable[None]]:
        """What runs once the service has begun, the drain included."""
        return ()

    async def hang_up(self) -> None:
        """Before HTTP ends: what would not end by itself does."""

    async def take_no_more(self) -> None:
        """First step of leaving, within the grace period: no new work comes in."""

    async def drain(self) -> None:
        """Second step, within the same period: what is in hand is finished."""

    async def leave(self) -> None:
        """Third step, if the service had begun: it signs off."""

    async def close(self) -> None:
        """Ends all connections."""

    async def run(self, stop: asyncio.Event) -> None:
        """Lives until `stop`, and leaves in order. What is unfinished after the grace period is in the ledger."""
        await self.prepare()
        async with running(LoopWatch(self.registry).run(), *self.always()):
            await asyncio.sleep(0)  # lets them begin, so that they can end properly should the port be taken
            async with AsyncExitStack() as door:
                settings = self.settings
                web = serve(
                    self.http(),
                    settings.http_host,
                    settings.port,
                    grace=settings.grace_seconds,
                    websockets=self.takes_sockets,
                )
                self.port = await door.enter_async_context(web)
                log.info("serving", port=self.port, instance=self.instance)
                if await self.begin(stop):
                    async with running(*self.work()):
                        self.started = True
                        spare_the_collector()
                        await stop.wait()
                        if self.takes_requests:
                            await self.hang_up()
                            await door.aclose()
                        await self._finish()
                    await self.leave()
        await self.close()
        log.info("stopped")

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(self.settings.grace_seconds):
                await self.take_no_more()
                await self.drain()
        except TimeoutError:
            log.warning("the grace period is over; the scheduler will hand out what is left")


def main_of(service: Callable[[S], Service[S]], settings: type[S]) -> Main:
    """The `main` of a service: settings from the environment, logging, one life."""

    async def main(stop: asyncio.Event) -> None:
        loaded = load(settings)
        logging.configure(loaded)
        log.info("privileges given up", user=os.geteuid(), capabilities=privileges.held())
        made = service(loaded)
        async with tracing.recorded(loaded.service, made.instance, for_all=made.runs_tasks):
            await made.run(stop)

    return main
