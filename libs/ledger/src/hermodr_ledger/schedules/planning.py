"""From due schedules to jobs, in one transaction with their next times. Any number of schedulers may do this at once:
rows are taken with SKIP LOCKED, and an occurrence has one row. One that stops in the middle is cut off."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from hermodr_contracts.topology import SERVED_KINDS
from hermodr_contracts.vocabulary import Priority
from hermodr_ledger.engine import Ledger, Row, Transaction, columns
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.engine.locked import let_go_if_stopped
from hermodr_ledger.engine.setting_aside import not_aside, spared
from hermodr_ledger.jobs.accept import NewJob
from hermodr_ledger.schedules import firing
from hermodr_ledger.schedules.firing import GROUP, Fired, Wanted
from hermodr_ledger.schedules.runs import READ_RUN, Run
from hermodr_ledger.schedules.schedules import Recurring
from hermodr_servicekit.ids import new_id

PLANNING_DUTY = "schedules"
"""Schedules are set aside under this name."""
MORE_MISSED = "more_missed"
"""The error of a missed occurrence before which others were missed that have no row."""
_LEFT = not_aside("s.id", PLANNING_DUTY)
_OF_GROUPS = {True: f"s.to_kind = '{GROUP}'", False: f"(s.to_kind IS NULL OR s.to_kind <> '{GROUP}')"}
"""Written out, as each has an index of its own."""


class DueSchedule(NamedTuple):
    """`nominal`: the occurrence that was expected next; `now`: the ledger's time."""

    id: UUID
    recurring: Recurring
    misfire: str
    nominal: datetime
    now: datetime


class Turn(Protocol):
    """What is due of a schedule: see `hermodr_recurrence.Turn`."""

    @property
    def fires(self) -> datetime | None: ...
    @property
    def missed(self) -> Sequence[datetime]: ...
    @property
    def more_missed(self) -> bool: ...
    @property
    def next(self) -> datetime | None: ...


Plan = Callable[[DueSchedule], Turn]
"""Computes; it must not wait for anything."""


class Planned(NamedTuple):
    """An occurrence that fired, failed or was missed. `lateness`: seconds from when it was due until it was taken."""

    schedule_id: UUID
    state: str
    error: str | None
    lateness: float
    jobs: Sequence[NewJob]


@dataclass(slots=True)
class _Occurrence:
    """A run to be written; `fired` `None`: missed. It has the id of its job or batch, by which these find it."""

    schedule_id: UUID
    nominal: datetime
    fired: Fired | None
    manual: bool = False
    error: str | None = None
    id: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.job_id or self.batch_id or new_id()
        if self.fired is not None:
            self.error = self.fired.error

    @property
    def state(self) -> str:
        if self.fired is None:
            return "missed"
        return "fired" if self.error is None else "failed"

    @property
    def jobs(self) -> Sequence[NewJob]:
        return self.fired.jobs if self.fired is not None else ()

    @property
    def job_id(self) -> UUID | None:
        return self.fired.job_id if self.fired is not None else None

    @property
    def batch_id(self) -> UUID | None:
        return self.fired.batch_id if self.fired is not None else None

    def fail(self, reasons: Mapping[UUID, str]) -> None:
        if self.job_id is not None:
            self.error = reasons[self.job_id]
            self.fired = Fired(error=self.error)


async def plan_due(ledger: Ledger, limit: int, plan: Plan, *, groups: bool) -> list[Planned]:
    """Fires what is due, at most `limit` schedules: those that write to `groups`, or the others. A schedule that cannot
    be planned is set aside. Raises `LedgerUnavailable`."""

    async def candidates() -> list[UUID]:
        due = _DUE.format(columns="s.id", of_groups=_OF_GROUPS[groups], only="", lock="")
        rows = await ledger.fetch(due, limit)
        return [row["id"] for row in rows]

    return await spared(
        ledger,
        PLANNING_DUTY,
        lambda only: _plan(ledger, limit, plan, groups, only),
        candidates,
    )


