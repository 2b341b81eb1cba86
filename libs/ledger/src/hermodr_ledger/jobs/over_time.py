"""How many jobs were accepted when, how they stand now, and how long messages among them took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hermodr_ledger.engine import COUNTING_SECONDS, Ledger
from hermodr_ledger.jobs.listing_sources import floor_of

_DUE = "greatest(created_at, scheduled_for, deferred_until)"

# One pass for both. Times are grouped in classes 5 % wide, as in `metrics`; infinite ones (by SQL) are left out.
_ACCEPTED = f"""
WITH rows AS (
    SELECT date_bin($4::interval, created_at, timestamptz '2000-01-01Z') AS at, state,
           CASE WHEN state = 'completed' AND kind IN ('notification', 'digest') AND requeues = 0
                     AND digest IS NULL AND escalate IS NULL AND isfinite(finished_at) AND isfinite({_DUE})
                THEN greatest(date_part('epoch', finished_at - {_DUE}) * 1000, 0.01) END AS ms
    FROM hermodr.jobs WHERE project_id = $1 AND id >= $2 AND created_at >= $3
)
SELECT at, state, count(*) AS n, avg(ms) AS ms FROM rows GROUP BY at, state, round(20 * ln(ms))::int ORDER BY at
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """`jobs` of the span that begins `at`, in a state. Any words may be states, written by SQL. `ms`: milliseconds
    from when each was due until it was sent, of those that took about as long; of messages that were sent as they were
    asked for: not again, not with others, and not channel by channel. `None`: of all others."""

    at: datetime
    state: str
    jobs: int
    ms: float | None = None


async def accepted(ledger: Ledger, project_id: UUID, since: datetime, span: timedelta) -> Sequence[Accepted]:
    """Spans without a job are left out. Reads every job since then. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(_ACCEPTED, project_id, floor_of(since), since, span, seconds=COUNTING_SECONDS)
    return [Accepted(row["at"], row["state"], row["n"], row["ms"]) for row in rows]
