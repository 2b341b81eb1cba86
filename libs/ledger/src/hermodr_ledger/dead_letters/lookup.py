"""Lists, reads and deletes dead letters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Row, Statements
from hermodr_ledger.engine.core import AnySelect, equal, fetch
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.tables import attempts, dead_letters, deliveries

MOST_TOGETHER = 10_000
"""The most dead letters that one statement replays or deletes."""

SHOWN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Sight:
    """Those of the project; with `raw` also messages that belong to no project."""

    project_id: UUID
    raw: bool


@dataclass(frozen=True, slots=True)
class DeadLetterSearch:
    """`None` does not narrow. `reason` is a prefix; `type` of the job or raw message; `channel` of the dead letter
    queue."""

    queue: str | None = None
    reason: str | None = None
    type: str | None = None
    channel: str | None = None
    job_id: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    replayed: bool | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`raw_bytes` is the size of a raw message, `None` for a job's dead letter."""

    id: UUID
    queue: str
    reason: str
    type: str | None
    job_id: UUID | None
    delivery_id: UUID | None
    raw_bytes: int | None
    created_at: datetime
    replay_at: datetime | None
    replayed_at: datetime | None


@dataclass(frozen=True, slots=True)
class LastAttempt:
    channel: str
    state: str
    attempt: int
    max_attempts: int
    provider: str | None
    code: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class OpenedDeadLetter:
    """A dead letter with its content: a raw message's beginning and headers, or the failure of the delivery."""

    dead_letter: DeadLetter
    body: bytes | None
    headers: Mapping[str, Any]
    failure: LastAttempt | None


_DEAD = dead_letters.c
_TYPE = sa.func.coalesce(_DEAD.job_type, _DEAD.message_type)
_COLUMNS = (
    _DEAD.id,
    _DEAD.queue,
    _DEAD.reason,
    _TYPE.label("type"),
    _DEAD.job_id,
    _DEAD.delivery_id,
    sa.case((_DEAD.job_id.is_(None), sa.func.octet_length(_DEAD.body))).label("raw_bytes"),
    _DEAD.created_at,
    _DEAD.replay_at,
    _DEAD.replayed_at,
)


def kinds(sight: Sight) -> tuple[sa.ColumnElement[bool], ...]:
    """One condition per kind of dead letter, each with an index in the order of ids."""
    theirs = _DEAD.project_id == sight.project_id
    return (theirs, _DEAD.project_id.is_(None)) if sight.raw else (theirs,)


def seen(sight: Sight) -> sa.ColumnElement[bool]:
    return sa.or_(*kinds(sight))


def meant(wanted: DeadLetterSearch) -> list[sa.ColumnElement[bool]]:
    dead_queue = f"{wanted.channel}.dead" if wanted.channel is not None else None
    found = equal(
        (_DEAD.queue, wanted.queue),
        (_TYPE, wanted.type),
        (_DEAD.queue, dead_queue),
        (_DEAD.job_id, wanted.job_id),
        (_DEAD.replayed_at.is_not(None), wanted.replayed),
    )
    if wanted.reason is not None:
        found.append(sa.func.starts_with(_DEAD.reason, wanted.reason, type_=sa.Boolean()))
    if wanted.created_after is not None:
        found.append(_DEAD.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        found.append(_DEAD.created_at < wanted.created_before)
    return found


async def page(
    statements: Statements, sight: Sight, wanted: DeadLetterSearch, rows: Page
) -> list[DeadLetter]:
    of_kinds = [
        paged(sa.select(*_COLUMNS).where(kind, *meant(wanted)), dead_letters, rows).subquery()
        for kind in kinds(sight)
    ]
    found = sa.union_all(*(sa.select(each) for each in of_kinds)).subquery("found")
    order = found.c.id.desc() if rows.newest_first else found.c.id
    shown = await fetch(statements, sa.select(found).order_by(order).limit(rows.limit))
    return [dead_letter_of(row) for row in shown]


async def read(ledger: Statements, sight: Sight, dead_letter_id: UUID) -> OpenedDeadLetter | None:
    """Of a raw message the first `SHOWN_BYTES`."""
    asked = _opened().where(_DEAD.id == dead_letter_id, seen(sight))
    rows = await fetch(ledger, asked)
    if not rows:
        return None
    row = rows[0]
    failure = None
    if row["channel"] is not None:
        failure = LastAttempt(
            row["channel"],
            row["state"],
            row["attempt"],
            row["max_attempts"],
            row["provider"],
            row["code"],
            row["detail"],
        )
    return OpenedDeadLetter(dead_letter_of(row), row["beginning"], object_of(row["headers"]), failure)


def _opened() -> AnySelect:
    number = sa.cast(sa.func.split_part(_DEAD.source_id, "/", 2), sa.SmallInteger)
    of_delivery = sa.case((_DEAD.delivery_id.is_not(None), number))
    delivery, attempt = deliveries.c, attempts.c
    return (
        sa.select(
            *_COLUMNS,
            sa.func.substring(_DEAD.body, 1, SHOWN_BYTES).label("beginning"),
            _DEAD.headers,
            *(delivery.channel, delivery.state, delivery.attempt, delivery.max_attempts),
            *(attempt.provider, attempt.code, attempt.detail),
        )
        .outerjoin_from(dead_letters, deliveries, delivery.id == _DEAD.delivery_id)
        .outerjoin(attempts, (attempt.delivery_id == _DEAD.delivery_id) & (attempt.number == of_delivery))
    )


async def delete(statements: Statements, sight: Sight, dead_letter_id: UUID) -> bool:
    """Its job stays as it is. `False`: no such dead letter."""
    gone = sa.delete(dead_letters).where(_DEAD.id == dead_letter_id, seen(sight))
    return bool(await fetch(statements, gone.returning(_DEAD.id)))


async def delete_meant(statements: Statements, sight: Sight, wanted: DeadLetterSearch) -> int:
    """Deletes the oldest `MOST_TOGETHER` that match; returns how many."""
    oldest = sa.select(_DEAD.id).where(seen(sight), *meant(wanted)).order_by(_DEAD.id).limit(MOST_TOGETHER)
    gone = sa.delete(dead_letters).where(_DEAD.id.in_(oldest)).returning(_DEAD.id).cte("gone")
    rows = await fetch(statements, sa.select(sa.func.count().label("n")).select_from(gone))
    return int(rows[0]["n"])


def dead_letter_of(row: Row) -> DeadLetter:
    return DeadLetter(
        row["id"],
        row["queue"],
        row["reason"],
        row["type"],
        row["job_id"],
        row["delivery_id"],
        row["raw_bytes"],
        row["created_at"],
        row["replay_at"],
        row["replayed_at"],
    )
