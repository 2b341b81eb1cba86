"""Windows of events close when their time has come, and events end as the job that carries them."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.batching import closing
from hermodr_ledger.engine import Ledger
from hermodr_scheduler.duties.due import Bell
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

TOGETHER = 200
"""Windows in one transaction."""
_LONGEST_SLEEP_SECONDS, _SHORTEST_SLEEP_SECONDS = 0.5, 0.02
"""No window is shorter than a second: each is seen before it ends."""
_AGAIN_EVERY_SECONDS = 15.0
"""How often a carrier that failed is looked at again."""
_REST = 10.0
"""Where looking takes long, because many carriers wait, we look more seldom."""


class Windows(Duty):
    """Closing, announcing, and nothing in between but the commit."""

    name = closing.CLOSING_DUTY
    after_error = 0.5

    def __init__(self, ledger: Ledger, announcer: Bell, metrics: SchedulerMetrics) -> None:
        """`ledger`: the cold pool."""
        super().__init__()
        self._ledger = ledger
        self._announcer = announcer
        self._metrics = metrics

    async def tick(self) -> float:
        """Closes what is due."""
        closed = await closing.close_due(self._ledger, TOGETHER)
        for priority in Priority:
            self._announcer.jobs(priority, _of(closed.carriers, priority))
        for kind, state in closed.ended:
            self._metrics.finished.labels(kind, state).inc()
        if closed.windows:
            log.info("windows closed", windows=closed.windows, messages=len(closed.carriers))
            return 0.0
        seconds = await closing.seconds_until_due(self._ledger)
        if seconds is None:
            return _LONGEST_SLEEP_SECONDS
        return min(max(seconds, _SHORTEST_SLEEP_SECONDS), _LONGEST_SLEEP_SECONDS)


class Settling(Duty):
    """Nothing tells of a carrier's end, so that sending costs nothing more: we look."""

    name = closing.SETTLING_DUTY
    after_error = 0.5

    def __init__(self, ledger: Ledger, clock: Clock, metrics: SchedulerMetrics) -> None:
        """`ledger`: the cold pool."""
        super().__init__()
        self._ledger = ledger
        self._clock = clock
        self._metrics = metrics
        self._looked_again_at = -_AGAIN_EVERY_SECONDS

    async def tick(self) -> float:
        """One batch; now and then also of those that ended before, and may have been retried."""
        began = self._clock.monotonic()
        settled = await self._settle(again=False)
        long_ago = began - self._looked_again_at >= _AGAIN_EVERY_SECONDS
        if long_ago and await self._settle(again=True) < TOGETHER:
            self._looked_again_at = began
        if settled == TOGETHER:
            return 0.0
        return max(_LONGEST_SLEEP_SECONDS, _REST * (self._clock.monotonic() - began))

    async def _settle(self, *, again: bool) -> int:
        settled = await closing.settle(self._ledger, TOGETHER, again=again)
        for kind, state in settled.jobs:
            self._metrics.finished.labels(kind, state).inc()
        return settled.windows


def _of(carriers: Sequence[closing.Carrier], priority: Priority) -> list[UUID]:
    return [each.id for each in carriers if each.priority is priority]
