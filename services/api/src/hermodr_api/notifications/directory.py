"""Looks up what requests refer to: templates, recipients, groups, updates. Concurrent look-ups share a statement."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from hermodr_api.remembered import Remembered
from hermodr_ledger.access import mail_defaults, senders
from hermodr_ledger.access.mail_defaults import MailDefaults
from hermodr_ledger.engine import Ledger
from hermodr_ledger.people import recipients, updates, windows
from hermodr_ledger.people.recipients import FoundRecipient, Reference
from hermodr_ledger.people.updates import FoundPlace, Place
from hermodr_ledger.templates import needs
from hermodr_ledger.templates.needs import Needs
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer

REMEMBERED_SECONDS = 5.0


class Directory:
    """Caches what a template needs, never that there is none: until it is told of a change, and a few seconds in case
    that gets lost. Recipients are always looked up: an erased one must not be written to."""

    def __init__(self, ledger: Ledger, clock: Clock, many: Ledger, house: str) -> None:
        """`many` is the pool for bulk requests; every project may send from `house`."""
        self._ledger = ledger
        self._many = many
        self._needs: Remembered[tuple[UUID, str], Needs] = Remembered(clock, REMEMBERED_SECONDS)
        self._house = house.lower()
        self._allowed: Remembered[tuple[UUID, str], bool] = Remembered(clock, REMEMBERED_SECONDS)
        self._defaults: Remembered[tuple[UUID, str], MailDefaults] = Remembered(clock, REMEMBERED_SECONDS)
        self._templates = Coalescer(self._look_up_templates, max_items=200, concurrency=2)
        self._mail_defaults = Coalescer(self._look_up_defaults, max_items=200, concurrency=2)
        self._recipients = Coalescer(self._look_up_recipients, max_items=200, concurrency=2)
        self._places = Coalescer(self._look_up_places, max_items=200, concurrency=2)

    async def needs(self, project_id: UUID, name: str) -> Needs | None:
        """What data the template needs, perhaps as of a moment ago; `None`: there is no such template."""
        known = self._needs.get((project_id, name))
        return known if known is not None else await self.needs_now(project_id, name)

    async def needs_now(self, project_id: UUID, name: str) -> Needs | None:
        """`needs`, read anew."""
        return await self._templates.submit((project_id, name))

    async def needs_of(self, project_id: UUID, names: Iterable[str]) -> dict[str, Needs | None]:
        """`needs_now` of many."""
        wanted = list(set(names))
        found = await self._look_up_templates([(project_id, name) for name in wanted], self._many)
        return dict(zip(wanted, found, strict=True))

    async def recipient(self, reference: Reference) -> FoundRecipient | None:
        return await self._recipients.submit(reference)

    async def recipients(self, references: Iterable[Reference]) -> dict[Reference, FoundRecipient | None]:
        wanted = list(set(references))
        return dict(zip(wanted, await recipients.resolve(self._many, wanted), strict=True)) if wanted else {}

    async def place(self, place: Place) -> FoundPlace:
        return await self._places.submit(place)

    async def places(self, places: Iterable[Place]) -> dict[Place, FoundPlace]:
        wanted = list(set(places))
        return dict(zip(wanted, await updates.find(self._many, wanted), strict=True)) if wanted else {}

    async def outside_window(
        self,
        people: Sequence[tuple[str | None, UUID | None]],
        provider: str | None = None,
        *,
        bulk: bool = False,
    ) -> list[bool]:
        """Whether each, a phone or a recipient, may not be written to freely by WhatsApp now, by this provider alone if
        given. Not so of a recipient without a phone."""
        ledger = self._many if bulk else self._ledger.cold
        known = await windows.phones_of(ledger, [who for _, who in people if who is not None])
        phones = [known.get(who) if who is not None else phone for phone, who in people]
        there = await windows.open_with(ledger, [each for each in phones if each is not None])
        return [
            each is not None and not (there[each] if provider is None else provider in there[each])
            for each in phones
        ]

    async def strangers(self, project_id: UUID, addresses: Iterable[str]) -> set[str]:
        """Those of the addresses that mails of the project may not be from. Caches for a few seconds those they may."""
        wanted = [
            each
            for each in set(addresses)
            if each.lower() != self._house and not self._allowed.get((project_id, each))
        ]
        if not wanted:
            return set()
        reading = self._allowed.reading
        found = await senders.allowed(self._ledger, [(project_id, each) for each in wanted])
        allowed = {each for each, known in zip(wanted, found, strict=True) if known}
        self._allowed.keep(reading, {(project_id, each): True for each in allowed})
        return set(wanted) - allowed

    async def mail_defaults(
        self, project_id: UUID, names: Collection[str | None], *, bulk: bool = False
    ) -> dict[str | None, MailDefaults]:
        """By template; `None`: content of the message's own. Cached for a few seconds."""
        keys = {name: (project_id, name or "") for name in names}
        known = {name: each for name, key in keys.items() if (each := self._defaults.get(key)) is not None}
        if wanted := [name for name in keys if name not in known]:
            reading = self._defaults.reading
            found = await self._coalesced_defaults([keys[name] for name in wanted], bulk=bulk)
            known.update(zip(wanted, found, strict=True))
            self._defaults.keep(reading, {keys[name]: known[name] for name in wanted})
        return known

    async def _coalesced_defaults(
        self, keys: Sequence[tuple[UUID, str]], *, bulk: bool
    ) -> Sequence[MailDefaults]:
        if bulk:
            return await mail_defaults.find(self._many, keys)
        return [await self._mail_defaults.submit(key) for key in keys]

    async def _look_up_defaults(self, keys: Sequence[tuple[UUID, str]]) -> list[MailDefaults]:
        return await mail_defaults.find(self._ledger, keys)

    def forget(self, project_id: UUID, name: str) -> None:
        """The template has changed."""
        self._needs.forget((project_id, name))
        self._defaults.forget((project_id, name))

    def forget_defaults(self, project_id: UUID) -> None:
        self._defaults.forget_all(lambda key: key[0] == project_id)

    def forget_all(self) -> None:
        """Any template may have changed."""
        self._needs.forget_all()
        self._defaults.forget_all()

    def told(self, change: str) -> None:
        """`forget`, as `versions.CHANGED_CHANNEL` tells it."""
        project_id, _, name = change.partition(" ")
        self.forget(UUID(project_id), name)

    async def _look_up_templates(
        self, keys: Sequence[tuple[UUID, str]], ledger: Ledger | None = None
    ) -> list[Needs | None]:
        reading = self._needs.reading
        known = await needs.find(ledger or self._ledger, list(dict.fromkeys(keys)))
        self._needs.keep(reading, known)
        return [known.get(key) for key in keys]

    async def _look_up_recipients(self, references: Sequence[Reference]) -> list[FoundRecipient | None]:
        return await recipients.resolve(self._ledger, references)

    async def _look_up_places(self, places: Sequence[Place]) -> list[FoundPlace]:
        return await updates.find(self._ledger, places)
