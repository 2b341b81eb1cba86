"""How many jobs a project has accepted today (UTC). The api takes them in slices before they are used, so that no more
are accepted than may be; what a transaction of somebody else accepts is noted in it, and counted afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from hermodr_ledger.engine import Statements

NO_LIMIT = 2**62


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """`wanted` jobs of the `most` of a day; `returned` ones that were not used, and `used` ones, since the last time,
    of those that were taken on the same day."""

    project_id: UUID
    most: int
    wanted: int
    returned: int = 0
    used: int = 0


@dataclass(frozen=True, slots=True)
class Slice:
    day: date
    jobs: int


_TAKE = """
INSERT INTO hermodr.accepted_days AS d (project_id, day, most, wanted, returned, granted, taken, used)
SELECT project_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, most, wanted, returned,
       least(wanted, most), least(wanted, most), used
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
    AS i(project_id, most, wanted, returned, used)
JOIN hermodr.projects p ON p.id = i.project_id
ORDER BY project_id
ON CONFLICT (project_id, day) DO UPDATE SET (most, wanted, returned, used, granted, taken) = (
    SELECT excluded.most, excluded.wanted, excluded.returned, d.used + excluded.used, g.granted, g.held + g.granted
    FROM (SELECT h.held, least(excluded.wanted, greatest(excluded.most - h.held, 0)) AS granted
          FROM (SELECT greatest(d.taken - excluded.returned, 0) AS held) h) g
)
RETURNING project_id, day, granted
"""


async def take(statements: Statements, requests: Sequence[SliceRequest]) -> dict[UUID, Slice]:
    """Takes as many of the wanted jobs as the day has left. Projects must differ; unknown ones are left out."""
    rows = await statements.fetch(
        _TAKE,
        [each.project_id for each in requests],
        [each.most for each in requests],
        [each.wanted for each in requests],
        [each.returned for each in requests],
        [each.used for each in requests],
    )
    return {row["project_id"]: Slice(row["day"], row["granted"]) for row in rows}


async def note(statements: Statements, jobs: Mapping[UUID, int]) -> None:
    """Jobs accepted in this transaction, by project; `fold` counts them."""
    await statements.fetch(
        "INSERT INTO hermodr.accepted_elsewhere (project_id, jobs) SELECT * FROM unnest($1::uuid[], $2::bigint[])",
        list(jobs),
        list(jobs.values()),
    )


async def exceeding(statements: Statements, project_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The quota that keeps a project from accepting more, as it was measured last; of those that there is one for."""
    rows = await statements.fetch(
        """
        SELECT project_id, exceeded FROM hermodr.project_usage
        WHERE project_id = ANY ($1::uuid[]) AND exceeded IS NOT NULL AND exceeded_until > clock_timestamp()
        """,
        list(project_ids),
    )
    return {row["project_id"]: row["exceeded"] for row in rows}


async def fold(statements: Statements) -> None:
    """Counts what was noted, on the day it was noted."""
    await statements.fetch(
        """
        WITH noted AS (DELETE FROM hermodr.accepted_elsewhere RETURNING project_id, jobs, at)
        INSERT INTO hermodr.accepted_days AS d (project_id, day, most, wanted, returned, granted, taken, used)
        SELECT project_id, (at AT TIME ZONE 'UTC')::date AS day, 0, 0, 0, 0, sum(jobs), sum(jobs)
        FROM noted JOIN hermodr.projects p ON p.id = project_id
        GROUP BY project_id, day ORDER BY project_id, day
        ON CONFLICT (project_id, day) DO UPDATE SET taken = d.taken + excluded.taken, used = d.used + excluded.used
        """
    )


async def forget(statements: Statements) -> None:
    """Days that are over for a month."""
    await statements.fetch("DELETE FROM hermodr.accepted_days WHERE day < current_date - 31")
