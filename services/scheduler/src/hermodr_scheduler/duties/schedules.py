"""Making the jobs of schedules whose moment has come."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import structlog

from hermodr_ledger.engine import Ledger
from hermodr_ledger.schedules import planning
from hermodr_ledger.schedules.planning import PLANNING_DUTY, DueSchedule, Planned
from hermodr_recurrence import Misfire, Turn, rule_of, turn
from hermodr_scheduler.duties.due import Bell
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit import tracing
from hermodr_servicekit.clock import Clock

log = structlog.get_logger()

LONGEST_SLEEP_SECONDS = 1.0
_SIDE_BY_SIDE = 2
"""Transactions: one is worked on here while the database works on the other."""


class Schedules(Duty):
    """Jobs are made also while the broker is away: they are in the ledger, and announced again."""

    name = PLANNING_DUTY
    after_error = 0.5
    groups = False

    def __init__(
        self, ledger: Ledger, announcer: Bell, clock: Clock, metrics: SchedulerMetrics, *, batch: int
    ) -> None:
        super().__init__()
        self._ledger = ledger
        self._announcer = announcer
        self._clock = clock
        self._metrics = metrics
        self._batch = batch

    async def tick(self) -> float:
        """Fires what is due; sleeps until the next schedule is, at most a second."""
        if any(await asyncio.gather(*(self._fire() for _ in range(_SIDE_BY_SIDE)))):
            return 0.0
        seconds = await planning.seconds_until_due(self._ledger, groups=self.groups)
        if seconds is None:
            return LONGEST_SLEEP_SECONDS
        # What is due already and was not taken is in another scheduler's hands.
        return min(max(seconds, 0.01), LONGEST_SLEEP_SECONDS)

    async def _fire(self) -> bool:
        """Whether there may be more."""
        began = self._clock.monotonic()
        planned = await planning.plan_due(self._ledger, self._batch, turn_of, groups=self.groups)
        for priority, ids in planning.to_announce(planned).items():
            self._announcer.jobs(priority, ids)
        self._note(planned, self._clock.monotonic() - began)
        return len({each.schedule_id for each in planned}) >= self._batch

    def _note(self, planned: Sequence[Planned], took: float) -> None:
        for each in planned:
            if each.state == "missed":
                continue
            self._metrics.lateness.observe(max(each.lateness + took, 0.0))
            if each.error is not None:
                log.warning("schedule made no job", schedule_id=str(each.schedule_id), error=each.error)
            tracing.accepted((job.id for job in each.jobs), "schedule")
            for job in each.jobs:
                self._metrics.accepted.labels(job.kind.value, job.priority.lane).inc()


class GroupSchedules(Schedules):
    """Those that write to a group, apart and each in its own transaction: it may have a hundred thousand members, for
    whom no other schedule waits."""

    name = f"{PLANNING_DUTY} of groups"
    groups = True

    def __init__(
        self, ledger: Ledger, announcer: Bell, clock: Clock, metrics: SchedulerMetrics, *, batch: int = 1
    ) -> None:
        super().__init__(ledger, announcer, clock, metrics, batch=batch)


def turn_of(due: DueSchedule) -> Turn:
    """Raises `ValueError` if the rule cannot be read any more."""
    recurring, misfire = due.recurring, Misfire(due.misfire)
    if recurring.cron is not None:
        return _cron_turn(recurring.cron, recurring.timezone, due.nominal, due.now, misfire)
    rule = rule_of(None, recurring.every_seconds, recurring.anchor, recurring.timezone)
    return turn(rule, due.nominal, due.now, misfire)


@lru_cache(maxsize=1_000)
def _cron_turn(cron: str, timezone: str, nominal: datetime, now: datetime, misfire: Misfire) -> Turn:
    """The same for all with this rule that are taken together: what is due at nine is due for many."""
    return turn(rule_of(cron, None, now, timezone), nominal, now, misfire)
