"""What a schedule makes: a request that is checked now, as if it were made now, and prepared for each time."""

from uuid import UUID

from pydantic import ValidationError

from hermodr_api.errors import Flaw
from hermodr_api.http.bodies import JsonObject, flaws_of
from hermodr_api.http.json_text import dump
from hermodr_api.notifications.data import data_flaws
from hermodr_api.notifications.directory import Directory
from hermodr_api.notifications.envelope import (
    default_address,
    from_address,
    no_sender_any_more,
    takes_defaults,
)
from hermodr_api.notifications.groups import of_one_person, placed
from hermodr_api.notifications.models import (
    NotificationIn,
    Sendable,
    examine,
    job_of,
    reference_of,
    template_of,
)
from hermodr_api.notifications.service import unknown_recipient, unknown_type
from hermodr_api.senders.strangers import not_a_sender
from hermodr_api.tasks.models import TaskIn, task_of
from hermodr_api.tasks.types import TaskTypes
from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import JobKind
from hermodr_ledger.people.recipients import Reference
from hermodr_ledger.schedules.firing import GROUP, prepared
from hermodr_ledger.schedules.schedules import Work
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import new_job_id

AT = ("body", "job")
_OF_ONE_MOMENT = {
    "scheduled_for": "the schedule says when",
    "delay_seconds": "the schedule says when",
    "deliver_at": "the schedule says when",
    "expires_at": "it would be over the second time",
    "depends_on": "the second time they have completed long ago",
    "attachments": "files are not kept in a schedule; a link in the data is",
}
"""What a request cannot have in a schedule, and why."""


class ScheduledJobs:
    """Reads the `job` of a schedule."""

    def __init__(
        self, directory: Directory, types: TaskTypes, clock: Clock, channels: Channels, most_segments: int
    ) -> None:
        self._directory = directory
        self._types = types
        self._clock = clock
        self._channels = channels
        self._most_segments = most_segments

    async def work_of(self, project_id: UUID, job: JsonObject) -> Work | list[Flaw]:
        """What has to be right now has to be right for a request of now. Raises `LedgerUnavailable`."""
        try:
            if "to" in job:
                return await self._notification(project_id, job, NotificationIn.model_validate(job))
            return await self._task(project_id, job, TaskIn.model_validate(job))
        except ValidationError as error:
            return flaws_of(error, AT)

    async def _task(self, project_id: UUID, job: JsonObject, wanted: TaskIn) -> Work | list[Flaw]:
        if flaws := _of_one_moment(wanted):
            return flaws
        if flaws := await self._types.flaws(wanted.type, wanted.payload, (*AT, "payload")):
            return flaws
        if (after := wanted.on_finished) is not None:
            at = (*AT, "on_finished", "payload")
            if flaws := await self._types.flaws(after.type, after.payload, at):
                return flaws
        made = task_of(wanted, new_job_id(), project_id, None, self._clock)
        if isinstance(made, list):
            return [Flaw((*AT, *each.loc[1:]), each.msg) for each in made]
        return Work(dump(job), prepared(made), JobKind.TASK, wanted.type)

    async def _notification(
        self, project_id: UUID, job: JsonObject, wanted: NotificationIn
    ) -> Work | list[Flaw]:
        if flaws := [*_of_one_moment(wanted), *of_one_person(wanted, AT)]:
            return flaws
        item = examine(wanted, self._clock.now(), self._channels, AT, most_segments=self._most_segments)
        if isinstance(item, list):
            return item
        template, reference = template_of(wanted), reference_of(project_id, wanted.to)
        flaws = await self._content_flaws(project_id, wanted, template)
        if reference is not None and await self._directory.recipient(reference) is None:
            flaws.append(unknown_recipient(reference.kind, AT))
        group_id, misplacements = await placed(self._directory, project_id, wanted, AT)
        if flaws := [*flaws, *misplacements]:
            return flaws
        return self._work(project_id, job, item, template, reference, group_id)

    def _work(
        self,
        project_id: UUID,
        job: JsonObject,
        item: Sendable,
        template: str | None,
        reference: Reference | None,
        group_id: UUID | None,
    ) -> Work:
        wanted = item.wanted
        to_kind: str | None = reference.kind if reference is not None else None
        to_value = reference.value if reference is not None else None
        if wanted.to.group_id is not None:
            to_kind, to_value = GROUP, str(wanted.to.group_id)
        made = job_of(item, new_job_id(), project_id, None, group_id=group_id)
        return Work(
            dump(job),
            prepared(made),
            JobKind.NOTIFICATION,
            wanted.type,
            to_kind,
            to_value,
            template is not None,
            takes_defaults(wanted, wanted.channels, by_phone=wanted.to.phone is not None),
        )

    async def _content_flaws(
        self, project_id: UUID, wanted: NotificationIn, template: str | None
    ) -> list[Flaw]:
        flaws: list[Flaw] = []
        if template is not None:
            needs = await self._directory.needs_now(project_id, template)
            if needs is None:
                flaws.append(unknown_type(template, AT))
            else:
                flaws += data_flaws(wanted, needs, self._channels, AT)
        address = from_address(wanted)
        if address is not None and await self._directory.strangers(project_id, [address]):
            flaws.append(not_a_sender(address, AT))
        if takes_defaults(wanted, wanted.channels, by_phone=wanted.to.phone is not None):
            (defaults,) = (await self._directory.mail_defaults(project_id, [template])).values()
            default = default_address(wanted, defaults)
            if default is not None and await self._directory.strangers(project_id, [default]):
                flaws.append(no_sender_any_more(default, defaults.of, AT))
        return flaws


def _of_one_moment(wanted: NotificationIn | TaskIn) -> list[Flaw]:
    return [
        Flaw((*AT, name), f"has no place in a schedule: {why}")
        for name, why in _OF_ONE_MOMENT.items()
        if getattr(wanted, name, None)
    ]
