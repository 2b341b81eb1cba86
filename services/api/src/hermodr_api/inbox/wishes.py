from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import patience
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found
from hermodr_api.inbox.models import PreferenceView
from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import Channel
from hermodr_deciding.notifications import deciding_wish
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.inbox.reading import Whose
from hermodr_ledger.jobs.decisions import Preference
from hermodr_ledger.people import wishes
from hermodr_ledger.people.wishes import MOST_WISHES, TooManyWishes
from hermodr_ledger.templates import channels_of_types
from hermodr_ledger.templates.channels_of_types import TypeOnChannels


class InboxWishes:
    """A user's preferences, by types of notifications, as the recipient with that user id has them. All raise `Refused`
    and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, channels: Channels) -> None:
        self._ledger = ledger
        self._channels = channels

    async def page(self, whose: Whose, page: Page) -> tuple[PageResult[PreferenceView], dict[str, bool]]:
        """And what holds for types for which nothing is wished."""
        async with patience():
            theirs = await self._theirs(whose)
            found = await walk(
                self._ledger, page, lambda at, rows: channels_of_types.page(at, whose.project_id, rows)
            )
        views = PageResult([self._view(each, theirs) for each in found.rows], found.next)
        return views, _allowed(theirs, None, self._channels)

    async def show(self, whose: Whose, preference_id: UUID) -> PreferenceView:
        async with patience():
            found = await self._type(whose.project_id, preference_id)
            return self._view(found, await self._theirs(whose))

    async def change(
        self, caller: Caller, whose: Whose, preference_id: UUID, wanted: Mapping[Channel, bool]
    ) -> PreferenceView:
        async with patience():
            found = await self._type(caller.project_id, preference_id)
            if found.critical:
                raise _critical(found.name)
            theirs = await self._set(caller, whose, found.name, wanted)
        return self._view(found, theirs)

    async def set(
        self, caller: Caller, whose: Whose, type: str | None, wanted: Mapping[Channel, bool]
    ) -> dict[str, bool]:
        """What holds now, on these channels."""
        async with patience():
            if type is not None and await channels_of_types.is_critical(
                self._ledger, caller.project_id, type
            ):
                raise _critical(type)
            theirs = await self._set(caller, whose, type, wanted)
        return _allowed(theirs, type, wanted)

    async def _set(
        self, caller: Caller, whose: Whose, type: str | None, wanted: Mapping[Channel, bool]
    ) -> Sequence[Preference]:
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
        return await self._theirs(whose)

    async def _theirs(self, whose: Whose) -> Sequence[Preference]:
        """Nobody's are none: everything is allowed."""
        if whose.user_id is None:
            return ()
        return [
            Preference(each.get("type"), each.get("channel"), bool(each.get("enabled")))
            for each in await wishes.of_user(self._ledger, whose.project_id, whose.user_id)
        ]

    async def _type(self, project_id: UUID, preference_id: UUID) -> TypeOnChannels:
        found = await channels_of_types.read(self._ledger, project_id, preference_id)
        if found is None:
            raise not_found("preference")
        return found

    def _view(self, found: TypeOnChannels, theirs: Sequence[Preference]) -> PreferenceView:
        served = [each for each in self._channels if each in found.channels]
        allowed = _allowed(theirs, found.name, served)
        if found.critical:
            allowed = dict.fromkeys(allowed, True)
        return PreferenceView(id=found.id, type=found.name, critical=found.critical, channels=allowed)


def _allowed(
    theirs: Sequence[Preference], type: str | None, channels: Collection[Channel]
) -> dict[str, bool]:
    wished = {each.value: deciding_wish(theirs, type, each) for each in channels}
    return {name: wish is None or wish.enabled for name, wish in wished.items()}


def _critical(type: str) -> Refused:
    return Refused(CONFLICT, f"{type} is critical: it comes whatever is wished")
