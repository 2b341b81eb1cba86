"""Bulk actions: all jobs of a project that match a filter are asked for again, or cancelled, in steps. A step is one
transaction, which also moves the row on: whatever ends a scheduler, nothing is done twice or left out."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from hermodr_contracts.vocabulary import Channel, DeliveryState, JobKind, JobState
from hermodr_ledger.access import audit
from hermodr_ledger.access.audit import Actor, ActorKind
from hermodr_ledger.engine import Ledger, Row, Statements, Transaction
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.documents import object_of
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.setting_aside import not_aside
from hermodr_ledger.jobs import listing
from hermodr_ledger.jobs.cancelling import cancel_together
from hermodr_ledger.jobs.listing import Mark, Order
from hermodr_ledger.jobs.listing_sources import Filters
from hermodr_ledger.jobs.requeueing import KeyTaken, NotAgain, Requeued, requeue
from hermodr_ledger.tables import bulk_actions
from hermodr_servicekit.ids import new_id

ActionKind = Literal["retry", "cancel"]
ActionState = Literal["running", "done", "stopped"]

DUTY = "bulk_actions"
"""Actions whose steps fail are set aside under this name."""
KEPT_DAYS = 90

MAY_BE: Mapping[ActionKind, tuple[JobState, ...]] = {
    "retry": (JobState.FAILED, JobState.CANCELLED),
    "cancel": (JobState.SCHEDULED, JobState.QUEUED, JobState.PROCESSING, JobState.RETRYING),
}
"""In which states jobs have to be."""

MOST_COUNTED = 1_000
MOST_PAGES = 20
"""So many parts of the list are looked at for a count; each reads some thousand rows, of which none may match."""
MOST_LOOKS = 5
"""So often a step is begun at the same jobs; those that still change are left then, with the reason `unsettled`."""
_OLDEST_FIRST = Order("created_at", "ASC")
_NEWEST_FIRST = Order("created_at", "DESC")
_NARROWING = (
    *("kind", "type", "delivery_method", "recipient_id", "group_id", "batch_id"),
    *("cancel_key", "address", "delivery_state", "error", "reported", "created_after", "created_before"),
)
_ACTION = bulk_actions.c
_FORGOTTEN = sa.func.jsonb_set(_ACTION.filter, sa.text("'{address}'"), sa.text("'null'"), sa.false())
_ENDED: dict[str, Any] = {"ended_at": sa.func.now(), "filter": _FORGOTTEN}
"""An address is null then, if there was one."""


def too_much(kind: ActionKind, filters: Filters) -> bool:
    """Whether it would cancel all that is unfinished up to some moment: what nobody may ask for, not even by accident.
    `filters.states`: some of those in `MAY_BE`."""
    narrowed = any(getattr(filters, name) is not None for name in _NARROWING if name != "created_before")
    some = set(filters.states or MAY_BE[kind]) < set(MAY_BE[kind])
    return kind == "cancel" and not narrowed and not some


@dataclass(frozen=True, slots=True)
class BulkAction:
    """`matched` when it was asked for, or more. `refused`: how many were left as they are, by reason."""

    id: UUID
    kind: ActionKind
    actor: ActorKind
    actor_id: str | None
    filter: Mapping[str, Any]
    matched: int
    more: bool
    done: int
    refused: Mapping[str, int]
    state: ActionState
    created_at: datetime
    ended_at: datetime | None

    @property
    def by(self) -> Actor:
        return Actor(self.actor, self.actor_id)

    @property
    def left(self) -> int:
        return sum(self.refused.values())


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be announced after the commit: jobs that wait again, and tasks that are told to stop."""

    requeued: Sequence[Requeued] = ()
    told: frozenset[UUID] = frozenset()
    ended: bool = False


class Counted(NamedTuple):
    """`more`: they were not counted further, perhaps as not all jobs were looked at; so there may be some where none
    matched. `at`: what is accepted later is not in it."""

    matched: int
    more: bool
    at: datetime


async def count(transaction: Transaction, filters: Filters, pages: int = MOST_PAGES) -> Counted:
    """How many match, up to `MOST_COUNTED`, or until so many parts of the list were looked at."""
    now: datetime = (await transaction.fetch("SELECT now() AS now"))[0]["now"]
    matched, following = 0, None
    for _ in range(pages):
        wanted = MOST_COUNTED - matched
        found, following = await listing.ids(transaction, filters, _NEWEST_FIRST, wanted, following)
        matched += len(found)
        if following is None or matched >= MOST_COUNTED:
            break
    return Counted(matched, following is not None, now)


