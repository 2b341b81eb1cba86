"""What a user may listen to. The same for every transport."""

from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.errors import Flaw, invalid, not_found
from hermodr_api.realtime.feed import NOTIFICATION, Reads, count_of, told_of
from hermodr_api.realtime.hub import REFETCH, Event, Hub, Listener, User
from hermodr_ledger.jobs.following import FollowedJob

MOST_MISSED = 100
"""Notifications that are told again to a listener that comes back; with more it reads the list."""


def user_of(caller: Caller) -> User:
    """Raises `Refused` (422) for an API key."""
    if caller.user_id is None:
        raise invalid(Flaw(("header", "authorization"), "an API key has no inbox: this needs a user's token"))
    return caller.project_id, caller.user_id


class RealTime:
    """All raise `LedgerUnavailable`; what was begun then counts as not asked for."""

    def __init__(self, hub: Hub, reads: Reads) -> None:
        self._hub = hub
        self._reads = reads

    async def follow_job(self, listener: Listener, user: User, job_id: UUID) -> None:
        """Tells what it is now, and from then on what it becomes. Raises `Refused` (404) if it is not the user's."""
        if not self._is_of(user, (await self._reads.jobs([job_id])).get(job_id)):
            raise not_found("job")
        self._hub.hear_job(job_id, listener)
        try:
            job = (await self._reads.jobs([job_id])).get(job_id)
        except BaseException:
            self._hub.unhear_job(job_id, listener)
            raise
        if job is not None:
            for event in told_of(job):
                await listener.tell(event)

    async def hear_inbox(self, listener: Listener, user: User, last_event_id: str | None) -> None:
        """Tells what came since that event, or to read again; how many are unread; and from then on what comes."""
        self._hub.hear_user(user, listener)
        try:
            missed = await self._missed(user, last_event_id) if last_event_id is not None else []
            unread = await self._reads.unread([user])
        except BaseException:
            self._hub.unhear_user(user, listener)
            raise
        for event in missed:
            await listener.tell(event)
        await listener.tell(count_of(unread.get(user, 0)))

    async def hear_jobs(self, listener: Listener, user: User) -> None:
        """Tells what the user's tasks are now, also those that ended a moment ago, and from then on what any of
        their jobs becomes."""
        self._hub.hear_jobs_of(user, listener)
        try:
            found = await self._reads.tasks_of(user)
        except BaseException:
            self._hub.unhear_jobs_of(user, listener)
            raise
        for job in found:
            for event in told_of(job):
                await listener.tell(event)

    async def _missed(self, user: User, last_event_id: str) -> list[Event]:
        try:
            last = UUID(last_event_id)
        except ValueError:
            return [REFETCH]
        found = await self._reads.since(user, last, MOST_MISSED + 1)
        if found is None or len(found) > MOST_MISSED:
            return [REFETCH]
        return [Event(NOTIFICATION, view, str(each)) for each, view in found]

    @staticmethod
    def _is_of(user: User, job: FollowedJob | None) -> bool:
        return job is not None and (job.project_id, job.owner_id) == user
