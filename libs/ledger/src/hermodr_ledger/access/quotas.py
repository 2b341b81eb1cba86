"""What projects may use: the installation's defaults, and what operators set apart from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from hermodr_contracts.quotas import OFF, Limits, Quota
from hermodr_ledger.access import audit, open_sockets
from hermodr_ledger.access.audit import Actor
from hermodr_ledger.engine import Row, Statements, Transaction
from hermodr_ledger.engine.core import AnySelect, fetch
from hermodr_ledger.engine.paging import Page, paged
from hermodr_ledger.tables import accepted_days, project_quotas, project_usage, projects

NO_LIMIT = -1
"""In the table; null is the installation's default."""
Changes = Mapping[Quota, int | None]
"""`None`: the installation's default; `NO_LIMIT`; or the limit."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The limits of a project and, a few seconds old, what it uses of them."""

    limits: Limits
    waiting_jobs: int
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class QuotaedProject:
    """`apart`: quotas that do not follow the installation (`NO_LIMIT` or a number). `accepted_per_day`: today."""

    id: UUID
    name: str
    created_at: datetime
    apart: Mapping[Quota, int]
    standing: Standing
    accepted_per_day: int
    sockets: int


# Hot, though remembered for seconds: one plan for any number of projects.
_FIND = f"""
SELECT p.id, coalesce(u.waiting_jobs, 0) AS waiting_jobs, coalesce(u.stored_bytes, 0) AS stored_bytes,
       {", ".join(f"q.{quota} AS limit_{quota}" for quota in Quota)}
FROM unnest($1::uuid[]) AS p(id)
LEFT JOIN hermodr.project_quotas q ON q.project_id = p.id
LEFT JOIN hermodr.project_usage u ON u.project_id = p.id
"""


async def find(statements: Statements, project_ids: Sequence[UUID], defaults: Limits) -> dict[UUID, Standing]:
    """How each project stands; also one that is unknown, with the defaults."""
    rows = await statements.fetch(_FIND, list(project_ids))
    return {row["id"]: _standing(row, defaults) for row in rows}


# By an index, and no more rows than were made since the last count.
_WAITING = """
SELECT coalesce((SELECT waiting_jobs FROM hermodr.project_usage WHERE project_id = $1), 0) + (
    SELECT count(*) FROM (
        SELECT FROM hermodr.jobs j
        WHERE j.project_id = $1 AND j.finished_at IS NULL
          AND j.id >= (SELECT hermodr.uuid_floor(at) FROM hermodr.waiting_counted)
        LIMIT $2::bigint
    ) made
) AS waiting
"""


async def waiting(statements: Statements, project_id: UUID, most: int) -> int:
    """What waits of a project as it was counted last, and those jobs made since that have not ended, up to `most`."""
    (row,) = await statements.fetch(_WAITING, project_id, most)
    return int(row["waiting"])


async def read(statements: Statements, project_id: UUID, defaults: Limits) -> QuotaedProject | None:
    rows = await fetch(statements, _SHOWN.where(projects.c.id == project_id))
    return _project(rows[0], defaults) if rows else None


async def page(statements: Statements, wanted: Page, defaults: Limits) -> list[QuotaedProject]:
    """Of all projects."""
    rows = await fetch(statements, paged(_SHOWN, projects, wanted))
    return [_project(row, defaults) for row in rows]


async def change(transaction: Transaction, project_id: UUID, changes: Changes, actor: Actor) -> bool:
    """Quotas left out stay. `False`: there is no such project."""
    known = sa.select(projects.c.id).where(projects.c.id == project_id).with_for_update(key_share=True)
    if not await fetch(transaction, known):
        return False
    if changes:
        values = {str(quota): limit for quota, limit in changes.items()}
        made = insert(project_quotas).values(project_id=project_id, **values)
        again = {**values, "updated_at": sa.func.now()}
        await fetch(
            transaction,
            made.on_conflict_do_update(index_elements=[project_quotas.c.project_id], set_=again),
        )
        told = {name: OFF if limit == NO_LIMIT else limit for name, limit in values.items()}
        await audit.record(transaction, project_id, actor, "project.quotas", project_id, told)
    return True


def _shown() -> AnySelect:
    today = accepted_days.alias("today")
    day = sa.cast(sa.func.timezone("UTC", sa.func.clock_timestamp()), sa.Date)
    return (
        sa.select(
            projects.c.id,
            projects.c.name,
            projects.c.created_at,
            *(project_quotas.c[quota].label(f"limit_{quota}") for quota in Quota),
            *(
                sa.func.coalesce(project_usage.c[name], 0).label(name)
                for name in ("waiting_jobs", "stored_bytes")
            ),
            sa.func.coalesce(today.c.used, 0).label("accepted"),
            open_sockets.in_all().label("sockets"),
        )
        .select_from(projects)
        .outerjoin(project_quotas, project_quotas.c.project_id == projects.c.id)
        .outerjoin(project_usage, project_usage.c.project_id == projects.c.id)
        .outerjoin(today, (today.c.project_id == projects.c.id) & (today.c.day == day))
    )


_SHOWN = _shown()


def _project(row: Row, defaults: Limits) -> QuotaedProject:
    return QuotaedProject(
        row["id"],
        row["name"],
        row["created_at"],
        {quota: row[f"limit_{quota}"] for quota in Quota if row[f"limit_{quota}"] is not None},
        _standing(row, defaults),
        int(row["accepted"]),
        int(row["sockets"]),
    )


def _standing(row: Row, defaults: Limits) -> Standing:
    own = {quota: row[f"limit_{quota}"] for quota in Quota}
    limits = {
        str(quota): defaults.of(quota) if limit is None else None if limit == NO_LIMIT else limit
        for quota, limit in own.items()
    }
    return Standing(Limits(**limits), row["waiting_jobs"], row["stored_bytes"])
