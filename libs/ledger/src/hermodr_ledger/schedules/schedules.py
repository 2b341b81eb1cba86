"""A project's schedules. The clock is the ledger's: whoever computes the next occurrence is told what time it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_ledger.engine import Row, Statements, Transaction
from hermodr_ledger.engine.announcing import SCHEDULES_CHANNEL
from hermodr_ledger.engine.core import equal, fetch
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.tables import schedules


class NameTaken(Exception):
    """Another schedule of the project has the name."""


class Recurring(NamedTuple):
    """When something recurs: `cron`, or `every` (as given) `every_seconds` after the `anchor`."""

    cron: str | None
    every: str | None
    every_seconds: int | None
    anchor: datetime
    timezone: str


NextOf = Callable[[Recurring, datetime], datetime | None]
"""The first occurrence later than a moment; `None`: there is none."""


class Work(NamedTuple):
    """What a schedule makes each time. `job`: the request as given, a JSON text; `prepared`: see `firing.prepared`;
    `to_kind` and `to_value`: the recipient or group to look up each time."""

    job: str
    prepared: str
    kind: str
    type: str | None
    to_kind: str | None = None
    to_value: str | None = None
    needs_template: bool = False
    takes_defaults: bool = False


@dataclass(frozen=True, slots=True)
class Schedule:
    """`last_run_at`: the nominal time of the occurrence that fired or failed last, of which `last_error` tells."""

    id: UUID
    name: str
    cron: str | None
    every: str | None
    every_seconds: int | None
    anchor: datetime
    timezone: str
    misfire: str
    is_active: bool
    kind: str
    type: str | None
    job: Mapping[str, Any]
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_job_id: UUID | None
    last_batch_id: UUID | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime

    @property
    def recurring(self) -> Recurring:
        return Recurring(self.cron, self.every, self.every_seconds, self.anchor, self.timezone)


class NewSchedule(NamedTuple):
    """`cron`, or `every` with `every_seconds`."""

    id: UUID
    project_id: UUID
    name: str
    cron: str | None
    every: str | None
    every_seconds: int | None
    timezone: str
    misfire: str
    is_active: bool
    work: Work


@dataclass(frozen=True, slots=True)
class ScheduleSearch:
    """`None` does not narrow."""

    name: str | None = None
    is_active: bool | None = None


_OF = schedules.c
_COLUMNS = readable_columns(Schedule, schedules)
_WITHOUT = [
    sa.literal_column("'{}'").label("job") if each.name == "job" else column
    for each, column in zip(fields(Schedule), _COLUMNS, strict=True)
]
_ONE = (_OF.id == sa.bindparam("schedule")) & (_OF.project_id == sa.bindparam("project"))
_READ = sa.select(*_COLUMNS).where(_ONE)
_DELETE = sa.delete(schedules).where(_ONE).returning(_OF.id)
_RULE = ("cron", "every", "every_seconds", "timezone")


async def create(transaction: Transaction, given: NewSchedule, next_of: NextOf) -> Schedule:
    """It begins now. Raises `NameTaken`."""
    now = await _now(transaction)
    recurring = Recurring(given.cron, given.every, given.every_seconds, now, given.timezone)
    values = given._asdict() | given.work._asdict() | {"anchor": now}
    del values["work"]
    new = insert(schedules).on_conflict_do_nothing().returning(*_COLUMNS)
    rows = await fetch(
        transaction, new.values(**values, next_run_at=next_of(recurring, now) if given.is_active else None)
    )
    if not rows:
        raise NameTaken
    await _wake(transaction)
    return _schedule(rows[0])


async def read(statements: Statements, project_id: UUID, schedule_id: UUID) -> Schedule | None:
    rows = await fetch(statements, _READ, schedule=schedule_id, project=project_id)
    return _schedule(rows[0]) if rows else None


async def page(
    statements: Statements, project_id: UUID, wanted: Page, search: ScheduleSearch, *, job: bool = False
) -> list[Schedule]:
    """With what they make only if `job`."""
    asked = sa.select(*(_COLUMNS if job else _WITHOUT)).where(
        _OF.project_id == project_id, *equal((_OF.name, search.name), (_OF.is_active, search.is_active))
    )
    return [_schedule(row) for row in await fetch(statements, paged(asked, schedules, wanted))]


async def change(
    transaction: Transaction,
    project_id: UUID,
    schedule_id: UUID,
    changes: Mapping[str, Any],
    work: Work | None,
    next_of: NextOf,
) -> Schedule | None:
    """Replaces the named columns of `NewSchedule`. A new rule, and one that is resumed, counts from now: what is due at
    this moment does not fire any more. `None`: no such schedule. Raises `NameTaken`."""
    rows = await fetch(transaction, _READ.with_for_update(), schedule=schedule_id, project=project_id)
    if not rows:
        return None
    before = _schedule(rows[0])
    values = dict(changes) | (work._asdict() if work is not None else {})
    anew = any(name in changes and changes[name] != getattr(before, name) for name in _RULE)
    if anew:
        values["anchor"] = await _now(transaction)
    active = values.get("is_active", before.is_active)
    if not active:
        values["next_run_at"] = None
    elif anew or not before.is_active:
        now = await _now(transaction)
        after = before.recurring._replace(
            **{name: values[name] for name in (*_RULE, "anchor") if name in values}
        )
        values["next_run_at"] = next_of(after, now)
    put = sa.update(schedules).where(_ONE).values(**values, updated_at=sa.func.clock_timestamp())
    try:
        rows = await fetch(transaction, put.returning(*_COLUMNS), schedule=schedule_id, project=project_id)
    except asyncpg.UniqueViolationError as error:
        raise NameTaken from error
    await _wake(transaction)
    return _schedule(rows[0])


async def delete(statements: Statements, project_id: UUID, schedule_id: UUID) -> bool:
    """The jobs it made stay; so do the rows of its occurrences until they are old, but nobody is shown them."""
    return bool(await fetch(statements, _DELETE, schedule=schedule_id, project=project_id))


async def _now(transaction: Transaction) -> datetime:
    """After any wait for a lock."""
    (row,) = await transaction.fetch("SELECT clock_timestamp() AS now")
    now: datetime = row["now"]
    return now


async def _wake(transaction: Transaction) -> None:
    await transaction.fetch("SELECT pg_notify($1, '')", SCHEDULES_CHANNEL)


def _schedule(row: Row) -> Schedule:
    return Schedule(**{**dict(row), "job": object_of(row["job"])})


@dataclass(frozen=True, slots=True)
class DueNext:
    """When a schedule makes its next job."""

    name: str
    type: str | None
    next_run_at: datetime


async def due_next(statements: Statements, project_id: UUID, most: int) -> list[DueNext]:
    """The schedules whose moment comes soonest, in that order."""
    theirs = sa.select(schedules.c.name, schedules.c.type, schedules.c.next_run_at).where(
        schedules.c.project_id == project_id, schedules.c.next_run_at.is_not(None)
    )
    rows = await fetch(statements, theirs.order_by(schedules.c.next_run_at).limit(most))
    return [DueNext(row["name"], row["type"], row["next_run_at"]) for row in rows]
