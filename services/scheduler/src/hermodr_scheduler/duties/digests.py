"""Digest schedules: jobs for what is due, and next times."""

import structlog

from hermodr_digesting.rules import plan
from hermodr_ledger.digests.planning import PLANNING_DUTY, PRIORITY, plan_due, seconds_until_due
from hermodr_ledger.engine import Ledger
from hermodr_scheduler.duties.due import Bell
from hermodr_scheduler.duties.duty import Duty
from hermodr_scheduler.metrics import SchedulerMetrics
from hermodr_servicekit import tracing

log = structlog.get_logger()

LONGEST_SLEEP_SECONDS = 1.0
_LEFT_SECONDS = 0.2
"""Due and not taken: in another scheduler's hands, or set aside."""


class Digests(Duty):
    """Jobs, runs and next times are committed first; then the jobs are announced."""

    name = PLANNING_DUTY
    after_error = 0.5

    def __init__(self, ledger: Ledger, announcer: Bell, metrics: SchedulerMetrics, *, batch: int) -> None:
        super().__init__()
        self._ledger = ledger
        self._announcer = announcer
        self._metrics = metrics
        self._batch = batch

    async def tick(self) -> float:
        """One batch; sleeps until the next schedule is due, at most a second."""
        planned = await plan_due(self._ledger, self._batch, plan)
        made = [each for each in planned if each.job_id is not None]
        job_ids = [each.job_id for each in made if each.job_id is not None]
        tracing.accepted(job_ids, "digest schedule")
        self._announcer.jobs(PRIORITY, job_ids)
        for each in made:
            self._metrics.lateness.observe(max(each.lateness, 0.0))
        if made:
            log.info("digests are due", jobs=len(made))
        if len(planned) == self._batch:
            return 0.0
        seconds = await seconds_until_due(self._ledger)
        if seconds is None:
            return LONGEST_SLEEP_SECONDS
        return min(seconds, LONGEST_SLEEP_SECONDS) if seconds > 0 else _LEFT_SECONDS
