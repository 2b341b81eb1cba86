"""What a visitor means by the words of a search, and whom jobs went to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import get_args
from uuid import UUID

from hermodr_api.answers import patience
from hermodr_api.errors import Flaw, invalid
from hermodr_api.http.fields import sought
from hermodr_api.jobs.models import ListedJobView
from hermodr_contracts.vocabulary import Channel, DeliveryState, JobKind, JobState
from hermodr_ledger.digests import schedules
from hermodr_ledger.engine import Ledger
from hermodr_ledger.jobs import addressees, completing, task_types
from hermodr_ledger.jobs.listing_sources import Filters, Reported
from hermodr_ledger.people import names, recipients
from hermodr_ledger.people import words as people


@dataclass(frozen=True, slots=True)
class Meant:
    """A job, or a list. Neither: nothing can match, and `flaw` says why, or the words mean `several` recipients."""

    filters: Filters | None
    job_id: UUID | None = None
    flaw: str | None = None
    several: bool = False


class _Nothing(Exception):
    """Nothing can match; says why."""


@dataclass(frozen=True, slots=True)
class Row:
    job: ListedJobView
    to: str
    recipient_id: UUID | None


_STATES = tuple(DeliveryState)
REPORTED: tuple[Reported, ...] = get_args(Reported)
DELIVERY = (*_STATES, *REPORTED)
"""What may be asked of a message's deliveries."""
_CHOICES: Mapping[str, Collection[str]] = {
    "status": tuple(JobState),
    "kind": tuple(JobKind),
    "channel": tuple(Channel),
    "delivery": DELIVERY,
}


