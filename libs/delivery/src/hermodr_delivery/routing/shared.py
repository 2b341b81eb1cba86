"""What all senders of a channel share of its providers: the configured rates, and rests that a provider asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Protocol
from uuid import UUID

import structlog

from hermodr_delivery.metrics import SenderMetrics
from hermodr_delivery.provider import ProviderOptions
from hermodr_delivery.routing.budget import Budget, Budgets
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 1.0
"""In case a notification was lost."""


class SharedBudgets(Budgets, Protocol):
    """`hermodr_ledger.deliveries.budgets.ProviderBudgets`. Everything raises `LedgerUnavailable`."""

    async def rest(self, provider: str, seconds: float) -> None: ...
    async def rests(self) -> Mapping[str, float]: ...


class RatedProvider(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def options(self) -> ProviderOptions: ...


class Resting(Protocol):
    """A route."""

    @property
    def provider(self) -> RatedProvider: ...
    def rest(self, seconds: float) -> None: ...


class Shared:
    """`tick` obeys the rests that other senders were asked for, and is woken by `wake`."""

    def __init__(self, budgets: SharedBudgets, metrics: SenderMetrics) -> None:
        self._budgets = budgets
        self._reservations = metrics.reservations
        self._routes: Iterable[Resting] = ()
        self._telling: set[asyncio.Task[None]] = set()
        self.wake = asyncio.Event()

    def hold(self, routes: Iterable[Resting]) -> None:
        """Those that obey."""
        self._routes = routes

    def budget(self, provider: RatedProvider, clock: Clock) -> Callable[[Callable[[], None]], Budget] | None:
        """`None`: it has no rate."""
        options = provider.options
        if options.rate is None:
            return None
        return partial(
            Budget,
            self._budgets,
            provider.name,
            clock,
            rate=options.rate,
            burst=options.burst,
            asked=self._reservations.labels(provider.name).inc,
        )

    def project_budgets(self, provider: RatedProvider, clock: Clock) -> Callable[[UUID], Budget] | None:
        """Each project's; `None`: it has no rate of projects."""
        options = provider.options
        if options.project_rate is None:
            return None
        rate, asked = options.project_rate, self._reservations.labels(provider.name).inc

        def budget(project_id: UUID) -> Budget:
            of = f"{provider.name}:{project_id}"
            return Budget(
                self._budgets, of, clock, lambda: None, rate=rate, burst=options.project_burst, asked=asked
            )

        return budget

    def tell(self, provider: str, seconds: float) -> None:
        """Has all senders leave the provider alone. If that fails, each is refused by itself."""
        task = asyncio.create_task(self._tell(provider, seconds))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def tick(self) -> float:
        """For `periodic.repeat`."""
        rests = await self._budgets.rests()
        for route in self._routes:
            if seconds := rests.get(route.provider.name):
                route.rest(seconds)
        return LOOK_EVERY_SECONDS

    async def _tell(self, provider: str, seconds: float) -> None:
        try:
            await self._budgets.rest(provider, seconds)
        except LedgerUnavailable as error:
            log.warning("a rest is not shared", provider=provider, error=str(error))
