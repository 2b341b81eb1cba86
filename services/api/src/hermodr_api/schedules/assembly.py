"""What makes and changes schedules, put together."""

from hermodr_api.jobs.accepting import Accepting
from hermodr_api.notifications.directory import Directory
from hermodr_api.schedules.jobs import ScheduledJobs
from hermodr_api.schedules.service import Schedules
from hermodr_api.shared import Shared
from hermodr_api.tasks.types import TaskTypes


def schedules_of(
    shared: Shared, directory: Directory, types: TaskTypes, accepting: Accepting, most_segments: int
) -> Schedules:
    """Of notifications and of tasks."""
    jobs = ScheduledJobs(directory, types, shared.clock, shared.channels, most_segments)
    return Schedules(
        shared.cold,
        shared.repeatable,
        jobs,
        accepting,
        shared.announcer,
        shared.clock,
        shared.count,
        shared.quotas,
    )
