"""What tasks log: lines of an attempt, kept for as long as the attempt is."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Ledger
from hermodr_ledger.engine.connection import Row, Statements
from hermodr_ledger.engine.core import fetch
from hermodr_ledger.tables import jobs, task_logs


class Line(NamedTuple):
    """`number`: 1 for the first that the attempt logged; a gap says how many were left out."""

    number: int
    at: datetime
    text: str


class Logged(NamedTuple):
    """Lines of an attempt that a worker holds; `claimed_at` tells it from one that was handed back."""

    job_id: UUID
    claimed_at: datetime
    lines: Sequence[Line]


class Place(NamedTuple):
    """Of a line, among those of its job: attempts follow each other, and so do lines of an attempt."""

    claimed_at: datetime
    number: int


BEFORE_ALL = Place(datetime(1970, 1, 1, tzinfo=UTC), 0)


class LogLine(NamedTuple):
    """A line of a job. `left_out`: how many there were between the one before and this."""

    attempt: int
    number: int
    at: datetime
    text: str
    left_out: int


class Log(NamedTuple):
    """Of a job. `last`: the place of the last line; `more`: others follow it; `ended`: the job had before they were
    read, so nothing is logged any more."""

    lines: list[LogLine]
    last: Place
    more: bool
    ended: bool


# A task that is being deleted is left out: who deletes many of them waits for nobody that waits for him.
_KEEP = """
WITH held AS MATERIALIZED (
    SELECT t.job_id, t.attempt, t.claimed_at, t.project_id
    FROM unnest($2::uuid[], $3::timestamptz[]) AS g(id, claimed_at)
    JOIN hermodr.tasks t ON t.job_id = g.id AND t.claimed_at = g.claimed_at AND t.worker = $1
    FOR KEY SHARE OF t SKIP LOCKED
), kept AS (
    INSERT INTO hermodr.task_logs (job_id, claimed_at, number, attempt, at, text)
    SELECT h.job_id, h.claimed_at, l.number, h.attempt, l.at, l.text
    FROM unnest($4::uuid[], $5::int[], $6::timestamptz[], $7::text[]) AS l(id, number, at, text)
    JOIN held h ON h.job_id = l.id
    ON CONFLICT DO NOTHING
)
SELECT job_id, project_id FROM held
"""


async def keep(ledger: Ledger, worker: str, logged: Sequence[Logged]) -> set[UUID]:
    """Stores lines; those of before are left alone. The jobs of which they were: not of one whose attempt is not this
    worker's any more. Raises `LedgerUnavailable`."""
    lines = [(each.job_id, line) for each in logged for line in each.lines]
    rows = await ledger.fetch(
        _KEEP,
        worker,
        [each.job_id for each in logged],
        [each.claimed_at for each in logged],
        [job_id for job_id, _ in lines],
        [line.number for _, line in lines],
        [line.at for _, line in lines],
        [line.text for _, line in lines],
    )
    ledger.tell(row["project_id"] for row in rows)
    return {row["job_id"] for row in rows}


_OF = task_logs.c
_WHERE = (_OF.claimed_at, _OF.number)


async def read(
    statements: Statements,
    project_id: UUID,
    job_id: UUID,
    limit: int,
    *,
    after: Place = BEFORE_ALL,
    attempt: int | None = None,
) -> Log | None:
    """The next lines of a job; `None`: there is no such job. Raises `LedgerUnavailable`."""
    ended = await _ended(statements, project_id, job_id)
    if ended is None:
        return None
    wanted = sa.select(task_logs).where(_OF.job_id == job_id, sa.tuple_(*_WHERE) > sa.tuple_(*after))
    if attempt is not None:
        wanted = wanted.where(_OF.attempt == attempt)
    rows = await fetch(statements, wanted.order_by(*_WHERE).limit(limit + 1))
    lines, last = _lines(rows[:limit], after)
    return Log(lines, last, more=len(rows) > limit, ended=ended)


async def latest(statements: Statements, project_id: UUID, job_id: UUID, limit: int) -> Log | None:
    """The last lines of a job, as `read`; `more`: there are others before them."""
    ended = await _ended(statements, project_id, job_id)
    if ended is None:
        return None
    wanted = sa.select(task_logs).where(_OF.job_id == job_id)
    rows = await fetch(statements, wanted.order_by(*(each.desc() for each in _WHERE)).limit(limit + 1))
    more = len(rows) > limit
    before = Place(rows[-1]["claimed_at"], rows[-1]["number"]) if more else BEFORE_ALL
    lines, last = _lines(rows[:limit][::-1], before)
    return Log(lines, last, more, ended)


async def _ended(statements: Statements, project_id: UUID, job_id: UUID) -> bool | None:
    asked = sa.select(jobs.c.finished_at).where(jobs.c.id == job_id, jobs.c.project_id == project_id)
    rows = await fetch(statements, asked)
    return rows[0]["finished_at"] is not None if rows else None


def _lines(rows: Sequence[Row], before: Place) -> tuple[list[LogLine], Place]:
    lines = []
    for row in rows:
        known = before.number if row["claimed_at"] == before.claimed_at else 0
        before = Place(row["claimed_at"], row["number"])
        left_out = before.number - known - 1
        lines.append(LogLine(row["attempt"], row["number"], row["at"], row["text"], left_out))
    return lines, before
