"""What became of each occurrence of a schedule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from hermodr_ledger.engine import Ledger, Statements
from hermodr_ledger.engine.core import equal, fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.engine.times import readable_columns
from hermodr_ledger.tables import schedule_runs

_FORGOTTEN_TOGETHER = 10_000


@dataclass(frozen=True, slots=True)
class Run:
    """`state`: fired, missed or failed. `manual`: asked for, not due. `nominal`: when it was due, or asked for."""

    id: UUID
    nominal: datetime
    manual: bool
    state: str
    job_id: UUID | None
    batch_id: UUID | None
    error: str | None
    created_at: datetime


_COLUMNS = readable_columns(Run, schedule_runs)
READ_RUN = sa.select(*_COLUMNS).where(schedule_runs.c.id == sa.bindparam("run"))


async def page(
    statements: Statements, schedule_id: UUID, wanted: Page, *, state: str | None = None
) -> Sequence[Run]:
    asked = sa.select(*_COLUMNS).where(
        schedule_runs.c.schedule_id == schedule_id, *equal((schedule_runs.c.state, state))
    )
    return [Run(**dict(row)) for row in await fetch(statements, paged(asked, schedule_runs, wanted))]


async def forget(ledger: Ledger, before: datetime) -> None:
    """Deletes what was recorded before that time."""
    while True:
        rows = await ledger.fetch(
            """
            WITH old AS (
                SELECT id FROM hermodr.schedule_runs WHERE id < hermodr.uuid_floor($1) ORDER BY id LIMIT $2
            ), gone AS (
                DELETE FROM hermodr.schedule_runs r USING old WHERE r.id = old.id RETURNING 1
            )
            SELECT count(*) AS n FROM gone
            """,
            before,
            _FORGOTTEN_TOGETHER,
        )
        if rows[0]["n"] < _FORGOTTEN_TOGETHER:
            return
