"""Notifications to everybody in a group: a job for each member of that moment, as a batch."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_api.access.quotas import Quotas
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import Flaw, invalid
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.jobs.models import BatchAcceptedView
from hermodr_api.notifications.directory import Directory
from hermodr_api.notifications.models import NotificationIn, Sendable, job_of, place_of
from hermodr_api.notifications.service import Notifications
from hermodr_api.shared import Count
from hermodr_api.updates.models import misplaced
from hermodr_ledger.engine import Transaction
from hermodr_ledger.jobs import expanding
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.jobs.expanding import Person
from hermodr_servicekit import tracing
from hermodr_servicekit.announcer import Announcer
from hermodr_servicekit.ids import new_id, new_job_id

MOST_MEMBERS = 20_000
MOST_CHARACTERS = 256 * 1024 * 1024
"""Of the texts of all jobs together: each has its own."""
GROUP_APART = "a group is not for many at once, nor for a simulation: POST /v1/notifications takes it"
_SECONDS = 45.0
"""After that the request is answered 503, and nothing of it is kept."""
_AT = ("body",)
_TO = (*_AT, "to", "group_id")


class ToGroups:
    """The use case of `POST /v1/notifications` with `to.group_id`."""

    def __init__(
        self,
        directory: Directory,
        notifications: Notifications,
        accepting: Accepting,
        repeatable: Repeatable,
        announcer: Announcer,
        count: Count,
        quotas: Quotas,
    ) -> None:
        """`repeatable` is of the pool for bulk requests."""
        self._directory = directory
        self._notifications = notifications
        self._accepting = accepting
        self._repeatable = repeatable
        self._announcer = announcer
        self._count = count
        self._quotas = quotas

    async def request(self, project_id: UUID, wanted: NotificationIn, key: Key | None) -> Answer:
        """Commits the jobs with the key, and announces them. Raises `Refused` and `LedgerUnavailable`."""
        item = await self._checked(project_id, wanted)
        if isinstance(item, list):
            return await self._accepting.earlier(project_id, key, item)
        job = job_of(item, new_job_id(), project_id, None, group_id=wanted.to.group_id, batch_id=new_id())
        made: list[NewJob] = []

        async def act(transaction: Transaction) -> Outcome:
            people = await _people(transaction, job)
            async with self._quotas.counted(project_id, len(people)):
                made.extend(await expanding.accept_each(transaction, job, people))
            return Outcome.of(BatchAcceptedView, {"batch_id": job.batch_id, "accepted": len(made)})

        answer = await self._repeatable.run(project_id, key, 202, act, seconds=_SECONDS)
        if made:
            tracing.accepted(each.id for each in made)
            self._count(job.kind, job.priority, len(made))
            if not job.waits:
                self._announcer.jobs(job.priority, [each.id for each in made])
        return answer

    async def _checked(self, project_id: UUID, wanted: NotificationIn) -> Sendable | list[Flaw]:
        flaws = of_one_person(wanted, _AT)
        if wanted.attachments:
            reason = (
                "cannot stand beside to.group_id: each message would keep its own; a link in the data can"
            )
            flaws.append(Flaw((*_AT, "attachments"), reason))
        item = flaws or self._notifications.examined(wanted)
        if isinstance(item, list):
            return item
        async with patience():
            item, flaws = await self._notifications.checked(project_id, item)
            _, misplacements = await placed(self._directory, project_id, wanted, _AT)
        return [*flaws, *misplacements] or item


async def _people(transaction: Transaction, job: NewJob) -> list[Person]:
    assert job.group_id is not None
    people = await expanding.members(transaction, job.project_id, job.group_id, MOST_MEMBERS + 1)
    if not people:
        raise invalid(Flaw(_TO, "there is no such group" if people is None else "has no members"))
    if len(people) > MOST_MEMBERS:
        reason = f"has more than {MOST_MEMBERS:,} members; send to them in bulk"
        raise invalid(Flaw(_TO, reason))
    if len(people) * (length := expanding.length_of(job)) > MOST_CHARACTERS:
        reason = (
            f"{len(people):,} messages of {length:,} characters are more than {MOST_CHARACTERS:,} together"
        )
        raise invalid(Flaw(_TO, f"{reason}; what all of them say belongs in a template"))
    return people


def of_one_person(wanted: NotificationIn, at: Sequence[str | int]) -> list[Flaw]:
    """What only a notification to one can have."""
    if wanted.to.group_id is None:
        return []
    return [
        Flaw((*at, name), "cannot stand beside to.group_id")
        for name in ("group_id", "singleton_key")
        if getattr(wanted, name) is not None
    ]


async def placed(
    directory: Directory, project_id: UUID, wanted: NotificationIn, at: tuple[str | int, ...]
) -> tuple[UUID | None, list[Flaw]]:
    """The group that its jobs belong to, and the flaws of group and update."""
    place = place_of(project_id, wanted)
    if place is None:
        return None, []
    there = await directory.place(place)
    flaws = []
    for each in misplaced(place, there, at):
        of_to = wanted.to.group_id is not None and each.loc[-1] == "group_id"
        flaws.append(Flaw((*at, "to", "group_id"), each.msg) if of_to else each)
    return place.group_id or there.update_group_id, flaws
