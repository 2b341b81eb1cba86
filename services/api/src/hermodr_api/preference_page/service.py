from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from hermodr_api.answers import patience
from hermodr_api.digests.service import DigestSchedules
from hermodr_api.errors import not_found
from hermodr_api.preference_page.form import (
    Changes,
    Fields,
    Flawed,
    Form,
    before_of,
    changes_of,
    posted,
    undoing,
)
from hermodr_api.preference_page.standing import (
    Digest,
    Standing,
    reachable,
    wishing,
    wishing_nothing,
)
from hermodr_api.recipients.reach import allowed, told
from hermodr_contracts.channels import Channels
from hermodr_contracts.vocabulary import Channel
from hermodr_ledger.access import audit, mail_defaults
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.digests import schedules
from hermodr_ledger.digests.schedules import ScheduleSearch
from hermodr_ledger.engine import Ledger, Statements, Transaction
from hermodr_ledger.engine.paging import Page
from hermodr_ledger.people import groups, links, recipients, wishes
from hermodr_ledger.people.recipients import Recipient
from hermodr_ledger.templates import channels_of_types
from hermodr_servicekit.clock import Clock
from hermodr_servicekit.links import Links, Unsubscribe

_BY = Actor("service", "preference-page")
_BY_LINK = Actor("service", "unsubscribe-link")
PAUSE = timedelta(days=7)
_MOST_TYPES = 200
_MOST_DIGESTS = 20


class Revoked(Exception):
    """The link does not hold any more."""


class Result(NamedTuple):
    """`standing` is as it is now; `None`: somebody who was erased. `form`: what was posted, if it was wrong."""

    standing: Standing | None
    said: str | None = None
    before: str | None = None
    form: Form | None = None
    flaws: tuple[str, ...] = ()