async def create(transaction: Transaction, actor: Actor, kind: ActionKind, filters: Filters) -> BulkAction:
    """Jobs accepted later than now are not meant. `filters.states`: some of those in `MAY_BE`."""
    counted = await count(transaction, filters)
    if filters.created_before is None or filters.created_before > counted.at:
        filters = replace(filters, created_before=counted.at)
    document = _document_of(filters)
    line = sa.insert(bulk_actions).values(
        id=new_id(),
        project_id=filters.project_id,
        kind=kind,
        actor=actor.kind,
        actor_id=actor.id,
        filter=json.dumps(document),
        matched=counted.matched,
        more=counted.more,
    )
    (row,) = await fetch(transaction, line.returning(*_COLUMNS))
    made = _action(row)
    kept = {name: value for name, value in document.items() if name != "address"}
    detail = {"kind": kind, "filter": kept, "matched": counted.matched, "more": counted.more}
    await audit.record(transaction, filters.project_id, actor, "bulk_action.create", made.id, detail)
    return made


_COLUMNS = tuple(_ACTION[each.name] for each in fields(BulkAction))


async def read(statements: Statements, project_id: UUID, action_id: UUID) -> BulkAction | None:
    asked = sa.select(*_COLUMNS).where(_ACTION.id == action_id, _ACTION.project_id == project_id)
    rows = await fetch(statements, asked)
    return _action(rows[0]) if rows else None


async def page(statements: Statements, project_id: UUID, rows: Page) -> list[BulkAction]:
    asked = sa.select(*_COLUMNS).where(_ACTION.project_id == project_id)
    return [_action(row) for row in await fetch(statements, paged(asked, bulk_actions, rows))]


async def stop(transaction: Transaction, project_id: UUID, action_id: UUID, actor: Actor) -> bool:
    """Waits for the step under way. `False`: it does not run."""
    return await _stop(transaction, project_id, actor, _ACTION.id == action_id)


async def forget(transaction: Transaction, project_id: UUID, addresses: Sequence[str], actor: Actor) -> None:
    """Stops those that run by one of the addresses; what has ended keeps none. Waits for the steps under way: before
    the transaction locks jobs or deliveries."""
    theirs = sa.any_(sa.bindparam("addresses", [each.lower() for each in addresses], ARRAY(sa.Text)))
    await _stop(transaction, project_id, actor, sa.func.lower(_ACTION.filter["address"].astext) == theirs)


async def _stop(
    transaction: Transaction, project_id: UUID, actor: Actor, which: sa.ColumnElement[bool]
) -> bool:
    ended = (
        sa.update(bulk_actions)
        .where(which, _ACTION.project_id == project_id, _ACTION.state == "running")
        .values(state="stopped", **_ENDED)
    )
    rows = await fetch(transaction, ended.returning(_ACTION.id, _ACTION.done))
    for row in rows:
        await audit.record(
            transaction, project_id, actor, "bulk_action.stop", row["id"], {"done": row["done"]}
        )
    return bool(rows)


async def running(statements: Statements, limit: int) -> list[UUID]:
    """The oldest actions that are not ended."""
    rows = await statements.fetch(
        f"""
        SELECT b.id FROM hermodr.bulk_actions b
        WHERE b.state = 'running' AND {not_aside("b.id", DUTY)} ORDER BY b.id LIMIT $1
        """,
        limit,
    )
    return [row["id"] for row in rows]


async def step(ledger: Ledger, action_id: UUID, limit: int, *, passing_over: bool = False) -> Step | None:
    """Acts on the next jobs, `limit` at most, and commits; `passing_over`: leaves them as they are, with the reason
    `failed`. `None`: it has ended, or another scheduler is at it.

    Which jobs are next takes several statements, and so one snapshot; what is done to them looks at them anew."""
    async with ledger.transaction(isolation="repeatable_read") as transaction:
        taken = await _next(transaction, action_id, limit)
    if taken is None:
        return None
    async with ledger.transaction() as transaction:
        action = await _held(transaction, taken)
        if action is None:
            return None
        if passing_over:
            part = _Part(0, Counter(failed=len(taken.ids)))
        elif action.kind == "cancel":
            part = await _cancelled(transaction, taken, action)
        else:
            part = await _retried(transaction, taken, action)
        return await _move(transaction, taken, action, part)


class _Taken(NamedTuple):
    """The next jobs of an action, as it stood: `after` the last that was looked at, `looks` at the same before.
    `following`: there may be more after this id."""

    action_id: UUID
    project_id: UUID
    after: UUID | None
    looks: int
    ids: Sequence[UUID]
    following: UUID | None


async def _next(transaction: Transaction, action_id: UUID, limit: int) -> _Taken | None:
    asked = sa.select(_ACTION.project_id, _ACTION.filter, _ACTION.after, _ACTION.looks)
    rows = await fetch(transaction, asked.where(_ACTION.id == action_id, _ACTION.state == "running"))
    if not rows:
        return None
    project_id, after = rows[0]["project_id"], rows[0]["after"]
    filters = _filters_of(project_id, object_of(rows[0]["filter"]))
    ids, mark = await listing.ids(transaction, filters, _OLDEST_FIRST, limit, Mark(0, after))
    following = mark.id if mark is not None else None
    return _Taken(action_id, project_id, after, rows[0]["looks"], ids, following)


