"""Digest schedules of a project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import AnySelect, equal, fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.tables import digest_schedules, group_members, groups, recipients
from hermodr_servicekit.ids import new_id

Frequency = Literal["daily", "weekly", "monthly"]
Misfire = Literal["coalesce", "skip"]


@dataclass(frozen=True, slots=True)
class DigestSchedule:
    """`delivery_day`: 1 Monday to 7 Sunday of a weekly one, 1 to 31 of a monthly one. `include_content_types` `None`:
    all. `next_digest_scheduled` `None`: it is paused, or its next time is not computed yet."""

    id: UUID
    project_id: UUID
    recipient_id: UUID
    group_id: UUID
    frequency: Frequency
    delivery_time: time
    delivery_day: int | None
    timezone: str
    max_updates_per_digest: int
    include_content_types: Sequence[str] | None
    is_active: bool
    misfire: Misfire
    last_digest_sent: datetime | None
    next_digest_scheduled: datetime | None
    created_at: datetime
    updated_at: datetime


class Reader(NamedTuple):
    """Whose schedule it is to be: the zone is the recipient's."""

    timezone: str | None
    user_id: str | None
    group_known: bool


@dataclass(frozen=True, slots=True)
class ScheduleSearch:
    """`None` does not narrow. `owner`: only those of that end user's recipients."""

    recipient_id: UUID | None = None
    group_id: UUID | None = None
    frequency: str | None = None
    is_active: bool | None = None
    owner: str | None = None


_OF = digest_schedules.c
COLUMNS = readable_columns(DigestSchedule, digest_schedules)
_ONE = (_OF.id == sa.bindparam("schedule")) & (_OF.project_id == sa.bindparam("project"))


async def reader_of(
    statements: Statements, project_id: UUID, recipient_id: UUID, group_id: UUID
) -> Reader | None:
    """`None`: there is no such recipient."""
    group = groups.c
    asked = (
        sa.select(recipients.c.timezone, recipients.c.user_id, group.id.label("group"))
        .select_from(recipients)
        .outerjoin(groups, (group.id == group_id) & (group.project_id == recipients.c.project_id))
        .where(recipients.c.id == recipient_id, recipients.c.project_id == project_id)
    )
    rows = await fetch(statements, asked)
    if not rows:
        return None
    row = rows[0]
    return Reader(row["timezone"], row["user_id"], row["group"] is not None)


async def names(
    statements: Statements, project_id: UUID, schedule_ids: Sequence[UUID]
) -> dict[UUID, tuple[str, str]]:
    """By schedule: what its reader is called, and the group; empty where nothing is known."""
    who = recipients.c
    reader = sa.func.coalesce(who.name, who.external_id, who.email, who.phone, "").label("reader")
    asked = (
        sa.select(_OF.id, reader, sa.func.coalesce(groups.c.name, "").label("group"))
        .select_from(digest_schedules)
        .outerjoin(recipients, who.id == _OF.recipient_id)
        .outerjoin(groups, groups.c.id == _OF.group_id)
        .where(
            _OF.id == sa.any_(sa.literal(list(schedule_ids), sa.ARRAY(sa.UUID))),
            _OF.project_id == project_id,
        )
    )
    return {row["id"]: (row["reader"], row["group"]) for row in await fetch(statements, asked)}


async def has_member(statements: Statements, project_id: UUID, schedule_id: UUID) -> bool:
    """Whether its reader is in its group: others get nothing."""
    member = group_members.c
    joined = (member.group_id == _OF.group_id) & (member.recipient_id == _OF.recipient_id)
    asked = sa.select(_OF.id).join_from(digest_schedules, group_members, joined).where(_ONE)
    return bool(await fetch(statements, asked, schedule=schedule_id, project=project_id))


async def create(statements: Statements, project_id: UUID, fields: Mapping[str, Any]) -> DigestSchedule:
    """Recipient and group are of the project."""
    new = sa.insert(digest_schedules).values(id=new_id(), project_id=project_id, **fields)
    return of_row((await fetch(statements, new.returning(*COLUMNS)))[0])


async def read(
    statements: Statements, project_id: UUID, schedule_id: UUID, owner: str | None = None
) -> DigestSchedule | None:
    """With `owner`: only if it is of that end user's recipient."""
    asked = sa.select(*COLUMNS).where(_ONE, *_owned(owner))
    rows = await fetch(statements, asked, schedule=schedule_id, project=project_id)
    return of_row(rows[0]) if rows else None


async def read_for_change(
    statements: Statements, project_id: UUID, schedule_id: UUID, owner: str | None = None
) -> DigestSchedule | None:
    """`read`, and nobody else changes it before the transaction ends."""
    asked = sa.select(*COLUMNS).where(_ONE, *_owned(owner)).with_for_update()
    rows = await fetch(statements, asked, schedule=schedule_id, project=project_id)
    return of_row(rows[0]) if rows else None


async def page(
    statements: Statements, project_id: UUID, wanted: Page, search: ScheduleSearch
) -> list[DigestSchedule]:
    asked: AnySelect = sa.select(*COLUMNS).where(
        _OF.project_id == project_id,
        *equal(
            (_OF.recipient_id, search.recipient_id),
            (_OF.group_id, search.group_id),
            (_OF.frequency, search.frequency),
            (_OF.is_active, search.is_active),
        ),
        *_owned(search.owner),
    )
    return [of_row(row) for row in await fetch(statements, paged(asked, digest_schedules, wanted))]


async def change(
    statements: Statements, project_id: UUID, schedule_id: UUID, changes: Mapping[str, Any]
) -> DigestSchedule | None:
    """Replaces the named columns. Where the rule changes and `next_digest_scheduled` does not, that becomes `None`.
    `None`: no such schedule."""
    changed = sa.update(digest_schedules).where(_ONE).values(**changes, updated_at=sa.func.clock_timestamp())
    rows = await fetch(statements, changed.returning(*COLUMNS), schedule=schedule_id, project=project_id)
    return of_row(rows[0]) if rows else None


async def delete(statements: Statements, project_id: UUID, schedule_id: UUID) -> bool:
    """A digest under way is skipped unless it is decided upon already. `False`: no such schedule."""
    gone = sa.delete(digest_schedules).where(_ONE).returning(_OF.id)
    return bool(await fetch(statements, gone, schedule=schedule_id, project=project_id))


def of_row(row: Row) -> DigestSchedule:
    return DigestSchedule(**{each.name: row[each.name] for each in COLUMNS})


def _owned(owner: str | None) -> list[sa.ColumnElement[bool]]:
    if owner is None:
        return []
    theirs = sa.select(recipients.c.id).where(
        recipients.c.id == _OF.recipient_id, recipients.c.user_id == owner
    )
    return [theirs.exists()]