async def run_now(
    transaction: Transaction, project_id: UUID, schedule_id: UUID
) -> tuple[Run, Planned] | None:
    """Fires the schedule once, whatever its rule says, paused or not. `None`: no such schedule."""
    rows = await transaction.fetch(
        f"""
        SELECT {_WANTED}, clock_timestamp() AS now FROM hermodr.schedules s
        WHERE s.id = $1 AND s.project_id = $2 FOR UPDATE
        """,
        schedule_id,
        project_id,
    )
    if not rows:
        return None
    now: datetime = rows[0]["now"]
    (fired,) = await firing.make(transaction, [_wanted(rows[0])])
    occurrence = _Occurrence(schedule_id, now, fired, manual=True)
    written = await _write(transaction, [occurrence])
    await _settle(transaction, {schedule_id: occurrence}, {})
    (row,) = await fetch(transaction, READ_RUN, run=occurrence.id)
    return Run(**dict(row)), _told(written, now)[0]


def to_announce(planned: Iterable[Planned]) -> dict[Priority, list[UUID]]:
    """The jobs that somebody serves, by lane; the others wait in the ledger."""
    lanes: dict[Priority, list[UUID]] = {}
    for each in planned:
        for job in each.jobs:
            if job.kind in SERVED_KINDS:
                lanes.setdefault(job.priority, []).append(job.id)
    return lanes


async def seconds_until_due(ledger: Ledger, *, groups: bool) -> float | None:
    """Until the next schedule is due, of those that write to `groups`, or of the others; `None`: none waits but those
    set aside."""
    rows = await ledger.fetch(
        f"""
        SELECT extract(epoch FROM s.next_run_at - clock_timestamp())::float8 AS seconds FROM hermodr.schedules s
        WHERE s.next_run_at IS NOT NULL AND {_OF_GROUPS[groups]} AND {_LEFT} ORDER BY s.next_run_at LIMIT 1
        """
    )
    return rows[0]["seconds"] if rows else None


_WANTED = ", ".join(f"s.{name}" for name in Wanted._fields if name != "schedule_id") + ", s.id AS schedule_id"

_DUE = f"""
SELECT {{columns}} FROM hermodr.schedules s
WHERE s.next_run_at <= now() AND {{of_groups}} AND {_LEFT}{{only}}
ORDER BY s.next_run_at LIMIT $1{{lock}}
"""

_RULE = ", ".join(f"s.{name}" for name in Recurring._fields)


async def _plan(
    ledger: Ledger, limit: int, plan: Plan, groups: bool, only: Sequence[UUID] | None
) -> list[Planned]:
    async with ledger.transaction() as transaction:
        await let_go_if_stopped(transaction)
        rows = await transaction.fetch(
            _DUE.format(
                columns=f"{_WANTED}, {_RULE}, s.misfire, s.next_run_at, now() AS now",
                of_groups=_OF_GROUPS[groups],
                only=" AND s.id = ANY ($2::uuid[])" if only is not None else "",
                lock=" FOR UPDATE OF s SKIP LOCKED",
            ),
            limit,
            *([list(only)] if only is not None else []),
        )
        return await _fire(transaction, rows, plan) if rows else []


async def _fire(transaction: Transaction, rows: Sequence[Row], plan: Plan) -> list[Planned]:
    turns = {row["schedule_id"]: plan(_due(row)) for row in rows}
    due = {row["schedule_id"]: row for row in rows if turns[row["schedule_id"]].fires is not None}
    made = dict(zip(due, await firing.make(transaction, [_wanted(row) for row in due.values()]), strict=True))
    occurrences: list[_Occurrence] = []
    for schedule_id, turn in turns.items():
        missed = [_Occurrence(schedule_id, each, None) for each in turn.missed]
        if missed and turn.more_missed:
            missed[0].error = MORE_MISSED
        occurrences += missed
        if turn.fires is not None:
            occurrences.append(_Occurrence(schedule_id, turn.fires, made[schedule_id]))
    written = await _write(transaction, occurrences)
    upcoming = {schedule_id: turn.next for schedule_id, turn in turns.items()}
    await _settle(transaction, {each.schedule_id: each for each in written if each.fired}, upcoming)
    return _told(written, rows[0]["now"])


