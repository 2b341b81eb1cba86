from collections.abc import Mapping, Sequence
from uuid import UUID

from hermodr_api.access.authentication import Caller
from hermodr_api.answers import Answer, Key, Outcome, Repeatable, patience
from hermodr_api.errors import Flaw, invalid, not_found
from hermodr_api.groups.service import must_exist
from hermodr_api.members.models import (
    MemberIn,
    MemberList,
    MemberPatch,
    MembersIn,
    MemberView,
    ReadIn,
    UnreadView,
)
from hermodr_ledger.access import audit
from hermodr_ledger.engine import Ledger, Statements, Transaction
from hermodr_ledger.engine.paging import Page, PageResult, walk
from hermodr_ledger.people import members, recipients, updates
from hermodr_ledger.people.members import Member, NewMember
from hermodr_ledger.people.recipients import Reference
from hermodr_ledger.people.updates import Update


class Members:
    """The use cases of `/v1/groups/{id}/members`. All raise `Refused` and `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, repeatable: Repeatable) -> None:
        self._ledger = ledger
        self._repeatable = repeatable

    async def page(
        self,
        project_id: UUID,
        group_id: UUID,
        page: Page,
        *,
        recipient_id: UUID | None,
        external_id: str | None,
    ) -> PageResult[Member]:
        async with patience():
            await must_exist(self._ledger, project_id, group_id)
            return await walk(
                self._ledger,
                page,
                lambda at, rows: members.page(
                    at, group_id, rows, recipient_id=recipient_id, external_id=external_id
                ),
            )

    async def read(self, project_id: UUID, group_id: UUID, member_id: UUID) -> Member:
        async with patience():
            return _known(await members.read(self._ledger, project_id, group_id, member_id))

    async def unread(
        self, project_id: UUID, group_id: UUID, member_id: UUID, page: Page, *, metadata: bool
    ) -> PageResult[Update]:
        async with patience():
            reader = _known(await members.read(self._ledger, project_id, group_id, member_id))
            return await walk(
                self._ledger,
                page,
                lambda at, rows: updates.unread(at, group_id, reader.recipient_id, rows, metadata=metadata),
            )

    async def add(self, caller: Caller, group_id: UUID, wanted: MembersIn, key: Key | None) -> Answer:
        """In order; none is added if one is unknown or occurs twice."""

        async def act(transaction: Transaction) -> Outcome:
            made = await _add(transaction, caller.project_id, group_id, wanted.members)
            detail = {"members": [each.id for each in made]}
            await _note(transaction, caller, "add", group_id, detail)
            data = [MemberView.model_validate(each) for each in made]
            return Outcome.of(MemberList, {"data": data, "next_cursor": None})

        return await self._repeatable.run(caller.project_id, key, 201, act)

    async def mark_read(
        self, project_id: UUID, group_id: UUID, member_id: UUID, wanted: ReadIn, key: Key | None
    ) -> Answer:
        """Returns how many are left unread."""

        async def act(transaction: Transaction) -> Outcome:
            reader = _known(await members.read(transaction, project_id, group_id, member_id))
            left = await _mark_read(transaction, reader, wanted)
            return Outcome.of(UnreadView, {"unread_count": left})

        return await self._repeatable.run(project_id, key, 200, act)

    async def change(self, caller: Caller, group_id: UUID, member_id: UUID, wanted: MemberPatch) -> Member:
        changes = wanted.model_dump(exclude_unset=True)
        project_id = caller.project_id
        async with patience(), self._ledger.transaction() as transaction:
            changed = _known(await members.change(transaction, project_id, group_id, member_id, changes))
            await audit.changed(transaction, project_id, caller.actor, "member", member_id, changes)
            return changed

    async def remove(self, caller: Caller, group_id: UUID, member_id: UUID) -> None:
        async with patience(), self._ledger.transaction() as transaction:
            if not await members.remove(transaction, caller.project_id, group_id, member_id):
                raise not_found("member")
            await _note(transaction, caller, "remove", member_id, {"group_id": group_id})


async def _note(
    transaction: Transaction,
    caller: Caller,
    what: str,
    subject: UUID,
    detail: Mapping[str, object] | None = None,
) -> None:
    await audit.record(transaction, caller.project_id, caller.actor, f"member.{what}", subject, detail)


async def _add(
    statements: Statements, project_id: UUID, group_id: UUID, wanted: Sequence[MemberIn]
) -> list[Member]:
    await must_exist(statements, project_id, group_id)
    found = await recipients.resolve(statements, [_reference(project_id, each) for each in wanted])
    flaws = []
    new: dict[UUID, NewMember] = {}
    for index, (each, known) in enumerate(zip(wanted, found, strict=True)):
        name = "recipient_id" if each.recipient_id is not None else "external_id"
        at = ("body", "members", index, name)
        if known is None:
            flaws.append(Flaw(at, "there is no such recipient"))
        elif known.id in new:
            flaws.append(Flaw(at, "stands twice"))
        else:
            new[known.id] = NewMember(known.id, each.role, each.muted_until)
    if flaws:
        raise invalid(*flaws)
    return await members.add(statements, group_id, list(new.values()))


async def _mark_read(statements: Statements, reader: Member, wanted: ReadIn) -> int:
    if wanted.through is not None:
        if not await updates.belongs(statements, reader.group_id, wanted.through):
            raise invalid(Flaw(("body", "through"), "there is no such update in the group"))
        await updates.mark_read_through(statements, reader.group_id, reader.recipient_id, wanted.through)
    else:
        await updates.mark_read(statements, reader.group_id, reader.recipient_id, wanted.update_ids or [])
    return await updates.count_unread(statements, reader.group_id, reader.recipient_id)


def _known(member: Member | None) -> Member:
    if member is None:
        raise not_found("member")
    return member


def _reference(project_id: UUID, wanted: MemberIn) -> Reference:
    if wanted.recipient_id is not None:
        return Reference(project_id, "recipient_id", str(wanted.recipient_id))
    return Reference(project_id, "external_id", wanted.external_id or "")
