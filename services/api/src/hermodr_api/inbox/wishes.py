from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import patience
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found
from hermodr_api.inbox.models import LabelView, PreferenceView
from hermodr_api.recipients.reach import allowed, channels_to, told
from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.inbox.reading import Whose
from hermodr_ledger.people import recipients, wishes
from hermodr_ledger.people.recipients import Recipient
from hermodr_ledger.people.wishes import MOST_WISHES, TooManyWishes
from hermodr_ledger.templates import channels_of_types
from hermodr_ledger.templates.channels_of_types import TypeOnChannels


class InboxWishes:
    """A user's preferences, by types of notifications, as the recipient with that user id has them. All raise `Refused`
    and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, channels: Channels) -> None:
        self._ledger = ledger
        self._channels = channels

    async def page(
        self, whose: Whose, page: Page, locale: str | None
    ) -> tuple[PageResult[PreferenceView], dict[str, bool]]:
        """The types that may reach them; for nobody all there are. And what holds for types for which nothing is
        wished. `locale` `None`: their own."""
        async with patience():
            person = await self._person(whose)
            reaching = told(person, self._channels) if person is not None else None
            if whose.user_id is not None and person is None:
                return PageResult([], None), {}
            found = await walk(
                self._ledger,
                page,
                lambda at, rows: channels_of_types.page(at, whose.project_id, rows, reaching),
            )
        views = PageResult([self._view(each, person, locale) for each in found.rows], found.next)
        return views, _allowed(person, None, self._leading_to(person))

    async def show(self, whose: Whose, preference_id: UUID, locale: str | None) -> PreferenceView:
        async with patience():
            found = await self._type(whose.project_id, preference_id)
            return self._view(found, await self._person(whose), locale)

    async def change(
        self, caller: Caller, whose: Whose, preference_id: UUID, wanted: Mapping[Channel, bool]
    ) -> PreferenceView:
        async with patience():
            found = await self._type(caller.project_id, preference_id)
            if found.critical:
                raise _critical(found.name)
            person = await self._set(caller, whose, found.name, wanted)
        return self._view(found, person, None)

    async def set(
        self, caller: Caller, whose: Whose, type: str | None, wanted: Mapping[Channel, bool]
    ) -> dict[str, bool]:
        """What holds now, on these channels."""
        async with patience():
            if type is not None and await channels_of_types.is_critical(
                self._ledger, caller.project_id, type
            ):
                raise _critical(type)
            person = await self._set(caller, whose, type, wanted)
        return _allowed(person, type, wanted)

    async def _set(
        self, caller: Caller, whose: Whose, type: str | None, wanted: Mapping[Channel, bool]
    ) -> Recipient | None:
        if whose.user_id is None:
            raise invalid(Flaw(("query", "user_id"), "an API key has to say whose preferences"))
        async with self._ledger.transaction() as transaction:
            try:
                changed = await wishes.set_channels(
                    transaction, whose.project_id, whose.user_id, type, wanted
                )
            except TooManyWishes:
                raise Refused(CONFLICT, f"a recipient has at most {MOST_WISHES} preferences") from None
            if changed is None:
                raise not_found("recipient")
            detail = {"type": type, "channels": {each.value: on for each, on in wanted.items()}}
            await audit.record(
                transaction, caller.project_id, caller.actor, "recipient.change", changed, detail
            )
        return await self._person(whose)

    async def _person(self, whose: Whose) -> Recipient | None:
        if whose.user_id is None:
            return None
        return await recipients.of_user(self._ledger, whose.project_id, whose.user_id)

    def _leading_to(self, person: Recipient | None) -> Sequence[Channel]:
        return channels_to(person, self._channels) if person is not None else list(self._channels)

    async def _type(self, project_id: UUID, preference_id: UUID) -> TypeOnChannels:
        found = await channels_of_types.read(self._ledger, project_id, preference_id)
        if found is None:
            raise not_found("preference")
        return found

    def _view(self, found: TypeOnChannels, person: Recipient | None, locale: str | None) -> PreferenceView:
        on = [each for each in self._leading_to(person) if each in found.channels]
        coming = _allowed(person, found.name, on)
        if found.critical:
            coming = dict.fromkeys(coming, True)
        label = found.label(locale or (person.locale if person is not None else None))
        return PreferenceView(
            id=found.id,
            type=found.name,
            label=LabelView(**label._asdict()),
            critical=found.critical,
            channels=coming,
        )


def _allowed(person: Recipient | None, type: str | None, channels: Collection[Channel]) -> dict[str, bool]:
    """For nobody everything is."""
    preferences = person.preferences if person is not None else ()
    return {each.value: allowed(preferences, type, each) for each in channels}


def _critical(type: str) -> Refused:
    return Refused(CONFLICT, f"{type} is critical: it comes whatever is wished")
