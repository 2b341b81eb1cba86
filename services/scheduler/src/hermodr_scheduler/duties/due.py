"""Announcing rows whose moment has come, and announcing again those that nobody took."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from hermodr_contracts.topology import SERVED_KINDS
from hermodr_contracts.vocabulary import Channel, Priority
from hermodr_ledger.engine import Collided, Contested, LedgerUnavailable
from hermodr_ledger.upkeep.due import DueDelivery, DueJob
from hermodr_scheduler.duties.backlog import Backlog
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics

R = TypeVar("R")
K = TypeVar("K")

LONGEST_SLEEP_SECONDS = 1.0
BROKER_AWAY_SECONDS = 0.2


class DueRows(Protocol):
    """`hermodr_ledger.upkeep.due.DueRows`. Everything raises `LedgerUnavailable`."""

    async def take_jobs(self, limit: int) -> list[DueJob]: ...
    async def take_deliveries(
        self, limit: int, crowded: Collection[tuple[Channel, Priority]]
    ) -> list[DueDelivery]: ...
    async def seconds_until_due(self) -> float | None: ...


class Bell(Protocol):
    """What announces rows: `hermodr_servicekit.announcer.Announcer`."""

    @property
    def reachable(self) -> bool: ...
    def jobs(self, priority: Priority, ids: Iterable[UUID]) -> None: ...
    def deliveries(self, channel: Channel, priority: Priority, ids: Iterable[UUID]) -> None: ...


class Due(Duty):
    """Jobs and deliveries. While the broker is away no row is taken: it would be put off for nothing."""

    name = "due rows"
    after_error = 0.5

    def __init__(
        self, rows: DueRows, announcer: Bell, backlog: Backlog, metrics: SchedulerMetrics, *, batch: int
    ) -> None:
        super().__init__()
        self._rows = rows
        self._announcer = announcer
        self._backlog = backlog
        self._metrics = metrics
        self._batch = batch

    async def tick(self) -> float:
        """Announces what is due; sleeps until the next row is, at most a second."""
        if not self._announcer.reachable:
            return BROKER_AWAY_SECONDS
        if self._batch in await self._take():
            return 0.0
        seconds = await self._rows.seconds_until_due()
        if seconds is None:
            return LONGEST_SLEEP_SECONDS
        # A row that is due already and was not taken is in another scheduler's hands, or comes behind a batch of
        # which little was to be announced.
        return min(max(seconds, 0.01), LONGEST_SLEEP_SECONDS)

    async def _take(self) -> list[int]:
        """How many jobs and deliveries were taken. If one of the two fails, the other is taken all the same; unless
        the database is away."""
        takes: tuple[Callable[[], Awaitable[int]], ...] = (self._take_jobs, self._take_deliveries)
        taken: list[int] = []
        failures: list[Exception] = []
        for take in takes:
            try:
                taken.append(await take())
            except Exception as error:
                if isinstance(error, LedgerUnavailable) and not isinstance(error, Contested | Collided):
                    raise
                failures.append(error)
        if failures:
            raise failures[0]
        return taken

    async def _take_jobs(self) -> int:
        jobs = await self._rows.take_jobs(self._batch)
        served = [
            job for job in jobs if job.kind in SERVED_KINDS
        ]  # the others wait: nobody would act on them
        for priority, group in _grouped(served, lambda job: job.priority):
            self._announcer.jobs(priority, [job.id for job in group])
        for job in served:
            if job.scheduled:
                self._metrics.lateness.observe(max(job.lateness, 0.0))
            elif not job.requested:
                self._metrics.reannounced.labels("job_overdue").inc()
        return len(jobs)

    async def _take_deliveries(self) -> int:
        deliveries = await self._rows.take_deliveries(self._batch, self._backlog.lanes)
        for (channel, priority), group in _grouped(deliveries, lambda each: (each.channel, each.priority)):
            self._announcer.deliveries(channel, priority, [each.id for each in group])
        for each in deliveries:
            self._metrics.reannounced.labels("retry_overdue" if each.retry else "delivery_overdue").inc()
        return len(deliveries)


def _grouped(rows: Sequence[R], key: Callable[[R], K]) -> Iterable[tuple[K, list[R]]]:
    groups: dict[K, list[R]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups.items()
