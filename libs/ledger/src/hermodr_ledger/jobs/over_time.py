"""How many jobs were accepted when, and how they stand now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hermodr_ledger.engine import COUNTING_SECONDS, Ledger
from hermodr_ledger.jobs.listing_sources import floor_of

_ACCEPTED = """
SELECT date_bin($4::interval, created_at, timestamptz '2000-01-01Z') AS at, state, count(*) AS n
FROM hermodr.jobs WHERE project_id = $1 AND id >= $2 AND created_at >= $3 GROUP BY 1, 2 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """`jobs` of the span that begins `at`, in a state. Any words may be states, written by SQL."""

    at: datetime
    state: str
    jobs: int


async def accepted(ledger: Ledger, project_id: UUID, since: datetime, span: timedelta) -> Sequence[Accepted]:
    """Spans without a job are left out. Reads every job since then. Raises `LedgerUnavailable`."""
    rows = await ledger.fetch(_ACCEPTED, project_id, floor_of(since), since, span, seconds=COUNTING_SECONDS)
    return [Accepted(row["at"], row["state"], row["n"]) for row in rows]
