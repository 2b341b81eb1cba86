from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.access.exports import Export, Exports
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import CONFLICT, FORBIDDEN, Flaw, Refused, not_found
from hermodr_api.http.fields import as_stored
from hermodr_api.recipients.export import Sight, export
from hermodr_api.recipients.models import PreferencesIn, RecipientIn, RecipientPatch, WholeRecipientView
from hermodr_api.recipients.webhook_urls import WebhookUrls
from hermodr_ledger.access import audit, mail_defaults
from hermodr_ledger.engine import Ledger, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.people import links, members, recipients
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_ledger.people.members import Membership
from hermodr_ledger.people.pending import Addressed, addressed
from hermodr_ledger.people.recipients import RecipientSearch
from hermodr_ledger.privacy.erasure import erase
from hermodr_servicekit.clock import Clock

_NAMES = ("external_id", "user_id", "relationship", "attributes", "webhook_url")


class OwnAddresses(Protocol):
    async def change(
        self, caller: Caller, recipient_id: UUID, changes: Mapping[str, object]
    ) -> Addressed: ...


class Recipients:
    """The use cases of `/v1/recipients`; end users see only themselves. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(
        self,
        ledger: Ledger,
        repeatable: Repeatable,
        clock: Clock,
        webhook_urls: WebhookUrls,
        addresses: OwnAddresses,
        exports: Exports,
    ) -> None:
        self._ledger = ledger
        self._repeatable = repeatable
        self._clock = clock
        self._webhook_urls = webhook_urls
        self._addresses = addresses
        self._exports = exports

    async def page(
        self,
        caller: Caller,
        page: Page,
        *,
        external_id: str | None,
        user_id: str | None,
        email: str | None,
        ids: Sequence[UUID] | None = None,
    ) -> PageResult[Addressed]:
        search = RecipientSearch(
            external_id, user_id, as_stored(email) if email else email, caller.user_id, ids
        )
        async with patience():
            found = await walk(
                self._ledger,
                page,
                lambda at, rows: recipients.page(at, caller.project_id, rows, search),
            )
            return PageResult(await addressed(self._ledger, found.rows), found.next)

    async def groups(self, recipient_id: UUID, most: int) -> list[Membership]:
        """Those that a recipient, who was read before, is in; the newest `most` first."""
        async with patience():
            return await members.groups_of(self._ledger, recipient_id, most)

    async def read(self, caller: Caller, recipient_id: UUID) -> Addressed:
        async with patience():
            there = await recipients.read(self._ledger, caller.project_id, recipient_id, caller.user_id)
            if there is None:
                raise not_found("recipient")
            (found,) = await addressed(self._ledger, [there])
            return found

    async def create(self, caller: Caller, wanted: RecipientIn, key: Key | None) -> Answer:
        project_id = caller.project_id
        fields = wanted.given()
        await self._webhook_urls.check(fields)

        async def act(transaction: Transaction) -> Outcome:
            made = await recipients.create(transaction, project_id, fields)
            await audit.record(transaction, project_id, caller.actor, "recipient.create", made.id)
            return Outcome.of(WholeRecipientView, made)

        try:
            return await self._repeatable.run(project_id, key, 201, act)
        except ExternalIdTaken as error:
            raise _taken() from error

    async def change(self, caller: Caller, recipient_id: UUID, wanted: RecipientPatch) -> Addressed:
        """End users cannot change what the application knows of them, and their addresses have to be verified."""
        changes = wanted.given()
        if caller.user_id is not None:
            _refuse_names(changes)
            return await self._addresses.change(caller, recipient_id, changes)
        await self._webhook_urls.check(changes)
        return await self._change(caller, recipient_id, changes)

    async def prefer(self, caller: Caller, recipient_id: UUID, wanted: PreferencesIn) -> Addressed:
        return await self._change(caller, recipient_id, wanted.changes())

    async def export(self, caller: Caller, recipient_id: UUID) -> Export:
        """For end users without contents, unless the project says otherwise; of each of them one at a time."""
        turn = await self._exports.admit(caller)
        try:
            made = Export(await self._pieces(caller, recipient_id), turn)
            async with patience():
                await made.begin()
        except BaseException:
            await turn.aclose()
            raise
        return made

    async def _pieces(self, caller: Caller, recipient_id: UUID) -> AsyncIterator[bytes]:
        found = await self.read(caller, recipient_id)
        sight = Sight(whole=caller.manages, contents=True)
        async with patience():
            if caller.user_id is not None:
                project = await mail_defaults.project(self._ledger, caller.project_id)
                shown = project.users_export_contents
                sight = Sight(whole=shown, contents=shown, user_id=caller.user_id)
            seen = {"contents": sight.contents}
            await audit.record(
                self._ledger, caller.project_id, caller.actor, "recipient.export", recipient_id, seen
            )
        return export(self._ledger, caller.project_id, found, self._clock.now(), sight)

    async def revoke_links(self, caller: Caller, recipient_id: UUID) -> None:
        """Those in mails so far."""
        async with patience(), self._ledger.transaction() as transaction:
            if not await links.revoke(transaction, caller.project_id, recipient_id):
                raise not_found("recipient")
            await audit.record(
                transaction, caller.project_id, caller.actor, "recipient.revoke_links", recipient_id
            )

    async def erase(self, caller: Caller, recipient_id: UUID) -> None:
        """Erases personal data; counts stay."""
        if not await erase(self._ledger, caller.project_id, recipient_id, caller.actor):
            raise not_found("recipient")

    async def _change(self, caller: Caller, recipient_id: UUID, changes: Mapping[str, object]) -> Addressed:
        try:
            async with patience(), self._ledger.transaction() as transaction:
                project_id = caller.project_id
                there = await recipients.read_for_change(
                    transaction, project_id, recipient_id, caller.user_id
                )
                if there is None:
                    raise not_found("recipient")
                changed = await recipients.overwrite(transaction, recipient_id, changes)
                await audit.changed(transaction, project_id, caller.actor, "recipient", recipient_id, changes)
                (found,) = await addressed(transaction, [changed])
                return found
        except ExternalIdTaken as error:
            raise _taken() from error


def _refuse_names(changes: Mapping[str, object]) -> None:
    flaws = [Flaw(("body", name), "is not an end user's to change") for name in _NAMES if name in changes]
    if flaws:
        raise Refused(FORBIDDEN, "end users may not change what the application knows of them", flaws)


def _taken() -> Refused:
    reason = "another recipient has this external_id"
    return Refused(CONFLICT, reason, [Flaw(("body", "external_id"), reason)])
