"""Auto-syncs as rows."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from hermodr_ledger.engine import Row, Statements, Transaction
from hermodr_ledger.engine.core import AnySelect, equal, fetch
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.tables import auto_syncs, jobs, singletons

REMINDER, PAUSE_CHECK = "reminder_24h", "pause_check_48h"
"""The types of its jobs; the names are older than the choice of times."""


@dataclass(frozen=True, slots=True)
class AutoSync:
    """`organizer_id` `None`: erased. `reminded_at`, `checked_at`: when the reminder and the pause check of this round
    were over. `completed_at`: also when it was cancelled."""

    id: UUID
    project_id: UUID
    organizer_id: UUID | None
    group_id: UUID
    event_name: str
    status: str
    response_goal: str
    response_target: int | None
    timezone: str
    reminder_after: timedelta
    pause_after: timedelta
    channel: str
    data: Mapping[str, Any]
    started_at: datetime
    reminded_at: datetime | None
    checked_at: datetime | None
    paused_at: datetime | None
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """Of the group's members but the organizer, at this moment: how many are `asked`, and have `answered`; and how many
    answers are `needed`, at least one."""

    asked: int
    answered: int
    needed: int

    @property
    def met(self) -> bool:
        return self.answered >= self.needed


@dataclass(frozen=True, slots=True)
class NextJob:
    """The job that waits for its time."""

    id: UUID
    type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """`next` `None`: it does nothing by itself any more, or not now."""

    sync: AutoSync
    progress: Progress
    next: NextJob | None

    @property
    def id(self) -> UUID:
        return self.sync.id


class NotThere(Exception):
    """What the named column refers to."""


_OF = auto_syncs.c
_COLUMNS = readable_columns(AutoSync, auto_syncs)
_ONE = (_OF.id == sa.bindparam("sync")) & (_OF.project_id == sa.bindparam("project"))


def _counted() -> AnySelect:
    """With its progress and its next job."""
    whole: sa.ColumnElement[Any] = sa.literal_column("auto_syncs")  # the row as the function's argument
    counted = sa.func.hermodr.auto_sync_progress(whole).table_valued(
        *(sa.column(name, sa.Integer) for name in ("asked", "answered", "needed")), name="counted"
    )
    keys = [sa.func.hermodr.auto_sync_key(_OF.id, each) for each in (REMINDER, PAUSE_CHECK)]
    waiting = (
        sa.select(
            jobs.c.id.label("next_id"),
            jobs.c.type.label("next_type"),
            sa.func.coalesce(jobs.c.scheduled_for, jobs.c.created_at).label("next_at"),
        )
        .join_from(singletons, jobs, jobs.c.id == singletons.c.job_id)
        .where(
            singletons.c.project_id == _OF.project_id,
            singletons.c.key.in_(keys),
            jobs.c.finished_at.is_(None),
        )
        .order_by(jobs.c.id)
        .limit(1)
        .lateral("waiting")
    )
    return sa.select(*_COLUMNS, *counted.c, *waiting.c).select_from(
        auto_syncs.join(counted, sa.true()).outerjoin(waiting, sa.true())
    )


_STANDING = _counted()
_READ = _STANDING.where(_ONE)


async def create(statements: Statements, columns: Mapping[str, object]) -> UUID:
    """The project is the organizer's. With `running` its first job waits. Raises `NotThere`."""
    try:
        rows = await fetch(statements, sa.insert(auto_syncs).values(**columns).returning(_OF.id))
    except asyncpg.InvalidParameterValueError as error:
        raise NotThere(str(error).partition(":")[0]) from error
    found: UUID = rows[0]["id"]
    return found


async def read(statements: Statements, project_id: UUID, sync_id: UUID) -> Standing | None:
    rows = await fetch(statements, _READ, sync=sync_id, project=project_id)
    return _standing(rows[0]) if rows else None


async def page(
    statements: Statements,
    project_id: UUID,
    wanted: Page,
    *,
    organizer_id: UUID | None = None,
    group_id: UUID | None = None,
    status: str | None = None,
) -> list[Standing]:
    """Those that fit."""
    fits = equal((_OF.organizer_id, organizer_id), (_OF.group_id, group_id), (_OF.status, status))
    asked = _STANDING.where(_OF.project_id == project_id, *fits)
    return [_standing(row) for row in await fetch(statements, paged(asked, auto_syncs, wanted))]


async def lock(transaction: Transaction, project_id: UUID, sync_id: UUID) -> AutoSync | None:
    """Nobody changes it, and no answer completes it, before the transaction ends."""
    asked = sa.select(*_COLUMNS).where(_ONE).with_for_update(key_share=True)
    rows = await fetch(transaction, asked, sync=sync_id, project=project_id)
    return sync_of(rows[0]) if rows else None


async def change(
    transaction: Transaction, project_id: UUID, sync_id: UUID, columns: Mapping[str, object]
) -> None:
    """Its waiting job follows. If its goal is met now, it is completed."""
    changed = sa.update(auto_syncs).where(_ONE).values(**columns).returning(_OF.id)
    await fetch(transaction, changed, sync=sync_id, project=project_id)
    await transaction.fetch("SELECT hermodr.settle_auto_sync($1)", sync_id)


async def set_status(transaction: Transaction, sync_id: UUID, status: str) -> None:
    """Its waiting jobs are skipped, or planned. Raises asyncpg's error for one that has ended."""
    await fetch(
        transaction,
        sa.update(auto_syncs).where(_OF.id == sa.bindparam("sync")).values(status=status).returning(_OF.id),
        sync=sync_id,
    )


async def delete(statements: Statements, project_id: UUID, sync_id: UUID) -> bool:
    """With its answers; a waiting job is skipped, messages stay. `False`: there is none."""
    gone = sa.delete(auto_syncs).where(_ONE).returning(_OF.id)
    return bool(await fetch(statements, gone, sync=sync_id, project=project_id))


def sync_of(row: Row) -> AutoSync:
    values = {each.name: row[each.name] for each in fields(AutoSync)}
    return AutoSync(**values | {"data": object_of(row["data"])})


def _standing(row: Row) -> Standing:
    waiting = None
    if row["next_id"] is not None:
        waiting = NextJob(row["next_id"], row["next_type"], row["next_at"])
    return Standing(sync_of(row), Progress(row["asked"], row["answered"], row["needed"]), waiting)