class PreferencePage:
    """What `/u/{token}` does. `links` `None`: this installation has no `HERMODR_LINK_SECRET`. All raise
    `LedgerUnavailable`, and what takes a link `Revoked`."""

    def __init__(
        self, ledger: Ledger, links: Links | None, channels: Channels, digests: DigestSchedules, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._links = links
        self._channels = channels
        self._digests = digests
        self._clock = clock

    def known(self, token: str) -> Unsubscribe | None:
        return self._links.read(token) if self._links is not None else None

    async def seen(self, link: Unsubscribe) -> Standing | None:
        """`None` for somebody who was erased."""
        async with patience():
            await _check(self._ledger, link)
            return await self._standing(self._ledger, link)

    async def looked_at(self, project_id: UUID, recipient_id: UUID) -> Standing:
        """For who looks without a link. Raises `Refused` (404)."""
        async with patience():
            found = await self._standing(self._ledger, Unsubscribe(project_id, recipient_id, ""))
        if found is None:
            raise not_found("recipient")
        return found

    async def _standing(
        self, statements: Statements, link: Unsubscribe, locked: Recipient | None = None
    ) -> Standing | None:
        """`None`: there is no such recipient."""
        project_id, recipient_id = link.project_id, link.recipient_id
        person = locked or await recipients.read(statements, project_id, recipient_id)
        if person is None:
            return None
        reaching = told(person, self._channels, link.type)
        types = await channels_of_types.page(statements, project_id, Page(_MOST_TYPES + 1), reaching)
        search = ScheduleSearch(recipient_id=recipient_id)
        found = await schedules.page(statements, project_id, Page(_MOST_DIGESTS), search)
        named = [await groups.read(statements, project_id, each.group_id) for each in found]
        project = await mail_defaults.project(statements, project_id)
        return Standing(
            person,
            reachable(person, types[:_MOST_TYPES], self._channels),
            len(types) > _MOST_TYPES,
            [
                Digest(each, group.name if group is not None else "")
                for each, group in zip(found, named, strict=True)
            ],
            {"name": project.name, **{name: value for name, value in (project.brand or {}).items() if value}},
            self._clock.now(),
        )

    async def one_click(self, link: Unsubscribe, *, enabled: bool = False) -> Result:
        """The type of the link on email; without a type it changes nothing."""
        async with patience(), self._ledger.transaction() as transaction:
            person = await self._locked(transaction, link)
            if person is None or not link.type:
                return Result(await self._standing(transaction, link, person) if person else None)
            if await _set(transaction, link, person, enabled):
                action = "recipient.subscribe" if enabled else "recipient.unsubscribe"
                detail = {"type": link.type, "channel": Channel.EMAIL}
                await audit.record(transaction, link.project_id, _BY_LINK, action, person.id, detail)
            said = "subscribed" if enabled else "unsubscribed"
            return Result(await self._standing(transaction, link), said)

    async def save(self, link: Unsubscribe, fields: Fields) -> Result:
        """What the form holds; with flaws nothing of it."""
        return await self._changing(
            link, "saved", lambda there: changes_of(posted(fields, there), there), fields
        )

    async def pause(self, link: Unsubscribe) -> Result:
        until = self._clock.now() + PAUSE
        return await self._changing(link, "paused", lambda _: Changes({"muted_until": until}))

    async def resume(self, link: Unsubscribe) -> Result:
        return await self._changing(link, "resumed", lambda _: Changes({"muted_until": None}))

    async def nothing(self, link: Unsubscribe) -> Result:
        """No more of anything but what is required."""
        return await self._changing(
            link, "nothing", lambda there: Changes({"preferences": wishing_nothing(_wishes(there.recipient))})
        )

    async def undo(self, link: Unsubscribe, before: str) -> Result:
        return await self._changing(link, "undone", lambda _: undoing(before))

    async def _changing(
        self,
        link: Unsubscribe,
        said: str,
        wanted: Callable[[Standing], Changes],
        fields: Fields | None = None,
    ) -> Result:
        befores: list[str | None] = []

        async def act(transaction: Transaction, there: Standing) -> str | None:
            changes = wanted(there)
            if not changes.recipient and not changes.digests:
                return "unchanged"
            befores.append(before_of(changes, there) if said != "undone" else None)
            await self._change(transaction, link.project_id, there, changes)
            return said

        try:
            result = await self._acting(link, act)
        except Flawed as flawed:
            there = await self.seen(link)
            form = posted(fields, there) if fields is not None and there is not None else None
            return Result(there, form=form, flaws=flawed.flaws)
        return result._replace(before=befores[0] if befores else None)

    async def _acting(
        self, link: Unsubscribe, act: Callable[[Transaction, Standing], Awaitable[str | None]]
    ) -> Result:
        async with patience(), self._ledger.transaction() as transaction:
            person = await self._locked(transaction, link)
            there = await self._standing(transaction, link, person) if person is not None else None
            if there is None:
                return Result(None)
            said = await act(transaction, there)
            return Result(await self._standing(transaction, link), said)

    async def _locked(self, transaction: Transaction, link: Unsubscribe) -> Recipient | None:
        person = await recipients.read_for_change(transaction, link.project_id, link.recipient_id)
        await _check(transaction, link)
        return person

    async def _change(
        self, transaction: Transaction, project_id: UUID, there: Standing, changes: Changes
    ) -> None:
        person = there.recipient
        if changes.recipient:
            await recipients.overwrite(transaction, person.id, changes.recipient)
            await audit.changed(transaction, project_id, _BY, "recipient", person.id, changes.recipient)
        for id, patch in changes.digests.items():
            if there.digest(id) is None:
                raise Flawed("choice")
            await self._digests.change_within(transaction, project_id, _BY, id, patch)


async def _check(statements: Statements, link: Unsubscribe) -> None:
    if await links.revoked(statements, link.project_id, link.recipient_id, link.at):
        raise Revoked


async def _set(transaction: Transaction, link: Unsubscribe, person: Recipient, enabled: bool) -> bool:
    """Whether that changed something."""
    about = (link.project_id, person.id, link.type, Channel.EMAIL)
    if await wishes.set_one(transaction, *about, enabled=enabled):
        return True
    before = _wishes(person)
    if not enabled or allowed(before, link.type, Channel.EMAIL):
        return False
    after = wishing(before, link.type, Channel.EMAIL, wanted=True)
    await recipients.overwrite(transaction, person.id, {"preferences": after})
    return True


def _wishes(person: Recipient) -> list[dict[str, object]]:
    return [dict(each) for each in person.preferences]
