"""The console, put together: what its pages are provided with."""

from hermodr_api.access.authentication import Authenticator
from hermodr_api.console.again import AskingAgain
from hermodr_api.console.calendars import Calendars
from hermodr_api.console.identity import IdentityProvider
from hermodr_api.console.live import Live
from hermodr_api.console.overview import Overview
from hermodr_api.console.search import Search
from hermodr_api.console.sent import SentMessages
from hermodr_api.console.sessions import Sessions
from hermodr_api.console.signing_in import SignIn
from hermodr_api.console.subjects import Subjects
from hermodr_api.health.counts import Counts
from hermodr_api.health.service import HealthCheck
from hermodr_api.jobs.metrics import JobMetrics
from hermodr_api.notifications.assembly import NotificationsRoom
from hermodr_api.providers.service import Providers
from hermodr_api.realtime.watching import Watching
from hermodr_api.shared import Shared
from hermodr_api.templates.publishing import Publishing
from hermodr_servicekit.links import Links


def console_of(
    shared: Shared,
    authenticator: Authenticator,
    check: HealthCheck,
    counts: Counts,
    publishing: Publishing,
    watching: Watching,
    notifications: NotificationsRoom,
    links: Links | None,
    own_url: str,
    provider: IdentityProvider | None,
) -> list[object]:
    """Connects to nothing."""
    metrics = JobMetrics(shared.cold, counts, shared.clock, check)
    providers = Providers(shared.cold, shared.operators, notifications.notifications, shared.clock)
    sign_in = SignIn(shared.cold, authenticator, provider)
    sessions = Sessions(shared.cold, shared.repeatable, authenticator, shared.clock, own_url, sign_in)
    return [
        sign_in,
        sessions,
        Live(watching, sessions, shared.clock),
        Overview(shared.cold, metrics, check, counts, shared.operators, providers, shared.clock),
        Search(shared.cold),
        Subjects(shared.cold, shared.clock),
        AskingAgain(shared.cold, notifications.notifications, notifications.simulating),
        SentMessages(shared.cold, publishing, links),
        shared.operators,
        notifications.notifications,
        Calendars(shared.clock),
    ]
