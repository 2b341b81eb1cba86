"""Metrics of a project's jobs, counted over every row of a time span."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hermodr_contracts.vocabulary import JobKind
from hermodr_ledger.engine import COUNTING_SECONDS, Ledger
from hermodr_ledger.engine.times import readable
from hermodr_ledger.jobs.listing_sources import floor_of

OVERDUE_SECONDS = 60
_FAILURES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class FailedJob:
    """`error` is a code without address and content."""

    job_id: UUID
    kind: str
    type: str | None
    error: str | None
    failed_at: datetime


@dataclass(frozen=True, slots=True)
class Fared:
    """The jobs accepted since `since`. Milliseconds from decision to end, of completed jobs (percentile within 2.5 %);
    `channels`: deliveries by channel and state. `overdue`: undecided for a minute, without tasks. `waiting`: due,
    unfinished."""

    since: datetime
    as_of: datetime
    states: Mapping[str, int]
    average_ms: float | None
    p95_ms: float | None
    channels: Mapping[str, Mapping[str, int]]
    failures: Sequence[FailedJob]
    overdue: int
    waiting: int
    oldest_seconds: float | None


_ENDED, _DECIDED = readable("finished_at"), readable("processed_at")

# Times are grouped in classes 5 % wide: sorting a million of them took most of the time.
_COUNT = f"""
WITH rows AS (
    SELECT state,
           CASE WHEN state = 'completed' THEN date_part('epoch', {_ENDED} - {_DECIDED}) * 1000 END AS ms
    FROM hermodr.jobs WHERE project_id = $1 AND id >= $2 AND created_at >= $3{{of_kind}}
)
SELECT state, round(20 * ln(greatest(ms, 0.01)))::int AS class, count(*) AS n, count(ms) AS timed, sum(ms) AS total
FROM rows GROUP BY state, class
"""

_CHANNELS = """
SELECT channel, state, count(*) AS n FROM hermodr.deliveries d
WHERE id >= $2 AND project_id = $1{of_job} GROUP BY channel, state
"""

_FAILURES = f"""
SELECT j.id, j.kind, j.type, j.error, {readable("j.finished_at")} AS finished_at FROM (
    SELECT id FROM hermodr.job_standings WHERE project_id = $1 AND state = 'failed' AND id >= $2
    ORDER BY id DESC{{most}}
) s JOIN hermodr.jobs j ON j.id = s.id
WHERE j.state = 'failed' AND j.finished_at IS NOT NULL{{of_kind}} ORDER BY j.id DESC LIMIT $3
"""

_WAITING = f"""
SELECT count(*) AS n, count(*) FILTER (WHERE undecided AND due < now() - make_interval(secs => $2)) AS overdue,
       extract(epoch FROM now() - {readable("min(due)")})::float8 AS oldest
FROM (
    SELECT kind <> 'task' AS undecided, wake_at AS woken, coalesce(deferred_until, scheduled_for, created_at) AS due
    FROM hermodr.jobs WHERE wake_at IS NOT NULL AND project_id = $1 AND state IN ('scheduled', 'queued'){{of_kind}}
    UNION ALL
    SELECT false, wake_at, coalesce(due_at, created_at)
    FROM hermodr.deliveries d WHERE wake_at IS NOT NULL AND project_id = $1{{of_job}}
) rows WHERE due <= now()
"""


async def measure(
    ledger: Ledger, project_id: UUID, now: datetime, hours: int, kind: JobKind | None = None
) -> Fared:
    """Of all kinds, or of one. Takes about a second for a million jobs. Raises `LedgerUnavailable`."""
    since = now - timedelta(hours=hours)
    first = floor_of(since)
    of_kind = [kind] if kind is not None else []

    def asked(statement: str, nth: int) -> str:
        """The filter as argument `nth`; without a kind the text has none."""
        own = f" AND kind = ${nth}" if of_kind else ""
        theirs = f" AND EXISTS (SELECT 1 FROM hermodr.jobs j WHERE j.id = d.job_id{own})" if of_kind else ""
        return statement.format(of_kind=own, of_job=theirs, most="" if of_kind else " LIMIT $3")

    async with ledger.transaction() as transaction:
        counted = await transaction.fetch(
            asked(_COUNT, 4), project_id, first, since, *of_kind, seconds=COUNTING_SECONDS
        )
        channels = await transaction.fetch(
            asked(_CHANNELS, 3), project_id, first, *of_kind, seconds=COUNTING_SECONDS
        )
        failed = await transaction.fetch(asked(_FAILURES, 4), project_id, first, _FAILURES_SHOWN, *of_kind)
        (waiting,) = await transaction.fetch(
            asked(_WAITING, 3), project_id, float(OVERDUE_SECONDS), *of_kind, seconds=COUNTING_SECONDS
        )
    states: dict[str, int] = {}
    for row in counted:
        states[row["state"]] = states.get(row["state"], 0) + row["n"]
    timed = sorted((row["total"] / row["timed"], row["timed"]) for row in counted if row["timed"])
    methods: dict[str, dict[str, int]] = {}
    for row in channels:
        methods.setdefault(row["channel"], {})[row["state"]] = row["n"]
    return Fared(
        since=since,
        as_of=now,
        states=states,
        average_ms=average_of(timed),
        p95_ms=percentile_of(timed, 0.95),
        channels=methods,
        failures=[
            FailedJob(row["id"], row["kind"], row["type"], row["error"], row["finished_at"]) for row in failed
        ],
        overdue=waiting["overdue"],
        waiting=waiting["n"],
        oldest_seconds=waiting["oldest"],
    )


def average_of(classes: Sequence[tuple[float, int]]) -> float | None:
    """Of (mean, number)."""
    number = sum(n for _, n in classes)
    return sum(mean * n for mean, n in classes) / number if number else None


def percentile_of(classes: Sequence[tuple[float, int]], share: float) -> float | None:
    """The mean of the class at which `share` of all values is reached; (mean, number), ascending."""
    wanted = share * sum(n for _, n in classes)
    seen = 0
    for mean, n in classes:
        seen += n
        if seen >= wanted:
            return mean
    return None
