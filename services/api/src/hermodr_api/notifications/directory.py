"""Looks up what requests refer to: templates, recipients, groups, updates. Concurrent look-ups share a statement."""

from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from hermodr_ledger.access import mail_defaults, senders
from hermodr_ledger.access.mail_defaults import MailDefaults
from hermodr_ledger.engine import Ledger
from hermodr_ledger.people import recipients, updates
from hermodr_ledger.people.recipients import FoundRecipient, Reference
from hermodr_ledger.people.updates import FoundPlace, Place
from hermodr_ledger.templates import needs
from hermodr_ledger.templates.needs import Needs
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.coalescer import Coalescer

REMEMBERED_SECONDS = 5.0
_MOST_REMEMBERED = 10_000


class Directory:
    """Caches what a template needs, never that there is none: until it is told of a change, and a few seconds in case
    that gets lost. Recipients are always looked up: an erased one must not be written to."""

    def __init__(self, ledger: Ledger, clock: Clock, many: Ledger, house: str) -> None:
        """`many` is the pool for bulk requests; every project may send from `house`."""
        self._ledger = ledger
        self._many = many
        self._clock = clock
        self._known: dict[tuple[UUID, str], tuple[float, Needs]] = {}
        self._changes = 0
        self._house = house.lower()
        self._allowed: dict[tuple[UUID, str], float] = {}
        self._defaults: dict[tuple[UUID, str], tuple[float, MailDefaults]] = {}
        self._templates = Coalescer(self._look_up_templates, max_items=200, concurrency=2)
        self._mail_defaults = Coalescer(self._look_up_defaults, max_items=200, concurrency=2)
        self._recipients = Coalescer(self._look_up_recipients, max_items=200, concurrency=2)
        self._places = Coalescer(self._look_up_places, max_items=200, concurrency=2)

    async def needs(self, project_id: UUID, name: str) -> Needs | None:
        """What data the template needs, perhaps as of a moment ago; `None`: there is no such template."""
        until, known = self._known.get((project_id, name), (0.0, None))
        if known is not None and until > self._clock.monotonic():
            return known
        return await self.needs_now(project_id, name)

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

    async def strangers(self, project_id: UUID, addresses: Iterable[str]) -> set[str]:
        """Those of the addresses that mails of the project may not be from. Caches for a few seconds those they may."""
        now = self._clock.monotonic()
        wanted = [
            each
            for each in set(addresses)
            if each.lower() != self._house and self._allowed.get((project_id, each), 0.0) <= now
        ]
        if not wanted:
            return set()
        found = await senders.allowed(self._ledger, [(project_id, each) for each in wanted])
        if len(self._allowed) > _MOST_REMEMBERED:
            self._allowed.clear()
        allowed = {each for each, known in zip(wanted, found, strict=True) if known}
        self._allowed.update(((project_id, each), now + REMEMBERED_SECONDS) for each in allowed)
        return set(wanted) - allowed

    async def mail_defaults(
        self, project_id: UUID, names: Collection[str | None], *, bulk: bool = False
    ) -> dict[str | None, MailDefaults]:
        """By template; `None`: content of the message's own. Cached for a few seconds."""
        now = self._clock.monotonic()
        keys = {name: (project_id, name or "") for name in names}
        known = {name: self._defaults.get(key, (0.0, mail_defaults.NOTHING)) for name, key in keys.items()}
        if wanted := [name for name, (until, _) in known.items() if until <= now]:
            found = await self._coalesced_defaults([keys[name] for name in wanted], bulk=bulk)
            if len(self._defaults) > _MOST_REMEMBERED:
                self._defaults.clear()
            for name, each in zip(wanted, found, strict=True):
                known[name] = self._defaults[keys[name]] = (now + REMEMBERED_SECONDS, each)
        return {name: each for name, (_, each) in known.items()}

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
        self._changes += 1
        self._known.pop((project_id, name), None)
        self._defaults.pop((project_id, name), None)

    def forget_defaults(self, project_id: UUID) -> None:
        for key in [each for each in self._defaults if each[0] == project_id]:
            del self._defaults[key]

    def forget_all(self) -> None:
        """Any template may have changed."""
        self._changes += 1
        self._known.clear()

    def told(self, change: str) -> None:
        """`forget`, as `versions.CHANGED_CHANNEL` tells it."""
        project_id, _, name = change.partition(" ")
        self.forget(UUID(project_id), name)

    async def _look_up_templates(
        self, keys: Sequence[tuple[UUID, str]], ledger: Ledger | None = None
    ) -> list[Needs | None]:
        changes = self._changes
        known = await needs.find(ledger or self._ledger, list(dict.fromkeys(keys)))
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
        if changes == self._changes:  # else what was read may be of before the change
            until = self._clock.monotonic() + REMEMBERED_SECONDS
            self._known.update((key, (until, found)) for key, found in known.items())
        return [known.get(key) for key in keys]

    async def _look_up_recipients(self, references: Sequence[Reference]) -> list[FoundRecipient | None]:
        return await recipients.resolve(self._ledger, references)

    async def _look_up_places(self, places: Sequence[Place]) -> list[FoundPlace]:
        return await updates.find(self._ledger, places)