async def _write(transaction: Transaction, occurrences: Sequence[_Occurrence]) -> list[_Occurrence]:
    """Those that are new, with their jobs. The rows come first: an occurrence that has one makes no jobs."""
    if not occurrences:
        return []
    rows = await transaction.fetch(
        _INSERT,
        *columns(
            [each.id for each in occurrences],
            [each.schedule_id for each in occurrences],
            [each.nominal for each in occurrences],
            [each.manual for each in occurrences],
            [each.state for each in occurrences],
            [each.job_id for each in occurrences],
            [each.batch_id for each in occurrences],
            [each.error for each in occurrences],
        ),
    )
    new = {row["id"] for row in rows}
    written = [each for each in occurrences if each.id in new]
    refused = await firing.commit(transaction, [each.fired for each in written if each.fired is not None])
    if refused:
        failed = [each for each in written if each.job_id in refused]
        for each in failed:
            each.fail(refused)
        await transaction.fetch(_FAIL, [each.id for each in failed], [each.error for each in failed])
    return written


async def _settle(
    transaction: Transaction,
    last: Mapping[UUID, _Occurrence],
    upcoming: Mapping[UUID, datetime | None],
) -> None:
    """The schedules with what fired or failed last, and when they are due next (if in `upcoming`)."""
    ids = list({**upcoming, **last})
    told = [last.get(each) for each in ids]
    await transaction.fetch(
        _SETTLE,
        ids,
        *columns(
            [each in upcoming for each in ids],
            [upcoming.get(each) for each in ids],
            [each.nominal if each is not None else None for each in told],
            [each.job_id if each is not None else None for each in told],
            [each.batch_id if each is not None else None for each in told],
            [each.error if each is not None else None for each in told],
        ),
    )


def _due(row: Row) -> DueSchedule:
    rule = Recurring(row["cron"], row["every"], row["every_seconds"], row["anchor"], row["timezone"])
    return DueSchedule(row["schedule_id"], rule, row["misfire"], row["next_run_at"], row["now"])


def _wanted(row: Row) -> Wanted:
    return Wanted(*(row[name] for name in Wanted._fields))


def _told(written: Sequence[_Occurrence], now: datetime) -> list[Planned]:
    return [
        Planned(each.schedule_id, each.state, each.error, (now - each.nominal).total_seconds(), each.jobs)
        for each in written
    ]


_INSERT = """
INSERT INTO hermodr.schedule_runs (id, schedule_id, nominal, manual, state, job_id, batch_id, error)
SELECT i.* FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::bool[], $5::text[], $6::uuid[], $7::uuid[],
    $8::text[]) AS i(id, schedule_id, nominal, manual, state, job_id, batch_id, error)
ON CONFLICT DO NOTHING
RETURNING id
"""

_FAIL = """
UPDATE hermodr.schedule_runs r SET state = 'failed', error = i.error, job_id = NULL
FROM unnest($1::uuid[], $2::text[]) AS i(id, error) WHERE r.id = i.id
"""

_SETTLE = """
UPDATE hermodr.schedules s
SET next_run_at = CASE WHEN i.planned THEN i.next ELSE s.next_run_at END,
    last_run_at = coalesce(i.nominal, s.last_run_at),
    last_job_id = coalesce(i.job_id, s.last_job_id),
    last_batch_id = coalesce(i.batch_id, s.last_batch_id),
    last_error = CASE WHEN i.nominal IS NULL THEN s.last_error ELSE i.error END
FROM unnest($1::uuid[], $2::bool[], $3::timestamptz[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::text[])
    AS i(id, planned, next, nominal, job_id, batch_id, error)
WHERE s.id = i.id
"""
