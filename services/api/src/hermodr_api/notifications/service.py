import json
from dataclasses import replace
from uuid import UUID

from hermodr_api.answers import Answer, Key, patience
from hermodr_api.errors import Flaw
from hermodr_api.jobs.accepting import Accepting
from hermodr_api.notifications.content import OUTSIDE_WINDOW, only_by_whatsapp
from hermodr_api.notifications.data import data_flaws
from hermodr_api.notifications.directory import Directory
from hermodr_api.notifications.envelope import (
    default_address,
    from_address,
    no_sender_any_more,
    takes_defaults,
    with_defaults,
)
from hermodr_api.notifications.models import (
    NotificationIn,
    Sendable,
    answer_of,
    examine,
    job_of,
    place_of,
    reference_of,
    template_of,
)
from hermodr_api.senders.strangers import not_a_sender
from hermodr_api.updates.models import misplaced
from hermodr_contracts.channels import Channels
from hermodr_contracts.segments import MOST_SEGMENTS
from hermodr_ledger.access.idempotency import Idempotency
from hermodr_ledger.jobs.accept import NewJob, SentAgain
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.ids import new_job_id


class Notifications:
    """The use case of `POST /v1/notifications`."""

    def __init__(
        self,
        directory: Directory,
        accepting: Accepting,
        clock: Clock,
        domain: str,
        channels: Channels,
        most_segments: int = MOST_SEGMENTS,
    ) -> None:
        self._directory = directory
        self._accepting = accepting
        self._clock = clock
        self._domain = domain
        self._channels = channels
        self._most_segments = most_segments

    async def request(
        self,
        project_id: UUID,
        wanted: NotificationIn,
        key: Key | None,
        *,
        provider: str | None = None,
        again: SentAgain | None = None,
    ) -> Answer:
        """Commits and announces the job; for `provider` alone, if given. Raises `Refused`, `LedgerUnavailable`."""
        item = self.examined(wanted)
        if isinstance(item, list):
            return await self._accepting.earlier(project_id, key, item)
        async with patience():
            job = await self._prepare(project_id, item, key, provider)
            if isinstance(job, Answer):
                return job
            job = job._replace(again=again) if again is not None else job
            if provider is not None:
                envelope = json.loads(job.envelope or "{}") | {"provider": provider}
                job = job._replace(envelope=json.dumps(envelope))
            return await self._accepting.commit(job, lambda: self._answer(job))

    def examined(self, wanted: NotificationIn) -> Sendable | list[Flaw]:
        return examine(wanted, self._clock.now(), self._channels, most_segments=self._most_segments)

    def _answer(self, job: NewJob) -> bytes:
        return answer_of(job.id, job.waits, self._domain)

    async def _prepare(
        self, project_id: UUID, item: Sendable, key: Key | None, provider: str | None
    ) -> NewJob | Answer:
        """The job; or the answer to the first request with its key, if what it refers to is gone."""
        wanted = item.wanted
        reference = reference_of(project_id, wanted.to)
        found = group_id = None
        item, flaws = await self.checked(project_id, item)
        if reference is not None:
            found = await self._directory.recipient(reference)
            if found is None:
                flaws.append(unknown_recipient(reference.kind, ("body",)))
        if (place := place_of(project_id, wanted)) is not None:
            there = await self._directory.place(place)
            flaws += misplaced(place, there, ("body",))
            group_id = there.update_group_id
        if not item.waits and only_by_whatsapp(wanted, self._channels):
            asked = [(wanted.to.phone, found.id if found is not None else None)]
            if any(await self._directory.outside_window(asked, provider)):
                flaws.append(Flaw(("body", "channels"), OUTSIDE_WINDOW))
        if flaws:
            return await self._accepting.earlier(project_id, key, flaws)
        job_id = new_job_id()
        answer = answer_of(job_id, item.waits, self._domain)
        kept = Idempotency(key.value, key.fingerprint, answer) if key is not None else None
        return job_of(item, job_id, project_id, found, group_id=group_id, idempotency=kept)

    async def checked(self, project_id: UUID, item: Sendable) -> tuple[Sendable, list[Flaw]]:
        """With the defaults of its mail, and the flaws of its type, data and senders."""
        wanted = item.wanted
        template = template_of(wanted)
        flaws: list[Flaw] = []
        if template is not None:
            flaws += await self._template_flaws(project_id, wanted, template)
        address = from_address(wanted)
        if address is not None and await self._directory.strangers(project_id, [address]):
            flaws.append(not_a_sender(address, ("body",)))
        if takes_defaults(wanted, wanted.channels, by_phone=wanted.to.phone is not None):
            (defaults,) = (await self._directory.mail_defaults(project_id, [template])).values()
            default = default_address(wanted, defaults)
            if default is not None and await self._directory.strangers(project_id, [default]):
                flaws.append(no_sender_any_more(default, defaults.of, ("body",)))
            item = replace(item, envelope=with_defaults(wanted, item.envelope, defaults))
        return item, flaws

    async def _template_flaws(self, project_id: UUID, wanted: NotificationIn, template: str) -> list[Flaw]:
        """Nothing is refused for what the template needed a moment ago."""
        needs = await self._directory.needs(project_id, template)
        if needs is not None and data_flaws(wanted, needs, self._channels):
            needs = await self._directory.needs_now(project_id, template)
        if needs is None:
            return [unknown_type(template, ("body",))]
        return data_flaws(wanted, needs, self._channels)


def unknown_type(name: str, at: tuple[str | int, ...]) -> Flaw:
    return Flaw((*at, "type"), f"unknown type: {name} (there is no template of this name)")


def unknown_recipient(kind: str, at: tuple[str | int, ...]) -> Flaw:
    """The same whether or not another project has such a recipient."""
    return Flaw((*at, "to", kind), "there is no such recipient")
