"""How a project's tasks fared, by type."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hermodr_contracts.vocabulary import JobState
from hermodr_ledger.engine import COUNTING_SECONDS, Ledger
from hermodr_ledger.engine.times import readable
from hermodr_ledger.jobs.listing_sources import floor_of
from hermodr_ledger.jobs.metrics import average_of, percentile_of

MOST_TYPES = 100
"""Of these, those with most jobs are measured: a type is whatever a request says."""


@dataclass(frozen=True, slots=True)
class TypeFared:
    """The tasks of one type. Milliseconds from the beginning of the last attempt to its end, of completed ones
    (percentiles within 2.5 %)."""

    type: str
    states: Mapping[str, int]
    average_ms: float | None
    p50_ms: float | None
    p95_ms: float | None


_ENDED, _BEGAN = readable("finished_at"), readable("processed_at")

# Times are in classes 5 % wide, as in `jobs.metrics`.
_BY_TYPE = f"""
WITH rows AS (
    SELECT coalesce(type, '') AS type, state,
           CASE WHEN state = 'completed' THEN date_part('epoch', {_ENDED} - {_BEGAN}) * 1000 END AS ms
    FROM hermodr.jobs WHERE project_id = $1 AND id >= $2 AND created_at >= $3 AND kind = 'task'
), classes AS MATERIALIZED (
    SELECT type, state, round(20 * ln(greatest(ms, 0.01)))::int AS class,
           count(*) AS n, count(ms) AS timed, sum(ms) AS total
    FROM rows GROUP BY type, state, class
), shown AS (
    SELECT type, sum(n) AS jobs FROM classes GROUP BY type ORDER BY jobs DESC, type LIMIT $4
)
SELECT c.type, c.state, c.n, c.timed, c.total FROM shown s JOIN classes c ON c.type = s.type
ORDER BY s.jobs DESC, s.type, c.class
"""


async def by_type(ledger: Ledger, project_id: UUID, now: datetime, hours: int) -> list[TypeFared]:
    """Of the tasks accepted in the last `hours`; the types with most of them first, at most `MOST_TYPES`. Raises
    `LedgerUnavailable`."""
    since = now - timedelta(hours=hours)
    rows = await ledger.fetch(
        _BY_TYPE, project_id, floor_of(since), since, MOST_TYPES, seconds=COUNTING_SECONDS
    )
    states: defaultdict[str, dict[str, int]] = defaultdict(dict)
    timed: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    for row in rows:
        counts = states[row["type"]]
        counts[row["state"]] = counts.get(row["state"], 0) + row["n"]
        if row["timed"]:
            timed[row["type"]].append((row["total"] / row["timed"], row["timed"]))
    return [_fared(name, counts, sorted(timed[name])) for name, counts in states.items()]


def _fared(name: str, states: Mapping[str, int], timed: Sequence[tuple[float, int]]) -> TypeFared:
    ordered = {str(state): states[state] for state in JobState if state in states}
    return TypeFared(name, ordered, average_of(timed), percentile_of(timed, 0.5), percentile_of(timed, 0.95))
