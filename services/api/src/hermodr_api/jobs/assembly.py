"""What reads and changes jobs, put together."""

from hermodr_api.access.user_tasks import UserTasks
from hermodr_api.health.counts import Counts
from hermodr_api.health.service import HealthCheck
from hermodr_api.jobs.control import JobControl
from hermodr_api.jobs.logs import TaskLogs
from hermodr_api.jobs.metrics import JobMetrics
from hermodr_api.jobs.service import Jobs
from hermodr_api.shared import Shared
from hermodr_servicekit.task_calls import TaskCalls


def jobs_of(
    shared: Shared, calls: TaskCalls, pace: UserTasks, check: HealthCheck, counts: Counts, domain: str
) -> list[object]:
    """`domain`: of Message-IDs."""
    return [
        Jobs(shared.ledger, shared.clock, domain),
        JobControl(shared.ledger, shared.repeatable, shared.announcer, calls, domain, pace),
        TaskLogs(shared.cold),
        JobMetrics(shared.cold, counts, shared.clock, check),
    ]
