from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import CONFLICT, Flaw, Refused, not_found
from hermodr_api.groups.models import GroupIn, GroupPatch, GroupView
from hermodr_api.http.json_text import dump
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger, Statements, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.people import groups
from hermodr_ledger.people.external_ids import ExternalIdTaken
from hermodr_ledger.people.groups import Group


class Groups:
    """The use cases of `/v1/groups`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, repeatable: Repeatable) -> None:
        self._ledger = ledger
        self._repeatable = repeatable

    async def page(
        self, project_id: UUID, page: Page, *, external_id: str | None, metadata: bool
    ) -> PageResult[Group]:
        async with patience():
            return await walk(
                self._ledger,
                page,
                lambda at, rows: groups.page(
                    at, project_id, rows, external_id=external_id, metadata=metadata
                ),
            )

    async def read(self, project_id: UUID, group_id: UUID) -> Group:
        async with patience():
            return _known(await groups.read(self._ledger, project_id, group_id))

    async def create(self, caller: Caller, wanted: GroupIn, key: Key | None) -> Answer:
        project_id = caller.project_id

        async def act(transaction: Transaction) -> Outcome:
            made = await groups.create(
                transaction,
                project_id,
                external_id=wanted.external_id,
                name=wanted.name,
                metadata=dump(wanted.metadata),
            )
            await audit.record(transaction, project_id, caller.actor, "group.create", made.id)
            return Outcome.of(GroupView, made)

        try:
            return await self._repeatable.run(project_id, key, 201, act)
        except ExternalIdTaken as error:
            raise _taken() from error

    async def change(self, caller: Caller, group_id: UUID, wanted: GroupPatch) -> Group:
        changes = wanted.model_dump(exclude_unset=True)
        if "metadata" in changes:
            changes["metadata"] = dump(changes["metadata"])
        try:
            async with patience(), self._ledger.transaction() as transaction:
                changed = _known(await groups.change(transaction, caller.project_id, group_id, changes))
                await audit.changed(transaction, caller.project_id, caller.actor, "group", group_id, changes)
                return changed
        except ExternalIdTaken as error:
            raise _taken() from error

    async def delete(self, caller: Caller, group_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await groups.delete(transaction, caller.project_id, group_id):
                raise not_found("group")
            await audit.record(transaction, caller.project_id, caller.actor, "group.delete", group_id)


async def must_exist(statements: Statements, project_id: UUID, group_id: UUID) -> None:
    """Raises `Refused` (404)."""
    _known(await groups.read(statements, project_id, group_id))


def _known(group: Group | None) -> Group:
    if group is None:
        raise not_found("group")
    return group


def _taken() -> Refused:
    reason = "another group has this external_id"
    return Refused(CONFLICT, reason, [Flaw(("body", "external_id"), reason)])
