"""All that takes notifications on, put together."""

from collections.abc import Awaitable, Sequence

from hermodr_api.http.auth import Gate
from hermodr_api.http.bulk_bodies import BulkBodies
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.notifications.bulk import Bulk
from hermodr_api.notifications.directory import Directory
from hermodr_api.notifications.foresight import Foresight
from hermodr_api.notifications.groups import ToGroups
from hermodr_api.notifications.routes import NotificationRoutes
from hermodr_api.notifications.service import Notifications
from hermodr_api.notifications.simulating import Simulating
from hermodr_api.notifications.wording import Words
from hermodr_api.shared import Shared
from hermodr_contracts.addresses import mailbox
from hermodr_ledger.engine.listening import listen
from hermodr_ledger.templates.versions import CHANGED_CHANNEL
from hermodr_servicekit.links import Links
from hermodr_servicekit.settings import refuse


class NotificationsRoom:
    """Building it connects to nothing."""

    def __init__(
        self,
        shared: Shared,
        accepting: Accepting,
        gate: Gate,
        bodies: BulkBodies,
        *,
        email_from: str,
        domain: str,
        links: Links | None,
        most_segments: int,
    ) -> None:
        """`email_from`: its address may send for every project; `domain`: of Message-IDs."""
        self.directory = Directory(shared.ledger, shared.clock, shared.many, _address(email_from))
        served = (shared.channels, most_segments)
        self.notifications = Notifications(self.directory, accepting, shared.clock, domain, *served)
        counting = (shared.announcer, shared.count, shared.quotas)
        self.bulk = Bulk(shared.many, self.directory, shared.clock, domain, *counting, *served)
        to_groups = ToGroups(self.directory, self.notifications, accepting, shared.repeatable_many, *counting)
        self._words = Words(shared.cold, links, most_segments, shared.branding)
        self.foresight = Foresight(shared.cold, shared.channels)
        self.simulating = Simulating(shared.cold, self.bulk, shared.repeatable, self._words, self.foresight)
        self.routes = NotificationRoutes(
            gate, self.notifications, to_groups, self.bulk, self.simulating, bodies
        )

    def work(self, database_url: str) -> Sequence[Awaitable[None]]:
        """What is remembered of templates ends when they change, wherever that is done."""
        return (listen(database_url, CHANGED_CHANNEL, self.directory.forget_all, self.directory.told),)

    async def close(self) -> None:
        """Ends its processes."""
        await self._words.close()


def _address(email_from: str) -> str:
    try:
        return mailbox(email_from)[1]
    except ValueError as error:
        refuse(f"HERMODR_EMAIL_FROM: {error}")
