from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import CONFLICT, Flaw, Refused, invalid, not_found
from hermodr_api.groups.service import must_exist
from hermodr_api.http.json_text import dump
from hermodr_api.updates.models import UpdateIn, UpdatePatch, UpdateView
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger, Statements, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.people import recipients, updates
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_ledger.people.updates import SaysNothing, Update


class Updates:
    """The use cases of `/v1/groups/{id}/updates`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, repeatable: Repeatable) -> None:
        self._ledger = ledger
        self._repeatable = repeatable

    async def page(
        self,
        project_id: UUID,
        group_id: UUID,
        page: Page,
        *,
        content_type: str | None,
        author_id: UUID | None,
        external_id: str | None,
        metadata: bool,
    ) -> PageResult[Update]:
        async with patience():
            await must_exist(self._ledger, project_id, group_id)
            return await walk(
                self._ledger,
                page,
                lambda at, rows: updates.page(
                    at,
                    group_id,
                    rows,
                    content_type=content_type,
                    author_id=author_id,
                    external_id=external_id,
                    metadata=metadata,
                ),
            )

    async def read(self, project_id: UUID, group_id: UUID, update_id: UUID) -> Update:
        async with patience():
            return _known(await updates.read(self._ledger, project_id, group_id, update_id))

    async def create(self, caller: Caller, group_id: UUID, wanted: UpdateIn, key: Key | None) -> Answer:
        project_id = caller.project_id

        async def act(transaction: Transaction) -> Outcome:
            await must_exist(transaction, project_id, group_id)
            await _must_be_known(transaction, project_id, wanted.author_id)
            fields = wanted.model_dump() | {"metadata": dump(wanted.metadata)}
            made = await updates.create(transaction, project_id, group_id, fields)
            await audit.record(transaction, project_id, caller.actor, "update.create", made.id)
            return Outcome.of(UpdateView, made)

        try:
            return await self._repeatable.run(project_id, key, 201, act)
        except ExternalIdTaken as error:
            raise _taken() from error

    async def change(self, caller: Caller, group_id: UUID, update_id: UUID, wanted: UpdatePatch) -> Update:
        project_id = caller.project_id
        changes = wanted.model_dump(exclude_unset=True)
        if "metadata" in changes:
            changes["metadata"] = dump(wanted.metadata)
        try:
            async with patience(), self._ledger.transaction() as transaction:
                await _must_be_known(transaction, project_id, wanted.author_id)
                changed = _known(await updates.change(transaction, project_id, group_id, update_id, changes))
                await audit.changed(transaction, project_id, caller.actor, "update", update_id, changes)
                return changed
        except ExternalIdTaken as error:
            raise _taken() from error
        except SaysNothing as error:
            raise invalid(Flaw(("body",), "leaves neither title nor body nor url")) from error

    async def delete(self, caller: Caller, group_id: UUID, update_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await updates.delete(transaction, caller.project_id, group_id, update_id):
                raise not_found("update")
            await audit.record(transaction, caller.project_id, caller.actor, "update.delete", update_id)


async def _must_be_known(statements: Statements, project_id: UUID, author_id: UUID | None) -> None:
    if author_id is not None and await recipients.read(statements, project_id, author_id) is None:
        raise invalid(Flaw(("body", "author_id"), "there is no such recipient"))


def _known(update: Update | None) -> Update:
    if update is None:
        raise not_found("update")
    return update


def _taken() -> Refused:
    reason = "another update of the group has this external_id"
    return Refused(CONFLICT, reason, [Flaw(("body", "external_id"), reason)])