class Search:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def meant(self, project_id: UUID, fields: Mapping[str, str]) -> Meant:
        """`search` is the id of a job, an address, a recipient's external id, or a type. Raises `LedgerUnavailable`."""
        if not all(value.isprintable() for value in fields.values()):
            return Meant(None, flaw="this has characters that nobody can type")
        narrowed = {name: value for name, value in fields.items() if value and name != "search"}
        for name, known in _CHOICES.items():
            if name in narrowed and narrowed[name] not in known:
                return Meant(None, flaw=f"{narrowed[name]!r} is no {name}")
        delivery = narrowed.get("delivery")
        filters = Filters(
            project_id,
            states=(JobState(narrowed["status"]),) if "status" in narrowed else None,
            kind=JobKind(narrowed["kind"]) if "kind" in narrowed else None,
            type=narrowed.get("type"),
            delivery_method=Channel(narrowed["channel"]) if "channel" in narrowed else None,
            cancel_key=narrowed.get("cancel_key"),
            delivery_state=DeliveryState(delivery) if delivery in _STATES else None,
            reported=delivery if delivery in REPORTED else None,
            error=narrowed.get("error"),
        )
        try:
            filters = await self._narrowed(filters, narrowed)
        except _Nothing as nothing:
            return Meant(None, flaw=str(nothing))
        return await self._searched(filters, fields["search"])

    async def _narrowed(self, filters: Filters, fields: Mapping[str, str]) -> Filters:
        """By what has to be looked up or read. Raises `_Nothing`."""
        project_id = filters.project_id
        if "batch" in fields:
            filters = replace(filters, batch_id=_id(fields["batch"], "batch"))
        if "after" in fields:
            filters = replace(filters, created_after=_moment(fields["after"], "after"))
        if "before" in fields:
            filters = replace(filters, created_before=_moment(fields["before"], "before"))
        async with patience():
            if "group" in fields:
                group = await addressees.group(self._ledger, project_id, fields["group"])
                if group is None:
                    raise _Nothing(f"there is no group {fields['group']}")
                filters = replace(filters, group_id=group)
            if "recipient" in fields:
                person = await addressees.find(self._ledger, project_id, fields["recipient"])
                if person.recipient_id is None:
                    raise _Nothing(f"there is no recipient {fields['recipient']}")
                filters = replace(filters, recipient_id=person.recipient_id)
        return filters

    async def _searched(self, filters: Filters, words: str) -> Meant:
        if not words:
            return Meant(filters)
        async with patience():
            found = await addressees.find(self._ledger, filters.project_id, words)
        if found.job_id is not None:
            return Meant(None, job_id=found.job_id)
        if found.recipient_id is not None:
            if filters.recipient_id not in (None, found.recipient_id):
                return Meant(None, flaw="these are two recipients")
            return Meant(replace(filters, recipient_id=found.recipient_id))
        if "@" in words or words.startswith("+"):
            try:
                return Meant(replace(filters, address=sought(words)))
            except ValueError:  # a part of one
                return await self._called(filters, words) or Meant(None, flaw="nobody has such an address")
        if await self.strange(filters.project_id, [words]):
            called = await self._called(filters, words)
            if called is not None:
                return called
        if filters.type not in (None, words):
            return Meant(None, flaw=f"{words} is no id and no address, and no second type")
        return Meant(replace(filters, type=words))

    async def _called(self, filters: Filters, words: str) -> Meant | None:
        """The messages of whoever is meant by a part of a name or address; `None`: nobody is."""
        found = await self.people(filters.project_id, words, 2)
        if not found:
            return None
        if len(found) > 1:
            return Meant(None, flaw="several recipients are found by this", several=True)
        if filters.recipient_id not in (None, found[0]):
            return Meant(None, flaw="these are two recipients")
        return Meant(replace(filters, recipient_id=found[0]))

    async def beginning(self, project_id: UUID, word: completing.Word, typed: str) -> list[tuple[str, str]]:
        """See `completing.beginning`. Raises `LedgerUnavailable`."""
        if not typed.isprintable():
            return []
        async with patience():
            return await completing.beginning(self._ledger, project_id, word, typed)

    async def people(self, project_id: UUID, words: str, most: int) -> list[UUID]:
        """Recipients of this id, or with a word of name, address or id that begins like each word; up to `most`.
        Raises `LedgerUnavailable`."""
        if not words.isprintable():
            return []
        async with patience():
            exact = (await addressees.find(self._ledger, project_id, words)).recipient_id
            found = await people.beginning(self._ledger, project_id, words, most)
        return list(dict.fromkeys([exact, *found] if exact is not None else found))[:most]

    async def choices(self, project_id: UUID, typed: str) -> list[tuple[str, str]]:
        """Recipients that somebody may mean: an id of theirs, and what they are called. Raises `LedgerUnavailable`."""
        if not typed.strip():
            return await self.beginning(project_id, "recipient", "")
        found = await self.people(project_id, typed, completing.MOST)
        async with patience():
            return await names.choices(self._ledger, project_id, found)

    async def suggested(self, project_id: UUID) -> Mapping[str, list[tuple[str, str]]]:
        """Recipients and groups to begin with, for fields that name one. Raises `LedgerUnavailable`."""
        return {
            "recipient": await self.choices(project_id, ""),
            "group": await self.beginning(project_id, "group", ""),
        }

    async def addressed(self, project_id: UUID, jobs: Sequence[ListedJobView]) -> list[Row]:
        """The jobs with whom they are for. Raises `LedgerUnavailable`."""
        async with patience():
            names = await addressees.of_jobs(self._ledger, project_id, [each.id for each in jobs])
        return [Row(each, *names.get(each.id, ("", None))) for each in jobs]

    async def of_digests(
        self, project_id: UUID, schedule_ids: Sequence[UUID]
    ) -> Mapping[UUID, tuple[str, str]]:
        """Reader and group of each. Raises `LedgerUnavailable`."""
        async with patience():
            return await schedules.names(self._ledger, project_id, schedule_ids)

    async def called(
        self, project_id: UUID, recipients: Iterable[UUID | None], groups: Iterable[UUID]
    ) -> tuple[Mapping[UUID, str], Mapping[UUID, str]]:
        """What recipients and groups are called, by id. Raises `LedgerUnavailable`."""
        async with patience():
            return (
                await names.of_recipients(self._ledger, project_id, recipients),
                await names.of_groups(self._ledger, project_id, groups),
            )

    async def ids(self, project_id: UUID, recipient: str, group: str) -> tuple[str, str]:
        """Of a recipient and a group that are named by external id, or name if only one is called that, or a recipient
        by user id; what is not found stays as it was typed. Raises `LedgerUnavailable`."""
        recipient, group = recipient.strip(), group.strip()
        if not (recipient.isprintable() and group.isprintable()):
            return recipient, group
        async with patience():
            person = (await addressees.find(self._ledger, project_id, recipient)).recipient_id
            if person is None:
                person = await people.only_recipient(self._ledger, project_id, recipient)
            found = await addressees.group(self._ledger, project_id, group)
            if found is None:
                found = await people.only_group(self._ledger, project_id, group)
        return str(person or recipient), str(found or group)

    async def reference(self, project_id: UUID, kind: str, words: str) -> dict[str, str] | None:
        """`to` of a request for what people call a recipient or a group (`kind`): a recipient by `external_id` or
        `user_id` where that was typed; `None` if there is none. Raises `LedgerUnavailable`."""
        recipient, group = await self.ids(project_id, *((words, "") if kind == "recipient" else ("", words)))
        try:
            found = UUID(recipient or group)
        except ValueError:
            return None
        if group:
            return {"group_id": str(found)}
        async with patience():
            person = await recipients.read(self._ledger, project_id, found)
        if person is None:
            return None
        for name in ("external_id", "user_id"):
            if getattr(person, name) == words.strip():
                return {name: words.strip()}
        return {"recipient_id": str(found)}

    async def strange(self, project_id: UUID, types: Iterable[str]) -> set[str]:
        """Which of the types no template and no task has. Raises `LedgerUnavailable`."""
        async with patience():
            return await completing.strange(self._ledger, project_id, types)

    async def without_worker(self, task_type: str) -> bool:
        """Whether it is a type of tasks that no worker has declared. Raises `LedgerUnavailable`."""
        if not task_type or not task_type.isprintable():
            return False
        async with patience():
            return not await task_types.declared(self._ledger, task_type)

    async def is_reader(self, project_id: UUID, digest_id: UUID) -> bool:
        """Whether a digest's reader is in its group. Raises `LedgerUnavailable`."""
        async with patience():
            return await schedules.has_member(self._ledger, project_id, digest_id)


def found(**ids: tuple[str, str]) -> None:
    """Raises `Refused` for what `Search.ids` has not found, by field: what it is to be, and the id or the words."""
    flaws = []
    for field, (noun, words) in ids.items():
        try:
            UUID(words)
        except ValueError:
            flaws.append(Flaw(("body", field), nobody(noun) if words else "this field is required"))
    if flaws:
        raise invalid(*flaws)


def nobody(noun: str) -> str:
    """Says that none is called what was typed."""
    return f"there is no {noun} with this id, external id or name"


def _id(text: str, of: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _Nothing(f"{text!r} is no id of a {of}") from None


def _moment(text: str, name: str) -> datetime:
    """As `<input type="datetime-local">` has it, in UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise _Nothing(f"{name}: {text!r} is no moment such as 2026-11-30T09:00") from None
