"""The console, put together: what its pages are provided with."""

from hermodr_api.access.authentication import Authenticator
from hermodr_api.console.overview import Overview
from hermodr_api.console.search import Search
from hermodr_api.console.sent import SentMessages
from hermodr_api.console.sessions import Sessions
from hermodr_api.health.counts import Counts
from hermodr_api.health.service import HealthCheck
from hermodr_api.jobs.metrics import JobMetrics
from hermodr_api.notifications.service import Notifications
from hermodr_api.shared import Shared
from hermodr_api.templates.publishing import Publishing
from hermodr_servicekit.links import Links


def console_of(
    shared: Shared,
    authenticator: Authenticator,
    check: HealthCheck,
    counts: Counts,
    publishing: Publishing,
    notifications: Notifications,
    links: Links | None,
    own_url: str,
) -> list[object]:
    """Connects to nothing."""
    metrics = JobMetrics(shared.cold, counts, shared.clock, check)
    return [
        Sessions(shared.cold, shared.repeatable, authenticator, shared.clock, own_url),
        Overview(shared.cold, metrics, check, counts, shared.operators, shared.clock),
        Search(shared.cold),
        SentMessages(shared.cold, publishing, links),
        shared.operators,
        notifications,
    ]
