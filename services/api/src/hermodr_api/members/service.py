"""Who is to belong to a group: recipients by their names, all of them or none."""

from collections.abc import Sequence
from uuid import UUID

from hermodr_api.errors import Flaw, invalid, not_found
from hermodr_api.groups.models import MemberIn
from hermodr_ledger.engine import Statements
from hermodr_ledger.people import groups, members, recipients, updates
from hermodr_ledger.people.members import Member, NewMember
from hermodr_ledger.people.recipients import Reference


async def add(
    statements: Statements, project_id: UUID, group_id: UUID, wanted: Sequence[MemberIn]
) -> list[Member]:
    """Makes them members, in order. Raises `Refused`: no such group, unknown recipients, one that stands twice."""
    if await groups.read(statements, project_id, group_id) is None:
        raise not_found("group")
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


async def member(statements: Statements, project_id: UUID, group_id: UUID, member_id: UUID) -> Member:
    """The member of that id. Raises `Refused`."""
    found = await members.read(statements, project_id, group_id, member_id)
    if found is None:
        raise not_found("member")
    return found


async def mark_read(
    statements: Statements, reader: Member, update_ids: Sequence[UUID] | None, through: UUID | None
) -> int:
    """Marks what the member has read; returns how many updates are left. Raises `Refused` for a `through` that is no
    update of the group."""
    if through is not None:
        if not await updates.belongs(statements, reader.group_id, through):
            raise invalid(Flaw(("body", "through"), "there is no such update in the group"))
        await updates.mark_read_through(statements, reader.group_id, reader.recipient_id, through)
    else:
        await updates.mark_read(statements, reader.group_id, reader.recipient_id, update_ids or [])
    return await updates.count_unread(statements, reader.group_id, reader.recipient_id)


def _reference(project_id: UUID, wanted: MemberIn) -> Reference:
    if wanted.recipient_id is not None:
        return Reference(project_id, "recipient_id", str(wanted.recipient_id))
    return Reference(project_id, "external_id", wanted.external_id or "")
