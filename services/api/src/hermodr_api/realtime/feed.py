"""From the broker's events to what listeners are told. Events say what changed; what it is now is read from the ledger,
once for all that changed meanwhile."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from hermodr_api.realtime.hub import REFETCH, Event, Hub, User
from hermodr_api.realtime.watching import Watching
from hermodr_contracts.messages import InboxChange, InboxChanged, JobsChanged, ProjectsChanged, TaskProgressed
from hermodr_contracts.vocabulary import TERMINAL_JOB_STATES, InboxEvent
from hermodr_ledger.engine import LedgerUnavailable
from hermodr_ledger.jobs.following import FollowedJob
from hermodr_servicekit.coalescer import Coalescer

_SPACING_SECONDS = 0.02
_MOST_AT_ONCE = 500
STATUS, UPDATE, NOTIFICATION, COUNT = "job:status", "job:update", "notification", "notification:count"


class _Change(NamedTuple):
    """Of a job. `what`: the reason, if it is none of its states."""

    job_id: UUID
    owner: User | None
    what: str = ""


class Reads(Protocol):
    """What is read of the ledger. All raise `LedgerUnavailable`."""

    async def jobs(self, ids: Collection[UUID]) -> Mapping[UUID, FollowedJob]: ...
    async def tasks_of(self, user: User) -> Sequence[FollowedJob]:
        """The user's tasks that run or wait, and those that ended within the last minutes, oldest first."""
        ...

    async def notifications(self, ids: Collection[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
        """As `GET /v1/inbox` shows them; those that are not there (any more) are left out."""
        ...

    async def unread(self, users: Collection[User]) -> Mapping[User, int]: ...
    async def since(
        self, user: User, last: UUID, limit: int
    ) -> Sequence[tuple[UUID, Mapping[str, Any]]] | None:
        """What came into the inbox after that one, oldest first, as `GET /v1/inbox` shows it; some of before
        as well, as they are not committed in the order of their times. `None`: that one is not there any more."""
        ...


class Feed:
    """Its methods return at once; what they were given is told soon afterwards."""

    def __init__(self, hub: Hub, reads: Reads, watching: Watching) -> None:
        self._hub = hub
        self._reads = reads
        self._watching = watching
        spaced = {"max_items": _MOST_AT_ONCE, "spacing": _SPACING_SECONDS}
        self._jobs: Coalescer[_Change, None] = Coalescer(self._tell_jobs, **spaced)  # type: ignore[arg-type]
        self._inboxes: Coalescer[InboxChange, None] = Coalescer(self._tell_inboxes, **spaced)  # type: ignore[arg-type]

    def jobs_changed(self, message: JobsChanged) -> None:
        for each in message.changes:
            owner = _user(each.project_id, each.owner_id)
            if self._hub.awaits_job(each.job_id, owner):
                self._jobs.submit(_Change(each.job_id, owner))

    def progressed(self, message: TaskProgressed) -> None:
        self._watching.stir(message.project_id)
        owner = _user(message.project_id, message.owner_id)
        if self._hub.awaits_job(message.job_id, owner):
            self._jobs.submit(_Change(message.job_id, owner, "progress"))

    def inbox_changed(self, message: InboxChanged) -> None:
        for each in message.changes:
            if self._hub.awaits_user((each.project_id, each.owner_id)):
                self._inboxes.submit(each)

    def projects_changed(self, message: ProjectsChanged) -> None:
        for each in message.project_ids:
            self._watching.stir(each)

    async def drain(self) -> None:
        """Returns when all that was given is told."""
        await self._jobs.drain()
        await self._inboxes.drain()

    async def _tell_jobs(self, changed: Sequence[_Change]) -> list[None]:
        last = {each.job_id: each for each in changed}
        try:
            found = await self._reads.jobs(last.keys())
        except LedgerUnavailable:
            for job_id, each in last.items():
                await self._hub.tell_job(job_id, each.owner, REFETCH)
            return [None] * len(changed)
        for job_id, each in last.items():
            if (job := found.get(job_id)) is not None:
                for event in told_of(job, each.what):
                    await self._hub.tell_job(job_id, _user(job.project_id, job.owner_id), event)
        return [None] * len(changed)

    async def _tell_inboxes(self, changed: Sequence[InboxChange]) -> list[None]:
        users = {(each.project_id, each.owner_id) for each in changed}
        new = {each.notification_id: each for each in changed if each.event is InboxEvent.CREATED}
        try:
            shown = await self._reads.notifications(new.keys()) if new else {}
            unread = await self._reads.unread(users)
        except LedgerUnavailable:
            for user in users:
                await self._hub.tell_user(user, REFETCH)
            return [None] * len(changed)
        for notification_id, each in new.items():
            if (view := shown.get(notification_id)) is not None:
                event = Event(NOTIFICATION, view, str(notification_id))
                await self._hub.tell_user((each.project_id, each.owner_id), event)
        for user in users:
            await self._hub.tell_user(user, count_of(unread.get(user, 0)))
        return [None] * len(changed)


def _user(project_id: UUID, owner_id: str | None) -> User | None:
    return (project_id, owner_id) if owner_id is not None else None


def count_of(unread: int) -> Event:
    return Event(COUNT, {"unread": unread})


def told_of(job: FollowedJob, what: str = "") -> Iterable[Event]:
    """What a listener is told of a job as it is now; `what`: the reason, if it is none of its states."""
    state = job.state
    yield Event(
        STATUS,
        {"job_id": str(job.id), "event": what or state, "status": state, "progress": job.progress},
    )
    if state in TERMINAL_JOB_STATES:
        yield Event(UPDATE, {"job_id": str(job.id), "event": state, "result": job.result, "error": job.error})