async def _held(transaction: Transaction, taken: _Taken) -> BulkAction | None:
    """The action, locked; `None` if it has ended or was moved on since its next jobs were read."""
    as_it_stood = sa.select(*_COLUMNS).where(
        _ACTION.id == taken.action_id,
        _ACTION.state == "running",
        _ACTION.after.is_not_distinct_from(taken.after),
        _ACTION.looks == taken.looks,
    )
    rows = await fetch(transaction, as_it_stood.with_for_update(skip_locked=True))
    return _action(rows[0]) if rows else None


class _Part(NamedTuple):
    """`unseen`: the first job that has to be looked at again."""

    done: int
    reasons: Counter[str]
    requeued: Sequence[Requeued] = ()
    told: frozenset[UUID] = frozenset()
    unseen: UUID | None = None


async def _cancelled(transaction: Transaction, taken: _Taken, action: BulkAction) -> _Part:
    together = await cancel_together(transaction, taken.project_id, taken.ids, action.by, "job.cancel_many")
    left = Counter(being_sent=len(together.being_sent))
    if taken.looks + 1 >= MOST_LOOKS:
        left["unsettled"] = len(together.again)
        return _Part(together.cancelled, left, told=together.told)
    unseen = min(together.again, default=None)
    left["being_sent"] = sum(unseen is None or each < unseen for each in together.being_sent)
    return _Part(together.cancelled, left, told=together.told, unseen=unseen)


async def _retried(transaction: Transaction, taken: _Taken, action: BulkAction) -> _Part:
    if not taken.ids:
        return _Part(0, Counter())
    requeued: list[Requeued] = []
    reasons: Counter[str] = Counter()
    for verdict in await requeue(transaction, taken.project_id, taken.ids, by=action.actor):
        match verdict:
            case Requeued():
                requeued.append(verdict)
            case NotAgain(reason=reason):
                reasons[reason] += 1
            case KeyTaken():
                reasons["key_taken"] += 1
    detail = {"bulk_action": action.id, "matched": len(taken.ids), "retried": len(requeued)}
    await audit.record(transaction, taken.project_id, action.by, "job.retry_many", None, detail)
    return _Part(len(requeued), reasons, requeued)


async def _move(transaction: Transaction, taken: _Taken, action: BulkAction, part: _Part) -> Step:
    after = taken.after
    if part.unseen is not None:  # from there on once more; what was cancelled does not match again
        after = max((each for each in taken.ids if each < part.unseen), default=after)
    elif taken.following is not None:
        after = taken.following
    ended = taken.following is None and part.unseen is None
    values: dict[str, Any] = {
        "done": action.done + part.done,
        "refused": json.dumps(dict(Counter(action.refused) + part.reasons)),
        "after": after,
        "looks": taken.looks + 1 if after == taken.after else 0,
    }
    if ended:
        values |= _ENDED | {"state": "done"}
    await fetch(transaction, sa.update(bulk_actions).where(_ACTION.id == action.id).values(**values))
    return Step(part.requeued, part.told, ended)


async def forget_old(statements: Statements) -> None:
    """Deletes those that ended `KEPT_DAYS` ago."""
    old = sa.func.now() - sa.func.make_interval(0, 0, 0, KEPT_DAYS)
    await fetch(statements, sa.delete(bulk_actions).where(_ACTION.ended_at < old))


def _document_of(filters: Filters) -> dict[str, Any]:
    """What narrows, as JSON has it."""
    document: dict[str, Any] = {"states": [str(each) for each in filters.states or ()]}
    for name in _NARROWING:
        value = getattr(filters, name)
        if isinstance(value, datetime):
            document[name] = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        elif value is not None:
            document[name] = str(value)
    return document


def _filters_of(project_id: UUID, document: Mapping[str, Any]) -> Filters:
    read: dict[str, Any] = {
        "kind": JobKind,
        "delivery_method": Channel,
        "delivery_state": DeliveryState,
        "recipient_id": UUID,
        "group_id": UUID,
        "batch_id": UUID,
        "created_after": datetime.fromisoformat,
        "created_before": datetime.fromisoformat,
    }
    rest = {name: read.get(name, str)(document[name]) for name in _NARROWING if name in document}
    return Filters(project_id, states=tuple(map(JobState, document["states"])), **rest)


def _action(row: Row) -> BulkAction:
    found = {each.name: row[each.name] for each in fields(BulkAction)}
    return BulkAction(**found | {"filter": object_of(row["filter"]), "refused": object_of(row["refused"])})
