"""Obeys an operator's pause: looks on each notification of the ledger, and every second."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

import structlog

from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.deliveries.pauses import OPERATED_CHANNEL
from hermodr_ledger.engine.listening import listen
from hermodr_servicekit.periodic import repeat

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 1.0


class Pausable(Protocol):
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class PauseWatch:
    """For deliveries that are claimed already: the ledger refuses claims of a paused channel. At first it counts as
    paused."""

    def __init__(self, channel: Channel, look: Callable[[], Awaitable[bool]]) -> None:
        self._channel = channel
        self._look = look
        self._pumps: Collection[Pausable] = ()
        self._wake = asyncio.Event()
        self.paused = True

    def hold(self, pumps: Collection[Pausable]) -> None:
        self._pumps = pumps
        self._tell()

    async def tick(self) -> float:
        """For `periodic.repeat`."""
        paused = await self._look()
        if paused != self.paused:
            log.info("the channel is paused" if paused else "the channel flows", channel=self._channel)
        self.paused = paused
        self._tell()
        return LOOK_EVERY_SECONDS

    def running(
        self, database_url: str, also: Callable[[], None] = lambda: None
    ) -> tuple[Awaitable[None], Awaitable[None]]:
        """`also` is called for each notification, too."""

        def notified() -> None:
            self._wake.set()
            also()

        return (
            listen(database_url, OPERATED_CHANNEL, notified),
            repeat("pauses", self.tick, wake=self._wake, after_error=LOOK_EVERY_SECONDS),
        )

    def _tell(self) -> None:
        for pump in self._pumps:
            if self.paused:
                pump.pause()
            else:
                pump.resume()
